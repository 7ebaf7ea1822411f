"""Verbs on the supervisor's channel: post the card once, keep it true, answer every press."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app import button_life, cards, cases, inbox, notes
from app.cases import CLOSED_STATES, OPEN_STATES, Case
from app.clients.types import Card, Posted
from app.errors import PermanentError
from app.ledger import store
from app.ledger.perform import Call, Evidence, Outcome, Plan, WalkLostError
from app.ledger.store import Effect
from app.steps.base import never
from app.steps.ticket import TicketSteps
from app.tokens import Press
from app.wish import Wish


class ChatSteps(TicketSteps):
    def ask_supervisor(self, case: Case, wish: Wish, *, card: str) -> Outcome:
        """SOP section 2: raise a case to the Team Supervisor, in the template's words, with Approve and Decline."""
        if waits := self._threat_first(card):
            return waits
        outcome = self.perform(
            Plan(
                verb="ask_supervisor",
                arg=card,
                vendor=self.tools.chat.vendor,
                states=frozenset({"awaiting"}),
                prepare=lambda effect: Call(lambda: self._post(effect, wish, card), {"details": self.details(wish)}),
                find=self._find_card,
                yields=True,
            )
        )
        self._remember_card(outcome)
        return outcome

    def _threat_first(self, card: str) -> Outcome | None:
        """A threat's urgent card comes before any other (SOP 000, Notes), also after hours without chat."""
        with self.tools.db.tx() as conn:
            urgent = inbox.threat_before(conn, self.case.ticket_id)
            effects = store.of_case(conn, self.case.id) if urgent else []
        begun = any((e.verb, e.arg) == ("ask_supervisor", card) and e.state != "planned" for e in effects)
        if urgent is None or begun:
            return None
        at = max(urgent, datetime.now(UTC)) + timedelta(seconds=self.tools.settings.retry_base)
        self.outcomes.append(Outcome("waiting", "threat_first", next_at=at))
        return self.outcomes[-1]

    def newer_words(self, pressed: datetime) -> bool:
        """Whether the card now holds something that was not on it at that moment: only a threat's card grows."""
        return False

    def _post(self, effect: Effect, wish: Wish, card: str) -> Evidence:
        return _where(self.tools.chat.post(self.open_card(wish, card), op_id=effect.op_id, case_key=self.effect_key()))

    def details(self, wish: Wish) -> str:
        """Keyed hash of what the card says beside what is in the case row: with other details it is another card."""
        return self.tools.vault.digest("card", json.dumps([wish.name, wish.contact]))

    def open_card(self, wish: Wish, card: str) -> Card:
        """The card with its buttons, whose tokens are made at this moment. SOP section 2."""
        key = (self.case.id, self.case.generation, card)
        channel = self.tools.settings.channel_of(self.case.procedure)
        buttons = [(action, self.tools.tokens.make(Press(*key, action, channel))) for action in ("approve", "decline")]
        return cards.open_card(
            self.tools.texts,
            wish=self.case.preference,
            name=wish.name,
            contact=wish.contact,
            ticket_url=self.ticket_url,
            ticket_id=self.case.ticket_id,
            backoffice_url=self.backoffice_url(),
            buttons=buttons,
        )

    def _find_card(self, effect: Effect) -> Evidence | None:
        posted = self.tools.chat.find(effect.op_id, since=effect.planned_at)
        return _where(posted) if posted else None

    def _remember_card(self, outcome: Outcome) -> None:
        if outcome.done and self.case.chat_ts is None:
            channel, ts = outcome.evidence.get("channel"), outcome.evidence.get("ts")
            self.move(self.case.state, of={self.case.state}, chat_channel=channel, chat_ts=ts)
        if outcome.done and self.case.state == "awaiting":
            self.keep_alive()

    def keep_alive(self) -> None:
        """Before the buttons expire they are made anew, for as long as the case waits (app.button_life)."""
        with self.tools.db.tx() as conn:
            if not inbox.owns(conn, self.owner.event_id, self.owner.walk):
                raise WalkLostError
            effects = store.of_case(conn, self.case.id)
            button_life.set_timer(conn, self.case, effects, self.tools.settings.approval_life)

    def _find_lost_card(self) -> None:
        """A card whose answer was lost is looked up, so that it can be closed; one never sent is not sent any more."""
        if self.case.chat_ts is not None:
            return
        with self.tools.db.tx() as conn:
            effects = store.of_case(conn, self.case.id)
        for effect in effects:
            if effect.verb == "ask_supervisor" and effect.state not in ("dead", "void"):
                plan = Plan("ask_supervisor", effect.arg, self.tools.chat.vendor, frozenset(), never, self._find_card)
                self._remember_card(self.perform(plan))

    def keep_card(self) -> None:
        """The card shows the case as it stands: no button on a decided one, and no personal data."""
        if self.case.state not in ("open", "incomplete", "awaiting"):
            self._find_lost_card()
        if self.case.chat_channel is None or self.case.chat_ts is None or self.case.state == "awaiting":
            return
        if not self._renewals_are_over():
            return
        arg = self._card_arg()
        self.clear_up("update_card", arg)
        at = Posted(self.case.chat_channel, self.case.chat_ts)

        def send() -> Evidence:
            try:
                return _where(self.tools.chat.update(at, self._closed_card()))
            except PermanentError as error:
                if error.reason != "gone":
                    raise
                return {"gone": True}  # somebody deleted the message: no button is left to press

        self.perform(
            Plan(
                verb="update_card",
                arg=arg,
                vendor=self.tools.chat.vendor,
                states=frozenset({self.case.state}),
                prepare=lambda effect: Call(send),
                find=lambda effect: None,
                repeatable=True,
            )
        )

    def _renewals_are_over(self) -> bool:
        """A renewal whose answer was lost may still reach the card: what closes the card must come after it."""
        before = len(self.outcomes)
        self.clear_up("renew_card", "")
        self.clear_up("show_words", "")
        return not any(outcome.state == "waiting" for outcome in self.outcomes[before:])

    def _card_arg(self) -> str:
        """`<state>`, or `<state>:<n>` when a case that came back to life is in a state for the n-th time."""
        with self.tools.db.each() as conn:
            mine = [e for e in store.of_case(conn, self.case.id) if e.verb == "update_card"]
        live = [e for e in mine if e.state != "void"]
        if live and live[-1].arg.partition(":")[0] == self.case.state:
            return live[-1].arg
        times = sum(e.arg.partition(":")[0] == self.case.state for e in mine)
        return f"{self.case.state}:{times + 1}" if times else self.case.state

    def _closed_card(self) -> Card:
        settings, texts = self.tools.settings, self.tools.texts
        line = self._replaced() or notes.card_line(texts, self.case, ZoneInfo(settings.desk_time_zone))
        key = self.case.jira_key
        return cards.closed_card(
            texts,
            state_line=line,
            ticket_url=self.ticket_url,
            ticket_id=self.case.ticket_id,
            wish=self.case.preference,
            jira_key=key,
            jira_url=f"{settings.jira_url}/browse/{key}" if key else None,
            who=self.case.decided_by or "",
        )

    def _replaced(self) -> str:
        """A case that has joined another ticket's has nothing to decide; nobody here has approved it."""
        if self.case.joined_to is None or self.case.state not in ("joined", "done"):
            return ""
        with self.tools.db.each() as conn:
            main = cases.load(conn, self.case.joined_to)
        return self.tools.texts.get("cards.state.joined", ticket=main.ticket_id if main else "")

    def keep_earlier_card(self) -> None:
        """The card of a round that a newer one has replaced must not be left with its buttons."""
        with self.tools.db.each() as conn:
            before = cases.generation(conn, self.case, self.case.generation - 1)
        if before and before.state == "void":
            other = type(self)(self.tools, self.owner, before)
            other.keep_card()
            self.outcomes += other.outcomes

    def answer(self, user: str, key: str, *, event_id: int, **values: str) -> Outcome:
        """Tell the presser, and nobody else, what became of the press."""
        text = self.tools.texts.get(f"answers.{key}", **values)
        channel = self.tools.settings.channel_of(self.case.procedure)

        def send() -> Evidence:
            try:
                self.tools.chat.answer(user, text, channel=channel)
            except PermanentError as error:
                return {"untold": error.reason}  # left the channel, deactivated: nobody there to tell
            return {"at": datetime.now(UTC).isoformat(timespec="seconds")}

        return self.perform(
            Plan(
                verb="answer",
                arg=str(event_id),
                vendor=self.tools.chat.vendor,
                states=OPEN_STATES | CLOSED_STATES,
                prepare=lambda effect: Call(send),
                find=lambda effect: None,
                repeatable=True,
            )
        )


def _where(posted: Posted) -> Evidence:
    return {"channel": posted.channel, "ts": posted.ts}
