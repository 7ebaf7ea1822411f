"""The worker dies at every place while tickets of one person are joined, taken back in part and asked for anew.

Each new state is one transaction with the timer that carries it on: nothing is lost, nothing is sent twice (F20, T20).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.points import EFFECT_POINTS, OTHER_POINTS
from tests.crash.crashkit import Crashing, each_effect_once, nothing_open
from tests.kit import Sent, buttons, card_of, cards_of, sent

REQUESTED, WITHDRAWN = "data_deletion_request", "data_deletion_withdrawn"
VERBS = ("apply_macro", "ask_supervisor", "update_card", "note", "mark")
GROUPS = {
    "outside": tuple(name for name in OTHER_POINTS if not name.startswith("door.")),
    "effects": tuple(f"{place}/{verb}" for verb in VERBS for place in EFFECT_POINTS),
}


def customer(house: Crashing, number: int) -> dict[str, object]:
    phone = f"+60 17-{number} 5555"
    return {"phone": phone, "fields": {"contact": phone}, "email": f"kill{number}@example.com"}


def second_round(house: Crashing, ticket: int) -> dict[str, Any]:
    """Until it asks a supervisor and nothing runs any more; a busy machine with many deaths takes its time."""
    house.wait(lambda: house.case(ticket)["generation"] == 2, 60, "the second round")
    return house.wait_state(ticket, "awaiting", 60)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("group", GROUPS)
def test_joined_and_amended_under_kills(database: str, tmp_path: Path, group: str) -> None:
    """Two customers, two tickets each: the second joins; calls are taken back on it, so the first is amended."""
    with Crashing(database, tmp_path, points=GROUPS[group]) as house:
        pairs = [(house.ticket(**customer(house, n)), house.ticket(**customer(house, n))) for n in (701, 702)]
        for main, _ in pairs:
            house.tag(main, REQUESTED, "pref_stop_all")
        for main, _ in pairs:
            house.wait_state(main, "awaiting", 60)
        for main, second in pairs:
            house.tag(second, REQUESTED, "pref_stop_all")
            assert house.wait_state(second, "joined", 60)["joined_to"] == house.case(main)["id"]
        for main, second in pairs:
            house.tag(second, WITHDRAWN, "resume_calls")
            case = second_round(house, main)
            assert case["preference"] == ["stop_sms", "stop_email", "stop_push"]
            house.settle(60)
        for main, second in pairs:
            house.wait(lambda main=main: [c for c in cards_of(house, main) if buttons(c)], 60, "the new card")
            assert [bool(buttons(card)) for card in cards_of(house, main)] == [False, True]
            assert (sent(house, main), sent(house, second)) == (Sent(mails=1, cards=2), Sent(mails=1))
            assert house.case(second)["joined_to"] == house.case(main)["id"]
        house.settle(60)
        assert sorted(house.fired()) == sorted(GROUPS[group])
        each_effect_once(house)
        nothing_open(house)


@pytest.mark.long
def test_taken_over_and_declined_under_kills(database: str, tmp_path: Path) -> None:
    """A wider second ticket takes the first over; it is declined, and the first asks for itself again."""
    points = GROUPS["outside"]
    with Crashing(database, tmp_path, points=points) as house:
        first, second = house.ticket(**customer(house, 703)), house.ticket(**customer(house, 703))
        house.tag(first, REQUESTED, "pref_stop_calls")
        house.wait_state(first, "awaiting", 60)
        house.tag(second, REQUESTED, "pref_stop_all")
        house.wait_state(second, "awaiting", 60)
        house.wait_state(first, "joined", 60)
        assert buttons(card_of(house, first)) == []
        house.press_until_taken(card_of(house, second), "decline")
        house.wait_state(second, "declined", 60)
        second_round(house, first)
        assert [bool(buttons(card)) for card in cards_of(house, first)] == [False, True]
        assert (sent(house, first), sent(house, second)) == (Sent(mails=1, cards=2), Sent(mails=1, cards=1))
        assert sorted(house.fired()) == sorted(points)
        each_effect_once(house)
        nothing_open(house)
