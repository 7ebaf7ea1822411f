"""Updates of a ticket that are told in another order than they were made: the ticket as it stands decides (B036)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from tests.house import House
from tests.kit import Sent, deliver, events_of, generations, sent, template_body

# The agent sets the tag, and the customer's preference changes twice.
UPDATES = (
    ("data_deletion_request", "pref_stop_sms"),
    ("data_deletion_request", "pref_stop_sms", "pref_stop_calls"),
    ("data_deletion_request", "pref_stop_all"),
)


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=lambda order: "".join(map(str, order)))
def test_three_updates_in_every_order(shared_house: House, order: tuple[int, ...]) -> None:
    """The last one may come first, and the older ones when its work is done: recorded, and nothing changes."""
    house = shared_house
    house.sandbox.world.config.trigger_webhooks = False  # every delivery is the test's own
    who = "".join(map(str, order))
    ticket = house.ticket(email=f"order{who}@example.com", phone=f"0127{who}", fields={"contact": f"+60 12-7{who}"})
    house.tag(ticket, *UPDATES[-1])
    made = datetime.now(UTC) - timedelta(minutes=5)
    bodies = [
        template_body(ticket, *tags, actor=1, at=(made + timedelta(seconds=n)).strftime("%Y-%m-%dT%H:%M:%SZ"))
        for n, tags in enumerate(UPDATES)
    ]
    for number in order:
        assert deliver(house, bodies[number], f"01J0000000000000000000000{number}") == 200
        house.wait_state(ticket, "awaiting")
        assert sent(house, ticket) == Sent(mails=1, cards=1)
    case = house.case(ticket)
    assert (case["state"], case["preference"], case["problems"]) == ("awaiting", ["stop_all"], [])
    told = {event["fact"]: event["state"] for event in events_of(house, ticket) if event["sender"] == "zendesk"}
    times = [json.loads(body)["updated_at"] for body in bodies]
    assert [fact.partition(f":{ticket}:")[2][:20] for fact in told] == [times[number] for number in order]
    assert set(told.values()) <= {"done", "void"}
    assert generations(house, ticket) == 1
