"""Pause, settle, replay of many: from the command line; what reached the vendors is counted at the stand-ins."""

from __future__ import annotations

import json
import time
from typing import Any

import click
import pytest

from app import bulk
from app.cli import main
from tests.cli_kit import Cli, failed_card
from tests.house import House
from tests.kit import NOTHING, Sent, arrivals, press_body, quiet_for, sent


@pytest.fixture(autouse=True)
def quick_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PAUSE", bulk.PAUSE / 50)


def dead_events(house: House) -> list[dict[str, Any]]:
    return house.rows("SELECT id, reason FROM events WHERE state = 'dead' ORDER BY id")


# ---- pause


@pytest.mark.parametrize("vendor", ["all", "zendesk"])
def test_paused_nothing_goes_out_and_events_are_taken_in(house: House, cli: Cli, vendor: str) -> None:
    cli("pause", vendor, "--reason", "macro is being edited")
    cli("pause", vendor, "--reason", "again", code=1)
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait(lambda: house.rows("SELECT 1 FROM effects WHERE reason = 'paused'"), what="it waits for the pause")
    time.sleep(0.5)  # it comes back again and again, and may not get through
    assert sent(house, ticket) == (NOTHING if vendor == "all" else Sent(cards=1))
    assert house.notes(ticket) == []
    cli("resume", vendor)
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    cli("resume", vendor, code=3)
    assert [row["action"] for row in cli.json("audit", "list")] == ["vendor.resumed", "vendor.paused"]


def test_one_vendor_paused_the_others_go_on_and_the_note_says_so(house: House, cli: Cli) -> None:
    ticket = house.to_awaiting()
    cli("pause", "jira", "--reason", "move to another project")
    press_body(house, ticket, "approve")
    house.wait(
        lambda: house.notes(ticket) and "paused the desk here" in house.notes(ticket)[-1], what="the note says so"
    )
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    other = house.ticket(email="other@example.com")
    house.tag(other, "data_deletion_request", "pref_stop_sms")
    house.wait(lambda: sent(house, other) == Sent(mails=1, cards=1), what="the other case has its card")
    cli("resume", "jira")
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
    assert "paused" not in house.notes(ticket)[-1]


def test_a_pause_needs_a_reason_and_a_name(cli: Cli) -> None:
    cli("pause", "jira", "--reason", " ", code=2)
    cli("pause", "jira", code=2)
    cli("pause", "telegram", "--reason", "x", code=2)


# ---- settle


def test_settled_sends_nothing_and_the_note_says_so(house: House, cli: Cli) -> None:
    ticket, event = failed_card(house)
    house.sandbox.world.faults.clear()
    cli("events", "settle", event, "--reason", " ", code=2)
    assert "settled" in cli("events", "settle", event, "--reason", "asked the supervisor by telephone").output
    house.wait(lambda: "has seen to what had failed" in house.notes(ticket)[-1], what="the note says so")
    house.settle()
    assert "Failed" not in house.notes(ticket)[-1]
    assert sent(house, ticket) == Sent(mails=1)
    assert cli.json("events", "list", "--failed") == []
    assert house.rows("SELECT state, reason FROM effects WHERE verb = 'ask_supervisor'") == [
        {"state": "void", "reason": "settled"}
    ]
    [row] = cli.json("audit", "list")
    assert (row["action"], row["reason"]) == ("event.settled", "asked the supervisor by telephone")
    cli("events", "settle", event, "--reason", "twice", code=3)
    assert "settled" in cli("events", "replay", event, "--from-start", code=3).output
    quiet_for(house, 0.3)
    assert sent(house, ticket) == Sent(mails=1)


# ---- replay


def test_replay_is_refused_when_the_customer_has_withdrawn_since(house: House, cli: Cli) -> None:
    ticket, event = failed_card(house)
    house.tag(ticket, "data_deletion_withdrawn")
    house.wait_state(ticket, "withdrawn")
    house.sandbox.world.faults.clear()
    before = arrivals(house)
    newest = house.rows("SELECT max(id) AS id FROM events WHERE kind = 'ticket_tagged'")[0]["id"]
    assert f"latest wish is newer: event {newest}" in cli("events", "replay", event, code=3).output
    cli("events", "replay", event, "--from-start", code=3)
    quiet_for(house, 0.3)
    assert arrivals(house) == before


