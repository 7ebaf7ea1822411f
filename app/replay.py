"""Replay: re-open what is dead, look up what is unknown, skip what is done. The plan is shown before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app import browse, inbox
from app.db import Connection, Row
from app.desk import Desk, priority
from app.ledger import store

LIMIT = 50  # events a bulk replay may take at once (bad-inputs, table of limits)
PLANS = {
    "done": "skip, done",
    "dead": "try again (looked up first if it was ever sent)",
    "unknown": "look up first, send only if it is not there",
    "sending": "look up first, send only if it is not there",
    "planned": "send",
    "void": "skip, no longer wanted",
}


@dataclass(frozen=True)
class Plan:
    """What a replay of one event would do. `refusal` is empty when it may run."""

    event_id: int
    ticket_id: int | None
    state: str
    effects: tuple[Row, ...]
    refusal: str = ""

    def rows(self) -> Iterator[dict[str, object]]:
        """One row an effect, for the table."""
        base = {"event": self.event_id, "ticket": self.ticket_id}
        if self.refusal:
            yield {**base, "what": "event", "state": self.state, "plan": f"refused: {self.refusal}"}
            return
        yield {**base, "what": "event", "state": self.state, "plan": "walk again from the top"}
        for effect in self.effects:
            what = f"{effect['verb']} {effect['arg']}"
            yield {**base, "what": what, "state": effect["state"], "plan": PLANS[effect["state"]]}


def plan(desk: Desk, event_ids: Sequence[int], *, failed: bool, from_start: bool) -> list[Plan]:
    """The plans for these events, or for the oldest failed ones. Changes nothing."""
    with desk.db.tx() as conn:
        if failed:
            rows = conn.execute(
                "SELECT id FROM events WHERE state = 'dead' AND kind <> 'dead' ORDER BY id LIMIT %s", (LIMIT,)
            )
            event_ids = [row["id"] for row in rows.fetchall()]
        return [_plan(conn, event_id, from_start) for event_id in dict.fromkeys(event_ids)]


def _plan(conn: Connection, event_id: int, from_start: bool) -> Plan:
    stored = inbox.load(conn, event_id)
    if stored is None:
        return Plan(event_id, None, "", (), "not found")
    effects = tuple(browse.effects(conn, stored.case_id))
    refusal = ""
    if stored.kind in ("dead", "ignored"):
        refusal = f"{stored.kind} {stored.detail.get('refused', '')}: there is nothing in it to carry out"
    elif stored.state in ("queued", "running"):
        refusal = "it is running already"
    elif stored.state in ("done", "ignored", "void") and not from_start:
        refusal = f"it ended {stored.state}; --from-start walks it again"
    return Plan(event_id, stored.ticket_id, stored.state, effects, refusal)


def carry_out(desk: Desk, item: Plan) -> bool:
    """Re-open and queue, in one transaction. False: somebody else was first."""
    with desk.db.tx() as conn:
        return again(desk, conn, item.event_id, item.state)


def again(desk: Desk, conn: Connection, event_id: int, state: str) -> bool:
    """Queue this event for a walk from the top. False: it is no longer in this state."""
    stored = inbox.requeue(conn, event_id, of=(state,))
    if stored is None:
        return False
    conn.execute("UPDATE events SET failures = 0, replayed_at = now() WHERE id = %s", (stored.id,))
    store.write(conn, stored.case_id, "replayed", event_id=stored.id)
    desk.engine.run_event(conn, stored.id, stored.ticket_id, priority(stored, desk.settings))
    return True
