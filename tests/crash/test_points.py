"""At every named place before and after each durable write and each vendor call the process dies, is started again, and
each effect is there exactly once (issue 2 point 4; faults.md F20, T20).

The quick form arms many places at once: a life ends at whichever comes first, the next one goes on without it. The
default run has it for what a tag starts. `make test-crash` has it for the rest, and runs every place alone, in a fresh
desk: at the first try of an effect, at a try after a failure that left its outcome unknown, and while dead effects are
replayed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from app.points import EFFECT_POINTS, OTHER_POINTS, TABLE_POINTS
from tests.crash.crashkit import (
    Crashing,
    an_admin,
    each_effect_once,
    failing,
    give_macro_a_tag,
    nothing_open,
    points_in_source,
    verbs_in_source,
)
from tests.crash.flows import SCENES
from tests.kit import Sent, card_of, cards_of, issue_of, sent

TAGGED = ("apply_macro", "macro_tags", "ask_supervisor", "mark", "note")
PRESSED = ("answer", "update_card", "open_jira", "link_jira")
WITHDRAWN = ("comment_jira",)
GROUPS = {
    "tagged": tuple(f"{place}/{verb}" for verb in TAGGED for place in EFFECT_POINTS),
    "pressed": tuple(f"{place}/{verb}" for verb in (*PRESSED, *WITHDRAWN) for place in EFFECT_POINTS),
    "outside": OTHER_POINTS,
}
TICKETS = 8


def test_the_lists_are_complete() -> None:
    """A new verb or place makes this fail until a scene here or of flows.py kills it."""
    assert points_in_source() == {*EFFECT_POINTS, *OTHER_POINTS, *TABLE_POINTS}
    flows = {name for scene in SCENES.values() for act in scene.acts for name in act.own}
    assert {*TAGGED, *PRESSED, *WITHDRAWN, *(name for name in flows if "." not in name)} == verbs_in_source()
    assert {name for name in flows if "." in name} >= {*TABLE_POINTS}
    passed = {name for scene in SCENES.values() for act in scene.acts for name in act.points(whole=True)}
    assert passed >= {*OTHER_POINTS, *TABLE_POINTS}


def whole_way(house: Crashing, tickets: list[int], withdrawn: list[int], declined: list[int]) -> None:
    """Tag, decide, and either close the issue, withdraw while it is open, or decline."""
    for ticket in tickets:
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
    for ticket in tickets:
        house.wait_state(ticket, "awaiting", 60)
    for ticket in tickets:
        house.wait(
            lambda ticket=ticket: cards_of(house, ticket), 30, "the card is there"
        )  # a dead one is replayed first
        house.press_until_taken(card_of(house, ticket), "decline" if ticket in declined else "approve")
    for ticket in tickets:
        house.wait_state(ticket, "declined" if ticket in declined else "banning", 60)
    for ticket in withdrawn:
        house.tag(ticket, "data_deletion_withdrawn")
    done = [ticket for ticket in tickets if ticket not in (*withdrawn, *declined)]
    for ticket in done:
        house.move_issue(issue_of(house, ticket)["key"], "Done")
    for ticket in tickets:
        state = "withdrawn" if ticket in withdrawn else "declined" if ticket in declined else "done"
        house.wait_state(ticket, state, 60)
    house.settle(30)


def check(
    house: Crashing, tickets: list[int], withdrawn: list[int], declined: list[int], *, overtaken: bool = False
) -> None:
    """What each ticket's people got, counted at the stand-ins."""
    for ticket in tickets:
        got = sent(house, ticket)
        if ticket in withdrawn:
            assert got == Sent(mails=2, cards=1, issues=1, comments=1, links=1), ticket
        elif ticket in declined:
            assert got == Sent(mails=1, cards=1), ticket
        else:
            assert got == Sent(mails=1, cards=1, issues=1, links=1), ticket
        notes = house.notes(ticket)
        assert len(notes) == len(set(notes)), notes
    assert not house.cards()
    each_effect_once(house)
    nothing_open(house, overtaken=overtaken)


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "group", ["tagged", *(pytest.param(name, marks=pytest.mark.long) for name in ("pressed", "outside"))]
)
def test_every_point_in_company(database: str, tmp_path: Path, group: str) -> None:
    with Crashing(database, tmp_path, points=GROUPS[group]) as house:
        give_macro_a_tag(house)
        tickets = [house.ticket() for _ in range(TICKETS)]
        withdrawn, declined = tickets[:3], tickets[3:4]
        if group == "pressed":  # enough withdrawals for each place of their one verb
            withdrawn = tickets[:7]
            declined = tickets[7:]
            tickets += [house.ticket() for _ in range(2)]
        whole_way(house, tickets, withdrawn, declined)
        assert sorted(house.fired()) == sorted(GROUPS[group])
        assert house.exit_codes("worker") == [137] * len([n for n in GROUPS[group] if not n.startswith("door.")])
        check(house, tickets, withdrawn, declined)


TWICE = {
    "apply_macro": Sent(mails=3, cards=1, issues=1, comments=1, links=1),
    "ask_supervisor": Sent(mails=1, cards=2),
    "open_jira": Sent(mails=2, cards=1, issues=2, comments=1, links=1),
    "comment_jira": Sent(mails=2, cards=1, issues=1, comments=2, links=1),
}


@pytest.mark.parametrize(
    "verb", [verb if verb == "apply_macro" else pytest.param(verb, marks=pytest.mark.long) for verb in TWICE]
)
def test_without_the_look_up_there_would_be_duplicates(database: str, tmp_path: Path, verb: str) -> None:
    """These tests can fail: a desk that sends again what it does not know about is found out."""
    with Crashing(database, tmp_path, points=(f"effect.after_call/{verb}",), blind=True) as house:
        ticket = house.ticket()
        if verb == "ask_supervisor":
            house.tag(ticket, "data_deletion_request", "pref_stop_all")
            house.wait_state(ticket, "awaiting")
        else:
            whole_way(house, [ticket], [ticket], [])
        assert house.exit_codes("worker") == [137]
        assert sent(house, ticket) == TWICE[verb]
        with pytest.raises(AssertionError):
            each_effect_once(house)


EVERY = tuple(name for names in GROUPS.values() for name in names)
EARLY = EFFECT_POINTS[:4]  # passed before the answer, so once more by the next try


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.parametrize("when", ["try", "retry", "replay"])
@pytest.mark.parametrize("place", EVERY)
def test_every_point_alone(database: str, tmp_path: Path, place: str, when: str) -> None:
    """One ticket, one death, in a desk of its own; retry and replay: each kind of write has failed before."""
    # Of these it is not the first write that fails, or its refusal is taken as it is: they are passed once.
    once = ("macro_tags", "answer", "link_jira") if when == "replay" else ("macro_tags",)
    nth = 2 if when != "try" and place.startswith(EARLY) and not place.endswith(once) else 1
    with Crashing(database, tmp_path, points=(f"{place}:{nth}",)) as house:
        give_macro_a_tag(house)
        ticket = house.ticket()
        failing(house, when)
        withdrawn = [ticket] if place.endswith("comment_jira") else []
        with an_admin(house):
            whole_way(house, [ticket], withdrawn, [])
            house.wait(lambda: not house.rows("SELECT 1 FROM events WHERE state = 'dead'"), 30, "nothing is dead")
            house.settle(30)
        # What comes due goes through the door's places too, in the worker: each of the two processes may die there.
        assert house.fired() in ([place], [place] * (2 if place.startswith("door.") else 1))
        check(house, [ticket], withdrawn, [], overtaken=when == "replay")
