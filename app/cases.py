"""A case is one customer's wish on one ticket. The row decides, not the message: every change is one compare-and-set.

`(ticket, procedure, generation)` is unique, and a ticket has at most one open case of a procedure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from psycopg.types.json import Jsonb

from app import timers
from app.db import Connection, Row
from app.events import Json
from app.points import point

# open -> (incomplete <->) awaiting -> approved -> banning -> (verifying ->) done; or a person in needs_person.
# verifying: JIRA says done, the ban's source does not agree. A done case that is found untrue comes back to life.
# joined: it goes where the case of another ticket of the same person goes (joined_to).
OPEN_STATES = frozenset(
    {"open", "incomplete", "awaiting", "approved", "banning", "verifying", "needs_person", "joined"}
)
CLOSED_STATES = frozenset({"done", "declined", "withdrawn", "void"})
ELSEWHERE = "withdrawn"  # timers by which a case hears that the customer has withdrawn in another case
TOLD_STATES = CLOSED_STATES | {"incomplete", "needs_person"}  # whoever has joined this case is told

COLUMNS = frozenset(
    {"preference", "problems", "tagger_id", "barred", "decision", "decided_by", "decision_event", "reason"}
    | {"jira_key", "chat_channel", "chat_ts", "tag_audit_id", "sealed"}
    | {"due_at", "clock", "confirmation", "kept", "persons", "joined_to", "evidence"}
    | {"withdrawal", "retagged_at", "asked", "card", "jira_status", "decided_as"}
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
    moved_at: datetime
    closed_at: datetime | None
    received_at: datetime
    due_at: datetime | None
    clock: Mapping[str, Json]
    confirmation: Mapping[str, Json]
    kept: Mapping[str, Json]
    persons: tuple[str, ...]
    joined_to: int | None
    withdrawal: Mapping[str, Json]
    retagged_at: datetime | None
    evidence: Mapping[str, Json]
    asked: Mapping[str, Json]
    card: Mapping[str, Json]
    jira_status: str
    decided_as: str

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
    """The round that decides: the open one (a done one may have come back to life), else the newest generation."""
    row = conn.execute(
        "SELECT * FROM cases WHERE ticket_id = %s AND procedure = %s"
        " ORDER BY closed_at IS NOT NULL, generation DESC LIMIT 1",
        (ticket_id, procedure),
    ).fetchone()
    return Case.of(row) if row else None


def outrun(conn: Connection, case: Case) -> Case | None:
    """The newest later round that has taken this one's place; one that came to nothing has not."""
    row = conn.execute(
        "SELECT * FROM cases WHERE ticket_id = %s AND procedure = %s AND generation > %s"
        " AND state NOT IN ('declined', 'void') ORDER BY generation DESC LIMIT 1",
        (case.ticket_id, case.procedure, case.generation),
    ).fetchone()
    return Case.of(row) if row else None


def of_threat(conn: Connection, ticket_id: int, procedure: str, event_id: int) -> Case | None:
    """The round that this event is counted in (`evidence`), the newest or an earlier one."""
    row = conn.execute(
        "SELECT * FROM cases WHERE ticket_id = %s AND procedure = %s AND evidence->'events' @> to_jsonb(%s::bigint)"
        " ORDER BY generation DESC LIMIT 1",
        (ticket_id, procedure, event_id),
    ).fetchone()
    return Case.of(row) if row else None


def declined_before(conn: Connection, case: Case) -> tuple[Case, ...]:
    """The earlier rounds of this one that a supervisor declined, newest first; at most three."""
    rows = conn.execute(
        "SELECT * FROM cases WHERE ticket_id = %s AND procedure = %s AND generation < %s AND decision = 'decline'"
        " ORDER BY generation DESC LIMIT 3",
        (case.ticket_id, case.procedure, case.generation),
    ).fetchall()
    return tuple(Case.of(row) for row in rows)


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
    row = conn.execute(
        "INSERT INTO cases (ticket_id, procedure, generation, state, tag_audit_id, tagger_id, received_at)"
        " SELECT %(ticket)s, %(procedure)s, coalesce(max(generation), 0) + 1, 'open', %(audit)s, %(tagger)s,"
        " least(coalesce(%(received)s, now()), now())"
        " FROM cases WHERE ticket_id = %(ticket)s AND procedure = %(procedure)s"
        " ON CONFLICT DO NOTHING RETURNING *",
        {
            "ticket": ticket_id,
            "procedure": procedure,
            "audit": tag_audit_id,
            "tagger": tagger_id,
            "received": received_at,
        },
    ).fetchone()
    case = Case.of(row) if row else latest(conn, ticket_id, procedure)
    assert case is not None
    return case


