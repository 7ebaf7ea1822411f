"""A made-up history for measurements: past runs with their cases, effects, journal, timers, consents and audit rows.

As a desk would have it that took in PER_DAY events every day: a larger history is a longer one. The newest cases are
open; among the events are FAILED that failed of several causes and as many unusable bodies, spread over the whole time.
Nobody's data: every value follows from a number.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
from psycopg import sql

from app import audit
from app.vault import Vault

PER_DAY = 1000
FAILED = LETTERS = 1000
OPEN, UNFINISHED = 300, 200
ROUNDS = 50  # of the one ticket that has many
AUDITED = 10  # one row of the audit trail for so many events
RARE, RARELY = "officer-rare", 997  # who has one row of the trail in so many
FILL = Path(__file__).resolve().parent / "past.sql"
TABLES = ["cases", "events", "effects", "journal", "timers", "consents", "wishes", "votes", "bulk_replays", "audit"]
INDEXES = (
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY(%s)"
    " AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexname::regclass)"
)


def fill(uri: str, vault: Vault, past: int) -> None:
    """Into a new, migrated database: `past` finished runs, and beside them what is open, unfinished and dead.

    Afterwards every table is as autovacuum would have left it.
    """
    total = past + FAILED + LETTERS + UNFINISHED
    values = {
        "total": total,
        "cases": total // 4,
        "rounds": ROUNDS,
        "open": OPEN,
        "unfinished": UNFINISHED,
        "failed": FAILED + LETTERS,
        "seconds": 86_400 / PER_DAY,
    }
    with psycopg.connect(uri, autocommit=True) as conn:
        conn.execute("SET maintenance_work_mem = '256MB'")
        conn.execute("SET session_replication_role = replica")  # no look at a foreign key for each row
        later = conn.execute(INDEXES, (TABLES,)).fetchall()
        for name, _ in later:
            conn.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
        for statement in FILL.read_text("utf-8").split(";\n"):
            conn.execute(statement.encode(), values)
        _audit(conn, vault, total // AUDITED)
        for _, made in later:
            conn.execute(made.encode())
        conn.execute("VACUUM ANALYZE")
        conn.execute("CHECKPOINT")


def _audit(conn: psycopg.Connection, vault: Vault, rows: int) -> None:
    columns = sql.SQL(audit.FIELDS)
    with conn.cursor().copy(sql.SQL("COPY audit ({}) FROM STDIN").format(columns)) as copy:
        for row in _trail(vault, rows):
            copy.write_row(row)


def _trail(vault: Vault, rows: int) -> Iterator[tuple[object, ...]]:
    """A chain that verifies."""
    mac, now, step = audit.START, datetime.now(UTC), timedelta(days=AUDITED / PER_DAY)
    for number in range(1, rows + 1):
        rare = number % RARELY == 0
        row: dict[str, object] = {
            "id": number,
            "at": now - (rows - number) * step,
            "who": RARE if rare else ("aminah", "bala", "chong")[number % 3],
            "role": "officer" if rare else "operator",
            "origin": "192.0.2.7",
            "action": "letter.unmasked" if rare else ("event.replayed", "login", "event.settled")[number % 3],
            "target": f"event:{number * AUDITED}",
            "before": {"state": "dead"},
            "after": {"state": "queued"},
            "reason": "seen to by telephone",
        }
        mac = audit.chained(vault, mac, row)
        yield (*({**row, "before": json.dumps(row["before"]), "after": json.dumps(row["after"])}).values(), mac)
