"""Verbs of a Regulatory Complaint Threat, and what is different about its case: card, note, mark and people.

SOP 000 Notes: "Treat these as Regulatory Complaint Threats and escalate to your supervisor accordingly."
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from app import card_numbers, cards, cases, threat_card, threat_note, votes, wish
from app.cases import Case
from app.clients import retry
from app.clients.chat import Card, Line
from app.errors import PermanentError, UnknownOutcomeError
from app.ledger import store
from app.ledger.perform import Call, Evidence, Plan
from app.ledger.store import Effect
from app.steps.chat import ChatSteps
from app.steps.involved import Involved
from app.steps.ticket import _next_arg
from app.threats import said
from app.threats.said import Said, ids
from app.tokens import Press

CARD = "regulatory_threat"
MARK = "desk_threat"  # on the ticket from the first card on; a false alarm takes it off again


class ThreatSteps(ChatSteps):
    def raise_threat(self, case: Case) -> None:
        """One urgent card, once, with the exact words found; new words while it is open are shown on the same card."""
        heard = () if self.current_card()[1] else self._heard()
        below = self.below()
        card = None if self.current_card()[1] else self._threat_card(heard, below)

        def post(effect: Effect) -> Evidence:
            assert card is not None  # a posted card is never prepared again
            channel = self.tools.settings.channel_of(self.case.procedure)
            posted = self.tools.chat.post(card, op_id=effect.op_id, case_key=self.effect_key(), channel=channel)
            return {"channel": posted.channel, "ts": posted.ts, "seen": self._seen()}

        states = frozenset({"awaiting"})
        plan = Plan(
            "ask_supervisor",
            card_numbers.asked_arg(CARD, self.wanted.number),
            self.tools.chat.vendor,
            states,
            lambda effect: Call(lambda: post(effect), {"face": self.face(below)}),
            self._find_card,
        )
        self._remember_card(self.perform(plan))

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

    def _threat_card(self, heard: tuple[Said, ...], below: Sequence[Line]) -> Card:
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
            below=below,
        )

    def _seen(self) -> int:
        """How many events this case is made of: a card that shows fewer is not up to date."""
        return len(ids(self.case.evidence.get("events")))


class ThreatCase(ThreatSteps):
    """What all verbs do differently for a case of this procedure. Put before the other verbs (app.steps)."""

    note_class = threat_note.ThreatNote

    def involved(self) -> Involved:
        """Only the requester may not decide: whoever tagged or is assigned may well take care of it."""
        mail, number = self.requester().email, self.ticket().requester_id
        digests = {self.tools.vault.digest("mail", mail)} if mail else set()
        return Involved(frozenset({number} if number else ()), frozenset(digests))

    def changed_since(self, seen: str) -> bool:
        """A threat's card is not about fields of the ticket; what it does not show is `newer_words`."""
        return False

    def below(self) -> list[Line]:
        """Who of two has answered so far (app.votes); then how it stands."""
        with self.tools.db.each() as conn:
            answered = votes.of(conn, self.case) if self.tools.settings.threat_two_persons else []
        return [*votes.lines(self.tools.texts, answered), *self.standing()]

    def card_again(self, below: Sequence[Line]) -> Callable[[], Card] | None:
        """A renewed card shows the customers' words as they are now, like the first one."""
        heard, _ = self._heard(), retry.read(self.requester)
        return lambda: self._threat_card(heard, below)

    def _ask_again(self) -> None:
        self.raise_threat(self.case)

    def _show_below(self) -> None:
        """While open the card shows the newest words, and how the case stands."""
        number, at = self.current_card()
        with self.tools.db.tx() as conn:
            effects = store.of_case(conn, self.case.id)
        seen, below = self._seen(), self.below()
        shown = [e for e in effects if e.verb in ("ask_supervisor", "show_words") and e.state == "done"]
        known = seen in [e.evidence.get("seen") for e in shown if card_numbers.number_of(e) == number]
        if at is None or (known and self.shown_face() == self.face(below)):
            return
        plain = f"seen-{seen}"
        arg = card_numbers.arg(number, plain)
        if known:
            arg = self.next_card_arg(number, f"{plain}-{self.face(below)}", "show_words")
        if not self.others_are_over("show_words", arg):
            return
        card = self._threat_card(self._heard(), below)

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
        call = Call(send, {"face": self.face(below)})
        plan = Plan("show_words", arg, self.tools.chat.vendor, frozenset({"awaiting"}), lambda e: call, lambda e: None)
        self.perform(plan)

    def newer_words(self, pressed: datetime) -> bool:
        """Whether words have come that were not on the card when it was pressed: who decides has seen all of them.

        Words that can't be shown for good (the effect is dead, the ticket's note says so) hold up nobody.
        """
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        seen = self._seen()
        if any(e.verb == "ask_supervisor" and e.evidence.get("seen") == seen for e in effects):
            return False
        words = [e for e in effects if e.verb == "show_words" and card_numbers.split(e.arg)[1] == f"seen-{seen}"]
        shown = words[-1] if words else None
        if shown is None or shown.state in ("planned", "sending", "unknown"):
            return True
        return shown.done_at is not None and shown.done_at > pressed

    def _closed_card(self) -> Card:
        texts = self.tools.texts
        return cards.closed_card(
            texts,
            state=threat_note.card_line(texts, self.case),
            ticket_url=self.ticket_url,
            ticket_id=self.case.ticket_id,
            wish=(),
            below=self.standing(),
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
