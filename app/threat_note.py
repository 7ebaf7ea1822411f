"""The desk's note on a Regulatory Complaint Threat: what kind of words were seen, who is asked, who has decided.

Kinds only, never the words: the customer may read a note one day (features 1.2). Source: SOP 000 Notes.
"""

from __future__ import annotations

from app import approvers, notes
from app.cards import NOTHING
from app.cases import Case
from app.clients.chat import Line, Mention, When
from app.clocks import lines as clock_lines
from app.texts import Texts
from app.threats.lexicon import KINDS

STATES = ("open", "awaiting", "done", "declined")


class ThreatNote(notes.Note):
    """One note in the making, as app.notes.Note."""

    def text(self) -> str:
        case, get = self.case, self.texts.get
        state = get(f"threats.state.{case.state if case.state in STATES else 'other'}")
        header = get("threats.header", case=case.id, generation=case.generation, state=state)
        lines = [
            *self._problems(),
            *self._seen(),
            self._asked(),
            self._decided(),
            *clock_lines.lines(self),
            *self._troubles(),
        ]
        bullets = [get("notes.bullet", line=line) for line in lines if line]
        return "\n".join([header, *bullets, get("notes.next.line", step=get(f"threats.next.{self._next()}"))])

    def _next(self) -> str:
        found = super()._next()
        return found if found in (*STATES, "failed", "failed_closed") else "other"

    def _seen(self) -> list[str]:
        evidence, get = self.case.evidence, self.texts.get
        kinds, comments = _strings(evidence.get("kinds")), evidence.get("comments")
        lines = []
        if isinstance(comments, list) and comments:
            named = get("cards.channel.comma").join(get(f"threats.kind.{kind}") for kind in KINDS if kind in kinds)
            lines.append(get("threats.note.words", kinds=named or get("threats.kind.unread"), count=len(comments)))
        return [*lines, get("threats.note.flagged")] if evidence.get("tagged") else lines

    def _asked(self) -> str:
        posted = next((e for e in self.effects if e.verb == "ask_supervisor" and e.state == "done"), None)
        if posted is None:
            return self.texts.get("threats.note.card_pending") if self.case.is_open else ""
        if self.case.is_open and self.wanted.gone:
            return self.texts.get("notes.card.gone")
        return self.texts.get("threats.note.card", when=self.when(posted.done_at))

    def _decided(self) -> str:
        case = self.case
        if case.decision is None:
            return self.texts.get("threats.note.undecided") if case.state == "awaiting" else ""
        return self.texts.get(
            f"threats.note.{case.decision}", who=approvers.decider(self.settings, case), when=self.when(case.decided_at)
        )


def card_line(texts: Texts, case: Case) -> Line:
    """What the card says once it is decided or closed."""
    if case.decision is None:
        return texts.line("threats.card.closed", when=When(case.moved_at))
    who = Mention(case.decided_by) if case.decided_by else NOTHING
    return texts.line(f"threats.card.{case.decision}", who=who, when=When(case.decided_at or case.moved_at))


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
