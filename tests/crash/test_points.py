"""At every named place before and after each durable write and each vendor call the process dies, is started again, and
each effect is there exactly once (issue 2 point 4; faults.md F20, T20).

The quick form, run by default, arms many places at once: a life ends at whichever comes first, the next one goes on
without it. `make test-crash` runs every place alone, in a fresh desk.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from app.points import EFFECT_POINTS, OTHER_POINTS
from tests.crash.crashkit import (
    Crashing,
    each_effect_once,
    give_macro_a_tag,
    nothing_open,
    points_in_source,
    verbs_in_source,
)
from tests.kit import Sent, card_of, issue_of, sent

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
    assert points_in_source() == {*EFFECT_POINTS, *OTHER_POINTS}
    assert {*TAGGED, *PRESSED, *WITHDRAWN} == verbs_in_source()


def whole_way(house: Crashing, tickets: list[int], withdrawn: list[int], declined: list[int]) -> None:
    """Tag, decide, and either close the issue, withdraw while it is open, or decline."""
    for ticket in tickets:
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
    for ticket in tickets:
        house.wait_state(ticket, "awaiting", 60)
    for ticket in tickets:
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


def check(house: Crashing, tickets: list[int], withdrawn: list[int], declined: list[int]) -> None:
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
    nothing_open(house)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("group", GROUPS)
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
