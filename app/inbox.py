"""The events table: what came in, what became of it. One row a fact; the same fact again changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from psycopg.types.json import Jsonb

from app.db import Connection, Row
from app.events import ButtonPressed, Event, IssueChanged, Json, Refused, ThreatSeen, TicketTagged, TimeCame

KINDS: dict[str, type[Event]] = {
    "ticket_tagged": TicketTagged,
    "button_pressed": ButtonPressed,
    "issue_changed": IssueChanged,
    "threat_seen": ThreatSeen,
    "time_came": TimeCame,
}
NAMES = {cls: name for name, cls in KINDS.items()}
UNFINISHED = ("queued", "running", "waiting", "held")


@dataclass(frozen=True)
class Stored:
    """One row of `events`. `walk` is the fencing number of the walk that owns it while it is running."""

    id: int
    fact: str
    sender: str
    kind: str
    ticket_id: int | None
    case_id: int | None
    detail: Mapping[str, Json]
    state: str
    reason: str
    walk: int
    failures: int
    replayed_at: datetime | None
    next_at: datetime | None
    received_at: datetime
    changed_at: datetime

    @classmethod
    def of(cls, row: Row) -> Stored:
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})

    def event(self) -> Event:
        """The event as it was submitted."""
        cls = KINDS[self.kind]
        values = {k: tuple(v) if isinstance(v, list) else v for k, v in self.detail.items()}
        return cls(**{"fact": self.fact, **values})  # type: ignore[arg-type]  # written by `detail_of` below


def detail_of(event: Event) -> dict[str, Json]:
    """All but the fact, which has its own column, and what a person wrote (`body`)."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(event).items() if k not in ("fact", "said")}


def insert(conn: Connection, event: Event | Refused, sender: str, *, state: str, ticket_id: int | None,
           job: tuple[str, Mapping[str, object]], case_id: int | None = None, reason: str = "",
           body: bytes | None = None, fuse: int | None = None) -> bool:  # fmt: skip
    """One row and, in the same statement, its job (Engine.job_of_new). False: this fact is already there.

    `fuse`: the event is held when the same message about its ticket came that often in the last ten minutes.
    """
    kind: str
    if isinstance(event, Refused):
        kind, detail = event.outcome, {**(event.detail or {}), "refused": event.reason}
    else:
        kind, detail = NAMES[type(event)], detail_of(event)
    submit, values = job
    row = conn.execute(
        INSERT.format(held=HELD if fuse is not None else "false", job=submit),
        {
            **values,
            "fact": event.fact,
            "sender": sender,
            "kind": kind,
            "ticket": ticket_id,
            "case": case_id,
            "detail": Jsonb(detail),
            "state": state,
            "reason": reason,
            "body": body,
            "fuse": fuse,
        },
    ).fetchone()
    return row is not None


INSERT = (
    "WITH made AS (INSERT INTO events (fact, sender, kind, ticket_id, case_id, detail, state, reason, body)"
    " SELECT %(fact)s, %(sender)s, %(kind)s, %(ticket)s::bigint, %(case)s::bigint, %(detail)s,"
    " CASE WHEN held THEN 'held' ELSE %(state)s END, CASE WHEN held THEN 'loop_fuse' ELSE %(reason)s END, %(body)s"
    " FROM (SELECT {held} AS held) AS fuse ON CONFLICT (fact) DO NOTHING RETURNING id, state, ticket_id)"
    " SELECT id, {job} FROM made"
)
HELD = (
    "(SELECT count(*) >= %(fuse)s FROM events WHERE ticket_id = %(ticket)s::bigint AND kind = 'ticket_tagged'"
    " AND detail->'tags' = %(detail)s->'tags' AND received_at > now() - interval '10 minutes' AND state <> 'ignored')"
)


def begin(conn: Connection, event_id: int) -> Stored | None:
    """Start a walk: take the next fencing number. None when there is nothing left to do."""
    row = conn.execute(
        "UPDATE events SET state = 'running', walk = walk + 1, changed_at = now(), next_at = NULL"
        " WHERE id = %s AND state = ANY(%s) RETURNING *",
        (event_id, list(UNFINISHED)),
    ).fetchone()
    return Stored.of(row) if row else None


