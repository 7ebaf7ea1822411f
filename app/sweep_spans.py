"""What a sweep looks at (app/sweep.py): since the last whole one, and as far back as somebody asks for.

The way back is gone in portions, the oldest first, and how far it is gone is kept: a worker that is stopped in the
middle goes on there. Source: faults.md Z13; bad-inputs C020.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app import audit, timers
from app.audit import Actor
from app.clients.shape import moment
from app.db import Connection
from app.vault import Vault

TIMER, WHAT = "desk:sweep", "sweep"
OVERLAP = timedelta(minutes=15)  # the index's lag, and clocks that differ
FURTHER = timedelta(days=1)  # once a day: an index that lagged for longer
PORTION = timedelta(days=90)
OLDEST = datetime(2005, 1, 1, tzinfo=UTC)  # there are no older tickets in any account
UNTIL, ASKED = "swept_until", "sweep_from"  # of ourselves
STAMP = "%Y-%m-%dT%H:%M:%SZ"  # as text in the order of time


@dataclass(frozen=True)
class Span:
    """A stretch of time in which tickets were changed; `begin` None: every ticket that is not solved; `end` None: now.
    `asked`: somebody wanted it looked at."""

    begin: datetime | None
    end: datetime | None = None
    asked: bool = False


def ask(conn: Connection, vault: Vault, actor: Actor, since: datetime | None) -> None:
    """The next sweep is due now, and looks back to `since` (None: as far as it would anyway)."""
    if since is not None:
        conn.execute(
            "INSERT INTO ourselves VALUES (%s, %s) ON CONFLICT (name) DO UPDATE"
            " SET value = least(ourselves.value, excluded.value)",
            (ASKED, since.strftime(STAMP)),
        )
    timers.again(conn, TIMER, WHAT, datetime.now(UTC))
    audit.write(conn, vault, actor, "sweep.asked", after={"since": since.strftime(STAMP) if since else ""})


def spans(conn: Connection, now: datetime) -> list[Span]:
    """What this sweep looks at: what somebody has asked for, the oldest first, then what it looks at anyway."""
    since = _since(conn, now)
    row = conn.execute("SELECT value FROM ourselves WHERE name = %s", (ASKED,)).fetchone()
    asked, end, spans = moment(row["value"]) if row else None, since or now, []
    while asked is not None and asked < end:
        spans.append(Span(asked, min(asked + PORTION, end), asked=True))
        asked += PORTION
    return [*spans, Span(since)]


def portion(conn: Connection, span: Span) -> None:
    """One portion is done. Not if somebody has asked for an older one meanwhile: that is the next sweep's."""
    assert span.begin is not None
    assert span.end is not None
    conn.execute(
        "UPDATE ourselves SET value = %s WHERE name = %s AND value = %s",
        (span.end.strftime(STAMP), ASKED, span.begin.strftime(STAMP)),
    )


def whole(conn: Connection, spans: list[Span], started: datetime) -> None:
    """All of it was looked at. What somebody has asked for meanwhile, and is older, is the next sweep's, at once."""
    conn.execute(
        "INSERT INTO ourselves VALUES (%s, %s) ON CONFLICT (name) DO UPDATE"
        " SET value = greatest(ourselves.value, excluded.value)",
        (UNTIL, started.strftime(STAMP)),
    )
    end = (spans[-1].begin or started).strftime(STAMP)
    conn.execute("DELETE FROM ourselves WHERE name = %s AND value >= %s", (ASKED, end))
    if conn.execute("SELECT 1 FROM ourselves WHERE name = %s", (ASKED,)).fetchone():
        timers.again(conn, TIMER, WHAT, datetime.now(UTC))


def _since(conn: Connection, now: datetime) -> datetime | None:
    row = conn.execute("SELECT value FROM ourselves WHERE name = %s", (UNTIL,)).fetchone()
    if row is None:
        return None
    until = moment(row["value"])
    return until - (OVERLAP if until.date() == now.date() else FURTHER)
