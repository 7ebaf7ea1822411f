"""Once a day: what is no longer needed of people whose case is long closed is cleared, kind by kind, and counted.

A case keeps its details for FORGET_CASE_DAYS after it was closed: the last look at a ban is on day 30, and an issue may
be reopened. Until nothing of it is still to come it keeps them for longer; an open case keeps them anyhow. All proof
stays: consents, keyed hashes, effects, journal. Source: issue 3; features 1.12.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from app import timers
from app.db import Connection
from app.inbox import UNFINISHED, Stored
from app.ledger import store

if TYPE_CHECKING:
    from app.walk import Verdict, Walker

log = logging.getLogger(__name__)

NAME, WHAT = "desk:forget", "forget"
DAY = timedelta(days=1)
BATCH = 500  # rows a walk; it comes round at once while there is more
FORGOTTEN = "forgotten"  # the reason of what cannot be done any more without the details

# A case of which nothing is still to come: no timer of its own (a reminder of a decision needs no details, and may be
# due in months), no event of its ticket. A dead one counts for as many days: an admin may replay it.
_OVER = (
    "c.closed_at < now() - make_interval(days => %(days)s)"
    " AND NOT EXISTS (SELECT 1 FROM timers t WHERE t.case_id = c.id AND t.fired_at IS NULL"
    " AND NOT starts_with(t.what, 'reminder'))"
    " AND NOT EXISTS (SELECT 1 FROM events w WHERE w.ticket_id = c.ticket_id AND (w.state = ANY(%(unfinished)s)"
    " OR (w.state = 'dead' AND w.changed_at > now() - make_interval(days => %(days)s))))"
)
# Kind -> what clears at most so many rows of it. The rows are locked first, so that two walks never count one twice.
SCHEDULE = {
    # name, number and BackOffice link of the card that counted, and of the one before it
    "details": "WITH old AS MATERIALIZED (SELECT c.id FROM cases c WHERE c.sealed IS NOT NULL"  # noqa: S608 - constants
    f" AND {_OVER} LIMIT %(most)s FOR UPDATE OF c SKIP LOCKED)"
    " UPDATE cases SET sealed = NULL FROM old WHERE cases.id = old.id",
    # what a person wrote into a form
    "words": "WITH old AS MATERIALIZED (SELECT e.id FROM events e JOIN cases c ON c.id = e.case_id"  # noqa: S608
    f" WHERE e.body IS NOT NULL AND {_OVER} LIMIT %(most)s FOR UPDATE OF e SKIP LOCKED)"
    " UPDATE events SET body = NULL FROM old WHERE events.id = old.id",
    # what came in and belongs to no case: bodies that could not be used
    "dead_letters": "WITH old AS MATERIALIZED (SELECT e.id FROM events e WHERE e.body IS NOT NULL"
    " AND e.case_id IS NULL AND e.state <> ALL(%(unfinished)s)"
    " AND e.received_at < now() - make_interval(days => %(days)s) LIMIT %(most)s FOR UPDATE SKIP LOCKED)"
    " UPDATE events SET body = NULL FROM old WHERE events.id = old.id",
}


def set_up(conn: Connection) -> None:
    """The first time a day after the first start; and a new timer should the last one have come to nothing."""
    row = conn.execute("SELECT fired_at FROM timers WHERE name = %s FOR UPDATE", (NAME,)).fetchone()
    if row is None or row["fired_at"] is not None:
        timers.again(conn, NAME, WHAT, datetime.now(UTC) + DAY)


def walk(walker: Walker, stored: Stored) -> Verdict:
    """Clear one batch. Nothing leaves the desk, and done again it finds nothing."""
    from app.walk import Verdict

    desk = walker.desk
    with desk.db.tx() as conn:
        # On its own, before anything can fail: the chain of days never ends.
        timers.again(conn, NAME, WHAT, datetime.now(UTC) + DAY)
    with desk.db.tx() as conn:
        days = desk.settings.forget_case_days
        cleared = clear(conn, days)
        store.write(conn, None, FORGOTTEN, event_id=stored.id, days=days, cleared=cleared)
        if sum(cleared.values()) == BATCH:
            timers.again(conn, NAME, WHAT, datetime.now(UTC))
    log.info("forget.done", extra={"count": sum(cleared.values())})
    return Verdict("done")


def clear(conn: Connection, days: int) -> dict[str, int]:
    """How many rows of each kind were cleared, BATCH at most in all."""
    cleared: dict[str, int] = {}
    for kind, statement in SCHEDULE.items():
        most = BATCH - sum(cleared.values())
        values = {"days": days, "unfinished": list(UNFINISHED), "most": most}
        cleared[kind] = conn.execute(statement, values).rowcount
    return cleared
