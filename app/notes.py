"""Composes the desk's internal note on the ticket, and the card's line of state, from the case and its effects.

Each note is complete: what was done, who is waited for, what comes next. Zendesk cannot edit a comment, so a note is
added only when what it says has changed (docs/adr/0004-notes-on-the-ticket.md). No name and no number of a customer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from app import (
    approvers,
    card_lines,
    card_numbers,
    cards,
    confirmed,
    declined,
    joins,
    kept,
    macro_texts,
    questions,
    resumed,
)
from app.bans import told as ban_lines
from app.bans.wishes import SOURCE
from app.card_numbers import Wanted
from app.cases import Case
from app.clients.chat import Line, Mention, Span, When
from app.clocks import lines as clock_lines
from app.consent import lines as consent_lines
from app.facts import Facts
from app.forget import FORGOTTEN
from app.ledger import vendors
from app.ledger.store import Effect
from app.settings import Settings
from app.texts import Texts

REQUEST_MACRO = "Data Deletion Request"
CONSENT_MACRO = "Acknowledgement Consent on Promotional Calls"
NOT_BANNED = "not_banned"  # a case's reason: the ban's source has disagreed for a week
CLAIMED = (NOT_BANNED, FORGOTTEN)  # reasons for which a person looks at a ban that JIRA calls done
TICKET_GONE = "ticket_gone"  # and this one: the ticket cannot be read any more
WORDED = {
    ("done", SOURCE): "done_confirmed",  # whose word it is
    ("void", "superseded"): "superseded",
    ("void", "amended"): "superseded",
    ("needs_person", TICKET_GONE): "ticket_gone",
}
WHAT = {
    "apply_macro": "macro",
    "ask_supervisor": "card",
    "update_card": "card_update",
    "renew_card": "card_update",
    "show_words": "card_update",
    "open_jira": "jira",
    "comment_jira": "jira_comment",
    "ask_agent": "question",
    "link_jira": "jira_link",
    "mark": "tags",
    "macro_tags": "tags",
    "note": "note",
}
WORTH_TELLING = 3  # attempts, or as many of the first waits


class Note:
    """One note in the making. `stable` leaves out what changes at every retry: two stable texts differ only when an
    agent would want to read the new one."""

    def __init__(  # noqa: PLR0917 - the parts a note is made from, in one place
        self,
        texts: Texts,
        case: Case,
        effects: Sequence[Effect],
        settings: Settings,
        facts: Facts,
        now: datetime,
        *,
        stable: bool,
    ) -> None:
        self.texts = texts
        self.case = case
        self.effects = effects
        self.settings = settings
        self.facts = facts
        self._now = now
        self._zone = ZoneInfo(settings.desk_time_zone)
        self.stable = stable
        self.wanted = Wanted.of(case)

    def text(self) -> str:
        case, get = self.case, self.texts.get
        header = get("notes.header", case=case.id, generation=case.generation, state=get(_state_key("notes", case)))
        parts = [line for part in PARTS for line in part(self)]
        lines = [*self._problems(), *self._facts(), *parts, *self._troubles()]
        bullets = [get("notes.bullet", line=line) for line in lines]
        step = get("notes.next.line", step=get(f"notes.next.{self._next()}"))
        return "\n".join([header, *bullets, step])

    def _next(self) -> str:
        """What comes next: an administrator when something has failed, the agent when two tags contradict."""
        if any(e.state == "dead" for e in self.effects) or any(p.startswith("failed:") for p in self.case.problems):
            return "failed" if self.case.is_open else "failed_closed"
        if {"both_tags", "resume_unclear"} & set(self.case.problems):
            return "both_tags"
        if self.case.state == "awaiting" and self.wanted.gone:
            return "card_gone"
        if questions.is_open(self.case):
            return "asked"
        if self.case.state == "done" and ban_lines.second_is_out(self):
            return "done_told"
        newer = WORDED.get((self.case.state, self.case.reason)) == "superseded"
        return "superseded" if newer else self.case.state

    def _problems(self) -> list[str]:
        """What the agent must mend, each field by its name."""
        lines: list[str] = []
        for problem in self.case.problems:
            kind, _, field = problem.partition(":")
            if kind in ("missing", "contradictory"):
                lines.append(self.texts.get(f"notes.field.{field}.{kind}"))
            elif problem in ("cc", "unreachable"):
                lines.append(self.texts.get(f"notes.email.{problem}", macro=REQUEST_MACRO))
            elif problem == "partial_off":
                lines.append(self.texts.get("notes.field.preference.partial_off"))
            elif problem == "closed":
                lines.append(self.texts.get("notes.closed_ticket"))
            elif problem == "info:changed":
                lines.append(self.texts.get("notes.changed_late"))
            elif problem in ("both_tags", "info:banned_after_all", "info:reopened", "info:settled"):
                lines.append(self.texts.get(f"notes.{problem.removeprefix('info:')}"))
            elif kind == "failed":
                what, cause = self.texts.get("notes.what.other"), self.texts.cause(field.partition(":")[2])
                lines.append(self.texts.get("notes.trouble.failed", what=what, cause=cause))
        return lines

    def _facts(self) -> list[str]:
        if self.case.state == "incomplete":
            over = [self.texts.get("notes.card.over")] if self.wanted.over else []
            return [*([self._wish()] if self.case.preference else []), *over]
        return [line for line in (self._wish(), *self._emails(), self._card(), self._decision(), self._jira()) if line]

    def _wish(self) -> str:
        preference, get = self.case.preference, self.texts.get
        if self.case.state == "withdrawn":
            at = self.when(self.case.closed_at)
            late = self.case.decision == "approve"
            return get(
                "notes.withdrawn_late" if late else "notes.withdrawn" if preference else "notes.withdrawn_nothing",
                when=at,
            )
        if not preference:
            return get("notes.wish.unknown")
        return get("notes.wish.line", wish=card_lines.wish_name(self.texts, preference))

    def _emails(self) -> list[str]:
        withdrawn = self.case.state == "withdrawn"
        wanted = CONSENT_MACRO if withdrawn else REQUEST_MACRO
        sent = [e for e in self.effects if e.verb == "apply_macro" and e.state == "done"]
        lines = [self.texts.get("notes.email.done", macro=e.arg, when=self.when(e.done_at)) for e in sent]
        if wanted not in {e.arg for e in sent} and self.case.state not in ("void", "open"):
            lines.append(self.texts.get(f"notes.email.{self._unsent(wanted)}", macro=wanted))
        return lines

    def _unsent(self, title: str) -> str:
        if self.case.joined_to is not None and self.case.state in ("joined", "done"):
            return "joined"
        for problem in ("no_email", "unreachable", "cc", "told"):
            if f"info:{problem}" in self.case.problems:
                return problem
        planned = any(e.verb == "apply_macro" and e.arg == title for e in self.effects)
        return "skipped" if self.case.state == "withdrawn" and not planned else "pending"

    def _card(self) -> str:
        cards_out = [e for e in self.effects if e.verb == "ask_supervisor" and e.state == "done"]
        posted = max(cards_out, key=card_numbers.number_of, default=None)
        if posted is None:
            return self.texts.get("notes.card.pending") if self.case.is_open and self.case.state != "joined" else ""
        closed = any(
            e.verb == "update_card" and card_numbers.word(e.arg) == self.case.state and e.state == "done"
            for e in self.effects
        )
        if self.case.state in ("withdrawn", "void", "joined") and closed:
            return self.texts.get("notes.card.closed")
        if self.case.state == "awaiting" and card_numbers.number_of(posted) < self.wanted.number:
            return self.texts.get("notes.card.pending")
        key = "again" if self.wanted.again else "replaced" if self.wanted.number > 1 else "done"
        return self.texts.get(f"notes.card.{key}", when=self.when(posted.done_at))

    def _decision(self) -> str:
        case, get = self.case, self.texts.get
        if case.decision is None:
            return get("notes.decision.none") if case.state == "awaiting" else ""
        values = {"who": approvers.decider(self.settings, case), "when": self.when(case.decided_at)}
        if case.decision == "approve":
            return get("notes.decision.approved", **values)
        return get("notes.decision.declined", **values, reason=self.texts.decline_reason(case.reason))

    def _jira(self) -> str:
        case, get = self.case, self.texts.get
        opened = next((e for e in self.effects if e.verb == "open_jira" and e.state == "done"), None)
        if opened is None or case.jira_key is None:
            return get("notes.jira.pending") if case.state == "approved" else ""
        when = {"issue": case.jira_key, "when": self.when(opened.done_at)}
        if case.state == "withdrawn":
            told = any(
                e.verb == "comment_jira" and e.arg.startswith("withdrawn") and e.state == "done" for e in self.effects
            )
            return get(f"notes.jira.{'withdrawal' if told else 'untold'}", issue=case.jira_key)
        claimed = max((wish.claimed_at for wish in self.facts.wishes if wish.claimed_at), default=case.closed_at)
        if case.state in ("done", "verifying") or (case.state == "needs_person" and case.reason in CLAIMED):
            return get("notes.jira.done", issue=case.jira_key, when=self.when(claimed))
        if case.state == "needs_person" and case.reason == "jira_deleted":
            return get("notes.jira.gone", issue=case.jira_key)
        if case.state == "needs_person":
            closed = {"issue": case.jira_key, "when": self.when(case.changed_at), "resolution": case.reason}
            return get("notes.jira.refused", **closed)
        return get("notes.jira.open", **when)

    def _troubles(self) -> list[str]:
        lines = []
        for effect in self.effects:
            what = self.texts.get(f"notes.what.{WHAT.get(effect.verb, 'other')}")
            cause = self.texts.cause(effect.reason.rpartition(":")[2])
            if self.stable and effect.state != "dead":
                cause = ""  # it alternates while a vendor is down: not worth a note each time
            if effect.state == "dead":
                lines.append(self.texts.get("notes.trouble.failed", what=what, cause=cause))
            elif effect.state in ("planned", "unknown") and self._worth_telling(effect) and effect.verb != "note":
                lines.append(self._waiting(effect, what, cause))
        return lines

    def _worth_telling(self, effect: Effect) -> bool:
        """Several tries, one that nobody can look up, or a pause; a single hiccup is nobody's business."""
        if effect.reason == vendors.PAUSED:
            return True
        long_ago = self._now - timedelta(seconds=WORTH_TELLING * self.settings.retry_base)
        # Between two look-ups that failed the breaker is open: the same trouble, not another note each time.
        lost = effect.state == "unknown" and effect.reason.startswith(("look_up:", "vendor_busy"))
        return effect.attempts >= WORTH_TELLING or (lost and (effect.sent_at or effect.planned_at) < long_ago)

    def _waiting(self, effect: Effect, what: str, cause: str) -> str:
        if self.stable:
            # The same line until the count has doubled: 3, 6, 12, …, whatever the cause of the moment is.
            return f"{effect.verb} {(effect.attempts // WORTH_TELLING).bit_length()}"
        at = self.when(effect.next_at)
        if effect.state == "unknown":
            return self.texts.get("notes.trouble.checking", what=what, next=at, cause=cause)
        return self.texts.get("notes.trouble.waiting", what=what, attempt=effect.attempts, next=at, cause=cause)

    def when(self, at: datetime | None) -> str:
        return local(at, self._zone)


