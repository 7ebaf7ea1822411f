"""The desk's own updates never start it again: four fuses, each enough when another is gone (faults Z11)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.zendesk.rules import TEMPLATE
from tests.house import House
from tests.kit import (
    Sent,
    arrivals,
    deliver,
    events_of,
    generations,
    issue_of,
    press_body,
    quiet_for,
    sent,
    template_body,
)

TAGS = ("data_deletion_request", "pref_stop_all")
FUSES = ("guard", "actor", "own id", "count")


def built(database: str, off: set[str]) -> House:
    """A house with these fuses taken out."""
    house = House(database, loop_fuse="1000" if "count" in off else "5")
    world = house.sandbox.world
    world.config.trigger_guard = "guard" not in off  # off: Zendesk fires at every update, the desk's own too
    if "actor" in off:  # the admin's trigger does not say who made the update
        bare = {name: value for name, value in json.loads(TEMPLATE).items() if name != "actor_id"}
        for trigger in world.zendesk.triggers:
            for action in trigger["actions"]:
                if action["field"] == "notification_webhook":
                    action["value"] = [action["value"][0], json.dumps(bare)]
    if "own id" in off:  # the desk cannot learn who it is
        world.faults.add("zendesk", "users.me", "403", times=None)
    return house


@pytest.mark.parametrize(
    "off",
    [
        {"guard"},
        {"guard", "actor"},
        {"guard", "own id", "count"},
        {"guard", "actor", "own id", "count"},
        {"actor", "own id", "count"},
    ],
    ids=lambda off: " ".join(sorted(off)),
)
def test_loop_ends_at_once(database: str, off: set[str]) -> None:
    with built(database, off) as house:
        ticket = house.ticket()
        house.tag(ticket, *TAGS)
        house.wait_state(ticket, "awaiting")
        quiet_for(house, 1.2)  # a loop by whole seconds would turn at least once more
        if "own id" in off:
            assert house.rows("SELECT 1 FROM ourselves WHERE name = 'zendesk_user_id'") == []
        press_body(house, ticket, "approve")
        house.wait_state(ticket, "banning")
        house.move_issue(issue_of(house, ticket)["key"], "Done")
        house.wait_state(ticket, "done")
        seen = arrivals(house), len(events_of(house, ticket))
        quiet_for(house, 1.2)
        assert (arrivals(house), len(events_of(house, ticket))) == seen
        assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
        assert generations(house, ticket) == 1
        notes = house.notes(ticket)
        assert len(notes) == len(set(notes)) <= 4
        own = [event for event in events_of(house, ticket) if event["reason"] == "own_update"]
        fired = [e for e in events_of(house, ticket) if e["kind"] == "ticket_tagged" and e not in own]
        if off == {"guard"}:
            assert own != []  # Zendesk did fire at our own updates, and the door dropped each
            assert len(fired) == 1
        elif "guard" in off:
            assert len(fired) > 1  # they came through, and led to nothing


def test_same_message_again_and_again_is_held(database: str) -> None:
    """The last fuse: nothing is dropped, but after five the ticket's events wait ten minutes."""
    with built(database, {"guard", "actor", "own id"}) as house:
        house.sandbox.world.config.trigger_webhooks = False
        ticket, start = house.ticket(), datetime.now(UTC)
        house.tag(ticket, *TAGS)
        for number in range(9):
            at = (start + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
            assert deliver(house, template_body(ticket, *TAGS, at=at)) == 200
        house.wait_state(ticket, "awaiting")
        events = events_of(house, ticket)
        assert [event["state"] for event in events] == ["done"] * 5 + ["held"] * 4
        assert {event["reason"] for event in events[5:]} == {"loop_fuse"}
        assert sent(house, ticket) == Sent(mails=1, cards=1)

        other = house.ticket(email="other@example.com")  # neither another ticket waits ...
        house.tag(other, *TAGS)
        assert deliver(house, template_body(other, *TAGS)) == 200
        house.wait_state(other, "awaiting")
        house.tag(ticket, "data_deletion_withdrawn")  # ... nor another message about this one
        assert deliver(house, template_body(ticket, *TAGS, "data_deletion_withdrawn")) == 200
        house.wait_state(ticket, "withdrawn")
        assert sent(house, ticket) == Sent(mails=2, cards=1)