def three_refused(house: House) -> list[int]:
    house.sandbox.world.faults.add("jira", "create", "403", times=None)
    tickets = [house.to_awaiting(email=f"c{number}@example.com") for number in range(3)]
    for ticket in tickets:
        press_body(house, ticket, "approve")
    house.wait(lambda: len(dead_events(house)) == 3, what="three have failed")
    house.settle()
    return tickets


def test_everything_of_one_cause_is_replayed_in_portions(
    house: House,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulk, "PORTION", 2)
    tickets = three_refused(house)
    [cause] = cli.json("events", "causes")
    assert cause["count"] == 3
    cli("replay", "--cause", "nonsense", "--yes", code=3)
    cli("replay", "--cause", cause["cause"], code=2)  # nobody to ask, and no --yes
    cli("replay", "--cause", cause["cause"], "--dry-run")
    assert (cli.json("replay", "--progress"), len(dead_events(house))) == ([], 3)
    house.sandbox.world.faults.clear()
    cli("replay", "--cause", cause["cause"], "--yes")
    for ticket in tickets:
        house.wait_state(ticket, "banning")
        assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
    house.wait(lambda: cli.json("replay", "--progress")[0]["ended_at"], what="it is over")
    [row] = cli.json("replay", "--progress")
    assert (row["total"], row["queued"], row["refused"]) == (3, 3, 0)
    assert [row["action"] for row in cli.json("audit", "list")] == ["bulk.started"]


@pytest.mark.long
def test_everything_of_every_cause(house: House, cli: Cli) -> None:
    """One that cannot begin holds up no other, and is named."""
    tickets = three_refused(house)
    card, _ = failed_card(house)
    house.sandbox.world.faults.clear()
    house.stop_worker()
    cli("replay", "--cause", "forbidden", "--yes")
    second = cli("replay", "--all", "--yes", "--json", code=1)
    assert "'forbidden' not begun: a replay of this cause is under way" in second.stderr
    begun = {one["cause"]: (one["events"], one["bulk"] is None) for one in json.loads(second.stdout)}
    assert begun == {"forbidden": (3, True), "channel": (1, False)}
    house.start_worker()
    rows = cli.json("replay", "--progress", "--wait")
    assert [(row["cause"], row["queued"]) for row in rows] == [("channel", 1), ("forbidden", 3)]
    for ticket in tickets:
        house.wait_state(ticket, "banning")
        assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
    assert sent(house, card) == Sent(mails=1, cards=1)
    assert "nothing has failed" in cli("replay", "--all", "--yes").stdout
    assert cli.json("replay", "--all", "--yes") == []


@pytest.mark.long
def test_waiting_for_the_end_of_it(house: House, cli: Cli) -> None:
    tickets = three_refused(house)
    house.sandbox.world.faults.clear()
    said = cli("replay", "--all", "--yes", "--wait")
    assert "replay 1 of 'forbidden' is over: 3 queued, 0 refused" in said.stdout
    house.settle()
    assert [sent(house, ticket).issues for ticket in tickets] == [1, 1, 1]


def test_one_command_in_two_places() -> None:
    events = main.commands["events"]
    assert isinstance(events, click.Group)
    assert main.commands["replay"] is events.commands["replay"]


def test_two_admins_start_one_bulk_replay(house: House, cli: Cli) -> None:
    three_refused(house)
    house.stop_worker()
    cause = dead_events(house)[0]["reason"]
    cli("replay", "--cause", cause, "--yes")
    assert "under way" in cli("replay", "--cause", cause, "--yes", code=1).output
    assert len(cli.json("replay", "--progress")) == 1
    house.start_worker()
    house.wait(lambda: cli.json("replay", "--progress")[0]["ended_at"], what="it is over")


def test_too_many_are_refused_at_once(house: House, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "LIMIT", 2)
    three_refused(house)
    cause = dead_events(house)[0]["reason"]
    assert "more than 2" in cli("replay", "--cause", cause, "--yes", code=1).output
    assert "more than 2" in cli("replay", "--all", "--dry-run").output
    assert cli.json("replay", "--progress") == []


