"""Database.brief: over in time, and its error says whether anything of it can be there (bad-inputs M020)."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from app.db import Connection, Database
from app.errors import StoreError


@pytest.fixture
def db(database: str) -> Iterator[Database]:
    """With one connection."""
    made = Database(database, size=1)
    made.open()
    yield made
    made.close()


def note(conn: Connection) -> None:
    conn.execute("INSERT INTO ourselves VALUES ('noted', 'x')")


def noted(db: Database) -> int:
    with db.each() as conn:
        return len(conn.execute("SELECT 1 FROM ourselves WHERE name = 'noted'").fetchall())


def test_in_time(db: Database) -> None:
    with db.brief(5.0) as conn:
        note(conn)
    with db.each() as conn:
        row = conn.execute("SHOW statement_timeout").fetchone()
    assert (noted(db), row) == (1, {"statement_timeout": "0"}), "for that transaction only"


def test_too_slow(db: Database) -> None:
    def slow() -> None:
        with db.brief(1.0) as conn:
            note(conn)
            conn.execute("SELECT pg_sleep(60)")

    with pytest.raises(StoreError) as raised:
        slow()
    assert (raised.value.reason, noted(db)) == ("store_slow", 0)


def test_no_connection_is_free(db: Database) -> None:
    def waits() -> None:
        with db.each(), db.brief(0.2) as conn:
            note(conn)

    with pytest.raises(StoreError) as raised:
        waits()
    assert (raised.value.reason, noted(db)) == ("store", 0)


@pytest.mark.parametrize(("when", "reason"), [("statement", "store_lost"), ("commit", "store_unclear")])
def test_the_server_hangs(db: Database, when: str, reason: str) -> None:
    """It does not even say that it is too late: the line is cut, and a commit that was asked for may have happened."""
    stopped: list[int] = []

    def hangs() -> None:
        with db.brief(0.5) as conn:
            note(conn)
            stopped.append(conn.info.backend_pid)
            os.kill(stopped[0], signal.SIGSTOP)
            if when == "statement":
                conn.execute("SELECT 1")

    with pytest.raises(StoreError) as raised:
        hangs()
    os.kill(stopped[0], signal.SIGCONT)
    assert raised.value.reason == reason
    assert noted(db) <= (reason == "store_unclear")
