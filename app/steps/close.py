"""Verbs that close cards: the newest one shows how its case ended, one that was replaced says so; no button is left.

An update that was lost may arrive late, so nothing closes a card before everything older of it is over.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app import button_life, card_numbers, cards, cases, inbox, notes
from app.cases import CLOSED_STATES, OPEN_STATES
from app.clients.chat import Card, Line, Posted
from app.errors import PermanentError
from app.ledger import store
from app.ledger.perform import Call, Evidence, Outcome, Plan
from app.ledger.store import Effect
from app.steps.base import never
from app.steps.ticket import TicketSteps


class CloseSteps(TicketSteps):
    def _find_card(self, effect: Effect) -> Evidence | None:
        posted = self.tools.chat.find(effect.op_id, since=effect.planned_at)
        return posted_at(posted) if posted else None

    def _find_lost_cards(self) -> None:
        """A card whose answer was lost is looked up, so that it can be closed; one never sent is not sent any more."""
        with self.tools.db.tx() as conn:
            effects = store.of_case(conn, self.case.id)
        over = self.case.state not in ("open", "incomplete", "awaiting")
        for effect in effects:
            if effect.verb != "ask_supervisor":
                continue
            maybe = effect.state in ("sending", "unknown")
            closing = over or self.case.state == "incomplete" or self._is_replaced(card_numbers.number_of(effect))
            if (maybe and closing) or (effect.state == "planned" and over):
                vendor = self.tools.chat.vendor
                self.perform(Plan("ask_supervisor", effect.arg, vendor, frozenset(), never, self._find_card, soon=True))

    def _is_replaced(self, number: int) -> bool:
        return number < self.wanted.number

    def keep_card(self) -> None:
        """The newest card shows the case as it stands, an older one that it was replaced: no button on a decided case,
        and no personal data."""
        self._find_lost_cards()
        self._close_replaced()
        with self.tools.db.each() as conn:
            out = card_numbers.out(store.of_case(conn, self.case.id), self.case)
        newest = max(out, default=0)
        if newest and self.case.state != "awaiting":
            self._close(newest, out[newest], self.case.state, self._closed_card())

    def _close_replaced(self) -> None:
        """What is replaced stays so, whatever becomes of the case; a card whose successor never came out says what
        became of it."""
        with self.tools.db.each() as conn:
            out = card_numbers.out(store.of_case(conn, self.case.id), self.case)
        last = 0 if self.case.state == "awaiting" else max(out, default=0)
        for number, at in out.items():
            if self._is_replaced(number) and number != last:
                self._close(number, at, "replaced", self._replaced_card())

    def _close(self, number: int, at: Posted, what: str, card: Card) -> None:
        if not self._renewals_are_over(number):
            return
        arg = self.next_card_arg(number, f"{what}:{cards.digest(card)}")
        if self.due == button_life.SURE and not arg.endswith(":sure"):
            arg = f"{arg}:sure"
        self.clear_up("update_card", arg, card=number)

        def send() -> Evidence:
            try:
                return posted_at(self.tools.chat.update(at, card))
            except PermanentError as error:
                if error.reason != "gone":
                    raise
                return {"gone": True}  # somebody deleted the message: no button is left to press

        outcome = self.perform(
            Plan(
                verb="update_card",
                arg=arg,
                vendor=self.tools.chat.vendor,
                states=OPEN_STATES | CLOSED_STATES if what == "replaced" else frozenset({self.case.state}),
                prepare=lambda effect: Call(send),
                find=lambda effect: None,
                repeatable=True,
                soon=True,
            )
        )

        if outcome.done and self.tools.chat.vendor == "mattermost" and self.due != button_life.SURE:
            self._make_sure(arg)

    def _make_sure(self, arg: str) -> None:
        """Mattermost applies the answer to a press with the post as it was before the press, so it may undo what closed
        the card meanwhile: a card on which somebody pressed a moment ago is closed once more, some seconds later."""
        with self.tools.db.tx() as conn:
            self.still_ours(conn)
            if inbox.pressed_lately(conn, self.case.id, button_life.MAKE_SURE.total_seconds()):
                button_life.make_sure(conn, self.case, arg)

    def _renewals_are_over(self, number: int) -> bool:
        """A renewal whose answer was lost may still reach the card: what closes the card must come after it."""
        before = len(self.outcomes)
        self.clear_up("renew_card", "", card=number)
        self.clear_up("show_words", "", card=number)
        return not any(outcome.state == "waiting" for outcome in self.outcomes[before:])

    def others_are_over(self, verb: str, arg: str) -> bool:
        """Nothing older whose answer was lost may reach the open card after what is about to be shown."""
        before, number = len(self.outcomes), card_numbers.split(arg)[0]
        self.clear_up(verb, arg, card=number)
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        lost = [e for e in effects if e.verb == "renew_card" and e.state in ("sending", "unknown")]
        lost = [e for e in lost if card_numbers.number_of(e) == number]
        if lost:  # its own walk finds out what became of it
            soon = datetime.now(UTC) + timedelta(seconds=self.tools.settings.retry_base)
            self.outcomes.append(Outcome("waiting", "renewal", next_at=max(lost[-1].next_at or soon, soon)))
        return not any(outcome.state == "waiting" for outcome in self.outcomes[before:])

    def next_card_arg(self, number: int, what: str, verb: str = "update_card") -> str:
        """`<what>`, or `<what>:<n>` when this card shows it for the n-th time, after something else."""
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        mine = [e.arg for e in effects if e.verb == verb and card_numbers.number_of(e) == number]
        live = [e.arg for e in effects if e.arg in mine and e.verb == verb and e.state != "void"]
        plain = card_numbers.arg(number, what)
        if live and (live[-1] == plain or live[-1].startswith(f"{plain}:")):
            return live[-1]
        times = sum(arg == plain or arg.startswith(f"{plain}:") for arg in mine)
        return f"{plain}:{times + 1}" if times else plain

    def _replaced_card(self) -> Card:
        return cards.closed_card(
            self.tools.texts,
            state=self.tools.texts.line("cards.state.replaced"),
            ticket_url=self.ticket_url,
            ticket_id=self.case.ticket_id,
            wish=(),
        )

    def _closed_card(self) -> Card:
        settings, texts, key = self.tools.settings, self.tools.texts, self.case.jira_key
        return cards.closed_card(
            texts,
            state=self._replaced() or notes.card_line(texts, self.case),
            ticket_url=self.ticket_url,
            ticket_id=self.case.ticket_id,
            wish=self.case.preference,
            jira_key=key,
            jira_url=f"{settings.jira_url}/browse/{key}" if key else None,
            jira_status=self.case.jira_status,
            below=self.standing(),
        )

    def standing(self) -> list[Line]:
        """What stands below the own lines of any card, nothing personal: how the case stands."""
        return cards.standing(self.tools.texts, self.case, datetime.now(UTC))

    def _replaced(self) -> Line | None:
        """A case that has joined another ticket's has nothing to decide; nobody here has approved it."""
        if self.case.joined_to is None or self.case.state not in ("joined", "done"):
            return None
        with self.tools.db.each() as conn:
            main = cases.load(conn, self.case.joined_to)
        return self.tools.texts.line("cards.state.joined", ticket=main.ticket_id if main else "")

    def keep_earlier_card(self) -> None:
        """The card of a round that a newer one has replaced must not be left with its buttons."""
        with self.tools.db.each() as conn:
            before = cases.generation(conn, self.case, self.case.generation - 1)
        if before and before.state == "void":
            other = type(self)(self.tools, self.owner, before)
            other.keep_card()
            self.outcomes += other.outcomes


def posted_at(posted: Posted) -> Evidence:
    """Where a message is, as its effect's evidence."""
    return {"channel": posted.channel, "ts": posted.ts}
