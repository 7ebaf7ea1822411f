"""A case is one customer's wish on one ticket. The row decides, not the message: every change is one compare-and-set.

`(ticket, procedure, generation)` is unique, and a ticket has at most one open case of a procedure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from app.db import Connection, Row
from app.events import Json
from app.points import point

# open -> (incomplete <->) awaiting -> approved -> banning -> done; a person takes over in needs_person.
OPEN_STATES = frozenset({"open", "incomplete", "awaiting", "approved", "banning", "needs_person"})
CLOSED_STATES = frozenset({"done", "declined", "withdrawn", "void"})

COLUMNS = frozenset(
    {"preference", "problems", "tagger_id", "barred", "decision", "decided_by", "decision_event", "reason"}
    | {"jira_key", "chat_channel", "chat_ts", "tag_audit_id", "sealed"}
    | {"due_at", "clock", "confirmation", "kept", "persons", "joined_to"}
)


@dataclass(frozen=True)
class Case:
    """One row of `cases`, as read. `preference` holds codes (delete_all, stop_all, stop_calls, …)."""

    id: int
    ticket_id: int
    procedure: str
    generation: int
    state: str
    preference: tuple[str, ...]
    problems: tuple[str, ...]
    tag_audit_id: int | None
    tagger_id: int | None
    barred: tuple[str, ...]
    decision: str | None
    decided_by: str | None
    decided_at: datetime | None
    decision_event: int | None
    reason: str
    jira_key: str | None
    sealed: bytes | None
    chat_channel: str | None
    chat_ts: str | None
    opened_at: datetime
    changed_at: datetime
    closed_at: datetime | None
    received_at: datetime
    due_at: datetime | None
    clock: Mapping[str, Json]
    confirmation: Mapping[str, Json]
    kept: Mapping[str, Json]
    persons: tuple[str, ...]
    joined_to: int | None

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @classmethod
    def of(cls, row: Row) -> Case:
        values: dict[str, Any] = {name: row[name] for name in cls.__dataclass_fields__}
        for name in ("preference", "problems", "barred", "persons"):
            values[name] = tuple(values[name])
        return cls(**values)


def load(conn: Connection, case_id: int) -> Case | None:
    row = conn.execute("SELECT * FROM cases WHERE id = %s", (case_id,)).fetchone()
    return Case.of(row) if row else None


def latest(conn: Connection, ticket_id: int, procedure: str) -> Case | None:
    """The newest generation of this procedure on this ticket."""
    row = conn.execute(
        "SELECT * FROM cases WHERE ticket_id = %s AND procedure = %s ORDER BY generation DESC LIMIT 1",
        (ticket_id, procedure),
    ).fetchone()
    return Case.of(row) if row else None


def generation(conn: Connection, case: Case, number: int) -> Case | None:
    """Another round of the same procedure on the same ticket."""
    row = conn.execute(
        "SELECT * FROM cases WHERE ticket_id = %s AND procedure = %s AND generation = %s",
        (case.ticket_id, case.procedure, number),
    ).fetchone()
    return Case.of(row) if row else None


def open_case(
    conn: Connection,
    ticket_id: int,
    procedure: str,
    *,
    tag_audit_id: int | None,
    tagger_id: int | None,
    received_at: datetime | None = None,
) -> Case:
    """Open the next generation; when another has just opened one, that one is returned.

    `received_at`: when the wish reached us (the tag's time), from which its clock runs; None: now.
    """
    point("case.before_open")
    conn.execute(
        "INSERT INTO cases (ticket_id, procedure, generation, state, tag_audit_id, tagger_id, received_at)"
        " SELECT %(ticket)s, %(procedure)s, coalesce(max(generation), 0) + 1, 'open', %(audit)s, %(tagger)s,"
        " least(coalesce(%(received)s, now()), now())"
        " FROM cases WHERE ticket_id = %(ticket)s AND procedure = %(procedure)s"
        " ON CONFLICT DO NOTHING",
        {
            "ticket": ticket_id,
            "procedure": procedure,
            "audit": tag_audit_id,
            "tagger": tagger_id,
            "received": received_at,
        },
    )
    case = latest(conn, ticket_id, procedure)
    assert case is not None
    return case


def move(conn: Connection, case: Case, state: str, *, of: frozenset[str] | set[str], **fields: Any) -> Case | None:
    """Compare-and-set: to `state` if the row is this generation and still in one of the states `of`.

    Returns the case as it is now, or None when somebody else was first.
    """
    unknown = set(fields) - COLUMNS
    if unknown:
        raise ValueError(f"not columns of a case: {sorted(unknown)}")
    point("case.before_move")
    sets = "".join(f", {name} = %({name})s" for name in fields)
    if "decision" in fields:
        sets += ", decided_at = now()"
    row = conn.execute(
        f"UPDATE cases SET state = %(new)s, changed_at = now(),"
        f" closed_at = CASE WHEN %(closes)s THEN coalesce(closed_at, now()) END{sets}"
        " WHERE id = %(id)s AND generation = %(generation)s AND state = ANY(%(of)s) RETURNING *",
        {
            "new": state,
            "closes": state in CLOSED_STATES,
            "id": case.id,
            "generation": case.generation,
            "of": sorted(of),
            **{name: _stored(value) for name, value in fields.items()},
        },
    ).fetchone()
    return Case.of(row) if row else None


def _stored(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return Jsonb(value) if isinstance(value, dict) else value


def waiting_for_jira(conn: Connection, seconds: float) -> list[str]:
    """Keys of the issues that a case has waited on for longer than this, without a word since."""
    rows = conn.execute(
        "SELECT jira_key FROM cases c WHERE closed_at IS NULL AND state = 'banning' AND jira_key IS NOT NULL"
        " AND changed_at < now() - make_interval(secs => %(age)s) AND NOT EXISTS (SELECT 1 FROM events e"
        " WHERE e.ticket_id = c.ticket_id AND e.kind = 'issue_changed'"
        " AND e.received_at > now() - make_interval(secs => %(age)s)) ORDER BY id LIMIT 500",
        {"age": seconds},
    ).fetchall()
    return [str(row["jira_key"]) for row in rows]


def by_issue(conn: Connection, key: str, op_ids: tuple[str, ...]) -> Case | None:
    """The case whose JIRA issue this is: by key, or by the op id in the issue's label."""
    row = conn.execute(
        "SELECT c.* FROM cases c LEFT JOIN effects e ON e.case_id = c.id AND e.op_id = ANY(%s)"
        " WHERE c.jira_key = %s OR e.id IS NOT NULL ORDER BY c.id DESC LIMIT 1",
        (list(op_ids), key),
    ).fetchone()
    return Case.of(row) if row else None
