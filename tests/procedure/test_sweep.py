"""Webhooks that never came: the sweep finds every tagged ticket, once, and makes nothing of our own updates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from app import duties, registry
from app.clients.zendesk import ZendeskClient
from app.settings import Settings, load
from app.sweep import TAGS
from app.walk import Walker
from sandbox.server import Config, Sandbox
from sandbox.zendesk import tickets as stand_in
from tests.house import ROOT, House
from tests.kit import (
    NOTHING,
    Sent,
    customer_says,
    deliver,
    edit,
    events_of,
    generations,
    next_round,
    next_second,
    press_body,
    sent,
    template_body,
)

REQUEST, WITHDRAWN = "data_deletion_request", "data_deletion_withdrawn"
ACKNOWLEDGED = Sent(mails=1, cards=1)


@pytest.fixture
def deaf(house: House) -> Iterator[House]:
    """A desk that no webhook of Zendesk reaches."""
    lose(house)
    yield house
    lose(house, 0.0)


def lose(house: House, share: float = 1.0) -> None:
    house.sandbox.config.drop_webhooks = share


def start(house: House, name: str = "desk:sweep") -> int:
    """A sweep is due now; the newest event so far."""
    [row] = house.rows("SELECT coalesce(max(id), 0) AS id FROM events")
    house.rows(
        "INSERT INTO timers (name, what, due_at) VALUES (%s, 'sweep', now()) ON CONFLICT (name) DO UPDATE"
        " SET due_at = now(), fired_at = NULL RETURNING 1",
        name,
    )
    return int(row["id"])


def sweep(house: House) -> dict[str, Any]:
    """One whole sweep, and what it has led to; its event."""
    before = start(house)
    query = "SELECT * FROM events WHERE kind = 'time_came' AND id > %s AND state = 'done'"
    [event] = house.wait(lambda: house.rows(query, before), 20, "a sweep")[:1]
    house.settle()
    return dict(event)


def test_sop_0_34_three_of_ten_webhooks_lost_and_every_wish_is_carried_out(database: str) -> None:
    lossy = {"drop_webhooks": 0.3, "random_seed": 7}
    with House(database, sandbox=lossy, sweep_interval="1") as house:
        tickets = []
        for number in range(40):
            name, mail = f"Person {number}", f"person{number}@example.com"
            details = {"name": name, "contact": f"+60 12-345 {6000 + number}"}
            tickets.append(house.ticket(name=name, email=mail, phone=f"012345{6000 + number}", fields=details))
            house.tag(tickets[-1], REQUEST, "pref_stop_all")
        lost = [one for one in list(house.sandbox.world.hooks.log) if one["status"] == "dropped"]
        assert len(lost) >= 5
        start(house)  # from here on each sweep sets the next one
        there = "SELECT count(*) AS n FROM cases WHERE state = 'awaiting'"
        house.wait(lambda: house.rows(there)[0]["n"] == len(tickets), 60, "every ticket has its case")
        for _ in range(2):  # later sweeps find nothing new
            done = "SELECT count(*) AS n FROM journal WHERE what = 'swept'"
            so_far = house.rows(done)[0]["n"]
            house.wait(lambda: house.rows(done)[0]["n"] > so_far, 20, "another sweep")  # noqa: B023 - waited for here
        lose(house, 0.0)
        house.wait(lambda: not house.rows("SELECT 1 FROM effects WHERE state NOT IN ('done', 'void')"), 30, "all done")
        assert {ticket: sent(house, ticket) for ticket in tickets} == dict.fromkeys(tickets, ACKNOWLEDGED)
        assert {generations(house, ticket) for ticket in tickets} == {1}


def test_sop_0_3_another_tag_is_answered_kept_as_ignored_and_never_acted_on(deaf: House) -> None:
    ticket = deaf.ticket(tags=["refund_request", "data_deletion_requested"])
    assert deliver(deaf, template_body(ticket, "refund_request", "data_deletion_requested", actor=1)) == 200
    sweep(deaf)
    [event] = events_of(deaf, ticket)
    assert (event["state"], event["reason"]) == ("ignored", "no_known_tag")
    assert generations(deaf, ticket) == 0
    assert sent(deaf, ticket) == NOTHING
    assert deaf.notes(ticket) == []


def test_our_own_updates_make_no_events(house: House) -> None:
    ticket = house.to_awaiting()
    events, comments = events_of(house, ticket), len(house.state_of(ticket)["comments"])
    next_second()
    press_body(house, ticket, "decline")
    house.wait_state(ticket, "declined")  # note, mark and card were changed by the desk alone
    decided = len(events_of(house, ticket))
    assert decided > len(events)
    assert len(house.state_of(ticket)["comments"]) > comments
    for _ in range(2):
        sweep(house)
        assert len(events_of(house, ticket)) == decided


def test_mended_field_retag_comment_and_withdrawal_are_found(house: House) -> None:
    ticket = house.ticket(fields={"backoffice": ""})
    house.tag(ticket, REQUEST, "pref_stop_all")
    house.wait_state(ticket, "incomplete")
    lose(house)
    next_second()
    edit(house, ticket, backoffice="https://backoffice.example.com/customers/42")
    sweep(house)
    assert house.wait_state(ticket, "awaiting")["generation"] == 1
    assert sent(house, ticket) == ACKNOWLEDGED

    press_body(house, ticket, "decline")
    house.wait_state(ticket, "declined")
    next_second()
    customer_says(house, ticket)  # no new wish: heard, and answered with nothing
    heard = len(events_of(house, ticket))
    sweep(house)
    assert len(events_of(house, ticket)) == heard + 1
    assert generations(house, ticket) == 1

    next_second()
    house.untag(ticket, REQUEST)
    next_second()
    house.tag(ticket, REQUEST)
    sweep(house)
    next_round(house, ticket, 2)

    next_second()
    house.tag(ticket, WITHDRAWN)
    sweep(house)
    house.wait_state(ticket, "withdrawn")


def test_late_webhook_is_the_same_fact(deaf: House) -> None:
    ticket = deaf.ticket()
    deaf.tag(ticket, REQUEST, "pref_stop_all")
    with deaf.sandbox.world.lock:
        at = deaf.sandbox.world.zendesk.tickets[ticket].rest("")["updated_at"]
    sweep(deaf)
    deaf.wait_state(ticket, "awaiting")
    assert [event["sender"] for event in events_of(deaf, ticket)] == ["desk"]
    assert deliver(deaf, template_body(ticket, REQUEST, "pref_stop_all", actor=1, at=at)) == 200
    deaf.settle()
    assert len(events_of(deaf, ticket)) == 1
    assert sent(deaf, ticket) == ACKNOWLEDGED


def test_nothing_is_lost_while_search_is_down(deaf: House) -> None:
    ticket = deaf.ticket()
    deaf.tag(ticket, REQUEST, "pref_stop_all")
    world = deaf.sandbox.world
    outage = world.faults.add("zendesk", "search.export", "500", times=None)
    before = start(deaf)
    waiting = "SELECT * FROM events WHERE kind = 'time_came' AND id > %s AND state = 'waiting' AND failures > 0"
    deaf.wait(lambda: deaf.rows(waiting, before), 20, "the sweep waits")
    assert deaf.rows("SELECT * FROM ourselves WHERE name = 'swept_until'") == []
    later = start(deaf, "desk:another")  # another one comes round meanwhile: there is still one sweep at a time
    void = "SELECT reason FROM events WHERE kind = 'time_came' AND id > %s AND state = 'void'"
    assert deaf.wait(lambda: deaf.rows(void, later), 20, "the second sweep gives way") == [
        {"reason": "already_sweeping"}
    ]
    assert sent(deaf, ticket) == NOTHING
    world.faults.remove(outage)
    deaf.wait_state(ticket, "awaiting")
    assert sent(deaf, ticket) == ACKNOWLEDGED
    assert len(deaf.rows("SELECT * FROM ourselves WHERE name = 'swept_until'")) == 1


def test_index_lag_is_bridged_by_the_overlap(deaf: House) -> None:
    deaf.sandbox.config.zendesk_search_lag = 3600.0
    ticket = deaf.ticket()
    deaf.tag(ticket, REQUEST, "pref_stop_all")
    next_second()
    sweep(deaf)  # it began after the ticket's last change
    assert events_of(deaf, ticket) == []  # not in the index yet
    deaf.sandbox.config.zendesk_search_lag = 0.0
    sweep(deaf)
    deaf.wait_state(ticket, "awaiting")


def test_only_open_tickets_at_first_and_what_changed_later(deaf: House) -> None:
    old = [deaf.ticket(tags=[REQUEST, "pref_stop_all"], status=status) for status in ("solved", "closed")]
    sweep(deaf)
    assert [events_of(deaf, ticket) for ticket in old] == [[], []]
    asked = [one["query"]["query"] for one in deaf.sandbox.world.arrived("zendesk", "search.export")]
    assert {words.partition(" ")[2] for words in asked} == {"status<solved"}
    sweep(deaf)
    words = deaf.sandbox.world.arrived("zendesk", "search.export")[-1]["query"]["query"]
    [row] = deaf.rows("SELECT value FROM ourselves WHERE name = 'swept_until'")
    since = words.partition("updated>=")[2]
    assert "2000" < since < row["value"]


def test_first_timer_is_set_once_and_a_broken_chain_is_mended(house: House) -> None:
    walker = Walker(house.worker_desk)

    def set_up() -> Any:
        with house.worker_desk.db.tx() as conn:
            duties.set_up(conn, walker)
        return house.rows("SELECT due_at, fired_at FROM timers WHERE name = 'desk:sweep'")

    [first] = set_up()
    assert set_up() == [first]
    house.rows("UPDATE timers SET fired_at = now() WHERE name = 'desk:sweep' RETURNING 1")
    [mended] = set_up()
    assert mended["fired_at"] is None


def test_more_tickets_than_a_search_answers() -> None:
    """1,050 tickets: the stand-in's search refuses what lies beyond 1,000, as Zendesk does; the export gives all."""
    with Sandbox(Config(seed=False, limits=False, trigger_webhooks=False)) as box:
        state = box.world.zendesk
        with box.world.lock:
            person = state.add_user("Mei Tan", email="mei@example.com")
            for number in range(1050):
                stand_in.create(state, {"subject": f"No {number}", "tags": [REQUEST]}, person, person)
        settings = load(_env_file=ROOT / ".env.example", zendesk_url=box.url)
        client = ZendeskClient(settings)
        found = list(client.tagged(REQUEST, None))
        client.close()
        assert len({one.id for one in found}) == 1050
        assert all(REQUEST in one.tags for one in found)


def test_every_tag_that_starts_something_is_swept(settings: Settings) -> None:
    registry.load()
    started = {name for name in settings.tags if registry.for_tags(frozenset({name}))}
    assert started | {"regulatory_threat"} == set(TAGS)
