"""Erase: what the desk still keeps of one ticket's customer is cleared now, at the word of a privacy officer.

Nothing goes that is still needed to carry out the wish: while something is to come of the ticket the request waits, and
the worker carries it out as soon as the ticket is quiet. What is personal, and when it is over, app.forget alone says.
All proof stays, nothing is sent. Source: issue 5; bad-inputs A042, A043, C016; faults.md R3, P2.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

import psycopg
from psycopg.types.json import Jsonb

from app import audit, db, forget, timers
from app.audit import DESK, Actor
from app.db import Connection, Row
from app.errors import DeskError, StoreError
from app.events import Json
from app.inbox import UNFINISHED, Stored
from app.ledger import store
from app.vault import Vault

if TYPE_CHECKING:
    from app.desk import Desk
    from app.walk import Verdict, Walker

log = logging.getLogger(__name__)

WHAT = "erase"
ERASED = "erased"  # why an event is not replayed any more
PAUSE = timedelta(minutes=5)  # between two tries of one erasure that came to nothing
FIELDS = "id, ticket_id, who, asked_at, done_at, cleared, until_id"


def ask(desk: Desk, conn: Connection, actor: Actor, ticket: int, reason: str) -> Row | None:
    """The erasure, done (`done_at`) or waiting; None when there is no such ticket. Asked twice is one.

    Raises DeskError, reason `erase`, without a reason.
    """
    if not reason.strip():
        raise DeskError("to erase needs a reason", "erase")
    db.lock(conn, [f"{WHAT}:{ticket}"])
    letters, days = _letters(conn, desk.vault, ticket), desk.settings.forget_case_days
    if not letters and not conn.execute("SELECT 1 FROM cases WHERE ticket_id = %s LIMIT 1", (ticket,)).fetchone():
        return None
    last = next(iter(listed(conn, ticket, days)), None)
    if last and (last["done_at"] is None or not since(conn, last, letters)):
        return last
    _hold(conn, ticket)
    made = conn.execute(
        f"INSERT INTO erasures (ticket_id, who) VALUES (%s, %s) RETURNING {FIELDS}", (ticket, actor.name)
    ).fetchone()
    assert made is not None
    audit.write(
        conn, desk.vault, actor, "case.erase_asked", _target(made), after={"erasure": made["id"]}, reason=reason.strip()
    )
    if _carry_out(desk, conn, actor, made, letters):
        timers.start(conn, _timer(made["id"]), f"{WHAT}:{made['id']}", datetime.now(UTC))  # what comes after it
    return listed(conn, ticket, days)[0]


def walk(walker: Walker, stored: Stored) -> Verdict:
    """One that waited, and what comes after each. Done again after a crash it finds what is done."""
    from app.walk import Verdict

    desk, number = walker.desk, int(str(stored.detail["what"]).partition(":")[2])
    with desk.db.tx() as conn:
        row = conn.execute(f"SELECT {FIELDS} FROM erasures WHERE id = %s FOR UPDATE", (number,)).fetchone()
        assert row is not None
        done = row["done_at"] is not None or _carry_out(
            desk, conn, DESK, row, _letters(conn, desk.vault, row["ticket_id"])
        )
    if done:
        _overwrite(desk)
    return Verdict("done", "" if done else "not_quiet")


def _overwrite(desk: Desk) -> None:
    """What was cleared is still in the tables' files, as ciphertext; VACUUM frees its place, and mostly writes over it
    (docs/security.md). Where it may not run, or takes too long, the server's own does it some day."""
    try:
        with desk.db.each() as conn:
            for table in forget.TABLES.values():
                conn.execute(f"VACUUM (SKIP_LOCKED) {table}")
    except (StoreError, psycopg.Error) as error:
        log.warning("erase.not_vacuumed", extra={"error": type(error).__name__})


def set_up(conn: Connection, days: int) -> None:
    """Once a minute: what waited for its ticket to be quiet, and need not any more."""
    rows = conn.execute(
        "SELECT r.id FROM erasures r WHERE r.done_at IS NULL"
        f" AND NOT EXISTS ({forget.TO_COME.format(ticket='r.ticket_id')}) ORDER BY r.id",
        forget.under_way(days),
    ).fetchall()
    for number in (row["id"] for row in rows):
        timers.now_and_then(conn, _timer(number), f"{WHAT}:{number}", PAUSE)


