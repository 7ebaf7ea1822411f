"""Verbs on the macros: the e-mail to the requester alone, once, proved by the ticket's audit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app import kept, macro_texts, notes, resumed
from app.ahead import Begun
from app.cases import CLOSED_STATES, OPEN_STATES, Case
from app.clients.types import Macro, MacroEffect, Ticket
from app.errors import NotAppliedError
from app.ledger import store
from app.ledger.perform import Call, Evidence, Outcome, Plan, uptime
from app.ledger.store import Effect
from app.steps.base import refuse
from app.steps.verify import VerifySteps

# Placeholders that Zendesk fills in an agent's comment; anything else in braces would reach the customer as it is.
KNOWN_PLACEHOLDER = re.compile(r"\{\{\s*(ticket|current_user|dc)\.[\w.]+\s*\}\}")
STILL_FRESH = 3.0  # seconds: an admin may edit the macro, or switch it off, while the walk waits for something
MANY_TAGS = 5  # a macro that takes away more tags than this sets the list, and would wipe the agents' own


@dataclass(frozen=True)
class MacroRead:
    """A macro, and what it does to this ticket, as begun to be read at `at` (seconds, as `uptime` has it)."""

    title: str
    ticket: Ticket
    at: float
    read: Begun[tuple[Macro, MacroEffect]]


class MacroSteps(VerifySteps):
    _macro_read: MacroRead | None = None

    def look_up_macro(self, case: Case, title: str) -> None:
        """Begin to read the macro that acknowledges a new wish, while the desk writes the wish down."""
        if self._reads is None or self.began_as not in ("open", "incomplete") or self.case.state != "awaiting":
            return
        if self.tools.ledger.has_room("zendesk"):  # else it will wait, and be read when its turn has come
            ticket = self.ticket()
            read = self._reads.begin(lambda: self._macro(ticket, title))
            self._macro_read = MacroRead(title, ticket, uptime(), read)

    def _macro_for(self, effect: Effect, ticket: Ticket, title: str) -> tuple[Macro, MacroEffect]:
        begun = self._macro_read
        fresh = begun and (begun.title, begun.ticket) == (title, ticket) and uptime() - begun.at < STILL_FRESH
        return begun.read() if begun and fresh and not effect.attempts else self._macro(ticket, title)

    def _macro(self, ticket: Ticket, title: str) -> tuple[Macro, MacroEffect]:
        macro = self.tools.zendesk.macro(title)
        return macro, self.tools.zendesk.preview(ticket, macro)

    def apply_macro(self, case: Case, title: str) -> Outcome | None:
        """The macro's e-mail to the requester, once, proved by the ticket's audit. None: there is nobody to mail."""
        last = title not in (notes.REQUEST_MACRO, notes.CONSENT_MACRO)  # the confirmation that it is done
        if not self._can_mail() or (not last and self._told_before(title)):
            return None
        running = frozenset({"awaiting", "approved", "banning", "verifying", "needs_person", "done"})
        if title == notes.CONSENT_MACRO:  # a withdrawal in part leaves the case in whatever state it is
            running = OPEN_STATES | CLOSED_STATES if resumed.of_case(self.case) else frozenset({"withdrawn"})
        states = frozenset({"done"}) if last else running
        outcome = self.perform(
            Plan(
                "apply_macro",
                title,
                "zendesk",
                states,
                lambda effect: self._macro_call(effect, title),
                self.find_audit,
                yields=title != notes.CONSENT_MACRO,
            )
        )
        if outcome.done:
            self._macro_tags(title, outcome.evidence)
        return outcome

    def acknowledged(self, case: Case) -> bool:
        """False: the acknowledgement can't be sent until somebody mends its cause, so nobody else is asked either."""
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        return not any((e.verb, e.arg, e.state) == ("apply_macro", notes.REQUEST_MACRO, "dead") for e in effects)

    def _told_before(self, title: str) -> bool:
        """A round that came to nothing (declined, refused by JIRA) has told the customer already: no second e-mail."""
        with self.tools.db.each() as conn:
            told = store.told_in_round_before(conn, self.case, title)
        self.remark("info:told", told)
        return told

    def _can_mail(self) -> bool:
        """To the requester alone (SOP 1.10), and only where a mail would arrive. If not, the note says what to do."""
        copied, requester = bool(self.ticket().cc_ids), self.requester()
        self.remark("info:cc", copied)
        self.remark("info:no_email", not requester.email)
        self.remark("info:unreachable", bool(requester.email) and not requester.reachable)
        return not copied and requester.reachable

    def _macro_call(self, effect: Effect, title: str) -> Call:
        ticket = self._stamped(effect)
        if ticket.cc_ids:
            raise refuse("zendesk", "cc")
        if title != notes.CONSENT_MACRO and resumed.pending(ticket, self.case, self.tools.settings):
            # The customer has just withdrawn; the withdrawal's own event decides what becomes of this.
            raise NotAppliedError("withdrawn meanwhile", "withdrawal", vendor="zendesk")
        macro, change = self._macro_for(effect, ticket, title)
        wording = self._judged(title, change)
        body = change.body
        if title == notes.REQUEST_MACRO and self.tools.settings.kept_in_reply:
            body += kept.reply(self.tools.texts, self.case.kept, html=change.html)

        def send() -> Evidence:
            applied = self.tools.zendesk.update(
                ticket,
                op_id=effect.op_id,
                body=body,
                html=change.html,
                public=True,
                macro_id=macro.id,
                fields=change.fields,
            )
            return {"audit_id": applied.audit_id}

        ours = set(self.tools.settings.tags.values())
        drop = {tag for tag in change.remove_tags if tag not in ours and not tag.startswith("desk_")}
        read: Evidence = {
            "stamp": ticket.stamp,
            "macro_id": macro.id,
            "text_hash": self.tools.vault.digest("text", body),
            **wording,
            "add_tags": [*sorted(change.add_tags)],
            "remove_tags": [*sorted(drop)] if len(drop) <= MANY_TAGS else [],
        }
        return Call(send, read)

    def _judged(self, title: str, change: MacroEffect) -> Evidence:
        """Refuses what must not reach a customer (features 1.5, 1.6); tells in what the text differs from ours.

        The macro's own text is compared, because a preview may hold the customer's name.
        """
        if not change.public or not change.body.strip():
            raise refuse("zendesk", "macro_private")
        if macro_texts.LEFTOVER.search(KNOWN_PLACEHOLDER.sub("", change.body)):
            raise refuse("zendesk", "macro_placeholder")
        text = change.text.strip() or change.body
        if unfit := macro_texts.unfit(text):
            raise refuse("zendesk", f"macro_{unfit[0]}")
        ours = macro_texts.ours().get(title)
        if ours is None or ours.approved(text):
            return {"wording": "approved" if ours else "own", "faults": []}
        return {"wording": "changed", "faults": [*ours.faults(text)], "wording_hash": macro_texts.text_hash(text)}

    def _stamped(self, effect: Effect) -> Ticket:
        """The ticket to update safely. A repeat waits until the stamp's second is over: stamps are whole seconds, and
        two updates within one would both pass Zendesk's check."""
        again = effect.attempts > 0
        ticket = self.ticket(fresh=again)
        if again:
            stamp = datetime.fromisoformat(ticket.stamp.replace("Z", "+00:00"))
            left = (stamp + timedelta(seconds=1) - datetime.now(UTC)).total_seconds()
            if 0 < left <= 1:
                raise NotAppliedError("stamp is of this second", "stamp", vendor="zendesk", retry_after=left)
        return ticket

    def _macro_tags(self, title: str, applied: Evidence) -> None:
        """The tags that the applied macro adds and takes away, by the additive calls."""
        add, drop = (frozenset(_strings(applied.get(name))) for name in ("add_tags", "remove_tags"))
        if not add and not drop:
            return

        def send() -> Evidence:
            if add:
                self.tools.zendesk.add_tags(self.ticket(fresh=True), add)
            if drop:
                self.tools.zendesk.remove_tags(self.ticket(fresh=True), drop)
            return {}

        def find(effect: Effect) -> Evidence | None:
            tags = self.ticket(fresh=True).tags
            return {} if add <= tags and not drop & tags else None

        states = OPEN_STATES | {"done", "withdrawn"}
        self.perform(Plan("macro_tags", title, "zendesk", states, lambda effect: Call(send), find, repeatable=True))


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
