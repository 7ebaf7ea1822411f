"""The command line's bad inputs by their ids: exit code, one clear line, no effect.

Ids that are not here are shown beside what they are about; grep finds each of them once under tests/.
"""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import psycopg
import pytest
from click.testing import CliRunner

from app import bulk
from app.cli import main, refusals
from app.cli.browse import Id
from tests.admin.pageskit import XSS, Web, case, effect, event, trail, unchanged
from tests.cli_kit import Cli, failed_card
from tests.databases import database_uri
from tests.house import ROOT, House
from tests.kit import Sent, sent

ONE_LINE = re.compile(r"desk: [^\n]+\n")


@pytest.fixture
def desk(web: Web, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`desk …` on a database that nobody else works on."""
    monkeypatch.chdir(ROOT / "tests")
    return Cli(web)


def commands(group: click.Group = main, *before: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its words."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)
        else:
            yield (*before, name), command


def process(house: House, *words: object, **more: Any) -> subprocess.Popen[bytes]:
    """The real command."""
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", *map(str, words)],
        cwd=ROOT / "tests",
        env={**os.environ, **house.environment, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},
    )


def dead_event(web: Web, **given: Any) -> int:
    """One that failed, with an effect that is done and one that is dead."""
    number = case(web, ticket=int(given.get("ticket_id", 7)))
    effect(web, number, "apply_macro", arg="Data Deletion Request", done_at="2026-11-01T02:02:00Z")
    effect(web, number, "ask_supervisor", "dead", vendor="slack", reason="channel", sent_at="2026-11-01T02:03:00Z")
    return event(web, "dead", **{"reason": "channel", "case_id": number, **given})


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


MORE = {"settle": ("--reason", "x"), "extend": ("--reason", "complexity", "--by", "privacy_officer")}
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
                said = desk(*words, *MORE.get(words[-1], ()), "--", number, code=3)
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
        assert (running.returncode, b"Traceback" in errors) == (code, False), errors
    assert states(house) == ["queued", "queued", "dead"]
    assert [row["target"] for row in trail(house)] == [f"event:{event_id}" for event_id in events[:2]]
    assert f"queued: {events[2]}" in cli("replay", "--failed").stdout
    house.start_worker()
    house.wait(lambda: states(house) == ["done"] * 3, what="all are replayed")
    house.settle()
    assert [sent(house, ticket) for ticket in tickets] == [Sent(mails=1, cards=1)] * 3
    assert len(trail(house)) == 3


def test_a_replay_of_many_goes_on_without_its_command_and_after_its_worker(
    house: House, cli: Cli, three: tuple[list[int], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PORTION", 1)
    monkeypatch.setattr(bulk, "PAUSE", bulk.PAUSE / 50)
    tickets, _ = three
    running = process(house, "replay", "--all", "--yes", "--wait")
    house.wait(lambda: house.rows("SELECT 1 FROM bulk_replays"), what="it has begun")
    running.send_signal(signal.SIGKILL)
    running.communicate(timeout=30)
    house.start_worker()
    house.wait(lambda: house.rows("SELECT 1 FROM bulk_replays WHERE queued > 0"), what="the first portion")
    house.stop_worker()
    assert desk_under_way(cli) == [None]
    house.start_worker()
    [row] = cli.json("replay", "--progress", "--wait")
    assert (row["total"], row["queued"], row["refused"], row["ended_at"] is not None) == (3, 3, 0, True)
    house.settle()
    assert [sent(house, ticket) for ticket in tickets] == [Sent(mails=1, cards=1)] * 3


def desk_under_way(cli: Cli) -> list[object]:
    return [row["ended_at"] for row in cli.json("replay", "--progress")]


# ---- output

LISTS = (
    *(("events", "list"), ("events", "list", "--json"), ("events", "show", "1"), ("events", "causes")),
    *(("replay", "--progress"), ("replay", "1", "--dry-run"), ("replay", "--all", "--dry-run")),
    *(("dead", "list"), ("dead", "list", "--json"), ("dead", "show", "2"), ("cases", "list", "--json")),
    *(("cases", "list"), ("cases", "list", "--unconfirmed"), ("cases", "show", "7"), ("cases", "proof", "7")),
    *(("audit", "list"), ("audit", "head"), ("admin", "list"), ("cover", "list"), ("tokens", "list")),
    *(("threats", "report"), ("audit", "verify")),
)
# Loads the command line once; each command runs in a child, to the very end of the interpreter, where Python complains
# of an output that it cannot write.
DRIVER = """
import json, os, sys
import app.cli
found = []
for words in json.loads(sys.argv[1]):
    if os.fork() == 0:
        break
    found.append(os.waitstatus_to_exitcode(os.wait()[1]))
else:
    print(json.dumps(found))
    sys.exit()
if sys.argv[2] == "unread":
    ours, theirs = os.pipe()
    os.close(ours)
    os.dup2(theirs, 1)
else:
    os.close(1)
    sys.stdout = None
app.cli.main(words)
"""


@pytest.mark.parametrize(("how", "code"), [("unread", 141), ("closed", 0)])
def test_c007_nobody_reads_the_output(web: Web, how: str, code: int) -> None:
    """C007: `| head` that has gone, and no standard output at all; of every command that lists something."""
    dead_event(web)
    event(web, "dead", kind="dead", fact="zd:dead:1", reason="json")
    lists = {words for words, command in commands() if words[-1] in ("list", "show", "causes", "report", "head")}
    assert lists - {("consent", "show")} <= {words[:2] for words in LISTS}
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(LISTS), how], cwd=ROOT / "tests", check=False, capture_output=True,
        env={**os.environ, **web.environment, "PYTHONPATH": str(ROOT)}, timeout=100,
    )  # fmt: skip
    assert done.stderr.decode() == ""
    assert dict(zip(LISTS, json.loads(done.stdout), strict=True)) == dict.fromkeys(LISTS, code)


def test_an_output_that_is_not_utf_8_shows_what_it_can(web: Web) -> None:
    """A document is UTF-8 all the same."""
    event(web, reason="né 李")
    web.environment["PYTHONIOENCODING"] = "latin-1"
    for words, shown in ((("events", "list"), b"n\xe9 \\u674e"), (("events", "list", "--json"), "né 李".encode())):
        out, errors = process(web, *words).communicate(timeout=60)
        assert errors == b""
        assert shown in out


def test_what_is_shown_obeys_nobody(web: Web, desk: Cli) -> None:
    """Escapes are written out, on every terminal."""
    event(web, reason="\x1b[2Jgone\u202e")
    assert "\\x1b[2Jgone\\u202e" in desk("events", "list").stdout


# ---- the store


def lacking(conn: psycopg.Connection[Any]) -> None:
    conn.execute("DROP TABLE events CASCADE")


def of_another_version(conn: psycopg.Connection[Any]) -> None:
    conn.execute("UPDATE desk_schema SET version_num = '0001'")


def read_only(conn: psycopg.Connection[Any]) -> None:
    [name] = conn.execute("SELECT current_database()").fetchone() or ("",)
    conn.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")  # type: ignore[call-overload]


def damaged(conn: psycopg.Connection[Any]) -> None:
    """As PostgreSQL says it of a page that it cannot read."""
    conn.execute("ALTER TABLE events RENAME TO torn")
    conn.execute(
        "CREATE FUNCTION torn_page() RETURNS SETOF torn LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'invalid page in block 7' USING ERRCODE = 'XX001'; END $$"
    )
    conn.execute("CREATE VIEW events AS SELECT * FROM torn_page()")


TROUBLES = {lacking: "desk migrate", of_another_version: "desk migrate", damaged: "damaged"}


@pytest.mark.parametrize("words", [("events", "list"), ("dead", "list"), ("replay", "--failed"), ("replay", "1")])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_c008_a_store_that_is_not_as_it_should_be(
    web: Web, desk: Cli, trouble: Callable[[psycopg.Connection[Any]], None], words: tuple[str, ...]
) -> None:
    """C008: one clear line and 4, for what is missing, of another version or damaged."""
    web.desk.db.close()
    with psycopg.connect(web.uri, autocommit=True) as conn:
        trouble(conn)
    said = desk(*words, code=4).stderr
    assert ONE_LINE.fullmatch(said), said
    assert TROUBLES[trouble] in said


def test_a_store_that_somebody_else_has_locked(web: Web, desk: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "LOCK_WAIT", 0.2)
    dead_event(web)
    with psycopg.connect(web.uri) as held:
        held.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        for words in (("events", "list"), ("replay", "--failed"), ("cases", "show", "7")):
            code = 0 if words[0] == "cases" else 4
            said = desk(*words, code=code).stderr
            assert said == ("" if code == 0 else "desk: the database is locked by somebody else: try again later\n")
    assert web.rows("SELECT state FROM events") == [{"state": "dead"}]


def test_a_store_that_is_read_only_can_be_read(web: Web, desk: Cli) -> None:
    number = dead_event(web)
    with psycopg.connect(web.uri, autocommit=True) as conn:
        read_only(conn)
    assert [row["id"] for row in desk.json("events", "list", "--failed")] == [number]
    desk("replay", number, "--dry-run")
    for words in (("replay", number), ("events", "settle", number, "--reason", "x"), ("sweep",)):
        said = desk(*words, code=4).stderr
        assert said == "desk: the database is read-only: nothing was changed\n"


def test_no_store_is_made_by_looking(web: Web, desk: Cli) -> None:
    for uri in (database_uri(web.uri, "desk_nowhere"), "postgresql://127.0.0.1:9/desk"):
        web.environment["DATABASE_URL"] = uri
        assert ONE_LINE.fullmatch(desk("events", "list", code=4).stderr)
    with psycopg.connect(web.uri) as conn:
        assert conn.execute("SELECT 1 FROM pg_database WHERE datname = 'desk_nowhere'").fetchall() == []


def test_an_embedded_store_that_does_not_start(web: Web) -> None:
    """Of another version, and torn: its files are not touched. Not in pytest's own folder, PostgreSQL's user must get
    into it."""
    folder = Path(tempfile.mkdtemp(prefix="desk-test-"))
    web.environment |= {"DATABASE_URL": "", "VAR_DIR": str(folder)}

    def said(version: str) -> str:
        (folder / "postgres" / "PG_VERSION").write_text(f"{version}\n")
        running = process(web, "events", "list")
        out, errors = running.communicate(timeout=60)
        assert (running.returncode, out) == (4, b"")
        assert ONE_LINE.fullmatch(errors.decode()), errors
        return errors.decode()

    try:
        (folder / "postgres").mkdir()
        [ours] = re.findall(r"expecting version (\d+) but found version 9", said("9"))
        assert f"does not start: see {folder}/postgres/log" in said(ours)
        assert "does not start: " in said("\x1b[2J")
        assert not (folder / "postgres" / "base").exists(), "no new one was made"
    finally:
        shutil.rmtree(folder)


# ---- secrets, JSON

SECRET = re.compile("password|secret|token|key|code|totp")


def test_c010_no_command_takes_a_secret_as_an_argument() -> None:
    """C010: a flag or a file's name may be called so, a value that everybody sees in `ps` may not."""
    taking = [
        (words, param.name)
        for words, command in commands()
        for param in command.params
        if SECRET.search(param.name or "") and not isinstance(param.type, click.File | click.types.BoolParamType)
    ]
    assert taking == []


JSON = {
    ("events", "list"): 0,
    ("events", "list", "--failed"): 0,
    ("events", "show", "99"): 3,
    ("events", "show", "x"): 3,
    ("events", "causes"): 0,
    ("events", "replay", "99"): 3,
    ("replay", "99"): 3,
    ("replay", "--failed"): 0,
    ("replay", "--all", "--dry-run"): 0,
    ("replay", "--all", "--yes"): 0,
    ("replay", "--all", "--yes", "--wait"): 0,
    ("replay", "--all"): 2,
    ("replay", "--cause", "none", "--dry-run"): 3,
    ("replay", "--progress"): 0,
    ("replay", "--progress", "--wait"): 0,
    ("dead", "list"): 0,
    ("dead", "show", "99"): 3,
    ("dead", "show", "99", "--reason", "x"): 3,
    ("cases", "list"): 0,
    ("cases", "list", "--overdue"): 0,
    ("cases", "list", "--unconfirmed"): 0,
    ("cases", "list", "--nonsense"): 2,
    ("cases", "show", "99"): 3,
    ("audit", "list"): 0,
    ("audit", "head"): 0,
    ("admin", "list"): 0,
    ("cover", "list"): 0,
    ("tokens", "list"): 0,
    ("threats", "report"): 0,
    ("consent", "show", "--phone", "0123456789"): 3,
}
ELSEWHERE = {"bench", "suppress"}  # their documents are held against their files and figures in their own tests


def test_c013_json_is_one_document_also_when_there_is_nothing(web: Web, desk: Cli) -> None:
    """C013: the exit code is the same with and without."""
    known = {words for words, command in commands() if any(param.name == "as_json" for param in command.params)}
    shown = {words[:size] for words in JSON for size in (1, 2)}
    assert {words for words in known if words[0] not in ELSEWHERE} <= shown
    for words, code in JSON.items():
        desk(*words, code=code)
        out = desk(*words, "--json", code=code).stdout
        if code == 0 or out:
            json.loads(out)
        assert code or out, words


def test_json_of_what_is_there_is_utf_8_and_masked(web: Web) -> None:
    number = dead_event(web, reason="né 李")
    fact = f"{XSS}\x1b\u2028"
    letter = event(web, "dead", kind="dead", fact=fact, reason="json", body=web.desk.vault.seal(b"Siti", fact))
    for words in (("events", "show", number), ("dead", "show", letter), ("dead", "list"), ("replay", number)):
        given = [str(word) for word in (*words, "--json")]
        result = CliRunner().invoke(main, given, env=web.environment)
        assert result.exit_code == 0, result.output
        json.loads(result.stdout_bytes.decode("utf-8"))
        assert "Siti" not in result.output
