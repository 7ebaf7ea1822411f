"""The command line's bad inputs by their ids: exit code, one clear line, no effect.

Usage and replay here; what is written in test_cli_output.py, the database in test_cli_store.py, the rest beside what it
is about: grep finds each id once under tests/.
"""

from __future__ import annotations

import os
import pty
import re
import signal

import click
import psycopg
import pytest

from app import bulk
from app.cli import many
from app.cli.browse import Id
from tests.admin.pageskit import Web, dead_event, event, trail, unchanged
from tests.cli_kit import ONE_LINE, Cli, commands, failed_card, process
from tests.house import House
from tests.kit import Sent, sent

# ---- usage


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("bulk", "list"),
        ("events", "nonsense"),
        ("dead", "nonsense"),
        ("--nonsense",),
        ("replay", "--nonsense"),
        ("events", "list", "--nonsense"),
        ("cases", "list", "--state", "nonsense"),
        ("cases", "list", "--procedure", "nonsense"),
        ("cases", "list", "--open", "--overdue"),
        ("cases", "list", "--unconfirmed", "--ticket", "7"),
        ("dead", "list", "--since", "yesterday"),
        ("events", "list", "--limit", "0"),
        ("replay",),
        ("replay", "1", "--failed"),
        ("replay", "1", "--wait"),
        ("replay", *map(str, range(1, 52))),
        ("events", "settle", "1"),
        ("events", "settle", "1", "--reason", " "),
        ("dead", "show", "1", "--reason", " "),
        ("sweep", "--since", "10 years"),
        ("sweep", "--since", "99y"),
        ("sweep", "--since", "3000-01-01"),
    ],
)
def test_c001_what_is_no_command_is_wrong_usage(web: Web, desk: Cli, words: tuple[str, ...]) -> None:
    """C001."""
    with unchanged(web):
        assert "Error: " in desk(*words, code=2).stderr


BECAUSE = ("--reason", "x")
MORE = {"settle": BECAUSE, "erase": BECAUSE, "extend": ("--reason", "complexity", "--by", "privacy_officer")}
NO_IDS = ("99", "0", "-1", "1e3", "٣", "9" * 30, "1-5", "x'; drop table events", "../1", "")


def test_c003_an_id_that_is_not_there_or_is_none(web: Web, desk: Cli) -> None:
    """C003, of every command that takes an id."""
    taking = {
        words: command
        for words, command in commands()
        if any(isinstance(param, click.Argument) and isinstance(param.type, Id) for param in command.params)
    }
    assert {("replay",), ("events", "replay"), ("dead", "show"), ("cases", "proof"), ("cover", "end")} <= taking.keys()
    dead_event(web)
    with unchanged(web):
        for words in taking:
            for number in NO_IDS:
                sure = ("--confirm", number) if words[-1] == "erase" else ()
                said = desk(*words, *MORE.get(words[-1], ()), *sure, "--", number, code=3)
                assert "drop table" not in said.stderr or ONE_LINE.fullmatch(said.stderr)
            if "replay" not in words:
                continue
            assert desk(*words, "99", "98", code=3).stderr == "desk: no event 99, 98\n"


# ---- replay


@pytest.mark.parametrize("words", [("--all",), ("--cause", "channel"), ("--all", "--json"), ("--all", "--wait")])
def test_c004_all_of_them_need_a_yes(web: Web, desk: Cli, words: tuple[str, ...]) -> None:
    """C004."""
    dead_event(web)
    with unchanged(web):
        assert "give --yes" in desk("replay", *words, code=2).stderr


