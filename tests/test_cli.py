"""`desk events` and `desk cases`: what is read, exit codes, and one plain line when it cannot be done."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from dotenv import dotenv_values

from app import replay
from app.cli import main, service
from app.desk import Desk
from app.events import Refused, TicketTagged
from app.settings import load

EXAMPLE = Path(__file__).resolve().parent.parent / ".env.example"
ENV = {name: value or "" for name, value in dotenv_values(EXAMPLE).items()}
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`desk …` in an empty folder; `env` and the exit code by name. No traceback, and one line when it fails."""
    monkeypatch.chdir(tmp_path)

    def call(*words: object, code: int = 0, **env: str) -> Result:
        result = CliRunner().invoke(main, [str(word) for word in words], env={**ENV, **env})
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        if code not in (0, 2):
            assert re.fullmatch(r"desk: [^\n]+\n", result.stderr), result.stderr
        return result

    return call


@pytest.fixture
def desk(database: str) -> Iterator[Desk]:
    """Two events, the second of them dead, and a case."""
    made = Desk(load(_env_file=EXAMPLE, database_url=database), uri=database, pool=2)
    tagged = TicketTagged("zd:417:1", 417, ("data_deletion_request",), None, "2026-11-21T10:00:00Z")
    made.submit(tagged, sender="zendesk")
    made.submit(Refused("zd:dead:1", "dead", "json", body=b"{"), sender="zendesk")
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("UPDATE events SET received_at = '2026-11-21T23:30:00Z'")
        conn.execute(
            "INSERT INTO cases (ticket_id, procedure, generation, state, preference, problems)"
            " VALUES (417, 'data_deletion', 1, 'incomplete', '{stop_calls,stop_email}', '{missing:name,info:cc}')"
        )
    yield made
    made.db.close()


def test_tables_are_wide_and_times_say_their_zone(run: Run, desk: Desk) -> None:
    listed = run("events", "list", DATABASE_URL=desk.uri).stdout
    assert "2026-11-22 07:30:00 +08" in listed
    assert "2026-11-21 23:30:00 UTC" in run("events", "list", DATABASE_URL=desk.uri, DESK_TIME_ZONE="UTC").stdout
    assert len(listed.splitlines()) == 3, "one line an event, nothing folded"
    assert "2026-11-22 07:30:00 +08" in run("events", "show", "1", DATABASE_URL=desk.uri).stdout


def test_a_list_in_a_cell_is_words(run: Run, desk: Desk) -> None:
    assert "stop calls, stop email" in run("cases", "list", DATABASE_URL=desk.uri).stdout
    shown = run("cases", "show", "417", DATABASE_URL=desk.uri).stdout
    assert "stop calls, stop email" in shown
    assert "missing:name, info:cc" in shown


def test_json_is_one_document_in_utc(run: Run, desk: Desk) -> None:
    rows = json.loads(run("events", "list", "--json", DATABASE_URL=desk.uri).stdout)
    assert [row["received_at"] for row in rows] == ["2026-11-21T23:30:00+00:00"] * 2
    assert json.loads(run("cases", "list", "--json", DATABASE_URL=desk.uri).stdout)[0]["preference"] == [
        "stop_calls",
        "stop_email",
    ]


@pytest.fixture
def wishes(desk: Desk) -> Desk:
    """Beside ticket 417's: an older one that is overdue, a closed, a joined one, and the desk's own book."""
    rows = (
        (418, "awaiting", "2026-10-01T08:00Z", "2026-10-22T08:00Z", None, None),
        (419, "done", "2026-09-01T08:00Z", "2026-09-22T08:00Z", "2026-09-02T08:00Z", None),
        (420, "joined", "2026-10-02T08:00Z", None, None, 1),
        (0, "done", "2026-09-01T08:00Z", None, "2026-09-01T08:00Z", None),
    )
    with psycopg.connect(desk.uri, autocommit=True) as conn:
        for row in rows:
            conn.execute(
                "INSERT INTO cases (ticket_id, procedure, generation, state, received_at, due_at, closed_at, joined_to)"
                " VALUES (%s, 'data_deletion', 1, %s, %s, %s, %s, %s)",
                row,
            )
        conn.execute("UPDATE cases SET due_at = now() + interval '9 days' WHERE ticket_id = 417")
    return desk


def test_sop_0_34_wishes_not_confirmed_yet_oldest_first(run: Run, wishes: Desk) -> None:
    rows = json.loads(run("cases", "list", "--unconfirmed", "--json", DATABASE_URL=wishes.uri).stdout)
    assert [(row["ticket_id"], row["overdue"]) for row in rows] == [(418, True), (417, False)]
    assert rows[0]["received_at"] == "2026-10-01T08:00:00+00:00"
    assert rows[0]["due_at"] == "2026-10-22T08:00:00+00:00"
    assert {"id", "state", "preference", "jira_key"} <= rows[0].keys()
    head, *lines = run("cases", "list", "--unconfirmed", DATABASE_URL=wishes.uri).stdout.splitlines()
    assert head.split()[:2] == ["received", "at"]
    assert [("418" in line, "OVERDUE" in line) for line in lines] == [(True, True), (False, False)]
    cut = run("cases", "list", "--unconfirmed", "--limit", "1", DATABASE_URL=wishes.uri)
    assert (len(cut.stdout.splitlines()), cut.stderr) == (2, "1 of 2: --limit shows more\n")
    assert "418" in cut.stdout, "the oldest"


