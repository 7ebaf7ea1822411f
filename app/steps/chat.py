"""Verbs on the supervisor's channel: post the card once, keep it true, answer every press."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from app import cards, cases, notes, sinks
from app.cases import CLOSED_STATES, OPEN_STATES, Case
from app.clients.types import Card, Posted
from app.errors import PermanentError
from app.ledger import store
from app.ledger.perform import Call, Evidence, Outcome, Plan
from app.ledger.store import Effect
from app.steps.base import never
from app.steps.ticket import TicketSteps
from app.tokens import Press
from app.wish import Wish


class ChatSteps(TicketSteps):
    def ask_supervisor(self, case: Case, wish: Wish, *, card: str) -> Outcome:
        """SOP section 2: raise a case to the Team Supervisor, in the template's words, with Approve and Decline."""
        outcome = self.perform(
            Plan(
                verb="ask_supervisor",
                arg=card,
                vendor="slack",
                states=frozenset({"awaiting"}),
                prepare=lambda effect: Call(lambda: self._post(effect, wish, card)),
                find=self._find_card,
                yields=True,
            )
        )
        self._remember_card(outcome)
        return outcome

    def _post(self, effect: Effect, wish: Wish, card: str) -> Evidence:
        key = (self.case.id, self.case.generation, card)
        buttons = [(action, self.tools.tokens.make(Press(*key, action))) for action in ("approve", "decline")]
        built = cards.open_card(
            self.tools.texts,
            wish=self.case.preference,
            name=wish.name,
            contact=wish.contact,
            ticket_url=self.ticket_url,
            ticket_id=self.case.ticket_id,
            backoffice_url=self.backoffice_url(),
            buttons=buttons,
        )
        return _where(self.tools.chat.post(built, op_id=effect.op_id, case_key=self.effect_key()))

    def _find_card(self, effect: Effect) -> Evidence | None:
        posted = self.tools.chat.find(effect.op_id, since=effect.planned_at)
        return _where(posted) if posted else None

    def _remember_card(self, outcome: Outcome) -> None:
        if outcome.done and self.case.chat_ts is None:
            channel, ts = outcome.evidence.get("channel"), outcome.evidence.get("ts")
            self.move(self.case.state, of={self.case.state}, chat_channel=channel, chat_ts=ts)

    def _find_lost_card(self) -> None:
        """A card whose answer was lost is looked up, so that it can be closed; one never sent is not sent any more."""
        if self.case.chat_ts is not None:
            return
        with self.tools.db.tx() as conn:
            effects = store.of_case(conn, self.case.id)
        for effect in effects:
            if effect.verb == "ask_supervisor" and effect.state not in ("dead", "void"):
                plan = Plan("ask_supervisor", effect.arg, "slack", frozenset(), never, self._find_card)
                self._remember_card(self.perform(plan))

    def keep_card(self) -> None:
        """The card shows the case as it stands: no button on a decided one, and no personal data."""
        if self.case.state not in ("open", "incomplete", "awaiting"):
            self._find_lost_card()
        if self.case.chat_channel is None or self.case.chat_ts is None or self.case.state == "awaiting":
            return
        self.clear_up("update_card", self.case.state)
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
                arg=self.case.state,
                vendor="slack",
                states=frozenset({self.case.state}),
                prepare=lambda effect: Call(send),
                find=lambda effect: None,
                repeatable=True,
            )
        )

    def _closed_card(self) -> Card:
        settings, texts = self.tools.settings, self.tools.texts
        line = notes.card_line(texts, self.case, ZoneInfo(settings.desk_time_zone))
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
        text = sinks.mrkdwn(self.tools.texts.get(f"answers.{key}", **values), 3000)
        channel = self.tools.settings.slack_channel

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
                vendor="slack",
                states=OPEN_STATES | CLOSED_STATES,
                prepare=lambda effect: Call(send),
                find=lambda effect: None,
                repeatable=True,
            )
        )


def _where(posted: Posted) -> Evidence:
    return {"channel": posted.channel, "ts": posted.ts}
