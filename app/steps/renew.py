"""The verb that keeps a waiting card's buttons alive: the same card with fresh tokens, before the old ones expire.

The clock gives a supervisor weeks (features 3.1), a button is good for days (APPROVAL_LIFE).
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from app import button_life, inbox, resumed, timers, wish
from app.cases import Case
from app.clients import retry
from app.clients.types import Card, Posted
from app.errors import PermanentError
from app.ledger import store
from app.ledger.perform import Call, Evidence, Plan, WalkLostError
from app.ledger.store import Effect
from app.steps.chat import ChatSteps

log = logging.getLogger(__name__)


class RenewSteps(ChatSteps):
    def renew_buttons(self, case: Case) -> None:
        """One update of the card, only while the case awaits a decision. `due` names which one: `refresh:2`.

        A ticket that no longer says what the card says renews nothing: it is looked at again a little later, and the
        moment it is updated. A card that somebody has deleted stays deleted. Source: features 3.1.
        """
        if self.case.state != "awaiting" or self.case.chat_channel is None or self.case.chat_ts is None:
            with self.tools.db.tx() as conn:
                timers.stop(conn, case.id, button_life.TIMER)
            return
        build, at = self._same_card(), Posted(self.case.chat_channel, self.case.chat_ts)
        if build is None:
            self._renew_later()
            return
        outcome = self.perform(
            Plan(
                "renew_card",
                self.due.partition(":")[2],
                self.tools.chat.vendor,
                frozenset({"awaiting"}),
                lambda effect: Call(lambda: self._renew(at, build())),
                # Nothing to look for. Harmless to repeat, yet not `repeatable`: a lost one may arrive late,
                # and nothing newer may be on the card by then.
                lambda effect: None,
            )
        )
        if outcome.done:
            self.keep_alive()

    def _renew(self, at: Posted, card: Card) -> Evidence:
        try:
            posted = self.tools.chat.update(at, card)
        except PermanentError as error:
            if error.reason != "gone":
                raise
            log.warning("buttons.card_gone", extra={"case": self.case.id})
            return {"gone": True}
        return {"channel": posted.channel, "ts": posted.ts}

    def _same_card(self) -> Callable[[], Card] | None:
        """What builds the card anew, tokens and all; None when the ticket can't be read or would make another card."""
        try:
            return self.card_again()
        except PermanentError as error:  # deleted, forbidden: no reason to tell anybody more than the case does
            log.warning("buttons.not_renewed", extra={"case": self.case.id, "reason": error.reason})
            return None

    def card_again(self) -> Callable[[], Card] | None:
        """Read from the ticket as `ask_supervisor` does. Raises VendorError when that can't be done now, or at all."""
        ticket, requester = retry.read(self.ticket), retry.read(self.requester)
        found = resumed.rest(wish.read(ticket, requester, self.tools.settings), self.case)
        asked = self._asked_with()
        same = asked and asked.evidence.get("details") in (
            None,
            self.details(found),
        )  # None: posted by an older release
        if not asked or not found.complete or found.preference != self.case.preference or not same:
            log.info("buttons.not_renewed", extra={"case": self.case.id, "reason": "ticket_changed"})
            return None
        return lambda: self.open_card(found, asked.arg)

    def _asked_with(self) -> Effect | None:
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        return next((e for e in effects if e.verb == "ask_supervisor" and e.state == "done"), None)

    def _renew_later(self) -> None:
        with self.tools.db.tx() as conn:
            if not inbox.owns(conn, self.owner.event_id, self.owner.walk):
                raise WalkLostError
            button_life.look_again(conn, self.case, self.due, self.tools.settings.approval_life)
