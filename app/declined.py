"""What the agent reads when a supervisor has declined: in whose words, what to do now, and what went before.

The supervisor's texts are in the event's sealed body and on the ticket, in an internal note, and nowhere else.
Source: issue 4; SOP 000 section 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app import approvers, cards, written
from app.cases import Case
from app.db import Connection
from app.sinks import shown, zendesk
from app.vault import Vault

if TYPE_CHECKING:
    from app.notes import Note

LIMIT = 1000  # characters of a form's text, bad-inputs "Conventions"
ENCODED = 4000
FIELDS = ("note", "wording")


def said(conn: Connection, case: Case, vault: Vault) -> dict[str, str]:
    """What the decider wrote into the form, by field."""
    if case.decision != "decline" or case.decision_event is None:
        return {}
    found = written.read(conn, case.decision_event, vault)
    return {name: found[name] for name in FIELDS if found.get(name)}


def lines(note: Note) -> list[str]:
    """The supervisor's words, kept apart from what the customer may be told; then what the agent does now."""
    get, case = note.texts.get, note.case
    found = []
    if case.state == "declined" and case.decision == "decline":
        found = [
            get(f"decline.{name}", text=_encoded(note.facts.said[name])) for name in FIELDS if name in note.facts.said
        ]
        code = case.reason if case.reason in cards.REASONS else cards.UNSPECIFIED
        found += [get("decline.todo", step=step) for step in get(f"decline.steps.{code}").splitlines()]
    return found + [
        get(
            "decline.before",
            generation=before.generation,
            reason=note.texts.decline_reason(before.reason),
            who=approvers.decider(note.settings, before),
            when=note.when(before.decided_at),
        )
        for before in note.facts.before
    ]


def _encoded(text: str) -> str:
    """One line, in which nothing is markup or a placeholder: it cannot make up a line of the note."""
    return zendesk(shown(text, LIMIT), ENCODED)
