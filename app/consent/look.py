"""Reading the consent ledger: how a person stands now, or stood on day X, and all that was ever said of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from app.cases import Case
from app.consent.entries import ANY, Entry
from app.consent.person import Identifier
from app.db import Connection

# The newest entry of each source (a case, or whatever came without one) for each person and channel.
LATEST = (
    "SELECT DISTINCT ON (person, channel, coalesce(case_id, 0)) * FROM consents"
    " WHERE person = ANY(%(persons)s) AND purpose = %(purpose)s AND channel = ANY(%(channels)s)"
    " AND (%(on)s::timestamptz IS NULL OR recorded_at <= %(on)s)"
    " ORDER BY person, channel, coalesce(case_id, 0), id DESC"
)


def standing(
    conn: Connection, persons: Iterable[str], purpose: str, channel: str, on: datetime | None = None
) -> dict[str, Entry | None]:
    """How each person (digest) stands, in one query: the oldest standing no; else the newest yes; None: no entry.

    `on`: as we knew it at that moment (`recorded_at`), not as we know it now.
    """
    wanted = list(dict.fromkeys(persons))
    rows = conn.execute(
        f"SELECT DISTINCT ON (person) * FROM ({LATEST}) latest"
        " ORDER BY person, allowed, CASE WHEN allowed THEN -id ELSE id END",
        {"persons": wanted, "purpose": purpose, "channels": [ANY, channel], "on": on},
    ).fetchall()
    found = {str(row["person"]): Entry.of(row) for row in rows}
    return {person: found.get(person) for person in wanted}


def deciding(entries: Iterable[Entry | None]) -> Entry | None:
    """Of one person's several identifiers: the oldest no, else the newest yes."""
    known = [entry for entry in entries if entry is not None]
    return min(known, key=lambda entry: (entry.allowed, -entry.id if entry.allowed else entry.id), default=None)


def history(conn: Connection, persons: Iterable[str]) -> list[Entry]:
    """Every entry of these persons (digests), oldest first."""
    rows = conn.execute("SELECT * FROM consents WHERE person = ANY(%s) ORDER BY id", (list(persons),)).fetchall()
    return [Entry.of(row) for row in rows]


def of_case(conn: Connection, case: Case) -> list[Identifier]:
    """The persons that a case, or a round before it on the same ticket, has ever spoken of."""
    rows = conn.execute(
        "SELECT DISTINCT kind, person FROM consents WHERE case_id IN (SELECT id FROM cases WHERE ticket_id = %s"
        " AND procedure = %s AND generation <= %s) ORDER BY person",
        (case.ticket_id, case.procedure, case.generation),
    ).fetchall()
    return [Identifier(row["kind"], row["person"]) for row in rows]


def superseded(conn: Connection, case: Case, purpose: str) -> list[Entry]:
    """What rounds before this one still say no to, though they came to nothing (declined, void) and this one counts."""
    rows = conn.execute(
        "SELECT * FROM (SELECT DISTINCT ON (person, channel, case_id) * FROM consents WHERE purpose = %s AND case_id IN"
        " (SELECT id FROM cases WHERE ticket_id = %s AND procedure = %s AND generation < %s"
        " AND state IN ('declined', 'void')) ORDER BY person, channel, case_id, id DESC) latest"
        " WHERE NOT allowed ORDER BY id",
        (purpose, case.ticket_id, case.procedure, case.generation),
    ).fetchall()
    return [Entry.of(row) for row in rows]
