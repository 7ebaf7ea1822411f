"""Replay: re-open what is dead, look up what is unknown, skip what is done. The plan is shown before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app import audit, browse, inbox
from app.audit import Actor
from app.db import Connection, Row
from app.desk import Desk, priority
from app.inbox import Stored
from app.ledger import store
from app.settings import Settings
from app.settle import SETTLED

LIMIT = 50  # events that may be replayed in one go (bad-inputs, table of limits); app/bulk.py for more
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
        return [of_event(desk, conn, event_id, from_start=from_start) for event_id in dict.fromkeys(event_ids)]


def of_event(desk: Desk, conn: Connection, event_id: int, *, from_start: bool = False) -> Plan:
    """The plan for one event, within a transaction. Changes nothing."""
    stored = inbox.load(conn, event_id)
    if stored is None:
        return Plan(event_id, None, "", (), "not found")
    effects = tuple(browse.effects_of(conn, stored.id, stored.case_id))
    refusal = ""
    if stored.kind in ("dead", "ignored"):
        refusal = f"{stored.kind} {stored.detail.get('refused', '')}: there is nothing in it to carry out"
    elif stored.state in ("queued", "running"):
        refusal = "it is running already"
    elif stored.reason == SETTLED:
        refusal = "it was marked as settled"
    elif stored.state in ("done", "ignored", "void") and not from_start:
        refusal = f"it ended {stored.state}; --from-start walks it again"
    elif newer := _newer_wish(conn, stored, desk.settings):
        refusal = f"the customer's latest wish is newer: event {newer}"
    return Plan(event_id, stored.ticket_id, stored.state, effects, refusal)


def _newer_wish(conn: Connection, stored: Stored, settings: Settings) -> int | None:
    """The newest tag event of the ticket that wishes the opposite of what this event was about; None: there is none.

    What a press, an issue or a clock was about is its case's wish: that the desk does something.
    """
    if stored.ticket_id is None or not _about_a_wish(conn, stored):
        return None
    withdrawn = settings.tags["data_deletion_withdrawn"]
    tags = stored.detail.get("tags") if stored.kind == "ticket_tagged" else None
    # The tag of the request may stay on the ticket beside that of the withdrawal, which then counts.
    back = "detail->'tags' ? %(withdrawn)s"
    asks = "detail->'tags' ? %(asked)s AND NOT detail->'tags' ? %(withdrawn)s"
    takes_back = isinstance(tags, list) and withdrawn in tags
    row = conn.execute(
        "SELECT id FROM events WHERE ticket_id = %(ticket)s AND id > %(id)s AND kind = 'ticket_tagged'"
        f" AND state <> 'ignored' AND {asks if takes_back else back} ORDER BY id DESC LIMIT 1",
        {
            "ticket": stored.ticket_id,
            "id": stored.id,
            "withdrawn": withdrawn,
            "asked": settings.tags["data_deletion_request"],
        },
    ).fetchone()
    return int(row["id"]) if row else None


def _about_a_wish(conn: Connection, stored: Stored) -> bool:
    """A threat stays one whatever the customer wishes later."""
    if stored.kind == "ticket_tagged":
        return True
    row = conn.execute("SELECT procedure FROM cases WHERE id = %s", (stored.case_id,)).fetchone()
    return row is not None and row["procedure"] == "data_deletion"


def carry_out(desk: Desk, item: Plan, actor: Actor) -> bool:
    """Re-open and queue, in one transaction with its audit row. False: somebody else was first."""
    with desk.db.tx() as conn:
        done = again(desk, conn, item.event_id, item.state)
        if done:
            before = {"state": item.state}
            audit.write(conn, desk.vault, actor, "event.replayed", f"event:{item.event_id}", before=before)
    desk.engine.call(desk.db)
    return done


def again(desk: Desk, conn: Connection, event_id: int, state: str) -> bool:
    """Queue this event for a walk from the top. False: it is no longer in this state."""
    stored = inbox.requeue(conn, event_id, of=(state,))
    if stored is None:
        return False
    conn.execute("UPDATE events SET failures = 0, replayed_at = now() WHERE id = %s", (stored.id,))
    store.write(conn, stored.case_id, "replayed", event_id=stored.id)
    desk.engine.run_event(conn, stored.id, stored.ticket_id, priority(stored, desk.settings))
    return True