def end(
    conn: Connection,
    stored: Stored,
    state: str,
    *,
    reason: str = "",
    next_at: datetime | None = None,
    case_id: int | None = None,
    failed: bool = False,
) -> bool:
    """Finish this walk. False when another walk has taken the event over: then nothing is written.

    `failed`: the walk came to nothing; failures in a row are counted, a walk that went well starts anew.
    """
    row = conn.execute(
        "UPDATE events SET state = %s, reason = %s, next_at = %s, case_id = coalesce(%s, case_id), changed_at = now(),"
        " failures = CASE WHEN %s THEN failures + 1 ELSE 0 END"
        " WHERE id = %s AND walk = %s AND state = 'running' RETURNING id",
        (state, reason, next_at, case_id, failed, stored.id, stored.walk),
    ).fetchone()
    return row is not None


def owns(conn: Connection, event_id: int, walk: int) -> bool:
    """Whether this walk still owns its event; held until the transaction ends, so that nobody takes it over within."""
    row = conn.execute(
        "SELECT 1 AS yes FROM events WHERE id = %s AND walk = %s AND state = 'running' FOR SHARE", (event_id, walk)
    ).fetchone()
    return row is not None


def requeue(conn: Connection, event_id: int, *, of: tuple[str, ...]) -> Stored | None:
    """Back to the queue from one of the states `of`; None when it is in none of them."""
    row = conn.execute(
        "UPDATE events SET state = 'queued', next_at = NULL, changed_at = now()"
        " WHERE id = %s AND state = ANY(%s) RETURNING *",
        (event_id, list(of)),
    ).fetchone()
    return Stored.of(row) if row else None


def dead_of(conn: Connection, case_id: int) -> list[int]:
    """The dead events of this case, and the dead tag events of its ticket that never got as far as a case."""
    return [event_id for event_id, state in _unsettled(conn, case_id) if state == "dead"]


def under_way(conn: Connection, case_id: int, *, besides: int = 0) -> bool:
    """Whether any other event of this case, or tag event of its ticket, is still to be walked: what is dead may be what
    it is going to do."""
    return any(state != "dead" and event_id != besides for event_id, state in _unsettled(conn, case_id))


def _unsettled(conn: Connection, case_id: int) -> list[tuple[int, str]]:
    rows = conn.execute(
        "SELECT e.id, e.state FROM events e JOIN cases c ON c.id = %s WHERE e.state = ANY(%s) AND (e.case_id = c.id"
        " OR (e.case_id IS NULL AND e.kind = 'ticket_tagged' AND e.ticket_id = c.ticket_id)) ORDER BY e.id",
        (case_id, ["dead", *UNFINISHED]),
    ).fetchall()
    return [(int(row["id"]), row["state"]) for row in rows]


def pressed_lately(conn: Connection, case_id: int, seconds: float) -> bool:
    """Whether somebody has pressed a button of this case within these seconds."""
    row = conn.execute(
        "SELECT 1 AS yes FROM events WHERE case_id = %s AND kind = 'button_pressed'"
        " AND received_at > now() - make_interval(secs => %s) LIMIT 1",
        (case_id, seconds),
    ).fetchone()
    return row is not None


def threat_before(conn: Connection, ticket_id: int) -> datetime | None:
    """When the ticket's threat whose urgent card is not out yet is next looked at; None when there is none such."""
    row = conn.execute(
        "SELECT coalesce(e.next_at, now()) AS at FROM events e WHERE e.ticket_id = %s AND e.kind = 'threat_seen'"
        " AND e.state = ANY(%s) AND NOT EXISTS (SELECT 1 FROM effects f WHERE f.case_id = e.case_id"
        " AND f.verb = 'ask_supervisor' AND f.state IN ('done', 'dead', 'void')) ORDER BY 1 DESC LIMIT 1",
        (ticket_id, list(UNFINISHED)),
    ).fetchone()
    return row["at"] if row else None


def replayed(conn: Connection, stored: Stored) -> Stored:
    """From now on this event may reopen what died before."""
    row = conn.execute("UPDATE events SET replayed_at = now() WHERE id = %s RETURNING *", (stored.id,)).fetchone()
    assert row is not None
    return Stored.of(row)


def body(conn: Connection, event_id: int) -> bytes | None:
    """What is kept of an event encrypted: an unusable body, or what a person wrote into a form."""
    row = conn.execute("SELECT body FROM events WHERE id = %s", (event_id,)).fetchone()
    return bytes(row["body"]) if row and row["body"] is not None else None


def load(conn: Connection, event_id: int) -> Stored | None:
    row = conn.execute("SELECT * FROM events WHERE id = %s", (event_id,)).fetchone()
    return Stored.of(row) if row else None
