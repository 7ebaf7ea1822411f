"""Verbs of a question to the agent: it goes to the ticket as an internal note, the card waits (issue 4)."""

from __future__ import annotations

from datetime import UTC, datetime

from app import sinks
from app.cases import Case
from app.clients import retry
from app.clients.types import Audit
from app.errors import PermanentError
from app.ledger import store
from app.ledger.perform import Call, Evidence, Plan
from app.ledger.store import Effect
from app.steps.chat import ChatSteps

QUESTION_LIMIT = 2000  # characters, encoded
AGENTS = frozenset({"agent", "admin"})


class AskSteps(ChatSteps):
    def ask_agent(self, case: Case) -> None:
        """One internal note with the supervisor's question, once; nothing is decided. The words are in the event's
        sealed body only, and in that note."""
        event_id, last = self.owner.event_id, self.case.asked.get("event")
        if not isinstance(last, int) or last < event_id:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            asked = {"by": self.presser, "as": self.presser_as, "at": now, "event": event_id}
            self.move("awaiting", of={"awaiting"}, asked=asked)
        question = sinks.zendesk(sinks.shown(self.said.get("question", ""), QUESTION_LIMIT), QUESTION_LIMIT)
        own = self.case.asked.get("event") == event_id
        who = str(self.case.asked.get("as", "")) if own else self.presser_as
        text = self.tools.texts.get("notes.question", who=who or self.presser, question=question)

        def prepare(effect: Effect) -> Call:
            ticket = self._stamped(effect)

            def send() -> Evidence:
                applied = self.tools.zendesk.update(ticket, op_id=effect.op_id, body=text, public=False)
                return {"audit_id": applied.audit_id}

            return Call(send, {"stamp": ticket.stamp})

        # The presser was told that it is asked: details that are missing meanwhile are no reason to drop it.
        states = frozenset({"awaiting", "incomplete"})
        self.perform(Plan("ask_agent", str(event_id), "zendesk", states, prepare, self.find_audit))

    def note_answer(self) -> None:
        """The question is answered when an agent has updated the ticket after it, in whatever way."""
        asked = self.case.asked
        if not asked or asked.get("answered"):
            return
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        put = next((e for e in effects if e.verb == "ask_agent" and e.arg == str(asked["event"])), None)
        audit_id = put.evidence.get("audit_id") if put and put.state == "done" else None
        if not isinstance(audit_id, int):
            return
        try:
            audits = retry.read(lambda: self.tools.zendesk.audits(self.case.ticket_id))
            own = next((audit.author_id for audit in audits if audit.id == audit_id), None)
            answer = next((a for a in audits if a.id > audit_id and a.author_id != own and self._by_agent(a)), None)
        except PermanentError:
            return  # the ticket is gone: there is nothing to read
        if answer:
            at = answer.created_at.isoformat(timespec="seconds")
            self.move("awaiting", of={"awaiting"}, asked={**asked, "answered": at})

    def _by_agent(self, audit: Audit) -> bool:
        """Not the customer, and no rule of the helpdesk."""
        return not audit.op_id and self.person(audit.author_id).role in AGENTS