def listed(conn: Connection, ticket: int, days: int) -> list[Row]:
    """The ticket's erasures, newest first; `to_come`: what one that waits is waiting for (forget.to_come, `days`)."""
    rows = conn.execute(f"SELECT {FIELDS} FROM erasures WHERE ticket_id = %s ORDER BY id DESC", (ticket,)).fetchall()
    return [
        {
            **row,
            "cleared": {kind: row["cleared"][kind] for kind in forget.KINDS if kind in row["cleared"]},
            "to_come": [] if row["done_at"] else forget.to_come(conn, ticket, days),
        }
        for row in rows
    ]


def of_round(erasures: Sequence[Row], case: Row) -> Row | None:
    """The one that this round was erased by, or is to be: a later round is another wish."""
    done = (row for row in erasures if row["done_at"] and row["done_at"] >= case["opened_at"])
    return next(done, next((row for row in erasures if not row["done_at"]), None))


def since(conn: Connection, last: Row, letters: Sequence[int] = ()) -> bool:
    """Whether there is anything to erase since this one was done. `letters`: as for forget.clear_ticket."""
    newer = conn.execute(
        "SELECT 1 FROM events WHERE ticket_id = %s AND id > %s LIMIT 1", (last["ticket_id"], last["until_id"])
    ).fetchone()
    return newer is not None or forget.keeps(conn, last["ticket_id"], letters)


def covers(conn: Connection, stored: Stored) -> bool:
    """Whether what this event was about has been erased since."""
    row = conn.execute(
        # One that was being written down at that moment has its number from before, and changes after.
        "SELECT 1 AS yes FROM erasures WHERE ticket_id = %s AND until_id >= %s AND done_at >= %s LIMIT 1",
        (stored.ticket_id, stored.id, stored.changed_at),
    ).fetchone()
    return row is not None


def _carry_out(desk: Desk, conn: Connection, actor: Actor, row: Row, letters: Sequence[int]) -> bool:
    """All of it with its rows in journal and audit trail, or nothing. False: the ticket is not quiet."""
    ticket = row["ticket_id"]
    # First of all: what comes in from now on is a new wish, and may be replayed.
    newest = _hold(conn, ticket)
    cleared = None if newest is None else forget.clear_ticket(conn, ticket, desk.settings.forget_case_days, letters)
    if cleared is None:
        return False
    conn.execute(
        "UPDATE erasures SET done_at = clock_timestamp(), cleared = %s, until_id = %s WHERE id = %s",
        (Jsonb(cleared), newest, row["id"]),
    )
    for case in conn.execute("SELECT id FROM cases WHERE ticket_id = %s ORDER BY id", (ticket,)).fetchall():
        store.write(conn, case["id"], ERASED, cleared=cleared)
    after: dict[str, Json] = {"erasure": row["id"], "asked_by": row["who"], **cleared}
    audit.write(conn, desk.vault, actor, "case.erased", _target(row), after=after)
    log.info("erase.done", extra={"key": row["id"], "count": sum(cleared.values())})
    return True


def _hold(conn: Connection, ticket: int) -> int | None:
    """Nobody replays an event of this ticket until our transaction ends; the newest one's id. None: somebody has one of
    them in hand. Before any row of the audit trail, as app.replay does it."""
    query = "SELECT id FROM events WHERE ticket_id = %s ORDER BY id"
    held = conn.execute(f"{query} FOR UPDATE SKIP LOCKED", (ticket,)).fetchall()
    rows = conn.execute(query, (ticket,)).fetchall()
    return None if rows != held else int(rows[-1]["id"]) if rows else 0


def _letters(conn: Connection, vault: Vault, ticket: int) -> list[int]:
    """Bodies of no case that name this ticket: only they themselves say whose they are. Better one too many than one
    too few: they are kept to mend their sender. One of another DATA_KEY says nothing to anybody."""
    named, found = re.compile(rb"(?<![0-9])%d(?![0-9])" % ticket), []
    with conn.cursor("letters") as cursor:  # as they are read, never all at once
        cursor.execute(
            "SELECT id, ticket_id, fact, body FROM events WHERE body IS NOT NULL AND case_id IS NULL"
            " AND state <> ALL(%s)",
            (list(UNFINISHED),),
        )
        for row in cursor:
            if row["ticket_id"] == ticket or _names(named, _opened(vault, row)):
                found.append(int(row["id"]))
    return found


def _names(number: re.Pattern[bytes], body: bytes) -> bool:
    """Also in a form that was sent percent-encoded."""
    return bool(number.search(body) or number.search(unquote_to_bytes(body)))


def _opened(vault: Vault, row: Row) -> bytes:
    try:
        return vault.open(bytes(row["body"]), row["fact"])
    except DeskError:
        return b""


def _timer(number: int) -> str:
    return f"desk:{WHAT}:{number}"


def _target(row: Row) -> str:
    return f"ticket:{row['ticket_id']}"
