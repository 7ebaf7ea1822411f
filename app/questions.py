"""What the note says of the supervisor's question to the agent (issue 4)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from app.cases import Case

if TYPE_CHECKING:
    from app.notes import Note


def is_open(case: Case) -> bool:
    """Whether the agent is waited for, and not the supervisor alone."""
    return case.state == "awaiting" and bool(case.asked) and not case.asked.get("answered")


def lines(note: Note) -> list[str]:
    """Who has asked, and whether it is answered; the question itself has its own comment."""
    case, get = note.case, note.texts.get
    if case.state == "awaiting" and case.card.get("gone"):
        return [get("notes.card.gone")]
    if case.state != "awaiting" or not case.asked:
        return []
    user = str(case.asked.get("by", ""))
    who = str(case.asked.get("as") or note.settings.approvers_of(case.procedure).get(user, user))
    when = note.when(datetime.fromisoformat(str(case.asked["at"])))
    if case.asked.get("answered"):
        return [get("notes.answered", who=who, when=when)]
    return [get("notes.asked", who=who, when=when)]
