"""What failed is found, understood and replayed from the command line; nothing that is done is done again."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.cli_kit import Cli, failed_card
from tests.house import ROOT, House
from tests.kit import Sent, arrivals, press_body, quiet_for, sent


def test_dead_card_shown_planned_and_replayed(house: House, cli: Cli) -> None:
    ticket, event = failed_card(house)
    assert sent(house, ticket) == Sent(mails=1)
    note = house.notes(ticket)[-1]
    assert (
        "Failed: card to the supervisors. Cause: the chat channel is missing, archived or closed to the desk." in note
    )
    assert "An administrator must look at it and replay it; nothing that is done is repeated." in note

    [row] = cli.json("events", "list", "--failed")
    assert (row["id"], row["ticket_id"], row["state"], row["reason"]) == (event, ticket, "dead", "channel")
    assert str(ticket) in cli("events", "list", "--failed").output
    shown = cli.json("events", "show", event)
    states = {effect["verb"]: effect["state"] for effect in shown["effects"]}
    assert states == {"apply_macro": "done", "ask_supervisor": "dead", "mark": "done", "note": "done"}
    text = cli("events", "show", event).output
    assert "ask_supervisor" in text
    assert "channel" in text

    seen, books = arrivals(house), house.rows("SELECT * FROM effects ORDER BY id")
    plan = cli.json("events", "replay", event, "--dry-run")
    assert {row["what"].partition(" ")[0]: row["plan"] for row in plan} == {
        "event": "walk again from the top",
        "apply_macro": "skip, done",
        "ask_supervisor": "try again (looked up first if it was ever sent)",
        "mark": "skip, done",
        "note": "skip, done",
    }
    quiet_for(house, 0.3)
    assert arrivals(house) == seen  # a dry run changes nothing
    assert house.rows("SELECT * FROM effects ORDER BY id") == books
    assert house.rows("SELECT state FROM events WHERE id = %s", event)[0]["state"] == "dead"

    cli("events", "replay", event)  # the cause is still there: dead again, and only the card was tried
    house.wait(lambda: house.rows("SELECT 1 FROM events WHERE id = %s AND state = 'dead' AND walk > 1", event))
    assert sent(house, ticket) == Sent(mails=1)

    house.sandbox.world.faults.clear()
    cli("events", "replay", "--failed")
    house.settle()
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert "Failed" not in house.notes(ticket)[-1]
    assert cli.json("events", "list", "--failed") == []

    seen = arrivals(house)
    refused = cli("events", "replay", event, code=3)  # twice: it has ended well
    assert "refused: it ended done" in refused.output
    cli("events", "replay", event, "--from-start")
    quiet_for(house, 0.3)
    assert arrivals(house) == seen  # walked from the top, and nothing was left to do
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert house.rows("SELECT state FROM events WHERE id = %s", event)[0]["state"] == "done"

    press_body(house, ticket, "approve")
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)


def test_dead_effect_that_may_have_been_done_is_looked_up_first(house: House, cli: Cli) -> None:
    """Slack says "no" although the card is there: the replay finds it and posts no second one."""
    house.sandbox.world.faults.add("slack", "chat.postMessage", "ok_false", error="is_archived", commit=True)
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    cli("events", "replay", "--failed")
    house.settle()
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    press_body(house, ticket, "decline")
    house.wait_state(ticket, "declined")
    assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_replay_of_a_withdrawn_case_sends_nothing_of_the_old_wish(house: House, cli: Cli) -> None:
    ticket, event = failed_card(house)
    house.tag(ticket, "data_deletion_withdrawn")
    house.wait_state(ticket, "withdrawn")
    house.sandbox.world.faults.clear()
    before = sent(house, ticket)
    cli("events", "replay", event, code=3)
    house.settle()
    assert sent(house, ticket) == before == Sent(mails=2)
    assert house.case(ticket)["state"] == "withdrawn"


def test_failed_issue_by_one_replay_of_all(house: House, cli: Cli) -> None:
    """Three cases fail at JIRA (403); one command replays them, each issue is opened once."""
    refused = house.sandbox.world.faults.add("jira", "create", "403", times=None)
    tickets = [house.to_awaiting(email=f"c{number}@example.com") for number in range(3)]
    for ticket in tickets:
        press_body(house, ticket, "approve")
    house.settle()
    assert refused.fired == 3
    assert [house.case(ticket)["state"] for ticket in tickets] == ["approved"] * 3
    assert "Failed: JIRA issue. Cause: the desk's account may not do this." in house.notes(tickets[0])[-1]
    assert len(cli.json("events", "list", "--failed")) == 3
    house.sandbox.world.faults.clear()
    plan = cli.json("events", "replay", "--failed")
    assert len([row for row in plan if row["what"].startswith("open_jira")]) == 3
    for ticket in tickets:
        house.wait_state(ticket, "banning")
        assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
    answers = [text for text in house.answers("U0AISYAH") if "Recorded" in text]
    assert len(answers) == 3  # nobody was told twice


def test_exit_codes_and_cases(house: House, cli: Cli) -> None:
    ticket = house.to_awaiting("pref_stop_sms")
    [case] = cli.json("cases", "list")
    assert (case["ticket_id"], case["state"], case["preference"]) == (ticket, "awaiting", ["stop_sms"])
    assert cli.json("cases", "list", "--open") == [case]
    [shown] = cli.json("cases", "show", ticket)
    assert [effect["verb"] for effect in shown["effects"]] == ["apply_macro", "ask_supervisor", "mark", "note"]
    assert str(ticket) in cli("cases", "list").output
    assert "ask_supervisor" in cli("cases", "show", ticket).output
    [event] = cli.json("events", "list", "--ticket", ticket)
    assert cli.json("events", "list", "--state", "dead") == []

    cli("cases", "show", 99, code=3)
    cli("events", "show", 99, code=3)
    for malformed in ("0", "-1", "1e3", "٣", "9" * 30, "x'; drop table events", "../1"):
        cli("events", "show", "--", malformed, code=3)
    cli("events", "replay", 99, code=3)
    cli("events", "replay", event["id"], code=3)
    cli("events", "replay", code=2)
    cli("events", "replay", event["id"], "--failed", code=2)
    cli("events", "list", "--state", "nonsense", code=2)
    cli("nonsense", code=2)
    cli("events", "replay", "--failed")  # nothing failed: nothing to do, and that is well
    assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_as_a_command(house: House) -> None:
    """The real process, once: its exit code, and one line instead of a traceback."""
    environment = {**os.environ, **house.environment}

    def desk(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "app.cli", *words]
        return subprocess.run(
            command, cwd=ROOT, env={**environment, **more}, capture_output=True, text=True, timeout=60, check=False
        )

    assert json.loads(desk("events", "list", "--json").stdout) == []
    lost = desk("events", "show", "7")
    assert (lost.returncode, lost.stderr.strip()) == (3, "desk: no event 7")
    bad = desk("events", "list", SECRET_KEY="")
    assert bad.returncode == 1
    assert "SECRET_KEY" in bad.stderr
    assert "Traceback" not in bad.stderr