# What other modules add to a note, each about its own matter, in this order.
PARTS: tuple[Callable[[Note], Sequence[str]], ...] = (
    *(confirmed.lines, macro_texts.lines, consent_lines.lines, ban_lines.lines),
    *(declined.lines, questions.lines, joins.lines, resumed.lines, clock_lines.lines, kept.lines),
)


def local(at: datetime | None, zone: ZoneInfo) -> str:
    """A moment in the desk's own time zone, to the minute."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M") if at else ""


def card_line(texts: Texts, case: Case) -> Line:
    """What the card says once it is decided or closed (`cards.state.*`)."""
    if case.state in ("open", "incomplete", "awaiting"):
        return texts.line(_state_key("cards", case))
    if case.state not in cards.NAMED:
        return texts.line(_state_key("cards", case), when=When(case.moved_at))
    values: dict[str, Span] = {
        "who": Mention(case.decided_by) if case.decided_by else cards.NOTHING,
        "when": When(case.decided_at or case.moved_at),
    }
    if case.state == "declined":
        values["reason"] = texts.decline_reason(case.reason)
    return texts.line(_state_key("cards", case), **values)


def _state_key(family: str, case: Case) -> str:
    """The words for a case's state, where its reason calls for others than the state's own."""
    return f"{family}.state.{WORDED.get((case.state, case.reason), case.state)}"
