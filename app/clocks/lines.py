"""The clock's lines in the note on the ticket: due date, our own aim, an extension. Nothing that ages by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from app.clocks.terms import moment

if TYPE_CHECKING:
    from app.notes import Note


def lines(note: Note) -> list[str]:
    """While the case is open and its due date is known; each due date is said not to be legal advice."""
    case, clock, get = note.case, note.case.clock, note.texts.get
    if not case.is_open or case.due_at is None:
        return []
    said = [
        get(
            "clocks.note.due",
            due=note.when(case.due_at),
            kind=get(f"clocks.kind.{clock.get('kind')}"),
            term=_term(note, clock),
            received=note.when(case.received_at),
            source=str(clock.get("cites", "")),
        )
    ]
    if case.state == "incomplete" and "acknowledge_at" in clock:
        said.append(get("clocks.note.acknowledge", when=note.when(moment(clock["acknowledge_at"]))))
    elif case.state == "awaiting" and "target_at" in clock:
        said.append(get("clocks.note.target", when=note.when(moment(clock["target_at"]))))
    extended = clock.get("extended")
    if isinstance(extended, Mapping):
        said += _extension(note, extended)
    if any(e.verb == "remind" and e.arg.startswith("overdue") and e.state == "done" for e in note.effects):
        said.append(get("clocks.note.overdue"))
    return said


def _term(note: Note, clock: Mapping[str, object]) -> str:
    count = clock.get("count")
    unit = clock.get("unit") if count else "same_day"
    return note.texts.get(f"clocks.unit.{unit}", **({"count": str(count)} if count else {}))


def _extension(note: Note, extended: Mapping[str, object]) -> list[str]:
    get, by = note.texts.get, str(extended.get("by", ""))
    known = str(extended.get("as") or note.settings.approvers.get(by, by))
    who = get("clocks.officer") if by == "privacy_officer" else known
    reason = get(f"clocks.reason.{extended.get('reason')}")
    said = [get("clocks.note.extended", who=who, when=note.when(moment(extended.get("at"))), reason=reason)]
    if extended.get("tell_by"):
        said.append(get("clocks.note.tell", when=note.when(moment(extended["tell_by"]))))
    return said
