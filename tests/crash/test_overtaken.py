"""A worker dies while something is on its way, and what comes next no longer wants it: a press, a withdrawal. It is
found out all the same, never sent again, and no row is left open (faults.md F20; found by test_kills.py).
"""

from __future__ import annotations

import pytest

from tests.crash.crashkit import each_effect_once, give_macro_a_tag, nothing_open
from tests.house import House
from tests.kit import Sent, sent
from tests.review.scenes import REQUESTED, WITHDRAWN, effects, event_of, killed_at, taken_over

PLACES = ("effect.after_claim", "effect.after_call")


def over(house: House, event_id: int) -> None:
    """The dead worker's event is walked to its end, and nothing is left."""
    taken_over(house, event_id)
    house.settle()
    each_effect_once(house)
    nothing_open(house)


def test_pressed_before_the_posts_answer_is_known(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = house.ticket()
    with killed_at(monkeypatch, "effect.after_call", "ask_supervisor") as hit:
        house.tag(ticket, REQUESTED, "pref_stop_all")
        house.wait(lambda: hit)
    event = event_of(house, ticket)["id"]
    house.press("approve")
    house.wait(lambda: house.case(ticket)["state"] == "banning")
    house.tag(ticket, WITHDRAWN, "resume_calls")  # from now on the first event, too, is about the withdrawal
    house.wait(lambda: sent(house, ticket).comments)
    assert [row["state"] for row in effects(house, "ask_supervisor")] == ["done"]
    over(house, event)
    assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, comments=1, links=1)


@pytest.mark.parametrize("place", PLACES)
def test_withdrawn_before_the_acknowledgements_answer_is_known(
    house: House, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    ticket = house.ticket()
    with killed_at(monkeypatch, place, "apply_macro") as hit:
        house.tag(ticket, REQUESTED, "pref_stop_sms")
        house.wait(lambda: hit)
    event = event_of(house, ticket)["id"]
    house.tag(ticket, WITHDRAWN)
    went = place == "effect.after_call"
    state = "done" if went else "void"
    house.wait(lambda: [row["state"] for row in effects(house, "apply_macro")] == [state], what=state)
    over(house, event)
    assert house.case(ticket)["state"] == "withdrawn"
    assert sent(house, ticket) == Sent(mails=int(went))


@pytest.mark.parametrize("place", PLACES)
def test_decided_before_the_reminders_answer_is_known(
    house: House, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    ticket = house.to_awaiting()
    with killed_at(monkeypatch, place, "remind") as hit:
        house.rows("UPDATE timers SET due_at = now() WHERE what = 'reminder:50' RETURNING name")
        house.wait(lambda: hit)
    event = event_of(house, ticket, "time_came")["id"]
    house.press("decline")
    state = "done" if place == "effect.after_call" else "void"
    house.wait(lambda: [row["state"] for row in effects(house, "remind")] == [state], what=state)
    over(house, event)
    assert house.case(ticket)["state"] == "declined"


def test_withdrawn_before_the_macros_tags(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    give_macro_a_tag(house)
    ticket = house.ticket()
    with killed_at(monkeypatch, "effect.after_outcome", "apply_macro") as hit:
        house.tag(ticket, REQUESTED, "pref_stop_sms")
        house.wait(lambda: hit)
    event = event_of(house, ticket)["id"]
    house.tag(ticket, WITHDRAWN)
    house.wait(lambda: "acknowledged" in house.state_of(ticket)["tags"], what="the macro's own tags")
    over(house, event)
    assert sent(house, ticket) == Sent(mails=1)
