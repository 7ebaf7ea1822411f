"""Which round an event of a ticket is about: the open case, the next generation, or none because it has its answer.

A case is `(ticket, procedure, generation)`. Re-tagging an open case continues it; re-tagging a closed one, or one that
is stuck, opens the next round; a mere later update of a tagged ticket is neither. Source: faults.md F04.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from app import button_life, cases, inbox, registry, replay, resumed
from app.ahead import Reads
from app.cases import Case
from app.clients import retry
from app.clients.types import Audit
from app.db import Connection
from app.desk import Desk
from app.events import TicketTagged
from app.inbox import Stored
from app.ledger import store
from app.points import point
from app.settings import CHANNELS
from app.steps.base import Tools

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Round:
    """The case an event is about, and the event as it now stands (a tag put on anew lets failures be tried again)."""

    stored: Stored
    case: Case | None
    state: str


class Rounds:
    """Finds or opens the round; used by the walks of one worker process."""

    def __init__(self, desk: Desk, tools: Tools) -> None:
        self._desk = desk
        self._tools = tools

    def contradictory(self, case: Case, names: frozenset[str], reads: Reads) -> bool:
        """Request and withdrawal on one ticket, and nobody can tell which the customer said last.

        A request that the desk knew before the withdrawal is simply withdrawn; both at once, or a request tagged anew
        beside an old withdrawal, are for the agent to ask about.
        """
        if "data_deletion_request" not in names:
            return False
        if case.state == "open" and any(f"resume_{channel}" in names for channel in CHANNELS):
            return False  # channels are named: the request stands without them
        if case.state == "open" or "both_tags" in case.problems:
            return True
        if case.state != "withdrawn":
            return False
        request = _added(reads, self._tools.settings.tags["data_deletion_request"])
        return request is not None and request.created_at > (case.closed_at or _NEVER)

    def of(self, stored: Stored, reads: Reads, tagged: registry.Tagged, event: TicketTagged) -> Round:
        """The open case, or the next round of it; no case when this tag has had its answer already."""
        ticket = reads.ticket
        with self._desk.db.each() as conn:
            latest = cases.latest(conn, ticket.id, tagged.procedure)
            helpless = latest is not None and self._helpless(conn, latest)
        settings, tag = self._tools.settings, tagged.tag
        if latest and tagged.rank > 0 and resumed.carried_out(latest, resumed.named(ticket, settings)):
            tag = "data_deletion_request"  # of a withdrawal in part that is carried out, the request is what is left
        elif latest and tagged.rank > 0:
            return Round(stored, latest, latest.state)
        if latest and stored.case_id == latest.id:
            # This event began that round's work, and still has to end it when it is closed by now.
            return Round(stored, latest, latest.state)
        added = _added(reads, settings.tags[tag])
        if latest and latest.is_open and not helpless:
            return Round(stored, self._retagged(latest, added), latest.state)
        again = latest is None or _again(latest, added, event, tag)
        if latest and not again:
            return Round(stored, latest if latest.is_open else None, latest.state)
        if latest and latest.is_open and not self._stuck(latest):
            with self._desk.db.tx() as conn:
                seen = {"tag_audit_id": added.id, "retagged_at": added.created_at} if added else {"tag_audit_id": None}
                latest = cases.move(conn, latest, latest.state, of={latest.state}, **seen) or latest
                for event_id in inbox.dead_of(conn, latest.id):  # a dead press, too, is walked again after this
                    replay.again(self._desk, conn, event_id, "dead")
                stored = inbox.replayed(conn, stored)  # what is dead may be tried again, also by a walk after this one
            return Round(stored, latest, latest.state)
        with self._desk.db.tx() as conn:
            if latest and latest.is_open:
                cases.move(conn, latest, "void", of={latest.state}, reason="superseded")
            tagger = added.author_id if added else event.actor_id
            case = cases.open_case(
                conn,
                ticket.id,
                tagged.procedure,
                tag_audit_id=added.id if added else None,
                tagger_id=tagger,
                received_at=added.created_at if added else None,
            )
        point("case.after_open")
        return Round(stored, case, case.state)

    def _retagged(self, case: Case, added: Audit | None) -> Case:
        """Tagging an open case again changes nothing but its note, which says what goes on or what stands."""
        if added is None or case.tag_audit_id is None or added.id <= case.tag_audit_id:
            return case
        with self._desk.db.tx() as conn:
            seen = {"tag_audit_id": added.id, "retagged_at": added.created_at}
            return cases.move(conn, case, case.state, of={case.state}, **seen) or case

    def _helpless(self, conn: Connection, case: Case) -> bool:
        """Only a new tag helps this open case on: it is stuck, or something of it has failed for good."""
        dead = any(effect.state == "dead" for effect in store.of_case(conn, case.id))
        return self._stuck(case) or dead or any(problem.startswith("failed:") for problem in case.problems)

    def _stuck(self, case: Case) -> bool:
        """A person must act, or nobody can press: the card's buttons have expired unrenewed, or its message was deleted
        for good. A new tag begins a new round."""
        if case.state != "awaiting":
            return case.state == "needs_person"
        if case.card.get("gone"):
            return True
        with self._desk.db.each() as conn:
            effects = store.of_case(conn, case.id)
        return button_life.expired(effects, self._tools.settings.approval_life)


def _added(reads: Reads, tag: str) -> Audit | None:
    """Who added this tag last, and when: the ticket's own audit trail says so, the webhook does not."""
    audits = retry.read(reads.audits)
    return next((audit for audit in audits if tag in audit.tags_added), None)


def _again(latest: Case, added: Audit | None, event: TicketTagged, name: str) -> bool:
    """Whether the tag was put on the ticket anew since the latest case: a mere later update is not a new wish."""
    if "both_tags" in latest.problems and latest.state == "withdrawn":
        return True  # the withdrawal has been taken off since: the agent has asked, and the request stands
    if added is not None and latest.tag_audit_id is not None:
        return added.id != latest.tag_audit_id
    closed = latest.closed_at or latest.changed_at
    if added is not None:
        return added.created_at > closed
    return name in (event.added or ()) and datetime.fromisoformat(event.updated_at.replace("Z", "+00:00")) > closed
