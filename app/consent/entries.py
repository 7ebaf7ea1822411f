"""Entries of the consent ledger, and the only statement that makes them. Source: features 2.7: each one has source
ticket, wording version, actor and time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app import db
from app.consent import person
from app.consent.person import Identifier
from app.db import Connection, Row
from app.points import point
from app.settings import CHANNELS

PURPOSES = ("offers", "profiling", "statistics")
ANY = "any"  # above the channels: the ban from all offers, of channels that do not exist yet, too
ALL = (ANY, *CHANNELS)

# Why an entry was made. Constants: they leave the desk by the API.
ASKED = "asked"
PROVISIONAL = "provisional"  # the wish is not clear yet: stopped until it is
CORRECTED = "corrected"
WITHDRAWN = "withdrawn"
CONSENTED = "consented"
IMPORTED = "imported"  # a list that came back said so


@dataclass(frozen=True)
class Entry:
    """One row. `person` is a keyed hash; `wished_at`: when the wish reached us; `recorded_at`: when we knew it."""

    id: int
    person: str
    kind: str
    purpose: str
    channel: str
    allowed: bool
    case_id: int | None
    ticket_id: int | None
    actor: str
    wording: str
    reason: str
    corrects: int | None
    wished_at: datetime
    recorded_at: datetime

    @property
    def who(self) -> Identifier:
        return person.of_key(f"{self.kind}:{self.person}")

    @classmethod
    def of(cls, row: Row) -> Entry:
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class New:
    """An entry to be made. `actor`: Zendesk user id of who said so to us; `wording`: see `wording` of app.steps."""

    person: Identifier
    channel: str
    allowed: bool
    actor: str
    wording: str
    reason: str
    wished_at: datetime
    case_id: int | None = None
    ticket_id: int | None = None
    corrects: int | None = None
    purpose: str = "offers"


def append(conn: Connection, entries: Iterable[New]) -> int:
    """Write them; how many. Raises ValueError for a purpose or channel that the ledger does not know."""
    rows = list(entries)
    if any(new.purpose not in PURPOSES or new.channel not in ALL for new in rows):
        raise ValueError("no such purpose or channel")
    if rows:
        point("consent.before_write")
        with conn.cursor() as cursor:
            cursor.executemany(INSERT, [{**vars(n), "kind": n.person.kind, "person": n.person.digest} for n in rows])
    return len(rows)


INSERT = (
    "INSERT INTO consents (person, kind, purpose, channel, allowed, case_id, ticket_id, actor, wording, reason,"
    " corrects, wished_at) VALUES (%(person)s, %(kind)s, %(purpose)s, %(channel)s, %(allowed)s, %(case_id)s,"
    " %(ticket_id)s, %(actor)s, %(wording)s, %(reason)s, %(corrects)s, %(wished_at)s)"
)


def lock(conn: Connection, identifiers: Iterable[Identifier]) -> None:
    """Until the end of this transaction nobody else changes how these persons stand."""
    db.lock(conn, [f"consent:{item.digest}" for item in identifiers])
