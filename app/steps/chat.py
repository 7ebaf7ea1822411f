"""Verbs on the supervisor's channel: post each card once, bind its buttons to what it says, answer every press."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from app import button_life, card_numbers, cards, inbox
from app.cases import CLOSED_STATES, OPEN_STATES, Case
from app.clients.chat import Card, Line, Posted, Section
from app.errors import PermanentError
from app.ledger import store
from app.ledger.perform import Call, Evidence, Outcome, Plan
from app.ledger.store import Effect
from app.steps.close import CloseSteps, posted_at
from app.tokens import Press
from app.wish import Wish

ACTIONS = ("approve", "decline", "ask")


class ChatSteps(CloseSteps):
    differs = False  # whether this walk has found the ticket saying something else than the card that counts

    def ask_supervisor(self, case: Case, wish: Wish, *, card: str) -> Outcome:
        """SOP section 2: raise a case to the Team Supervisor, in the template's words, with Approve and Decline.

        Each card of the case is an effect of its own. One that it replaces is closed first: a press on it decides
        nothing any more (`changed_since`).
        """
        arg = card_numbers.asked_arg(card, self.wanted.number)
        if waits := self._threat_first(arg):
            return waits
        self._close_replaced()
        outcome = self.perform(
            Plan(
                verb="ask_supervisor",
                arg=arg,
                vendor=self.tools.chat.vendor,
                states=frozenset({"awaiting"}),
                prepare=lambda effect: self._card_call(effect, wish, card),
                find=self._find_card,
                yields=True,
            )
        )
        self._remember_card(outcome)
        return outcome

    def _threat_first(self, arg: str) -> Outcome | None:
        """A threat's urgent card comes before any other (SOP 000, Notes), also after hours without chat."""
        with self.tools.db.tx() as conn:
            urgent = inbox.threat_before(conn, self.case.ticket_id)
            effects = store.of_case(conn, self.case.id) if urgent else []
        begun = any((e.verb, e.arg) == ("ask_supervisor", arg) and e.state != "planned" for e in effects)
        if urgent is None or begun:
            return None
        at = max(urgent, datetime.now(UTC)) + timedelta(seconds=self.tools.settings.retry_base)
        self.outcomes.append(Outcome("waiting", "threat_first", next_at=at))
        return self.outcomes[-1]

    def newer_words(self, pressed: datetime) -> bool:
        """Whether the card now holds something that was not on it at that moment: only a threat's card grows."""
        return False

    def _card_call(self, effect: Effect, wish: Wish, card: str) -> Call:
        """What the card shows is fixed with the intent; its tokens are made when it is sent."""
        below = self.below()

        def send() -> Evidence:
            shown = self.open_card(wish, card, below)
            return posted_at(self.tools.chat.post(shown, op_id=effect.op_id, case_key=self.effect_key()))

        return Call(send, {"seen": self.wanted.seen, "face": self.face(below)})

    def face(self, below: Sequence[Line]) -> str:
        """Keyed hash of what an open card says beside its five fields; it may hold what a field said before."""
        return self.tools.vault.digest("face", cards.digest(Card((Section(tuple(below)),))))[:16]

    def changed_since(self, seen: str) -> bool:
        """Whether somebody who saw a card with this hash (Press.seen) has not seen what the ticket says now.

        Asked with the ticket just read. What it says must be what the case has, too: on that a decision is made.
        """
        found = self._found(self.ticket())
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        card = self.card_before(effects, found)
        self.differs = not found.complete or card.over or self.seen_of(found, card.version) != card.seen
        posted = card_numbers.asked(effects, card.number)
        # An older release's buttons say nothing of what was seen; its card is bound to the case by another hash.
        older = not seen and card.version == 1 and posted is not None and "details" in posted.evidence
        return self.differs or not (older or seen == card.seen)

    def open_card(self, wish: Wish, card: str, below: Sequence[Line]) -> Card:
        """The card with its buttons, whose tokens are made at this moment. SOP section 2."""
        key = (self.case.id, self.case.generation, card)
        channel, seen = self.tools.settings.channel_of(self.case.procedure), self.wanted.seen
        make = self.tools.tokens.make
        return cards.open_card(
            self.tools.texts,
            wish=self.case.preference,
            name=wish.name,
            contact=wish.contact,
            ticket_url=self.ticket_url,
            ticket_id=self.case.ticket_id,
            backoffice_url=self.backoffice_url(),
            buttons=[(action, make(Press(*key, action, channel, seen))) for action in ACTIONS],
            below=below,
        )

    def current_card(self) -> tuple[int, Posted | None]:
        """The card that counts, and where it is; None while it is not out."""
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        number = max(self.wanted.number, 1)
        posted = card_numbers.asked(effects, number)
        return number, card_numbers.where(posted.evidence) if posted and posted.state == "done" else None

    def shown_face(self) -> str:
        """What stands below the lines of the card that counts, as it was last shown."""
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        number = max(self.wanted.number, 1)
        shown = [e for e in effects if e.verb in ("ask_supervisor", "renew_card", "show_words") and e.state == "done"]
        mine = [e for e in shown if card_numbers.number_of(e) == number]
        newest = max(mine, key=lambda e: e.done_at or e.changed_at, default=None)
        return str(newest.evidence.get("face", "")) if newest else ""

    def below(self) -> list[Line]:
        """What stands below the SOP's lines of an open card; it may be personal."""
        return self.standing()

    def _remember_card(self, outcome: Outcome) -> None:
        at = card_numbers.where(outcome.evidence) if outcome.done else None
        if at and at != Posted(self.case.chat_channel or "", self.case.chat_ts or ""):
            self.move(self.case.state, of={self.case.state}, chat_channel=at.channel, chat_ts=at.ts)
        if at and self.case.state == "awaiting":
            self.keep_alive()

    def keep_alive(self) -> None:
        """Before the buttons expire they are made anew, and the message is looked for, for as long as the case waits
        (app.button_life)."""
        with self.tools.db.tx() as conn:
            self.still_ours(conn)
            effects = store.of_case(conn, self.case.id)
            button_life.set_timers(conn, self.case, effects, self.tools.settings.approval_life)

    def answer(self, user: str, key: str, *, arg: str, **values: str) -> Outcome:
        """Tell the presser, and nobody else, what became of the press (app.answers)."""
        text = self.tools.texts.get(f"answers.{key}", **values)
        channel = self.tools.settings.channel_of(self.case.procedure)

        def send(effect: Effect) -> Evidence:
            try:
                self.tools.chat.answer(user, text, channel=channel, about=effect.op_id)
            except PermanentError as error:
                return {"untold": error.reason}  # left the channel, deactivated: nobody there to tell
            return {"at": datetime.now(UTC).isoformat(timespec="seconds")}

        return self.perform(
            Plan(
                verb="answer",
                arg=arg,
                vendor=self.tools.chat.vendor,
                states=OPEN_STATES | CLOSED_STATES,
                prepare=lambda effect: Call(lambda: send(effect), {"key": key}),
                find=lambda effect: None,
                repeatable=True,
            )
        )
