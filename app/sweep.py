"""The sweep: tagged tickets whose webhook never came are found by search and taken in by the same door.

Every SWEEP_INTERVAL seconds, for the tags of the procedures: what changed since the last whole sweep, less an overlap
for the index's lag; once a day a day further back; at the first sweep ever, every ticket that is not solved.

The rule which of the tickets found is handed on:

1. never heard of: it is; but not a solved or closed one that was tagged before the desk was first started: that was
   handled by hand (Zendesk closes solved tickets days later, which is a change like every other);
2. an event of it is as new as the ticket and has the same tags: it is not, nothing has happened since;
3. else its audits decide: when the newest change that is not the desk's own is newer than every event, it is, under
   that change's time; when only the desk itself has touched it since, it is not, so our own updates make no walks.

So a field mended, a tag put on anew, a withdrawal or a customer's comment are found although their webhooks were all
lost. What is handed on is the event that the webhook would have made, with the same fact: one that comes late, a second
worker and a sweep begun again change nothing. The walk reads the ticket and decides, as always. Source: faults.md Z12,
Z13; SOP 000 Notes ("all customer preferences are fully implemented").
How far it looks back: app/sweep_spans.py.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from app import sweep_spans, timers
from app.clients import retry
from app.clients.shape import moment
from app.clients.types import Audit, Found
from app.db import Connection
from app.errors import PermanentError, VendorError
from app.events import TicketTagged
from app.inbox import UNFINISHED, Stored
from app.ledger import store
from app.parse.zendesk import tagged
from app.sweep_spans import STAMP, TIMER, WHAT, Span

if TYPE_CHECKING:
    from app.walk import Verdict, Walker

log = logging.getLogger(__name__)

TAGS = ("data_deletion_withdrawn", "regulatory_threat", "data_deletion_request")  # the urgent ones first
LOOKED_AT = 50  # newest events of a ticket: later ones have later times


@dataclass(frozen=True)
class Heard:
    """The newest event of a ticket: the ticket's time and its known tags as the sender said them."""

    at: datetime
    tags: tuple[str, ...]


def set_up(conn: Connection, interval: float) -> None:
    """The first sweep one interval after the first start; and a new timer should the last one have come to nothing."""
    conn.execute(
        "INSERT INTO ourselves VALUES ('first_started', %s) ON CONFLICT DO NOTHING",
        (datetime.now(UTC).strftime(STAMP),),
    )
    due = datetime.now(UTC) + timedelta(seconds=interval)
    row = conn.execute("SELECT fired_at FROM timers WHERE name = %s FOR UPDATE", (TIMER,)).fetchone()
    if row is None or (row["fired_at"] is not None and not _running(conn, None)):
        timers.again(conn, TIMER, WHAT, due)


def sweep(walker: Walker, stored: Stored) -> Verdict:
    """One sweep. Zendesk away: it waits and begins again, and what it has not seen whole is looked at again."""
    from app.walk import Verdict

    desk, started = walker.desk, datetime.now(UTC)
    with desk.db.tx() as conn:
        # On its own, before anything can fail: the chain of sweeps never ends.
        timers.again(conn, TIMER, WHAT, started + timedelta(seconds=desk.settings.sweep_interval))
    with desk.db.tx() as conn:
        if _running(conn, stored.id):
            return Verdict("void", "already_sweeping")
        spans = sweep_spans.spans(conn, started)
    looked = taken = 0
    try:
        for span in spans:
            for found in _candidates(walker, span):
                if desk.stopping.is_set():
                    return Verdict("waiting", "stopping", next_at=datetime.now(UTC))
                event = _lost(walker, found)
                looked += 1
                taken += bool(event and desk.submit(event, sender="desk"))
            if span.asked:
                with desk.db.tx() as conn:
                    sweep_spans.portion(conn, span)
    except VendorError as error:
        asked = getattr(error, "retry_after", None)
        waits = walker._again_or(stored, error.reason, True, asked)
        # Not longer than until the next one would have come, which gives way to this one as long as it waits.
        next_one = datetime.now(UTC) + timedelta(seconds=max(desk.settings.sweep_interval, asked or 0.0))
        return replace(waits, next_at=min(waits.next_at or next_one, next_one))
    with desk.db.tx() as conn:
        sweep_spans.whole(conn, spans, started)
        store.write(conn, None, "swept", event_id=stored.id, looked=looked, taken=taken)
    log.info("sweep.done", extra={"count": taken})
    return Verdict("done")


