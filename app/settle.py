"""Mark as settled: a person has done by hand what failed, or it need not be done any more, and says why.

The event ends void, its case's dead effects with it; nothing is sent for them any more. The ticket's note is brought up
to date by an event of its own. Source: issue 5.
"""

from __future__ import annotations

from app import audit, inbox
from app.audit import Actor
from app.db import Connection
from app.desk import Desk
from app.errors import DeskError
from app.events import TimeCame
from app.ledger import store

SETTLED = "settled"


def settle(desk: Desk, conn: Connection, actor: Actor, event_id: int, reason: str) -> bool:
    """False: it has not failed, or somebody else was first. Raises DeskError, reason `settle`, without a reason.

    The caller tells idle workers after its commit (`desk.engine.call`).
    """
    if not reason.strip():
        raise DeskError("to settle needs a reason", "settle")
    row = conn.execute(
        "UPDATE events SET state = 'void', reason = %s, changed_at = now() WHERE id = %s AND state = 'dead'"
        " RETURNING case_id, (SELECT reason FROM events WHERE id = %s) AS was",
        (SETTLED, event_id, event_id),
    ).fetchone()
    if row is None:
        return False
    stored, gone = inbox.load(conn, event_id), []
    case_id = row["case_id"]
    # Whatever else has failed in this case, or is replayed just now, keeps its dead effects: that is what it has to do.
    if case_id is not None and not inbox.dead_of(conn, case_id) and not inbox.under_way(conn, case_id):
        gone = store.settle_dead(conn, case_id, SETTLED)
    if case_id is not None and stored and stored.ticket_id:
        told = TimeCame(fact=f"settled:{event_id}:{stored.walk if stored else 0}", what=f"{SETTLED}:{event_id}",
                        case_id=case_id)  # fmt: skip
        desk.record(conn, told)
    store.write(conn, row["case_id"], SETTLED, event_id=event_id)
    audit.write(
        conn,
        desk.vault,
        actor,
        "event.settled",
        f"event:{event_id}",
        before={"state": "dead", "reason": row["was"]},
        after={"state": "void", "effects": list(gone)},
        reason=reason.strip(),
    )
    return True
