"""The desk's own update, told by a trigger, neither starts anything nor stands in the way of an agent's edit."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.house import House
from tests.kit import Sent, agent_id, arrivals, deliver, edit, events_of, quiet_for, sent, template_body
from tests.review.scenes import REQUESTED


def test_agents_edit_in_the_second_of_our_own_update(house: House) -> None:
    """Same ticket, same tags, same second: to the door they differ by who made them alone."""
    ticket = house.ticket(fields={"contact": ""}, phone=None)
    house.tag(ticket, REQUESTED, "pref_stop_all")
    house.wait_state(ticket, "incomplete")
    house.sandbox.world.config.drop_webhooks = 1.0  # what follows is delivered by hand
    seen, known = arrivals(house), len(events_of(house, ticket))
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    tags = (REQUESTED, "pref_stop_all", "desk_incomplete")
    own = template_body(ticket, *tags, actor=house.sandbox.world.zendesk.desk_user_id, at=at)
    assert [deliver(house, own, f"01J0000000000000000000000{n}") for n in (1, 2)] == [200, 200]
    quiet_for(house, 0.3)
    assert [event["reason"] for event in events_of(house, ticket)[known:]] == ["own_update"]
    assert arrivals(house) == seen
    assert sent(house, ticket) == Sent()

    edit(house, ticket, contact="012 345 6789")
    theirs = template_body(ticket, *tags, actor=agent_id(house, "farah@example.com"), at=at)
    assert [deliver(house, theirs, f"01J0000000000000000000000{n}") for n in (3, 4)] == [200, 200]
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert len(events_of(house, ticket)) == known + 2  # one each, however often it was delivered
