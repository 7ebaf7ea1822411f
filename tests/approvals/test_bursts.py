"""Hundreds of requests at once: each card once and at the channel's own rate, one message that says so, threats first.

Source: facts S19 to S21; features part 3 (alert fatigue).
"""

from __future__ import annotations

from typing import Any

import pytest

from app import burst
from tests.house import House
from tests.kit import cards_of

LIMITS = {"limits": True, "zendesk_account_rate": 10**6, "zendesk_update_rate": 10**6}


def tag_all(house: House, number: int) -> list[int]:
    """So many customers' requests, tagged as fast as a trigger can."""
    tickets = [house.ticket(email=f"burst{n}@example.com") for n in range(number)]
    for ticket in tickets:
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
    return tickets


def channel(house: House) -> list[dict[str, Any]]:
    """What stands in the supervisors' channel itself, oldest first."""
    messages = house.shown("slack")["messages"]
    return [m for m in messages if not m["ephemeral_to"] and m["thread_ts"] in (None, m["ts"])]


def told(house: House) -> list[str]:
    return [m["text"] for m in channel(house) if "wait for their card here" in m["text"]]


def refused(house: House) -> list[dict[str, Any]]:
    """Calls that Slack answered with 429."""
    return [a for a in house.sandbox.world.arrived("slack") if a.get("status") == 429]


@pytest.mark.long
def test_thirty_requests_at_once(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(burst, "CARDS", 8)  # a line of thirty is short again before long
    interval = {**LIMITS, "slack_post_interval": 0.1}
    with House(database, sandbox=interval, slack_post_rate="240") as house:
        house.stop_worker()
        tickets = tag_all(house, 30)
        house.start_worker()
        house.wait(
            lambda: house.rows("SELECT 1 FROM effects WHERE reason = 'in_line' OFFSET 12"), what="there is a line"
        )
        threat = house.ticket(email="threat@example.com")
        house.tag(threat, "regulatory_threat")
        house.wait(lambda: cards_of(house, threat), what="the urgent card")
        assert len(channel(house)) < 25, "it was not behind those in line"
        house.wait(lambda: len(house.cards()) == 31, 30, "all cards")
        house.settle()
        assert [len(cards_of(house, ticket)) for ticket in tickets] == [1] * 30
        [words] = told(house)
        assert "requests wait for their card here, the oldest since <!date^" in words
        assert "q=tags%3Adata_deletion_request%20status%3Csolved|tickets in Zendesk>" in words
        assert house.rows("SELECT name, failures FROM vendors WHERE failures > 0") == []
        [walks] = house.rows("SELECT sum(walk) AS all FROM events WHERE kind = 'ticket_tagged'")
        assert walks["all"] < 30 * 9, "they come back one by one at their place, not all together each time"
        assert len(refused(house)) <= 3, "about none: a busy machine may lose a moment between the place and the call"


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_five_hundred_requests_at_slacks_own_limits(database: str) -> None:
    """One message a second, 50 updates a minute, and the desk as it is installed: some twelve minutes of cards."""
    with House(database, sandbox=LIMITS, slack_rate="50", slack_post_rate="50", poll_interval="1") as house:
        tickets = tag_all(house, 500)
        house.wait(lambda: len(house.cards()) == 500, 1200, "all cards")
        house.settle(60)
        assert [len(cards_of(house, ticket)) for ticket in tickets] == [1] * 500
        assert 1 <= len(told(house)) <= 2, "once in ten minutes"
        assert house.rows("SELECT name, failures FROM vendors WHERE failures > 0") == []
        # Without a pace every second one would be. A busy machine loses moments between the place and the call: the
        # pace leaves 0.2 s.
        assert len(refused(house)) <= 50
        [walks] = house.rows("SELECT sum(walk) AS all FROM events WHERE kind = 'ticket_tagged'")
        assert walks["all"] < 500 * 6