def lock(conn: Connection, case_id: int) -> Case:
    """The case as it is, and as it stays until this transaction ends. The id must be one of ours."""
    row = conn.execute("SELECT * FROM cases WHERE id = %s FOR UPDATE", (case_id,)).fetchone()
    assert row is not None
    return Case.of(row)


def unconfirmed(conn: Connection) -> list[Case]:
    """Every customer's wish not confirmed yet, oldest receipt first; one that follows another ticket's counts once."""
    rows = conn.execute(
        "SELECT * FROM cases WHERE closed_at IS NULL AND ticket_id > 0 AND state <> 'joined' ORDER BY received_at, id"
    ).fetchall()
    return [Case.of(row) for row in rows]


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
        " moved_at = CASE WHEN state = %(new)s THEN moved_at ELSE now() END,"
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
    if row and (state in TOLD_STATES or not case.is_open):
        _tell_followers(conn, case.id, state)
    return Case.of(row) if row else None


def _tell_followers(conn: Connection, case_id: int, state: str) -> None:
    """The cases that have joined this one look at it again, each in an event of its own ticket."""
    rows = conn.execute("SELECT id FROM cases WHERE joined_to = %s AND state IN ('joined', 'done')", (case_id,))
    for row in rows.fetchall():
        name = timers.of_case(row["id"], f"joined:{case_id}:{state}")
        timers.again(conn, name, "joined", datetime.now(UTC), case_id=row["id"])


def next_round(conn: Connection, old: Case, **carried: Any) -> Case:
    """The round after this one, just closed, of the same wish: same receipt, same tag. Its own timer walks it."""
    case = open_case(
        conn,
        old.ticket_id,
        old.procedure,
        tag_audit_id=old.tag_audit_id,
        tagger_id=old.tagger_id,
        received_at=old.received_at,
    )
    timers.hand_over(conn, old.id, case.id, ELSEWHERE)
    timers.stop(conn, old.id)
    timers.start(conn, timers.of_case(case.id, "again"), "again", datetime.now(UTC), case_id=case.id)
    return move(conn, case, "open", of={"open"}, **carried) or case


def _stored(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return Jsonb(value) if isinstance(value, dict) else value


def waiting_for_jira(conn: Connection, seconds: float) -> list[str]:
    """Keys of the issues that a case has waited on for longer than this, without a word since."""
    rows = conn.execute(
        "SELECT jira_key FROM cases c WHERE closed_at IS NULL AND jira_key IS NOT NULL"
        " AND state IN ('banning', 'verifying', 'needs_person')"
        " AND changed_at < now() - make_interval(secs => %(age)s) AND NOT EXISTS (SELECT 1 FROM events e"
        " WHERE e.ticket_id = c.ticket_id AND e.kind = 'issue_changed'"
        " AND e.received_at > now() - make_interval(secs => %(age)s)) ORDER BY id LIMIT 500",
        {"age": seconds},
    ).fetchall()
    return [str(row["jira_key"]) for row in rows]


def by_issue(conn: Connection, key: str, op_ids: tuple[str, ...]) -> Case | None:
    """The case whose JIRA issue this is: by key, or by the op id in the issue's label."""
    row = conn.execute(
        # Each by its index: one condition with OR reads every case there ever was.
        "SELECT * FROM cases WHERE id IN (SELECT case_id FROM effects WHERE op_id = ANY(%s)"
        " UNION ALL SELECT id FROM cases WHERE jira_key = %s) ORDER BY id DESC LIMIT 1",
        (list(op_ids), key),
    ).fetchone()
    return Case.of(row) if row else None