@pytest.mark.long
@pytest.mark.parametrize(("said", "code"), [("n", 1), ("y", 0)])
def test_a_terminal_is_asked_and_shows_a_bar(
    house: House, cli: Cli, monkeypatch: pytest.MonkeyPatch, said: str, code: int
) -> None:
    monkeypatch.setattr(bulk, "PAUSE", bulk.PAUSE / 50)
    ticket, event_id = failed_card(house)
    house.sandbox.world.faults.clear()
    ours, theirs = pty.openpty()
    asked = process(house, "replay", "--all", "--wait", stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    told = b""
    while b"replay them? [y/N]:" not in told:
        told += os.read(ours, 4096)
    assert b"ask_supervisor" in told, "the plan comes first"
    assert house.rows("SELECT 1 FROM bulk_replays") == []
    os.write(ours, f"{said}\n".encode())
    while piece := _read(ours):
        told += piece
    os.close(ours)
    assert asked.wait(30) == code, told.decode()
    house.settle()
    assert sent(house, ticket) == Sent(mails=1, cards=1 if said == "y" else 0)
    assert (b"100%" in told) == (said == "y")
    assert len(house.rows("SELECT 1 FROM events WHERE id = %s AND state = 'dead'", event_id)) == (said == "n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # the other end has closed
        return b""


def test_c005_a_dry_run_lists_counts_and_writes_nothing(web: Web, desk: Cli) -> None:
    """C005: a hash of every row of every table is the same afterwards."""
    ids = [dead_event(web, ticket_id=number) for number in range(1, 26)]
    closed = dead_event(web, ticket_id=99, reason="closed")
    event(web, "done", ticket_id=99, detail={"tags": ["data_deletion_withdrawn"]})
    event(web, "dead", kind="dead", reason="json")
    with unchanged(web):
        text = desk("replay", "--all", "--dry-run").stdout
        assert re.search(r"channel +25 *\n", text)
        assert re.search(r"closed +1 *\n", text)
        assert "channel (the oldest 20)" in text
        assert "refused: the customer's latest wish is newer" in text
        assert "nothing was changed (--dry-run)" in text
        both = desk.json("replay", "--all", "--dry-run", "--from-start")
        assert [(one["cause"], one["events"], one["bulk"]) for one in both] == [
            ("channel", 25, None),
            ("closed", 1, None),
        ]
        assert {row["event"] for row in both[0]["plan"]} == set(ids[:20])
        assert [one["cause"] for one in desk.json("replay", "--cause", "closed", "--dry-run")] == ["closed"]
        assert {row["event"] for row in desk.json("replay", "--failed", "--dry-run", code=1)} == {*ids, closed}
        desk("replay", ids[0], "--dry-run", "--from-start")
    assert trail(web) == []


@pytest.fixture
def three(house: House) -> tuple[list[int], list[int]]:
    """Three that have failed, no worker, and the cause is mended; (tickets, events)."""
    found = [failed_card(house) for _ in range(3)]
    house.sandbox.world.faults.clear()
    house.stop_worker()
    return [ticket for ticket, _ in found], [number for _, number in found]


def states(house: House) -> list[str]:
    return [row["state"] for row in house.rows("SELECT state FROM events WHERE ticket_id IS NOT NULL ORDER BY id")]


@pytest.mark.long
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, -15), (signal.SIGKILL, -9)])
def test_c006_ended_in_the_middle_of_a_replay(
    house: House, cli: Cli, three: tuple[list[int], list[int]], number: int, code: int
) -> None:
    """C006: what was queued is queued with its audit row, the rest is as it was; run again it goes on there."""
    tickets, events = three
    with psycopg.connect(house.uri) as held:  # the third one is locked: there the command waits, and is ended
        held.execute("SELECT 1 FROM events WHERE id = %s FOR UPDATE", (events[2],))
        running = process(house, "replay", "--failed")
        waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        house.wait(lambda: house.rows(waits), what="the command waits for the third")
        running.send_signal(number)
        _, errors = running.communicate(timeout=30)
        # On a busy machine psycopg's own end of the statement may come after the lock's time limit.
        assert running.returncode in (code, 4 if number == signal.SIGINT else code), errors
        assert b"Traceback" not in errors
    assert states(house) == ["queued", "queued", "dead"]
    assert [row["target"] for row in trail(house)] == [f"event:{event_id}" for event_id in events[:2]]
    assert f"queued: {events[2]}" in cli("replay", "--failed").stdout
    house.start_worker()
    house.wait(lambda: states(house) == ["done"] * 3, what="all are replayed")
    house.settle()
    assert [sent(house, ticket) for ticket in tickets] == [Sent(mails=1, cards=1)] * 3
    assert len(trail(house)) == 3


@pytest.mark.long
def test_a_replay_of_many_goes_on_without_its_command_and_after_its_worker(
    house: House, cli: Cli, three: tuple[list[int], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PORTION", 1)
    monkeypatch.setattr(bulk, "PAUSE", bulk.PAUSE / 5)  # the second portion is not due before the worker is stopped
    tickets, _ = three
    running = process(house, "replay", "--all", "--yes", "--wait")
    house.wait(lambda: house.rows("SELECT 1 FROM bulk_replays"), what="it has begun")
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=30)
    house.start_worker()
    house.wait(lambda: house.rows("SELECT 1 FROM bulk_replays WHERE queued > 0"), what="the first portion")
    house.stop_worker()
    assert [row["ended_at"] for row in cli.json("replay", "--progress")] == [None]
    monkeypatch.setattr(bulk, "PAUSE", bulk.PAUSE / 20)
    house.start_worker()
    [row] = cli.json("replay", "--progress", "--wait")
    assert (row["total"], row["queued"], row["refused"], row["ended_at"] is not None) == (3, 3, 0, True)
    house.settle()
    assert [sent(house, ticket) for ticket in tickets] == [Sent(mails=1, cards=1)] * 3


def test_ctrl_c_ends_the_looking_and_not_the_replay(web: Web, desk: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(many.time, "sleep", interrupt)
    dead_event(web)
    assert "the replay goes on; `desk replay --progress`" in desk("replay", "--all", "--yes", "--wait", code=1).stderr
    assert web.rows("SELECT ended_at FROM bulk_replays") == [{"ended_at": None}]
