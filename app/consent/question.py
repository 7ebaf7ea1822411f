"""What a machine may ask the ledger: read strictly, answered from one query. Pure but for the caller's connection.

A number or an address never comes back to the caller, not in an error either: errors name the field and a code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from app.consent import look
from app.consent.entries import PURPOSES, Entry
from app.consent.person import Identifier, of_key
from app.db import Connection
from app.events import Json
from app.settings import CHANNELS
from app.suppress import identifiers
from app.vault import Vault

MAX_PEOPLE = 1000
MAX_TEXT = 320  # the longest mail address
NO_ENTRY = "no_entry"
WHO = ("phone", "email")
COMMON = ("purpose", "channel", "on")
# Read as a campaign file's cell is: whoever may be meant is asked for, and what cannot be read is never a yes.
READERS: Mapping[str, tuple[Callable[[str], list[identifiers.Identifier]], str]] = {
    "phone": (identifiers.phones_in, "not_a_phone"),
    "email": (identifiers.mail_of, "not_a_mail"),
}


class InvalidQuestionError(ValueError):
    """`errors`: pairs of field and code, all of them at once."""

    def __init__(self, errors: Sequence[tuple[str, str]]) -> None:
        super().__init__("the question cannot be answered as it is put")
        self.errors = tuple(errors)


@dataclass(frozen=True)
class Asked:
    """One person asked about; `id` is the caller's own."""

    who: tuple[Identifier, ...]
    id: str | int | None = None


@dataclass(frozen=True)
class Question:
    """`on`: the moment the answer is about; None: now."""

    purpose: str
    channel: str
    on: datetime | None
    people: tuple[Asked, ...]


class Reader:
    """Reads one question; collects what is wrong with it. `zone`: whose day a date without a time is."""

    def __init__(self, vault: Vault, zone: ZoneInfo) -> None:
        self._vault = vault
        self._zone = zone
        self._errors: list[tuple[str, str]] = []

    def of_query(self, values: Iterable[tuple[str, str]]) -> Question:
        """The parameters of a URL. In one, a plus that was not encoded reads as a space; a number needs none."""
        given: dict[str, Json] = {}
        for name, text in values:
            if name in given:
                self._wrong(_shown(name), "twice")
            given[name] = re.sub(r"(?<=\d) (?=\d\d:\d\d$)", "+", text) if name == "on" else text
        return self.of_one(given)

    def of_one(self, given: Mapping[str, Json]) -> Question:
        """`phone` or `email` or both, beside purpose, channel and moment."""
        return self._question(given, WHO, lambda: (Asked(self._who(given, "")),))

    def of_batch(self, given: Mapping[str, Json]) -> Question:
        """`people`: up to 1,000 objects of `id`, `phone` and `email`."""
        return self._question(given, ("people",), lambda: self._people(given.get("people")))

    def _question(
        self, given: Mapping[str, Json], own: tuple[str, ...], read: Callable[[], tuple[Asked, ...]]
    ) -> Question:
        self._only(given, (*COMMON, *own), "")
        purpose = self._one_of(given, "purpose", PURPOSES, "offers")
        channel = self._one_of(given, "channel", CHANNELS, "")
        question = Question(purpose, channel, self._moment(given.get("on")), read())
        if self._errors:
            raise InvalidQuestionError(self._errors)
        return question

    def _wrong(self, field: str, code: str) -> None:
        self._errors.append((field, code))

    def _only(self, given: Mapping[str, Json], names: tuple[str, ...], place: str) -> None:
        for name in given.keys() - set(names):
            self._wrong(f"{place}{_shown(name)}", "unknown")

    def _one_of(self, given: Mapping[str, Json], name: str, values: tuple[str, ...], default: str) -> str:
        value = given.get(name, default)
        if name not in given and not default:
            self._wrong(name, "missing")
        elif value not in values:
            self._wrong(name, "not_one_of")
        return str(value)

    def _people(self, items: Json) -> tuple[Asked, ...]:
        if not isinstance(items, list) or not items:
            self._wrong("people", "missing" if items is None else "not_a_list")
            return ()
        if len(items) > MAX_PEOPLE:
            self._wrong("people", "too_many")
            return ()
        return tuple(asked for place, item in enumerate(items) if (asked := self._asked(item, f"people[{place}]")))

    def _asked(self, item: Json, place: str) -> Asked | None:
        if not isinstance(item, dict):
            self._wrong(place, "not_an_object")
            return None
        self._only(item, ("id", *WHO), f"{place}.")
        name = item.get("id")
        if isinstance(name, bool) or not isinstance(name, str | int | None) or len(str(name)) > MAX_TEXT:
            self._wrong(f"{place}.id", "not_an_id")
            return None
        return Asked(self._who(item, f"{place}."), name)

    def _who(self, given: Mapping[str, Json], place: str) -> tuple[Identifier, ...]:
        found: list[Identifier] = []
        given_any = False
        for name, (read, code) in READERS.items():
            value = given.get(name)
            if value is None or value == "":
                continue
            given_any = True
            known = read(value) if isinstance(value, str) and len(value) <= MAX_TEXT else []
            if not known:
                self._wrong(place + name, code)
            found += [of_key(f"{kind}:{self._vault.digest(kind, one)}") for kind, one in known]
        if not given_any:
            self._wrong(place.rstrip(".") or "phone", "no_identifier")
        return tuple(found)

    def _moment(self, value: Json) -> datetime | None:
        """A time with its offset; or a date, which means the end of that day."""
        if value is None:
            return None
        try:
            text = str(value)
            if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
                return datetime.combine(date.fromisoformat(text), time.max, self._zone).astimezone(UTC)
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        self._wrong("on", "not_a_time")
        return None


def _shown(name: str) -> str:
    """A field's name as it may be repeated: a number in the place of a name is not."""
    return name if re.fullmatch(r"[a-z_]{1,30}", name, re.ASCII) else "?"


def answer(conn: Connection, question: Question) -> list[dict[str, Json]]:
    """In the order of the people: suppressed, since (UTC) and reason. One query."""
    digests = {item.digest for asked in question.people for item in asked.who}
    known = look.standing(conn, digests, question.purpose, question.channel, question.on)
    return [_one(look.deciding(known[item.digest] for item in asked.who)) for asked in question.people]


def _one(entry: Entry | None) -> dict[str, Json]:
    if entry is None:
        return {"suppressed": False, "since": None, "reason": NO_ENTRY}
    since = None if entry.allowed else entry.wished_at.astimezone(UTC).isoformat(timespec="seconds")
    return {"suppressed": not entry.allowed, "since": since, "reason": entry.reason}
