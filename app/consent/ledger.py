"""The consent ledger: purpose x channel x time, append-only (the database refuses anything else).

How a person stands is decided case by case: the newest entry of each case (and of what came without a case) counts, and
one "no" of any of them, for the channel or for `any`, is enough. So a correction of one case never lifts the ban of
another; only a withdrawal lifts them all. Sources: features 0.16, 0.25, 0.26, 2.4, 2.7, 4.1; PDPA s. 38: upon receipt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from app.cases import Case
from app.consent.entries import (
    ALL,
    ANY,
    ASKED,
    CONSENTED,
    CORRECTED,
    IMPORTED,
    PROVISIONAL,
    PURPOSES,
    WITHDRAWN,
    Entry,
    New,
    append,
    lock,
)
from app.consent.look import LATEST, deciding, history, of_case, standing, superseded
from app.consent.person import Identifier
from app.db import Connection

__all__ = (
    "ALL",
    "ANY",
    "ASKED",
    "CONSENTED",
    "CORRECTED",
    "IMPORTED",
    "PROVISIONAL",
    "PURPOSES",
    "WITHDRAWN",
    "Entry",
    "New",
    "append",
    "consent",
    "deciding",
    "history",
    "lift",
    "lock",
    "of_case",
    "standing",
    "sync",
)


@dataclass(frozen=True)
class Said:
    """What all entries of one call have in common. `wished_at`: when the customer's wish reached us."""

    case: Case
    actor: str
    wording: str
    wished_at: datetime
    purpose: str = "offers"

    def entry(self, person: Identifier, channel: str, allowed: bool, reason: str, corrects: int | None = None) -> New:
        return New(
            person,
            channel,
            allowed,
            self.actor,
            self.wording,
            reason,
            self.wished_at,
            self.case.id,
            self.case.ticket_id,
            corrects,
            self.purpose,
        )


def sync(
    conn: Connection,
    said: Said,
    *,
    identifiers: Sequence[Identifier],
    channels: Sequence[str],
    reason: str = ASKED,
) -> int:
    """Make the case of `said` say no for exactly these identifiers and channels; how many entries it took (0: it did).

    What the case said of others before is corrected by a yes that points to it; once the wish is clear, so is what an
    earlier round of the same ticket said that came to nothing. Of a kind (phone, mail) that is not given at all nothing
    is corrected: who was erased at the source, as asked, was no mistake, and stays stopped (2.6). A no that a newer
    withdrawal on another ticket has lifted stays lifted. Two walks at once write one entry: the case row and the
    persons are locked.
    """
    latest = _locked(conn, said, identifiers)
    wanted = {(person, channel) for person in identifiers for channel in channels}
    given = {person.kind for person in identifiers}
    new = [
        said.entry(person, channel, False, reason)
        for person, channel in sorted(wanted)
        if _to_be_said(latest.get((person, channel)), said, reason)
    ]
    new += [
        said.entry(*of, True, CORRECTED, entry.id)
        for of, entry in latest.items()
        if not entry.allowed and of not in wanted and entry.kind in given
    ]
    if reason != PROVISIONAL:
        new += [
            replace(said.entry(old.who, old.channel, True, CORRECTED, old.id), case_id=old.case_id)
            for old in superseded(conn, said.case, said.purpose)
            if (old.who, old.channel) not in wanted and old.kind in given
        ]
    return append(conn, new)


def _to_be_said(entry: Entry | None, said: Said, reason: str) -> bool:
    """Whether the case still has to say no where its newest entry is this one."""
    if entry is None:
        return True
    if not entry.allowed:
        return entry.reason == PROVISIONAL and reason != PROVISIONAL  # now the customer has said it
    # The ticket itself says what its customer wants now; of another ticket's withdrawal only the time can tell.
    lifted = entry.reason == WITHDRAWN and entry.ticket_id != said.case.ticket_id
    return not (lifted and entry.wished_at >= said.wished_at)


def _locked(conn: Connection, said: Said, identifiers: Iterable[Identifier]) -> dict[tuple[Identifier, str], Entry]:
    """The newest entry of this case for each identifier and channel; nobody else writes of these persons meanwhile."""
    conn.execute("SELECT 1 AS yes FROM cases WHERE id = %s FOR NO KEY UPDATE", (said.case.id,))
    lock(conn, {*identifiers, *of_case(conn, said.case)})
    rows = conn.execute(
        "SELECT DISTINCT ON (person, channel) * FROM consents WHERE case_id = %s AND purpose = %s"
        " ORDER BY person, channel, id DESC",
        (said.case.id, said.purpose),
    ).fetchall()
    entries = [Entry.of(row) for row in rows]
    return {(entry.who, entry.channel): entry for entry in entries}


def lift(
    conn: Connection,
    said: Said,
    *,
    identifiers: Sequence[Identifier],
    channels: Sequence[str],
    once: Sequence[Identifier] = (),
) -> int:
    """A withdrawal of this time, on this case's ticket: every older no of these persons, of whatever case, becomes a
    yes for these channels; how many entries that took.

    `once`: whom the ticket named before. What its own cases said of them is lifted; what others said is not, for a
    number that was corrected since may be another customer's.

    `any` is lifted with them: not all offers are banned any more. A no that was wished later stands, but for that of
    the withdrawal's own case. Each yes belongs to the case whose no it ends, and names the withdrawal's ticket.
    """
    if not channels:
        return 0
    lock(conn, {*identifiers, *once})
    rows = conn.execute(
        f"SELECT * FROM ({LATEST}) latest WHERE NOT allowed AND (wished_at <= %(when)s OR case_id = %(case)s)"
        " AND (person = ANY(%(sure)s) OR case_id IN (SELECT id FROM cases WHERE ticket_id = %(ticket)s)) ORDER BY id",
        {
            "persons": [item.digest for item in {*identifiers, *once}],
            "sure": [item.digest for item in identifiers],
            "ticket": said.case.ticket_id,
            "purpose": said.purpose,
            "channels": [ANY, *channels],
            "on": None,
            "when": said.wished_at,
            "case": said.case.id,
        },
    ).fetchall()
    lifted = [Entry.of(row) for row in rows]
    return append(
        conn,
        [replace(said.entry(old.who, old.channel, True, WITHDRAWN), case_id=old.case_id) for old in lifted],
    )


def consent(conn: Connection, said: Said, *, identifiers: Sequence[Identifier], channels: Sequence[str]) -> int:
    """The customer says yes to these channels: one entry a person that names the ticket (SOP 000, macro of 0.30).

    None is made where this case's newest entry is a yes already; how many were.
    """
    latest = _locked(conn, said, identifiers)
    return append(
        conn,
        [
            said.entry(person, channel, True, CONSENTED)
            for person in identifiers
            for channel in channels
            if not ((entry := latest.get((person, channel))) and entry.allowed)
        ],
    )
