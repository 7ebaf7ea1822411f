"""What a list is narrowed to: read from the page's form, checked once, bounded. Anything that cannot be is a 400."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo

from werkzeug.exceptions import BadRequest

SEARCH = 200  # characters of a search text; more is cut (bad-inputs A033)
FIELDS = ("state", "cause", "ticket", "sender", "since", "until", "text")
_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


@dataclass(frozen=True)
class Filter:
    """`text`: looked for literally. `before`: only rows below this number. `given`: what was filled in, as it was."""

    state: str = ""
    cause: str = ""
    ticket: int | None = None
    sender: str = ""
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""
    before: int | None = None
    given: Mapping[str, str] = field(default_factory=dict)


def read(given: Mapping[str, str], zone: tzinfo, *, states: Collection[str], senders: Collection[str] = ()) -> Filter:
    """Raises BadRequest. Empty fields count as not given."""
    kept = {name: _printable(given.get(name, ""))[:SEARCH].strip() for name in FIELDS}
    since, until = (_moment(kept[name], zone) for name in ("since", "until"))
    return Filter(
        state=_one_of(kept["state"], states),
        cause=kept["cause"],
        ticket=number(kept["ticket"]) if kept["ticket"] else None,
        sender=_one_of(kept["sender"], senders),
        since=since,
        until=until,
        text=kept["text"],
        before=number(given["before"]) if given.get("before") else None,
        given={name: value for name, value in kept.items() if value},
    )


def number(text: str) -> int:
    """An id: 1 to 18 ASCII digits, first not 0. Raises BadRequest."""
    if not _ID.fullmatch(text):
        raise BadRequest
    return int(text)


def is_number(text: str) -> bool:
    return _ID.fullmatch(text) is not None


def like(text: str) -> str:
    """A pattern that holds this text literally."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"


def _printable(text: str) -> str:
    """Neither PostgreSQL nor a person has a use for the rest."""
    return "".join(char for char in text[: 4 * SEARCH] if char.isprintable())


def _one_of(value: str, known: Collection[str]) -> str:
    if value and value not in known:
        raise BadRequest
    return value


def _moment(text: str, zone: tzinfo) -> datetime | None:
    """`2026-11-22T13:05`, as a date field of a browser sends it, in the desk's own time zone."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=zone) if at.tzinfo is None else at
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadRequest from None
