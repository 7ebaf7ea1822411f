"""Verbs of a Regulatory Complaint Threat, and what is different about its case: card, note, mark and people.

SOP 000 Notes: "Treat these as Regulatory Complaint Threats and escalate to your supervisor accordingly."
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from app import cards, cases, threat_card, threat_note, wish
from app.cases import Case
from app.clients import retry
from app.clients.types import Card, Posted
from app.errors import PermanentError, UnknownOutcomeError
from app.ledger import store
from app.ledger.perform import Call, Evidence, Outcome, Plan
from app.ledger.store import Effect
from app.steps.chat import ChatSteps
from app.steps.ticket import _next_arg
from app.threats import said
from app.threats.said import Said, ids
from app.tokens import Press

CARD = "regulatory_threat"
MARK = "desk_threat"  # on the ticket from the first card on; a false alarm takes it off again


class ThreatSteps(ChatSteps):
    def raise_threat(self, case: Case) -> None:
        """One urgent card, once, with the exact words found; new words while it is open are shown on the same card."""
        card = None if self._is_posted() else self._threat_card(self._heard())

        def post(effect: Effect) -> Evidence:
            assert card is not None  # a posted card is never prepared again
            channel = self.tools.settings.channel_of(self.case.procedure)
            posted = self.tools.chat.post(card, op_id=effect.op_id, case_key=self.effect_key(), channel=channel)
            return {"channel": posted.channel, "ts": posted.ts, "seen": self._seen()}

        states = frozenset({"awaiting"})
        plan = Plan(
            "ask_supervisor",
            CARD,
            self.tools.chat.vendor,
            states,
            lambda effect: Call(lambda: post(effect)),
            self._find_card,
        )
        self._remember_card(self.perform(plan))

    def _is_posted(self) -> bool:
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        return any(effect.verb == "ask_supervisor" and effect.state == "done" for effect in effects)

    def _heard(self) -> tuple[Said, ...]:
        """The customers' words as they are now; kinds, rules and the language, never words, are kept in the case."""
        ticket, before = retry.read(self.ticket), ids(self.case.evidence.get("earlier"))
        language = ""
        try:
            heard, language = said.listen(self.tools.zendesk, ticket, before)
        except (PermanentError, UnknownOutcomeError) as error:
            if not said.hopeless(error):
                raise
            heard = ()  # the card sends the supervisor to the ticket
        if heard:
            found = {
                "kinds": sorted({kind for one in heard for kind in one.evidence.kinds}),
                "rules": sorted({rule for one in heard for rule in one.evidence.rules}),
                "comments": [one.comment_id for one in heard],
                "language": language,
            }
            self.move("awaiting", of={"open", "awaiting"}, evidence={**self.case.evidence, **found})
        else:
            kept = {"language": language} if language else {}
            self.move("awaiting", of={"open"}, evidence={**self.case.evidence, **kept})
        return heard

    def _threat_card(self, heard: tuple[Said, ...]) -> Card:
        found = wish.read(self.ticket(), self.requester(), self.tools.settings)
        key = (self.case.id, self.case.generation, CARD)
        channel = self.tools.settings.channel_of(self.case.procedure)
        return threat_card.threat_card(
            self.tools.texts,
            name=found.name,
            contact=found.contact,
            ticket_url=self.ticket_url,
            ticket_id=self.case.ticket_id,
            excerpts=said.excerpts(heard),
            flagged=bool(self.case.evidence.get("tagged")),
            buttons=[(action, self.tools.tokens.make(Press(*key, action, channel))) for action in threat_card.ACTIONS],
        )

    def _seen(self) -> int:
        """How many events this case is made of: a card that shows fewer is not up to date."""
        return len(ids(self.case.evidence.get("events")))


