"""Verb on the wish as the ticket has it (SOP 000 section 1), and what the next card says of it.

A card is bound to five fields: name, contact number, ticket, BackOffice link, preference. While the case waits, details
that change make the next card, details that are gone take the case back to the agent (issue 4).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from app import card_numbers, confirmed, joins, resumed, wish
from app.card_numbers import Wanted
from app.cases import Case
from app.clients.types import Ticket
from app.ledger import store
from app.ledger.store import Effect
from app.resumed import UNDECIDED
from app.steps.base import Base


class VerifySteps(Base):
    def verify_preference(self, case: Case) -> wish.Wish:
        """SOP section 1: the preference and the five details, from the ticket as it is now. Moves the case.

        Once a card may be out only what it says counts: details that change make the next card, details that are gone
        take the case back to the agent. After the decision the ticket changes nothing any more.
        """
        ticket = self.ticket()
        found = self._found(ticket)
        if not found.complete:
            over: dict[str, Any] = {"card": replace(self.wanted, over=True).stored()} if self._asked() else {}
            self.move("incomplete", of=UNDECIDED, problems=found.problems, **over)
            return found
        if self.case.state in UNDECIDED:
            self._fix_card(found, ticket)
        changed = self.case.is_open and found.preference != self.case.preference
        self.remark("info:changed", changed)
        return found

    def _found(self, ticket: Ticket) -> wish.Wish:
        """The wish on this ticket, less what was given back. What else a ticket must have is asked before the first
        card: somebody copied later, say, takes no card back."""
        found = resumed.rest(wish.read(ticket, self.requester(), self.tools.settings), self.case)
        return wish.as_on_a_card(found) if self._asked() else found

    @property
    def wanted(self) -> Wanted:
        """The card that counts now."""
        return Wanted.of(self.case)

    def seen_of(self, found: wish.Wish, version: int) -> str:
        """Keyed hash of a card's five fields: what a press on it is bound to. `version`: a card that has been replaced
        stays so, though the ticket may say again what it said."""
        fields = [version, self.case.ticket_id, found.name, found.contact, found.backoffice_url, *found.preference]
        return self.tools.vault.digest("card", hashlib.sha256(json.dumps(fields).encode()).hexdigest())[:16]

    def _fix_card(self, found: wish.Wish, ticket: Ticket) -> None:
        """What the next card says, or the one that is out, is the case's from now on: all in one compare-and-set."""
        with self.tools.db.each() as conn:
            effects = [e for e in store.of_case(conn, self.case.id) if e.verb == "ask_supervisor"]
        before = self.card_before(effects, found)
        # Whether anybody may have read what the case has: a card that was never sent just follows the ticket. An older
        # release's effect does not say what it showed; there was one card then.
        older = before.seen if before.number == 1 else ""
        shown = any(card_numbers.maybe_out(e) and e.evidence.get("seen", older) == before.seen for e in effects)
        card = self._next_card(before, effects, found, shown=shown)
        if card == self.wanted and self.case.state == "awaiting":
            return
        barred = {*self._barred(ticket), *(self.case.barred if effects else ())}
        self.move(
            "awaiting",
            of=UNDECIDED,
            also=joins.tell_narrower,
            preference=found.preference,
            problems=tuple(p for p in self.case.problems if p.startswith("info:")),
            sealed=self._sealed_details(found, changed=shown and card.version != before.version),
            barred=tuple(sorted(barred)),
            confirmation=confirmed.record(found.confirmation, tagger_id=self.case.tagger_id, at=self.case.received_at),
            card=card.stored(),
        )

    def _next_card(self, card: Wanted, effects: Sequence[Effect], found: wish.Wish, *, shown: bool) -> Wanted:
        """The same card while it says what the ticket says; else its number and version are new as far as needed."""
        current = card_numbers.asked(effects, card.number)
        same = not card.over and card.seen == self.seen_of(found, card.version)
        void = current is not None and current.state == "void"
        if void or card.number == 0 or (not same and card_numbers.maybe_out(current)):
            card = replace(card, number=card.number + 1)
        version = card.version + shown
        return card if same else Wanted(card.number, version, self.seen_of(found, version))

    def _sealed_details(self, found: wish.Wish, *, changed: bool) -> bytes:
        """The fields encrypted; those of the card before beside them, so that the new one shows the difference."""
        was = self.sealed()
        details: dict[str, Any] = {"backoffice": found.backoffice_url, "name": found.name, "contact": found.contact}
        details["preference"] = [*found.preference]
        if changed:
            last = {name: was[name] for name in details if name in was}
            details["before"] = {"preference": [*self.case.preference], **last}
        elif "before" in was:
            details["before"] = was["before"]
        return self.tools.vault.seal(json.dumps(details).encode(), f"case:{self.case.id}")

    def card_before(self, effects: Sequence[Effect], found: wish.Wish) -> Wanted:
        """The card that counts; one that an older release has posted says what it says by another hash."""
        posted = card_numbers.asked(effects, 1)
        if self.case.card or not card_numbers.maybe_out(posted) or posted is None:
            return self.wanted
        details = self.tools.vault.digest("card", json.dumps([found.name, found.contact]))
        same = (
            posted.evidence.get("details") in (None, details)
            and found.preference == self.case.preference
            and found.backoffice_url == self.sealed().get("backoffice")
        )
        return Wanted(1, 1, self.seen_of(found, 1) if same else "older")

    def remark(self, problem: str, holds: bool) -> None:
        """Add or take away one line of the note."""
        others = tuple(p for p in self.case.problems if p != problem)
        problems = (*others, problem) if holds else others
        if problems != self.case.problems:
            self.move(self.case.state, of={self.case.state}, problems=problems)

    def waits_for_agent(self, case: Case) -> bool:
        """Something is missing or contradictory on the ticket: nothing may be sent."""
        return self.case.state in ("open", "incomplete")

    def _asked(self) -> bool:
        """Whether a card of this case is out, or may be."""
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        return any(e.verb == "ask_supervisor" and e.state in card_numbers.MAYBE_OUT for e in effects)

    def _barred(self, ticket: Ticket) -> tuple[str, ...]:
        """Keyed hashes of the people who may not decide: who tagged, who is assigned, who asked."""
        others = {self.case.tagger_id, ticket.assignee_id} - {None, ticket.requester_id}
        staff = self.tools.zendesk.staff  # who is involved when the press comes is read anew (InvolvedSteps)
        mails = {self.requester().email, *(self.person(of, read=partial(staff, of or 0)).email for of in others)}
        return tuple(sorted(self.tools.vault.digest("mail", mail) for mail in mails if mail))
