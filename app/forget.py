"""Once a day: what is no longer needed of people whose case is long closed is cleared, kind by kind, and counted.

The same statements clear one ticket at once, at a privacy officer's word (app.erase).

A case keeps its details for FORGET_CASE_DAYS after it was closed: the last look at a ban is on day 30, and an issue may
be reopened. Until nothing of it is still to come it keeps them for longer; an open case keeps them anyhow. All proof
stays: consents, keyed hashes, effects, journal. Source: issue 3; features 1.12.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from psycopg import Rollback

from app import timers
from app.db import Connection, Row
from app.inbox import UNFINISHED, Stored
from app.ledger import store

if TYPE_CHECKING:
    from app.walk import Verdict, Walker

log = logging.getLogger(__name__)

NAME, WHAT = "desk:forget", "forget"
DAY = timedelta(days=1)
BATCH = 500  # rows a walk; it comes round at once while there is more
SHOWN = 20  # of what a ticket waits for
FORGOTTEN = "forgotten"  # the reason of what cannot be done any more without the details

# What is still to come of a case: a timer of its own (reminders of a decision and what keeps an open card right do
# nothing once it is closed, and may be due in months), an event of its ticket. A dead one counts for some days: an
# admin may replay it, but no unusable body.
_DUE = "t.fired_at IS NULL AND t.what !~ '^(reminder|refresh|look:[0-9])'"
_UNDER_WAY = (
    "(w.state = ANY(%(unfinished)s) OR (w.state = 'dead' AND w.kind <> 'dead'"
    " AND w.changed_at > now() - make_interval(days => %(dead_days)s)))"
)
_OVER = (
    "c.closed_at < now() - make_interval(days => %(days)s)"
    f" AND NOT EXISTS (SELECT 1 FROM timers t WHERE t.case_id = c.id AND {_DUE})"
    f" AND NOT EXISTS (SELECT 1 FROM events w WHERE w.ticket_id = c.ticket_id AND {_UNDER_WAY})"
)
# All that one ticket waits for: its open cases, and what is to come of any of its cases. `{ticket}`: an expression.
TO_COME = (
    "SELECT 'case' AS what, c.id, c.state, NULL::timestamptz AS at FROM cases c"
    " WHERE c.ticket_id = {ticket} AND c.closed_at IS NULL"
    " UNION ALL SELECT 'timer', c.id, t.what, t.due_at FROM timers t JOIN cases c ON c.id = t.case_id"
    f" WHERE c.ticket_id = {{ticket}} AND {_DUE}"
    f" UNION ALL SELECT 'event', w.id, w.state, w.next_at FROM events w WHERE w.ticket_id = {{ticket}} AND {_UNDER_WAY}"
)

TABLES = {"c": "cases", "e": "events"}  # by the name that a statement gives to their rows


@dataclass(frozen=True)
class Kind:
    """One kind of what is kept of people: column `column` of the rows `row` (see TABLES) of `source`; `over`:
    which of them may be cleared; `of_ticket`: which are one ticket's."""

    column: str
    row: str
    source: str
    over: str
    of_ticket: str

    def clear(self, more: str = "true") -> str:
        """Of at most so many rows. They are locked first, so that two walks never count one twice."""
        table = TABLES[self.row]
        return (
            f"WITH old AS MATERIALIZED (SELECT {self.row}.id FROM {self.source} WHERE {self.column} IS NOT NULL"
            f" AND {self.over} AND {more} LIMIT %(most)s FOR UPDATE OF {self.row} SKIP LOCKED)"
            f" UPDATE {table} SET {self.column} = NULL FROM old WHERE {table}.id = old.id"
        )

    def kept(self) -> str:
        """Whether a ticket still has some."""
        return f"SELECT 1 AS yes FROM {self.source} WHERE {self.column} IS NOT NULL AND {self.of_ticket} LIMIT 1"


KINDS = {
    # name, number and BackOffice link of the card that counted, and of the one before it
    "details": Kind("sealed", "c", "cases c", _OVER, "c.ticket_id = %(ticket)s"),
    # what a person wrote into a form
    "words": Kind("body", "e", "events e JOIN cases c ON c.id = e.case_id", _OVER, "e.ticket_id = %(ticket)s"),
    # what came in and belongs to no case: bodies that could not be used; a ticket's are those that name it
    "dead_letters": Kind(
        "body",
        "e",
        "events e",
        "e.case_id IS NULL AND e.state <> ALL(%(unfinished)s)"
        " AND e.received_at < now() - make_interval(days => %(days)s)",
        "e.id = ANY(%(letters)s::bigint[])",
    ),
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
    for name, kind in KINDS.items():
        values = {"days": days, "most": BATCH - sum(cleared.values()), **under_way(days)}
        cleared[name] = conn.execute(kind.clear(), values).rowcount
    return cleared


# ---- one ticket


def clear_ticket(conn: Connection, ticket: int, days: int, letters: Sequence[int]) -> dict[str, int] | None:
    """All that is kept of this ticket, however lately its cases were closed: how many rows of each kind.

    None, and nothing is cleared, while something is to come of it. `days`: FORGET_CASE_DAYS; `letters`: the ids of the
    ticket's bodies that belong to no case.
    """
    if to_come(conn, ticket, days):
        return None
    values = {"days": 0, "most": None, "ticket": ticket, "letters": list(letters), **under_way(days)}
    with conn.transaction() as whole:
        cleared = {name: conn.execute(kind.clear(kind.of_ticket), values).rowcount for name, kind in KINDS.items()}
        left = keeps(conn, ticket, letters)
        if left:  # locked by somebody, or of a wish that has just come in
            raise Rollback(whole)
    return None if left else cleared


def keeps(conn: Connection, ticket: int, letters: Sequence[int]) -> bool:
    """Whether there is anything of any kind."""
    values = {"ticket": ticket, "letters": list(letters)}
    return any(conn.execute(kind.kept(), values).fetchone() for kind in KINDS.values())


def to_come(conn: Connection, ticket: int, days: int) -> list[Row]:
    """What of this ticket may still need what is kept: case, timer or event (`what`), its id, state and time; the
    first SHOWN. None of it: the ticket is quiet."""
    query = f"SELECT * FROM ({TO_COME.format(ticket='%(ticket)s')}) AS found ORDER BY what, at, id LIMIT {SHOWN}"
    return conn.execute(query, {"ticket": ticket, **under_way(days)}).fetchall()


def under_way(days: int) -> dict[str, object]:
    """The values of TO_COME. `days`: how long a failed event may still be replayed."""
    return {"unfinished": list(UNFINISHED), "dead_days": days}