def test_usage(run: Run, desk: Desk) -> None:
    said = run("events", "list", "--failed", "--state", "dead", code=2, DATABASE_URL=desk.uri).stderr
    assert "not both" in said
    run("events", "show", "--nonsense", code=2, DATABASE_URL=desk.uri)
    run("events", "show", code=2, DATABASE_URL=desk.uri)
    run("events", "replay", "--nonsense", code=2, DATABASE_URL=desk.uri)


@pytest.mark.parametrize("number", ["-1", "0", "99", "x", "1" * 19, "١", "--9"])
@pytest.mark.parametrize("command", [("events", "show"), ("events", "replay"), ("cases", "show"), ("cases", "proof")])
def test_an_id_that_does_not_exist(run: Run, desk: Desk, command: tuple[str, str], number: str) -> None:
    if number == "--9":
        run(*command, number, code=2, DATABASE_URL=desk.uri)
    else:
        run(*command, number, code=3, DATABASE_URL=desk.uri)


def make_dead(desk: Desk) -> None:
    with desk.db.tx() as conn:
        conn.execute("UPDATE events SET state = 'dead', reason = 'channel' WHERE id = 1")


def test_replay_says_what_it_did(run: Run, desk: Desk) -> None:
    make_dead(desk)
    assert "nothing was changed" in run("events", "replay", "1", "--dry-run", DATABASE_URL=desk.uri).stdout
    assert "queued: 1\n" in run("events", "replay", "--failed", DATABASE_URL=desk.uri).stdout
    assert "nothing was queued" in run("events", "replay", "--failed", DATABASE_URL=desk.uri).stdout
    make_dead(desk)
    result = run("events", "replay", "1", "--json", DATABASE_URL=desk.uri)
    assert json.loads(result.stdout)[0]["event"] == 1
    assert result.stderr == "queued: 1\n"


def test_replay_that_somebody_else_was_first_with(run: Run, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    make_dead(desk)
    real = replay.carry_out

    def late(other: Desk, item: replay.Plan) -> bool:
        real(desk, item)  # another admin, between plan and deed
        return real(other, item)

    monkeypatch.setattr(replay, "carry_out", late)
    result = run("events", "replay", "1", code=1, DATABASE_URL=desk.uri)
    assert "nothing was queued" in result.stdout
    assert result.stderr == "desk: not queued, somebody else was first: 1\n"


@pytest.mark.parametrize(
    "command", [("events", "list"), ("events", "show", "1"), ("events", "replay", "--failed"), ("cases", "list")]
)
def test_looking_never_makes_a_database(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    said = run(*command, code=4).stderr
    assert said == "desk: no database here: run `desk migrate`\n"
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_down_is_said_once_and_soon(run: Run) -> None:
    began = time.monotonic()
    said = run("cases", "list", code=4, DATABASE_URL="postgresql://someone:hunter2@127.0.0.1:9/desk").stderr
    assert "hunter2" not in said
    assert "someone" not in said
    assert time.monotonic() - began < 3


def test_a_database_without_our_tables(run: Run, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("DROP TABLE events CASCADE")
    assert "desk migrate" in run("events", "list", code=4, DATABASE_URL=database).stderr


def test_settings_that_are_refused(run: Run) -> None:
    assert "PORT must be" in run("events", "list", code=1, PORT="x").stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("words", [("events", "list"), ("events", "list", "--json"), ("--help",)])
def test_an_output_that_is_full(desk: Desk, tmp_path: Path, words: tuple[str, ...]) -> None:
    """A real process: Python itself must not complain once more at its end."""
    env = {**os.environ, **ENV, "DATABASE_URL": desk.uri}
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "app.cli", *words]
        done = subprocess.run(
            command, check=False, cwd=tmp_path, env=env, stdout=full, stderr=subprocess.PIPE, timeout=60
        )
    assert (done.returncode, done.stderr) == (7, b"desk: the output cannot be written\n")


def test_a_folder_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = run("migrate", code=1, VAR_DIR=str(tmp_path / "file" / "var")).stderr
    assert str(tmp_path / "file") in said


@pytest.mark.parametrize(("given", "most"), [(20.0, 23.0), (25.0, 24.5)])
def test_a_worker_is_gone_before_25_seconds_are_over(
    monkeypatch: pytest.MonkeyPatch, given: float, most: float
) -> None:
    """Whatever hangs in it: the same handler for SIGTERM and Ctrl-C, and a second signal gives no more time."""
    handlers: dict[int, Callable[[int, None], None]] = {}
    ends: list[float] = []

    class Timer:
        def __init__(self, seconds: float, act: Callable[[int], None], args: tuple[int]) -> None:
            assert (act, args) == (os._exit, (0,))
            self.seconds = seconds

        def start(self) -> None:
            ends.append(self.seconds)

    monkeypatch.setattr(service.signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(service.threading, "Timer", Timer)
    stopping = threading.Event()
    service._stop_in_time(stopping, given)
    assert set(handlers) == {signal.SIGTERM, signal.SIGINT}
    handlers[signal.SIGTERM](signal.SIGTERM, None)
    handlers[signal.SIGINT](signal.SIGINT, None)
    assert (stopping.is_set(), ends) == (True, [most])
