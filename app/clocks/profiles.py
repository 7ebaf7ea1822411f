"""Reads and checks `profiles.toml`: every number with its source, its review and the next one (features 3.5, 4.5)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from functools import cache
from pathlib import Path
from typing import Any

from app.errors import ConfigError

FILE = Path(__file__).with_name("profiles.toml")
UNITS = ("calendar_days", "working_days", "months")
KINDS = ("stop", "delete", "threat")
GRANTERS = ("supervisor", "privacy_officer")


@dataclass(frozen=True)
class Checked:
    """A number somebody has looked up. `name`: its place in the file, such as `MY.delete.limit`."""

    name: str
    source: str
    reviewed: date
    review_by: date


@dataclass(frozen=True)
class Term(Checked):
    """`count` of `unit`; 0 working days is the same working day."""

    count: int
    unit: str


@dataclass(frozen=True)
class Hours(Checked):
    """Local working hours of a working day."""

    opens: time
    closes: time


@dataclass(frozen=True)
class Extension:
    """Once, by `term` more than the limit. `tell_customer`: before the limit that it replaces."""

    term: Term
    granted_by: tuple[str, ...]
    tell_customer: bool


@dataclass(frozen=True)
class Kind:
    """The terms of one kind of wish."""

    limit: Term
    target: Term | None
    acknowledge: Term | None
    extension: Extension | None


@dataclass(frozen=True)
class Profile:
    """`country` or `market`: whose public holidays. `moves`: what ends on a day off ends on the next working day."""

    name: str
    country: str
    market: str
    moves: bool
    hours: Hours
    kinds: Mapping[str, Kind]

    def numbers(self) -> Iterator[Checked]:
        """Every number of the profile."""
        yield self.hours
        for kind in self.kinds.values():
            extra = kind.extension.term if kind.extension else None
            yield from (term for term in (kind.limit, kind.target, kind.acknowledge, extra) if term)

    def overdue(self, today: date) -> list[Checked]:
        """What a person should have looked at again by now."""
        return [number for number in self.numbers() if number.review_by < today]


@cache
def load(file: Path = FILE) -> dict[str, Profile]:
    """All profiles by name. Raises ConfigError, reason `clocks`, naming the place."""
    try:
        read = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError):
        raise ConfigError(f"{file.name} cannot be read", "clocks") from None
    return {name: _profile(name, table) for name, table in read.items()}


def _profile(name: str, table: Any) -> Profile:
    place = _Place(name, table)
    place.only("start", "on_holiday", "calendar", "hours", *KINDS)
    place.one_of("start", ("receipt",))
    calendar = place.inner("calendar")
    calendar.only("country", "market")
    where = {key: calendar.text(key) for key in ("country", "market") if key in calendar.table}
    if len(where) != 1:
        raise place.wrong("calendar")
    return Profile(
        name=name,
        country=where.get("country", ""),
        market=where.get("market", ""),
        moves=place.one_of("on_holiday", ("stay", "next")) == "next",
        hours=_hours(place.inner("hours")),
        kinds={kind: _kind(place.inner(kind)) for kind in KINDS},
    )


def _hours(place: _Place) -> Hours:
    place.only("opens", "closes", *CHECKED)
    hours = Hours(opens=place.of("opens", time), closes=place.of("closes", time), **place.checked())
    if hours.opens >= hours.closes:
        raise place.wrong("closes")
    return hours


def _kind(place: _Place) -> Kind:
    place.only("limit", "target", "acknowledge", "extension")
    limit = _term(place.inner("limit"))
    others = {key: _term(place.inner(key)) if key in place.table else None for key in ("target", "acknowledge")}
    extension = _extension(place.inner("extension"), limit) if "extension" in place.table else None
    return Kind(limit=limit, extension=extension, **others)


def _extension(place: _Place, limit: Term) -> Extension:
    term = _term(place, "granted_by", "tell_customer")
    granted = place.of("granted_by", list)
    if not granted or not set(granted) <= set(GRANTERS):
        raise place.wrong("granted_by")
    if term.unit != limit.unit or not term.count:
        raise place.wrong("unit")  # the two are added up
    return Extension(term, tuple(granted), place.of("tell_customer", bool))


def _term(place: _Place, *more: str) -> Term:
    place.only("count", "unit", *CHECKED, *more)
    count, unit = place.of("count", int), place.one_of("unit", UNITS)
    if not 0 <= count <= 400 or (count == 0 and unit != "working_days"):
        raise place.wrong("count")
    return Term(count=count, unit=unit, **place.checked())


CHECKED = ("source", "reviewed", "review_by")


class _Place:
    """One table of the file; every complaint names where it is."""

    def __init__(self, name: str, table: object) -> None:
        if not isinstance(table, dict):
            raise ConfigError(f"{name} in {FILE.name} is missing, or no table", "clocks")
        self.name = name
        self.table: dict[str, Any] = table

    def wrong(self, key: str) -> ConfigError:
        return ConfigError(f"{self.name}.{key} in {FILE.name} is missing, or not as it must be", "clocks")

    def only(self, *keys: str) -> None:
        for key in self.table.keys() - set(keys):
            raise self.wrong(key)

    def inner(self, key: str) -> _Place:
        return _Place(f"{self.name}.{key}", self.table.get(key))

    def of(self, key: str, kind: type) -> Any:
        value = self.table.get(key)
        if type(value) is not kind:
            raise self.wrong(key)
        return value

    def text(self, key: str) -> str:
        value = self.of(key, str)
        if not value.strip():
            raise self.wrong(key)
        return str(value)

    def one_of(self, key: str, known: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in known:
            raise self.wrong(key)
        return value

    def checked(self) -> dict[str, Any]:
        found = {"name": self.name, "source": self.text("source")}
        found |= {key: self.of(key, date) for key in ("reviewed", "review_by")}
        if found["reviewed"] >= found["review_by"]:
            raise self.wrong("review_by")
        return found
