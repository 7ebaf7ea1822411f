"""Looks for Regulatory Complaint Threats before anything else of a ticket, and finds the case that one belongs to.

A threat is an event of its own with its own case, beside the ticket's request and never instead of it. What has been
raised once is never raised again; new words, or the tag put on anew, continue the open case or open the next one.
Source: SOP 000 Notes (0.32, 0.33).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from app import cases, inbox, timers
from app.ahead import Reads
from app.cases import Case
from app.clients import retry
from app.db import Connection
from app.desk import Desk
from app.errors import PermanentError, UnknownOutcomeError
from app.events import Json, ThreatSeen, TicketTagged
from app.inbox import Stored
from app.ledger import store
from app.ledger.perform import WalkLostError
from app.points import point
from app.steps.base import Tools
from app.threats import lexicon, said
from app.threats.said import ids

if TYPE_CHECKING:
    from app.walk import Verdict, Walker

log = logging.getLogger(__name__)

TAG = "regulatory_threat"
PROCEDURE = "regulatory_threat"
CLOCKS_DIFFER = timedelta(seconds=1)
PATIENCE = 2  # walks that wait for comments nobody can read; then the customer's wish goes on without


@dataclass(frozen=True)
class Known:
    """What has been raised on this ticket already."""

    facts: frozenset[str]
    comments: frozenset[int]


class ThreatRounds:
    """Used by the walks of one worker process."""

    def __init__(self, desk: Desk, tools: Tools) -> None:
        self._desk = desk
        self._tools = tools
        lexicon.use(tools.settings.threat_words)

    def known(self, ticket_id: int) -> Known:
        """To be asked before the ticket's comments are read: else an older one could look new beside a newer known."""
        with self._desk.db.each() as conn:
            return _known(conn, ticket_id)

    def raise_new(self, stored: Stored, reads: Reads, known: Known) -> bool:
        """Record what is new on this ticket as events of their own; whether there was anything."""
        found = [*self._tagged(reads, known), *self._said(stored, reads, known)]
        new = [self._desk.submit(event, sender="desk") for event in found]
        return any(new)

    def _tagged(self, reads: Reads, known: Known) -> Sequence[ThreatSeen]:
        """The agent's flag, each time it is put on."""
        ticket = reads.ticket
        tag = self._tools.settings.tags[TAG]
        if tag not in ticket.tags:
            return []
        audits = retry.read(reads.audits)
        added = next((audit.id for audit in audits if tag in audit.tags_added), 0)  # 0: older than the audits read
        fact = f"threat:{ticket.id}:tag:{added}"
        if not added and any(one.startswith(f"threat:{ticket.id}:tag:") for one in known.facts):
            return []  # it was raised while its audit was still among the newest
        return [] if fact in known.facts else [ThreatSeen(fact, ticket.id)]

    def _said(self, stored: Stored, reads: Reads, known: Known) -> Sequence[ThreatSeen]:
        """The newest comment of a customer with such words, if it came after all that were raised."""
        zendesk, ticket, own_id = self._tools.zendesk, reads.ticket, self._desk._own_id
        try:
            found = said.read(zendesk, ticket, known.comments, own_id=own_id, asked=reads.comments)
        except (PermanentError, UnknownOutcomeError) as error:
            if not said.hopeless(error) or (isinstance(error, UnknownOutcomeError) and stored.failures < PATIENCE):
                raise
            log.warning("threat.comments_unreadable", extra={"key": stored.id, "reason": error.reason})
            return []
        if not found:
            return []
        newest = found[-1].comment_id
        return [ThreatSeen(f"threat:{ticket.id}:comment:{newest}", ticket.id, newest)]

    def look_later(self, event: TicketTagged) -> None:
        """Another comment may come within the time unit of this update, and would be the same fact to the door: the
        ticket is looked at once more when the unit is over. When it is over already, nothing is needed."""
        unit = timedelta(seconds=1 if re.match(r".{16}:", event.updated_at) else 60)
        now = datetime.now(UTC)
        over = datetime.fromisoformat(event.updated_at.replace("Z", "+00:00")) + unit + CLOCKS_DIFFER
        if now < over:
            what = f"threats:{event.ticket_id}"
            over = min(over, now + unit + CLOCKS_DIFFER)
            with self._desk.db.each() as conn:
                later = timers.due(conn, f"desk:{what}")  # of an update whose unit is a minute
                timers.again(conn, f"desk:{what}", what, max(over, later) if later else over)

    def of(self, stored: Stored, event: ThreatSeen) -> tuple[Stored, Case]:
        """The case of this threat: the one it belongs to already, the open one, or the next."""
        with self._desk.db.tx() as conn:
            if not inbox.owns(conn, stored.id, stored.walk):
                raise WalkLostError
            if mine := cases.of_threat(conn, event.ticket_id, PROCEDURE, stored.id):
                return stored, mine  # also of an earlier round: a replay of it begins no new one
            latest = cases.latest(conn, event.ticket_id, PROCEDURE)
            earlier = latest if latest and not latest.is_open else None
            case = latest if latest and latest.is_open else None
            if case is None:
                at = stored.received_at
                case = cases.open_case(
                    conn, event.ticket_id, PROCEDURE, tag_audit_id=None, tagger_id=None, received_at=at
                )
            elif any(effect.state == "dead" for effect in store.of_case(conn, case.id)):
                stored = inbox.replayed(conn, stored)  # as when a request is tagged anew: what failed is tried again
            case = self._joined(conn, case, earlier, stored)
        point("case.after_open")
        return stored, case

    def _joined(self, conn: Connection, case: Case, earlier: Case | None, stored: Stored) -> Case:
        """The case with all events of its ticket that belong to no earlier one, and what those were about."""
        evidence: dict[str, Json] = dict(case.evidence)
        if earlier is not None:
            before = [*ids(earlier.evidence.get("earlier")), *ids(earlier.evidence.get("comments"))]
            evidence |= {"earlier": [*before], "done": [*ids(earlier.evidence.get("done")), *_events(earlier)]}
        rows = conn.execute(
            "SELECT id, detail FROM events WHERE ticket_id = %s AND kind = 'threat_seen' AND NOT (id = ANY(%s))"
            " ORDER BY id",
            (case.ticket_id, ids(evidence.get("done"))),
        ).fetchall()
        comments = [row["detail"]["comment_id"] for row in rows if row["detail"].get("comment_id")]
        evidence["events"] = [int(row["id"]) for row in rows]
        evidence["comments"] = sorted({*ids(evidence.get("comments")), *comments})
        evidence["tagged"] = any(not row["detail"].get("comment_id") for row in rows)
        moved = cases.move(conn, case, case.state, of={case.state}, evidence=evidence)
        if moved is None:
            raise WalkLostError  # the ticket's lock is no longer ours
        return moved


def look_again(walker: Walker, stored: Stored) -> Verdict:
    """The later look of `look_later`, at the ticket as it is now."""
    from app.walk import Verdict

    ticket_id = int(str(stored.detail.get("what", "")).rpartition(":")[2])
    try:
        ticket = retry.read(lambda: walker.tools.zendesk.ticket(ticket_id))
    except PermanentError as error:
        return Verdict("void", error.reason)
    if ticket.tags.intersection(walker.tools.settings.tags.values()):
        known = walker.threats.known(ticket_id)
        walker.threats.raise_new(stored, walker.ahead.of(ticket, begin=False), known)
    return Verdict("done")


def _events(case: Case) -> list[int]:
    return ids(case.evidence.get("events"))


def _known(conn: Connection, ticket_id: int) -> Known:
    rows = conn.execute(
        "SELECT fact, detail FROM events WHERE ticket_id = %s AND kind = 'threat_seen'", (ticket_id,)
    ).fetchall()
    comments = (row["detail"].get("comment_id") for row in rows)
    return Known(frozenset(str(row["fact"]) for row in rows), frozenset(int(c) for c in comments if c))