class ThreatCase(ThreatSteps):
    """What all verbs do differently for a case of this procedure. Put before the other verbs (app.steps)."""

    note_class = threat_note.ThreatNote

    def barred_now(self) -> frozenset[str]:
        """Only the requester may not decide: whoever tagged or is assigned may well take care of it."""
        mail = self.requester().email
        return frozenset({self.tools.vault.digest("mail", mail)} if mail else ())

    def keep_card(self) -> None:
        """While open the card shows the newest words; decided, no words and no buttons."""
        if self.case.state == "awaiting":
            self._show_newer_words()
        else:
            super().keep_card()

    def card_again(self) -> Callable[[], Card] | None:
        """A renewed card shows the customers' words as they are now, like the first one."""
        heard, _ = self._heard(), retry.read(self.requester)
        return lambda: self._threat_card(heard)

    def _show_newer_words(self) -> None:
        with self.tools.db.tx() as conn:
            effects = store.of_case(conn, self.case.id)
        seen, arg = self._seen(), f"seen-{self._seen()}"
        shown = [e.evidence.get("seen") for e in effects if e.verb == "ask_supervisor" and e.state == "done"]
        told = any(e.verb == "show_words" and e.arg == arg and e.state == "done" for e in effects)
        if not shown or shown[-1] == seen or told or self.case.chat_channel is None or self.case.chat_ts is None:
            return
        if not self._older_words_are_over(effects, arg):
            return
        card, at = self._threat_card(self._heard()), Posted(self.case.chat_channel, self.case.chat_ts)

        def send() -> Evidence:
            try:
                self.tools.chat.update(at, card)
            except PermanentError as error:
                if error.reason != "gone":
                    raise
                return {"seen": seen, "gone": True}
            return {"seen": seen}

        # Harmless to repeat, yet not `repeatable`: as with renewals, a lost one may arrive late, words and buttons and
        # all, and nothing newer may be on the card by then.
        plan = Plan(
            "show_words", arg, self.tools.chat.vendor, frozenset({"awaiting"}), lambda e: Call(send), lambda e: None
        )
        self.perform(plan)

    def _older_words_are_over(self, effects: Sequence[Effect], arg: str) -> bool:
        """Nothing older whose answer was lost may reach the card after what is about to be shown."""
        before = len(self.outcomes)
        self.clear_up("show_words", arg)
        lost = [e for e in effects if e.verb == "renew_card" and e.state in ("sending", "unknown")]
        if lost:  # its own walk finds out what became of it
            soon = datetime.now(UTC) + timedelta(seconds=self.tools.settings.retry_base)
            self.outcomes.append(Outcome("waiting", "renewal", next_at=max(lost[-1].next_at or soon, soon)))
        return not any(outcome.state == "waiting" for outcome in self.outcomes[before:])

    def newer_words(self, pressed: datetime) -> bool:
        """Whether words have come that were not on the card when it was pressed: who decides has seen all of them.

        Words that can't be shown for good (the effect is dead, the ticket's note says so) hold up nobody.
        """
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        seen = self._seen()
        if any(e.verb == "ask_supervisor" and e.evidence.get("seen") == seen for e in effects):
            return False
        shown = next((e for e in effects if e.verb == "show_words" and e.arg == f"seen-{seen}"), None)
        if shown is None or shown.state in ("planned", "sending", "unknown"):
            return True
        return shown.done_at is not None and shown.done_at > pressed

    def _closed_card(self) -> Card:
        settings, texts = self.tools.settings, self.tools.texts
        return cards.closed_card(
            texts,
            state_line=threat_note.card_line(texts, self.case, ZoneInfo(settings.desk_time_zone)),
            ticket_url=self.ticket_url,
            ticket_id=self.case.ticket_id,
            wish=(),
            who=self.case.decided_by or "",
        )

    def _find_card(self, effect: Effect) -> Evidence | None:
        channel = self.tools.settings.channel_of(self.case.procedure)
        posted = self.tools.chat.find(effect.op_id, since=effect.planned_at, channel=channel)
        return {"channel": posted.channel, "ts": posted.ts} if posted else None

    def keep_mark(self) -> None:
        """One tag of its own beside the marks of the ticket's other case."""
        wanted = self.case.state not in ("declined", "void")
        with self.tools.db.tx() as conn:
            effects = store.of_case(conn, self.case.id)
            latest = cases.latest(conn, self.case.ticket_id, self.case.procedure)
        if self.case.state == "open" or (latest and latest.id != self.case.id):
            return  # a newer threat has its own say about the mark
        arg = _next_arg(effects, "mark", "threat" if wanted else "no_threat")
        self.clear_up("mark", arg)
        change = self.tools.zendesk.add_tags if wanted else self.tools.zendesk.remove_tags

        def send() -> Evidence:
            change(self.ticket(fresh=True), frozenset({MARK}))
            return {"tag": MARK}

        def find(effect: Effect) -> Evidence | None:
            return {"tag": MARK} if (MARK in self.ticket(fresh=True).tags) == wanted else None

        states = frozenset({self.case.state})
        self.perform(Plan("mark", arg, "zendesk", states, lambda effect: Call(send), find, repeatable=True))
