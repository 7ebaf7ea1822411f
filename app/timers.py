"""What is due when: reminders, later checks, the sweep. A due timer becomes an event of the same kind as all others.

Set in the transaction that makes it necessary, fired in one that also makes the event and its job: never lost, and a
name that is set twice is one timer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.db import Connection
from app.events import TimeCame
from app.points import point

AT_ONCE = 200  # fired in one go; the rest a minute later


@dataclass(frozen=True)
class Timer:
    """`what`: the section it is for, with `:<part>` when a case has several of them."""

    name: str
    what: str
    case_id: int | None
    due_at: datetime


def of_case(case_id: int, what: str) -> str:
    """The name of a case's timer."""
    return f"case:{case_id}:{what}"


def start(conn: Connection, name: str, what: str, due_at: datetime, *, case_id: int | None = None) -> None:
    """Set a timer. One of this name that is not fired yet moves to `due_at`; a fired one stays fired."""
    conn.execute(
        "INSERT INTO timers (name, what, case_id, due_at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at WHERE timers.fired_at IS NULL",
        (name, what, case_id, due_at),
    )


def again(conn: Connection, name: str, what: str, due_at: datetime, *, case_id: int | None = None) -> None:
    """Set a timer that comes round: one that has fired is set anew, for later than it was due then.

    The same moment twice (a clock that is behind the database's) would be the same event, and so none at all.
    """
    conn.execute(
        "INSERT INTO timers (name, what, case_id, due_at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (name) DO UPDATE SET fired_at = NULL, due_at = CASE WHEN timers.fired_at IS NULL"
        " THEN excluded.due_at ELSE greatest(excluded.due_at, timers.due_at + interval '1 microsecond') END",
        (name, what, case_id, due_at),
    )


def now_and_then(conn: Connection, name: str, what: str, pause: timedelta) -> None:
    """Set a timer for now; one that fired less than `pause` ago for when that is over. One that is set stays."""
    conn.execute(
        "INSERT INTO timers (name, what, due_at) VALUES (%s, %s, now()) ON CONFLICT (name) DO UPDATE"
        " SET due_at = greatest(now(), timers.fired_at + %s, timers.due_at + interval '1 microsecond'),"
        " fired_at = NULL WHERE timers.fired_at IS NOT NULL",
        (name, what, pause),
    )


def due(conn: Connection, name: str) -> datetime | None:
    """When this timer is due; None when there is none, or it has fired."""
    row = conn.execute("SELECT due_at FROM timers WHERE name = %s AND fired_at IS NULL", (name,)).fetchone()
    return row["due_at"] if row else None


def stop(conn: Connection, case_id: int, what: str = "") -> None:
    """Take away a case's timers that have not fired: all of them, or those whose `what` begins so."""
    conn.execute(
        "DELETE FROM timers WHERE case_id = %s AND fired_at IS NULL AND starts_with(what, %s)", (case_id, what)
    )


def hand_over(conn: Connection, old_id: int, new_id: int, what: str) -> None:
    """The timers of one case that have not fired and whose `what` begins so are another's from now on."""
    conn.execute(
        "UPDATE timers SET case_id = %s WHERE case_id = %s AND fired_at IS NULL AND starts_with(what, %s)",
        (new_id, old_id, what),
    )


def fire(conn: Connection, submit: Callable[[TimeCame], object]) -> int:
    """Hand every due timer to `submit`, in the caller's transaction; how many there were."""
    rows = conn.execute(
        "UPDATE timers SET fired_at = now() WHERE name IN (SELECT name FROM timers WHERE fired_at IS NULL"
        " AND due_at <= now() ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED) RETURNING *",
        (AT_ONCE,),
    ).fetchall()
    if rows:
        point("timer.before_fire")
    for row in rows:
        stamp = row["due_at"].strftime("%Y%m%dT%H%M%S.%f")  # one that comes round within a second is another fact
        submit(TimeCame(fact=f"time:{row['name']}:{stamp}", what=row["what"], case_id=row["case_id"]))
    return len(rows)
