"""Verbs that keep a waiting card right: its buttons alive, its details the ticket's, its message in the channel.

The clock gives a supervisor weeks (features 3.1), a button is good for days (APPROVAL_LIFE). A press is bound to what
was on the card (issue 4): a ticket that says something else makes the next card, which shows the difference.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from app import button_life, card_lines, card_numbers, cases, resumed, timers
from app.cases import Case
from app.clients import retry
from app.clients.chat import Card, Line, Posted
from app.errors import PermanentError
from app.ledger import store
from app.ledger.perform import Call, Evidence, Plan
from app.ledger.store import Effect
from app.steps.ask import AskSteps

log = logging.getLogger(__name__)

UNCLEAR = frozenset({"both_tags", "resume_unclear"})
Build = Callable[[], Card]
Anew = tuple[str, frozenset[str], Callable[[Effect], Call], Callable[[Effect], None]]


class RenewSteps(AskSteps):
    asked_again = False  # whether this walk has let the request's section speak for the card's sake

    def renew_buttons(self, case: Case) -> None:
        """One update of the card, only while the case awaits a decision. `due` names which one: `refresh:2`.

        A ticket that no longer says what the card says makes the next card at once, at the end of this walk; a message
        that somebody has deleted is posted once more. Source: features 3.1, issue 4.
        """
        if self.case.state != "awaiting":
            with self.tools.db.tx() as conn:
                timers.stop(conn, case.id, button_life.TIMER)
            return
        number, at = self.current_card()
        part = self.due.partition(":")[2]
        if at is None or card_numbers.split(part)[0] != number:
            return  # of a card that has been replaced since
        below = self.below()
        build = self._same_card(below)
        if build is None:
            if not self.differs or self._is_withdrawn():
                self._renew_later()
            return
        self._update(Plan("renew_card", part, *self._anew(at, build, below)))

    def look_at_card(self, case: Case) -> None:
        """Whether the waiting card's message is still there; `due` names it (`look:2`). One that somebody has deleted
        is posted once more, the second time the agent and an administrator are told (issue 4). `look:sure`: a closed
        card is closed once more, at the end of the walk."""
        number, at = self.current_card()
        part = self.due.partition(":")[2]
        if self.case.state != "awaiting" or at is None or part != str(number):
            return
        if self._is_there(at):
            with self.tools.db.tx() as conn:
                self.still_ours(conn)
                button_life.look_tomorrow(conn, self.case, number)
        else:
            self._post_once_more()

    def below(self) -> list[Line]:
        """What has changed since the card before, what went before, the question to the agent; then how it stands."""
        texts = self.tools.texts
        with self.tools.db.each() as conn:
            declined = cases.declined_before(conn, self.case)
        return [
            *card_lines.difference(texts, self.sealed()),
            *card_lines.posted_again(texts, self.wanted.again),
            *card_lines.history(texts, declined),
            *card_lines.question(texts, self.case),
            *super().below(),
        ]

    def keep_card(self) -> None:
        """Before a card shows how the case stands: whether it is the right one, while the case waits."""
        if self.case.state == "awaiting":
            self.note_answer()
            if self._is_behind():
                self._ask_again()
            self._show_below()
            if self._is_gone():
                self._post_once_more()
        super().keep_card()

    # ---- is it the right card?

    def _is_behind(self) -> bool:
        """Whether the next card has still to be made, or brought to its end; the first one is its own walk's."""
        if self.differs:
            return True
        with self.tools.db.each() as conn:
            posted = card_numbers.asked(store.of_case(conn, self.case.id), self.wanted.number)
        # One that was refused for good: by this very event, in a walk that came to no end, or its replay is to mend it.
        over = ("done",) if self.owner.walk > 1 else ("done", "dead")
        return self.wanted.number > 1 and (posted is None or posted.state not in over)

    def _is_gone(self) -> bool:
        """Whether an update of the message, or a reply to it, has found it deleted; chat itself has the last word."""
        number, at = self.current_card()
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        if at is None or self.wanted.gone or not card_numbers.gone(effects, number):
            return False
        return not self._is_there(at)

    def _is_there(self, at: Posted) -> bool:
        """Also when the channel can't be seen any more: that is another trouble, and `desk check` names it."""
        try:
            return retry.read(lambda: self.tools.chat.is_there(at))
        except PermanentError as error:
            log.warning("card.not_looked_for", extra={"case": self.case.id, "reason": error.reason})
            return True

    def _is_withdrawn(self) -> bool:
        """Whether a withdrawal comes first, or an agent has to ask what the customer wants: its own event decides."""
        ticket = retry.read(self.ticket)
        return resumed.pending(ticket, self.case, self.tools.settings) or bool(UNCLEAR & set(self.case.problems))

    def _ask_again(self) -> None:
        """The request's section from the top: what is done is not repeated, the card is made anew."""
        from app import registry

        if self.asked_again:
            return
        try:
            if self._is_withdrawn():
                return
        except PermanentError as error:  # the ticket is gone: nobody can be asked about it any more
            log.warning("card.not_replaced", extra={"case": self.case.id, "reason": error.reason})
            return
        self.asked_again, self.differs = True, False
        registry.request(self.case.procedure)(self.case, self)  # type: ignore[arg-type]  # self is a Steps

    def _post_once_more(self) -> None:
        """The next card, with nothing changed; a message that is deleted again stays deleted."""
        card = self.wanted
        again = replace(card, gone=True) if card.again else replace(card, number=max(card.number, 1) + 1, again=True)
        log.warning("card.gone", extra={"case": self.case.id, "state": "told" if card.again else "again"})
        if self.move("awaiting", of={"awaiting"}, card=again.stored()) and not again.gone:
            self.asked_again = False
            self._ask_again()

    # ---- the same card, shown anew

    def _same_card(self, below: Sequence[Line]) -> Build | None:
        """What builds the card anew, tokens and all; None when the ticket can't be read or would make another card."""
        try:
            return self.card_again(below)
        except PermanentError as error:  # deleted, forbidden: no reason to tell anybody more than the case does
            log.warning("buttons.not_renewed", extra={"case": self.case.id, "reason": error.reason})
            return None

    def card_again(self, below: Sequence[Line]) -> Build | None:
        """Read from the ticket as `ask_supervisor` does. Raises VendorError when that can't be done now, or at all."""
        retry.read(self.ticket), retry.read(self.requester)
        found = self._found(self.ticket())
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        card = self.card_before(effects, found)
        asked = card_numbers.asked(effects, card.number)
        if not found.complete or self.seen_of(found, card.version) != card.seen:
            log.info("buttons.not_renewed", extra={"case": self.case.id, "reason": "ticket_changed"})
            self.differs = True
            return None
        if card != self.wanted:  # an older release posted it: from now on its buttons say what was seen
            self.move("awaiting", of={"awaiting"}, card=card.stored())
        return lambda: self.open_card(found, (asked.arg if asked else "").partition(":")[0], below)

    def _show_below(self) -> None:
        """What stands below the card's own lines has changed: a question, an answer, the due date."""
        number, at = self.current_card()
        below = self.below()
        if at is None or self.shown_face() == self.face(below):
            return
        arg = self.next_card_arg(number, self.face(below), "show_words")
        if not self.others_are_over("show_words", arg):
            return
        build = self._same_card(below)
        if build is None:
            if self.differs:
                self._ask_again()
            return
        self._update(Plan("show_words", arg, *self._anew(at, build, below)))

    def _update(self, plan: Plan) -> None:
        if self.perform(plan).done:
            self.keep_alive()

    def _anew(self, at: Posted, build: Build, below: Sequence[Line]) -> Anew:
        """The open card once more. Harmless to repeat, and nothing to look for; yet not `repeatable`: an update whose
        answer was lost may arrive late, buttons and all, and nothing newer may be on the card by then."""
        face = self.face(below)

        def prepare(effect: Effect) -> Call:
            return Call(lambda: self._renew(at, build()), {"face": face})

        return self.tools.chat.vendor, frozenset({"awaiting"}), prepare, lambda effect: None

    def _renew(self, at: Posted, card: Card) -> Evidence:
        try:
            posted = self.tools.chat.update(at, card)
        except PermanentError as error:
            if error.reason != "gone":
                raise
            return {"gone": True}  # the end of the walk sees to it
        return {"channel": posted.channel, "ts": posted.ts}

    def _renew_later(self) -> None:
        with self.tools.db.tx() as conn:
            self.still_ours(conn)
            button_life.look_again(conn, self.case, self.due, self.tools.settings.approval_life)
