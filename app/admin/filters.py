"""What a list is narrowed to: read from a page's form or a command's options, checked once, bounded.

What cannot be is refused: a 400 of the page, wrong usage of the command.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from app.errors import DeskError

SEARCH = 200  # characters of a search text; more is cut (bad-inputs A033)
FIELDS = ("state", "cause", "ticket", "sender", "procedure", "since", "until", "text")
_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


class FilterError(DeskError):
    """The message begins with the name of the field and says what it may be."""

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted, "filter")


@dataclass(frozen=True)
class Filter:
    """`kind`: of events, never asked for by name. `text`: looked for literally. `before`: only rows below this number.
    `given`: what was filled in, as it was."""

    state: str = ""
    cause: str = ""
    ticket: int | None = None
    sender: str = ""
    kind: str = ""
    procedure: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    before: int | None = None
    given: Mapping[str, str] = field(default_factory=dict)


def read(
    given: Mapping[str, str],
    zone: tzinfo,
    *,
    states: Collection[str] = (),
    senders: Collection[str] = (),
    procedures: Collection[str] = (),
) -> Filter:
    """Raises FilterError. Empty fields count as not given; times without a zone are in `zone`."""
    kept = {name: _printable(given.get(name, ""))[:SEARCH].strip() for name in FIELDS}
    since, until = (_moment(name, kept[name], zone) for name in ("since", "until"))
    return Filter(
        state=_one_of("state", kept["state"], states),
        cause=kept["cause"],
        ticket=number(kept["ticket"], "ticket") if kept["ticket"] else None,
        sender=_one_of("sender", kept["sender"], senders),
        procedure=_one_of("procedure", kept["procedure"], procedures),
        since=since,
        until=until,
        text=kept["text"],
        before=number(given["before"], "before") if given.get("before") else None,
        given={name: value for name, value in kept.items() if value},
    )


def number(text: str, field: str) -> int:
    """An id: 1 to 18 ASCII digits, first not 0. Raises FilterError."""
    if not _ID.fullmatch(text):
        raise FilterError(f"{field} is an id: 1 to 18 digits")
    return int(text)


def is_number(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def like(text: str) -> str:
    """A pattern that holds this text literally."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"


def _printable(text: str) -> str:
    """Neither PostgreSQL nor a person has a use for the rest."""
    return "".join(char for char in text[: 4 * SEARCH] if char.isprintable())


def _one_of(field: str, value: str, known: Collection[str]) -> str:
    if value and value not in known:
        raise FilterError(f"{field} is one of {', '.join(known)}")
    return value


def _moment(field: str, text: str, zone: tzinfo) -> datetime | None:
    """`2026-11-22` or `2026-11-22T13:05`, as a date field of a browser sends it."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=zone) if at.tzinfo is None else at
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise FilterError(f"{field} is a time such as 2026-11-22 or 2026-11-22T13:05") from None
