"""The command line and a database that is not as it should be: one clear line, 4, and nothing is made or changed."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.cli import refusals
from tests.admin.pageskit import Web, dead_event
from tests.cli_kit import ONE_LINE, Cli, process
from tests.databases import database_uri


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


@pytest.mark.long
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
