"""The ledger's line in the note on the ticket: since when this case stops offers, and in which channels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from app import cards
from app.cases import Case
from app.consent.entries import ANY
from app.db import Connection

if TYPE_CHECKING:
    from app.notes import Note


@dataclass(frozen=True)
class Stopped:
    """What a case says no to in the ledger. `since`: when the first of it was recorded; None: nothing."""

    channels: tuple[str, ...] = ()
    since: datetime | None = None


def of_case(conn: Connection, case: Case) -> Stopped:
    """As the ledger stands in this transaction."""
    row = conn.execute(
        "SELECT coalesce(array_agg(DISTINCT channel), '{}') AS channels, min(recorded_at) AS since FROM ("
        " SELECT DISTINCT ON (person, purpose, channel) * FROM consents WHERE case_id = %s AND purpose = 'offers'"
        " ORDER BY person, purpose, channel, id DESC) latest WHERE NOT allowed",
        (case.id,),
    ).fetchone()
    return Stopped(tuple(row["channels"]), row["since"]) if row else Stopped()


def lines(note: Note) -> list[str]:
    """Said from receipt on, before any approval, and until it is taken back."""
    stopped = note.facts.stopped
    if stopped.since is None:
        return []
    names = cards.channel_names(note.texts, [f"stop_{channel}" for channel in stopped.channels])
    every = note.texts.get("notes.stopped_all")
    return [
        note.texts.get(
            "notes.stopped", when=note.when(stopped.since), channels=every if ANY in stopped.channels else names
        )
    ]
