"""Reads events and cases for people: the command line now, the admin pages later. Ids, slugs and times only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from app import cases as known
from app.db import Connection, Row

EVENT_STATES = ("queued", "running", "waiting", "held", "done", "ignored", "void", "dead")
EVENT = "id, fact, sender, kind, ticket_id, case_id, detail, state, reason, walk, next_at, received_at, changed_at"
CASE = (
    "id, ticket_id, procedure, generation, state, preference, problems, decision, decided_by, decided_at, reason,"
    " jira_key, chat_channel, chat_ts, opened_at, changed_at, closed_at"
)
JOURNAL = (
    "SELECT j.at, j.what, e.verb, e.arg, j.reason, j.detail"
    " FROM journal j LEFT JOIN effects e ON e.id = j.effect_id"
    " WHERE j.event_id = %(event)s OR (j.event_id IS NULL AND j.case_id = %(case)s AND j.at >= %(since)s)"
    " ORDER BY j.id LIMIT 500"
)
EFFECT = "id, verb, arg, vendor, op_id, state, attempts, reason, evidence, planned_at, sent_at, done_at, next_at"
# What this event has sent, and what it has planned under its number.
OWN_MESSAGES = (
    f"SELECT {EFFECT} FROM effects WHERE id IN (SELECT effect_id FROM journal WHERE event_id = %(event)s AND effect_id"
    " IS NOT NULL UNION SELECT f.id FROM effects f JOIN events e ON e.id = %(event)s WHERE f.case_id = %(case)s"
    " AND f.verb = split_part(e.detail->>'what', ':', 1) AND f.arg = e.id::text) ORDER BY id"
)


def events(conn: Connection, *, state: str | None, ticket: int | None, limit: int) -> list[Row]:
    """The newest events first."""
    return conn.execute(
        f"SELECT {EVENT} FROM events WHERE (%(state)s::text IS NULL OR state = %(state)s)"
        " AND (%(ticket)s::bigint IS NULL OR ticket_id = %(ticket)s) ORDER BY id DESC LIMIT %(limit)s",
        {"state": state, "ticket": ticket, "limit": limit},
    ).fetchall()


def event(conn: Connection, event_id: int) -> dict[str, Any] | None:
    """One event with the journal of its case since it came in, and the case's effects."""
    row = conn.execute(f"SELECT {EVENT} FROM events WHERE id = %s", (event_id,)).fetchone()
    if row is None:
        return None
    case_id = None if _of_books(conn, row["case_id"]) else row["case_id"]
    journal = conn.execute(JOURNAL, {"event": event_id, "case": case_id, "since": row["received_at"]}).fetchall()
    return {"event": row, "journal": journal, "effects": effects_of(conn, event_id, row["case_id"])}


def effects_of(conn: Connection, event_id: int, case_id: int | None) -> list[Row]:
    """What a walk of this event is about: the effects of its case; of the desk's books its own messages alone."""
    if _of_books(conn, case_id):
        return conn.execute(OWN_MESSAGES, {"event": event_id, "case": case_id}).fetchall()
    return effects(conn, case_id)


def _of_books(conn: Connection, case_id: int | None) -> bool:
    """Whether this is the one case of all messages of the desk (app/own_messages.py): it holds years of them."""
    return conn.execute("SELECT 1 FROM cases WHERE id = %s AND ticket_id = 0", (case_id,)).fetchone() is not None


def effects(conn: Connection, case_id: int | None) -> list[Row]:
    return conn.execute(f"SELECT {EFFECT} FROM effects WHERE case_id = %s ORDER BY id", (case_id,)).fetchall()


def cases(conn: Connection, *, only_open: bool, limit: int) -> list[Row]:
    """The newest cases first."""
    return conn.execute(
        f"SELECT {CASE} FROM cases WHERE ticket_id > 0 AND (NOT %s OR closed_at IS NULL) ORDER BY id DESC LIMIT %s",
        (only_open, limit),
    ).fetchall()


def unconfirmed(conn: Connection) -> list[Row]:
    """The wishes not confirmed yet, oldest receipt first, with their due date and whether it has passed."""
    now = datetime.now(UTC)
    return [
        {
            **{name: getattr(case, name) for name in (*CASE.split(", "), "received_at", "due_at")},
            "overdue": case.due_at is not None and case.due_at < now,
        }
        for case in known.unconfirmed(conn)
    ]


def case(conn: Connection, ticket_id: int) -> list[dict[str, Any]]:
    """All rounds of a ticket, oldest first, each with its effects."""
    rows = conn.execute(f"SELECT {CASE} FROM cases WHERE ticket_id = %s ORDER BY id", (ticket_id,)).fetchall()
    return [{"case": row, "effects": effects(conn, row["id"])} for row in rows]
