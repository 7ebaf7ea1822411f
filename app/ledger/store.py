"""SQL of the effect ledger. Every transition is one UPDATE that names the state and epoch it starts from.

States: planned -> sending -> done | unknown | dead | void. Rows are never deleted to signal success.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from app.cases import Case
from app.db import Connection, Row
from app.events import Json
from app.ledger import vendors


@dataclass(frozen=True)
class Effect:
    """One outward effect. `due`: its next_at has come. `epoch` grows with every claim and fences off zombies."""

    id: int
    case_id: int
    verb: str
    arg: str
    vendor: str
    op_id: str
    state: str
    epoch: int
    attempts: int
    reason: str
    evidence: Mapping[str, Json]
    sent_at: datetime | None
    next_at: datetime | None
    planned_at: datetime
    clock_at: datetime
    changed_at: datetime
    done_at: datetime | None
    due: bool

    @classmethod
    def of(cls, row: Row) -> Effect:
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})


FIELDS = "e.*, coalesce(e.next_at <= now(), true) AS due"


def plan(conn: Connection, case_id: int, verb: str, arg: str, vendor: str) -> Effect:
    """The effect of this name, made now if it is new. Its op id is fixed here, never when sending."""
    row = conn.execute(PLAN, (case_id, verb, arg, vendor, secrets.token_hex(16))).fetchone()
    if row is None:
        row = conn.execute(
            f"SELECT {FIELDS} FROM effects e WHERE case_id = %s AND verb = %s AND arg = %s",
            (case_id, verb, arg),
        ).fetchone()
    assert row is not None
    return Effect.of(row)


# Each change and its line of the journal are one statement: one exchange with the database instead of four.
PLAN = (
    "WITH made AS (INSERT INTO effects AS e (case_id, verb, arg, vendor, op_id, state)"
    " VALUES (%s, %s, %s, %s, %s, 'planned') ON CONFLICT (case_id, verb, arg) DO NOTHING RETURNING e.*),"
    " noted AS (INSERT INTO journal (case_id, effect_id, what, reason, detail)"
    " SELECT case_id, id, 'planned', '', '{}' FROM made)"
    f" SELECT {FIELDS} FROM made e"
)


# A withdrawal that has come in and that no walk has taken up yet (it then has a case), of whatever reason: it may only
# be waiting for a vendor. An event that speaks of a withdrawal itself yields to later ones alone, so that no two wait
# for each other; and a withdrawal may have come in while our own event was just opening the case.
WITHDRAWAL = (
    "SELECT w.state FROM events w, cases c, events m WHERE c.id = e.case_id AND m.id = %(event)s"
    " AND w.ticket_id = c.ticket_id AND w.kind = 'ticket_tagged' AND w.case_id IS NULL"
    " AND w.state IN ('queued', 'running', 'waiting', 'held', 'dead') AND w.id <> m.id"
    " AND w.detail->'tags' ? %(withdrawn)s AND w.received_at > least(c.opened_at, m.received_at)"
    " AND (w.id > m.id OR NOT coalesce(m.detail->'tags' ? %(withdrawn)s, false))"
)


def claim(conn: Connection, effect: Effect, *, event_id: int, walk: int, states: frozenset[str],
          read: Mapping[str, Json], yields: bool, withdrawn: str) -> Effect | None:  # fmt: skip
    """The intent, committed before the call: only if the case still wants it and this walk still owns its event.

    `yields`: not while a withdrawal of the same ticket waits to be carried out; `withdrawn`: the account's tag for it.
    """
    row = conn.execute(
        "WITH claimed AS ("
        "UPDATE effects e SET state = 'sending', epoch = epoch + 1, attempts = attempts + 1, sent_at = now(),"
        " next_at = NULL, changed_at = now(), evidence = evidence || %(read)s"
        " WHERE id = %(id)s AND epoch = %(epoch)s AND state IN ('planned', 'unknown')"
        " AND EXISTS (SELECT 1 FROM cases WHERE id = e.case_id AND state = ANY(%(states)s))"
        " AND EXISTS (SELECT 1 FROM events WHERE id = %(event)s AND walk = %(walk)s AND state = 'running')"
        f" AND NOT (%(yields)s AND EXISTS ({WITHDRAWAL}))"
        f" AND NOT EXISTS ({vendors.IS_PAUSED.replace('%(name)s', 'e.vendor')}) RETURNING e.*),"
        " noted AS (INSERT INTO journal (event_id, case_id, effect_id, what, reason, detail)"
        " SELECT %(event)s, case_id, id, 'sending', '', jsonb_build_object('attempt', attempts) FROM claimed)"
        f" SELECT {FIELDS} FROM claimed e",
        {
            "read": Jsonb(dict(read)),
            "id": effect.id,
            "epoch": effect.epoch,
            "states": sorted(states),
            "event": event_id,
            "walk": walk,
            "yields": yields,
            "withdrawn": withdrawn,
        },
    ).fetchone()
    return Effect.of(row) if row else None


def settle(
    conn: Connection,
    effect: Effect,
    state: str,
    *,
    reason: str = "",
    evidence: Mapping[str, Json] | None = None,
    wait: float | None = None,
    refund: bool = False,
) -> Effect | None:
    """Write what became of it, if the row is still at this state and epoch. `wait`: seconds until it may go on.

    `refund` takes the attempt back: the call was never made. An effect that is done shows that its vendor is well.
    """
    row = conn.execute(
        "WITH settled AS ("
        "UPDATE effects e SET state = %(state)s, reason = %(reason)s, evidence = evidence || %(evidence)s,"
        " next_at = CASE WHEN %(wait)s::float8 IS NOT NULL THEN now() + make_interval(secs => %(wait)s::float8) END,"
        " attempts = attempts - %(refund)s, changed_at = now(),"
        # What waits for a pause to end does not grow old meanwhile.
        " clock_at = CASE WHEN %(reason)s = 'paused' THEN now() ELSE e.clock_at END,"
        " done_at = CASE WHEN %(state)s = 'done' THEN now() END"
        " WHERE id = %(id)s AND epoch = %(epoch)s AND state = %(from)s RETURNING e.*),"
        " noted AS (INSERT INTO journal (case_id, effect_id, what, reason, detail)"
        " SELECT case_id, id, state, reason, '{}' FROM settled WHERE state <> %(from)s OR reason <> %(before)s),"
        f" well AS ({vendors.WELL} (SELECT vendor FROM settled WHERE state = 'done'))"
        f" SELECT {FIELDS} FROM settled e",
        {
            "state": state,
            "reason": reason,
            "evidence": Jsonb(dict(evidence or {})),
            "wait": wait,
            "refund": int(refund),
            "id": effect.id,
            "epoch": effect.epoch,
            "from": effect.state,
            "before": effect.reason,
        },
    ).fetchone()
    return Effect.of(row) if row else None


def withdrawals(conn: Connection, effect: Effect, event_id: int, withdrawn: str) -> frozenset[str]:
    """The states of the withdrawals that this effect has to yield to."""
    rows = conn.execute(
        f"SELECT w.state FROM effects e CROSS JOIN LATERAL ({WITHDRAWAL}) w WHERE e.id = %(id)s",
        {"id": effect.id, "event": event_id, "withdrawn": withdrawn},
    ).fetchall()
    return frozenset(str(row["state"]) for row in rows)


def quiet_left(conn: Connection, effect: Effect, quiet: float) -> float:
    """Seconds until the vendor can no longer apply what we sent and gave up on."""
    row = conn.execute(
        "SELECT extract(epoch FROM sent_at + make_interval(secs => %s) - now())::float8 AS left"
        " FROM effects WHERE id = %s",
        (quiet, effect.id),
    ).fetchone()
    return max(0.0, float(row["left"] or 0.0)) if row else 0.0


def of_case(conn: Connection, case_id: int) -> list[Effect]:
    rows = conn.execute(f"SELECT {FIELDS} FROM effects e WHERE case_id = %s ORDER BY id", (case_id,))
    return [Effect.of(row) for row in rows.fetchall()]


def told_in_round_before(conn: Connection, case: Case, macro: str) -> bool:
    """Whether the round just before this one sent this macro and then ended without carrying the wish out."""
    if case.generation == 1:
        return False
    row = conn.execute(
        "SELECT 1 AS yes FROM effects e JOIN cases c ON c.id = e.case_id WHERE c.ticket_id = %s AND c.procedure = %s"
        " AND c.generation < %s AND c.generation > coalesce((SELECT max(generation) FROM cases WHERE ticket_id = %s"
        " AND procedure = %s AND generation < %s AND state NOT IN ('declined', 'void')), 0)"
        " AND e.verb = 'apply_macro' AND e.arg = %s AND e.state = 'done' LIMIT 1",
        (case.ticket_id, case.procedure, case.generation, case.ticket_id, case.procedure, case.generation, macro),
    ).fetchone()
    return row is not None


def void_planned(conn: Connection, ids: Sequence[int]) -> None:
    """Effects that were never sent are overtaken by a newer one."""
    conn.execute(
        "UPDATE effects SET state = 'void', reason = 'overtaken' WHERE id = ANY(%s) AND state = 'planned'", (list(ids),)
    )


def settle_dead(conn: Connection, case_id: int, reason: str) -> list[str]:
    """A person has seen to what is dead: it is void from now on; the verbs and arguments of those effects."""
    rows = conn.execute(
        "UPDATE effects SET state = 'void', reason = %s, epoch = epoch + 1, next_at = NULL, changed_at = now()"
        " WHERE case_id = %s AND state = 'dead' RETURNING id, verb, arg",
        (reason, case_id),
    ).fetchall()
    for row in rows:
        write(conn, case_id, "void", reason=reason, effect_id=row["id"])
    return [f"{row['verb']} {row['arg']}".strip() for row in rows]


def reopen(conn: Connection, effect: Effect) -> Effect:
    """For a replay: a dead effect may be tried again. One that was ever sent is looked up first (unknown)."""
    row = conn.execute(
        "UPDATE effects e SET state = CASE WHEN sent_at IS NULL THEN 'planned' ELSE 'unknown' END, reason = '',"
        " epoch = epoch + 1, next_at = NULL, clock_at = now(), changed_at = now()"
        f" WHERE id = %s AND epoch = %s AND state = 'dead' RETURNING {FIELDS}",
        (effect.id, effect.epoch),
    ).fetchone()
    if row is None:
        return effect
    write(conn, effect.case_id, "reopened", effect_id=effect.id)
    return Effect.of(row)


def write(conn: Connection, case_id: int | None, what: str, *, reason: str = "", effect_id: int | None = None,
          event_id: int | None = None, **detail: Any) -> None:  # fmt: skip
    """One line of the journal: ids, slugs and counts only."""
    conn.execute(
        "INSERT INTO journal (event_id, case_id, effect_id, what, reason, detail) VALUES (%s, %s, %s, %s, %s, %s)",
        (event_id, case_id, effect_id, what, reason, Jsonb(detail)),
    )