def test_what_died_of_an_outage_is_replayed_when_the_vendor_is_back(house: House, cli: Cli) -> None:
    ticket, event = failed_card(house)
    house.sandbox.world.faults.clear()
    # As after three days without Slack: the ledger has given up, and later the vendor has answered again.
    house.rows("UPDATE events SET reason = 'gave_up:timeout' WHERE id = %s RETURNING id", event)
    house.rows("UPDATE effects SET reason = 'gave_up:timeout' WHERE verb = 'ask_supervisor' RETURNING id")
    house.worker_desk._rescued = 0.0
    quiet_for(house, 1.0)
    assert sent(house, ticket) == Sent(mails=1)  # it has not come back yet
    house.rows("UPDATE vendors SET well_at = now(), failures = 0 WHERE name = 'slack' RETURNING name")
    house.worker_desk._rescued = 0.0
    house.wait(lambda: sent(house, ticket) == Sent(mails=1, cards=1), what="the card is out")
    [row] = cli.json("replay", "--progress")
    assert (row["who"], row["cause"]) == ("desk", "gave_up:timeout")


def test_what_could_not_be_read_for_days_is_replayed_when_the_vendor_answers_again(
    house: House, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.walk.READ_TRIES", 3)
    house.sandbox.world.faults.add("zendesk", "tickets.show", "500", times=None)
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait(lambda: dead_events(house), what="given up")
    [event] = dead_events(house)
    assert event["reason"].startswith("gave_up:zendesk:")
    house.sandbox.world.faults.clear()
    house.worker_desk._rescued = 0.0
    quiet_for(house, 1.0)
    assert sent(house, ticket) == Sent()  # nobody knows yet that it answers
    other = house.to_awaiting()
    house.worker_desk._rescued = 0.0
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == sent(house, other) == Sent(mails=1, cards=1)


@pytest.mark.long
def test_the_same_outage_is_not_replayed_for_ever(house: House, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a replay by itself has refused (here: the customer has withdrawn since) is left to a person."""
    monkeypatch.setattr("app.walk.READ_TRIES", 3)
    house.sandbox.world.faults.add("zendesk", "tickets.show", "500", times=None)
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait(lambda: len(dead_events(house)) == 1, what="the request has failed")
    house.sandbox.world.faults.clear()
    house.tag(ticket, "data_deletion_withdrawn")
    house.settle()
    for _ in range(4):
        house.worker_desk._rescued = 0.0
        quiet_for(house, 0.5)
    rows = cli.json("replay", "--progress")
    assert [(row["total"], row["queued"], row["refused"]) for row in rows] == [(1, 0, 1)]


def test_a_withdrawal_in_part_leaves_the_rest_to_be_replayed(house: House, cli: Cli) -> None:
    ticket = house.to_awaiting()
    house.sandbox.world.faults.add("jira", "create", "403", times=None)
    press_body(house, ticket, "approve")
    [event] = house.wait(lambda: dead_events(house), what="the issue was refused")
    house.settle()
    house.tag(ticket, "data_deletion_withdrawn", "resume_calls")
    house.settle()
    house.sandbox.world.faults.clear()
    cli("replay", event["id"])
    house.wait_state(ticket, "banning")
    assert sent(house, ticket).issues == 1


def test_settling_one_event_leaves_the_other_what_it_is_replayed_for(house: House, cli: Cli) -> None:
    ticket, event = failed_card(house)
    [other] = house.rows(
        "INSERT INTO events (fact, sender, kind, ticket_id, case_id, detail, state, reason) SELECT 'other', 'desk',"
        " 'time_came', ticket_id, id, '{}', 'dead', 'timeout' FROM cases WHERE ticket_id = %s RETURNING id",
        ticket,
    )
    house.sandbox.world.faults.clear()
    house.stop_worker()
    cli("replay", event)
    cli("events", "settle", other["id"], "--reason", "seen to")
    house.start_worker()
    house.wait_state(ticket, "awaiting")
    house.wait(lambda: sent(house, ticket) == Sent(mails=1, cards=1), what="the card is out")
