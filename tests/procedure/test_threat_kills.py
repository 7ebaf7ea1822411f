"""Killed around the urgent card: a threat is neither lost nor raised twice."""

from __future__ import annotations

import pytest

from tests.kit import Sent, cards_of, sent
from tests.procedure.threats_kit import URGENT, WORDS, person, raised, threat_cards
from tests.processes import Processes

PLACES = [f"effect.{when}/ask_supervisor:1" for when in ("before_claim", "after_claim", "after_outcome")]
RARE = [*PLACES, "case.after_open:1", "walk.before_finish:1", "walk.before_finish:2"]


@pytest.mark.parametrize(
    "place",
    [
        "effect.after_call/ask_supervisor:1",
        *(pytest.param(p, marks=pytest.mark.long) for p in RARE),
    ],
)
def test_killed_around_the_threats_card_nothing_is_lost_or_twice(database: str, place: str) -> None:
    quick = {"heartbeat": "0.2", "stalled_after": "0.8", "lease": "0.6"}
    with Processes(database, **quick) as house:
        ticket = house.ticket(**person(), comment=WORDS)
        house.kill("worker")
        house.extra["worker"] = {"CHAOS_POINT": place}
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
        house.wait_state(ticket, "awaiting", 40)
        raised(house, ticket)
        assert 137 in house.deaths["worker"]
        assert len(threat_cards(house, ticket)) == 1
        assert cards_of(house, ticket)[0]["text"].startswith(URGENT)
        assert sent(house, ticket) == Sent(mails=1, cards=2)