def _running(conn: Connection, event_id: int | None) -> bool:
    """Whether a sweep (older than this one) has still to come to its end."""
    row = conn.execute(
        "SELECT 1 AS yes FROM events WHERE kind = 'time_came' AND detail->>'what' = %s AND case_id IS NULL"
        " AND state = ANY(%s) AND (%s::bigint IS NULL OR id < %s) LIMIT 1",
        (WHAT, list(UNFINISHED), event_id, event_id),
    ).fetchone()
    return row is not None


def _candidates(walker: Walker, span: Span) -> Iterator[Found]:
    """Each ticket once, with one of the procedures' tags."""
    seen: set[int] = set()
    tags = walker.desk.settings.tags
    for name in TAGS:
        for found in walker.tools.zendesk.tagged(tags[name], span.begin, span.end):
            if found.id not in seen and tags[name] in found.tags:
                seen.add(found.id)
                yield found


def _lost(walker: Walker, found: Found) -> TicketTagged | None:
    """The event that should have come for this ticket and did not; None when there is none (see the rule above)."""
    tags = tuple(sorted(found.tags & set(walker.desk.settings.tags.values())))
    with walker.desk.db.each() as conn:
        heard = _heard(conn, found.id)
        before = _first_started(conn) if heard is None and found.over else None
    if heard is None:
        by_hand = before is not None and _tagged_before(walker, found, before)
        return None if by_hand else tagged(found.id, tags, actor_id=None, updated_at=found.stamp)
    at = moment(found.stamp)
    if heard.at > at or (heard.at == at and heard.tags == tags):
        return None
    if heard.at == at:  # another tag within the same second
        return tagged(found.id, tags, actor_id=None, updated_at=found.stamp)
    foreign = _foreign(walker, found.id)
    if foreign is None:
        return tagged(found.id, tags, actor_id=None, updated_at=found.stamp)
    if foreign.created_at < heard.at or (foreign.created_at == heard.at and heard.tags == tags):
        return None  # within the same second another tag may have come: then it was its webhook that was lost
    stamp = foreign.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return tagged(found.id, tags, actor_id=foreign.author_id if foreign.author_id > 0 else None, updated_at=stamp)


def _heard(conn: Connection, ticket_id: int) -> Heard | None:
    rows = conn.execute(
        "SELECT detail->>'updated_at' AS at, detail->'tags' AS tags FROM events WHERE ticket_id = %s"
        " AND kind = 'ticket_tagged' AND reason <> 'own_update' ORDER BY id DESC LIMIT %s",
        (ticket_id, LOOKED_AT),
    ).fetchall()
    all_of_them = (Heard(moment(row["at"]).replace(microsecond=0), tuple(row["tags"])) for row in rows)
    return max(all_of_them, key=lambda one: one.at, default=None)


def _first_started(conn: Connection) -> datetime | None:
    row = conn.execute("SELECT value FROM ourselves WHERE name = 'first_started'").fetchone()
    return moment(row["value"]) if row else None


def _tagged_before(walker: Walker, found: Found, then: datetime) -> bool:
    """Whether the newest of our tags on this ticket is older than that. Not to be told: it is not."""
    try:
        audits = retry.read(lambda: walker.tools.zendesk.audits(found.id))
    except PermanentError:
        return False
    known = frozenset(walker.desk.settings.tags.values())
    added = next((audit for audit in audits if audit.tags_added & known), None)
    return added is None or added.created_at < then


def _foreign(walker: Walker, ticket_id: int) -> Audit | None:
    """The ticket's newest change that is not the desk's own; None when that cannot be told."""
    if walker.desk._own_id is None:
        walker.learn_own_id()
    try:
        audits = retry.read(lambda: walker.tools.zendesk.audits(ticket_id))
    except PermanentError:
        return None  # the walk finds out what is the matter with this ticket; the others must not wait for it
    own = walker.desk._own_id
    return next((audit for audit in audits if audit.author_id != own and not audit.op_id), None)
