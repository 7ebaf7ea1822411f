"""A case's own clock: when it is due, what we aim at, when supervisors are reminded. Fixed once, from its receipt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from app import timers
from app.cases import Case
from app.clocks.calendar import Calendar, month_later
from app.clocks.profiles import Kind, Profile, Term, load
from app.db import Connection
from app.events import Json
from app.settings import Settings

SHARES = {"50": 0.5, "80": 0.8}  # of the time from receipt to the due date
THREAT = "regulatory_threat"
RUNNING = frozenset({"open", "incomplete", "awaiting"})  # states in which a supervisor's decision is still ahead


@dataclass(frozen=True)
class Fixed:
    """What is written into the case row: `due_at`, and `clock` (times as ISO 8601 texts, slugs, numbers)."""

    due_at: datetime
    clock: Mapping[str, Json]


class Clock:
    """One profile in one place."""

    def __init__(self, profile: Profile, calendar: Calendar) -> None:
        self.profile = profile
        self.calendar = calendar

    def end(self, term: Term, received: datetime, *, more: int = 0) -> datetime:
        """Closing time of the term's last day; the day of receipt does not count. `more`: units of an extension."""
        day, count = received.astimezone(self.calendar.zone).date(), term.count + more
        if term.unit == "working_days":
            last = self.calendar.after(day, count) if count else self.calendar.same_day(received)
        else:
            last = month_later(day, count) if term.unit == "months" else day + timedelta(days=count)
            if self.profile.moves:
                last = self.calendar.next_from(last)
        return self.calendar.closing(last)

    def fix(self, case: Case, now: datetime) -> Fixed:
        """The clock of this case's kind of wish. Reminders whose time has passed already are left out."""
        kind, terms = self._terms(case)
        due = self.end(terms.limit, case.received_at)
        clock: dict[str, Json] = {
            "profile": self.profile.name,
            "kind": kind,
            "source": terms.limit.name,
            "cites": terms.limit.source,
            "reviewed": terms.limit.reviewed.isoformat(),
            "count": terms.limit.count,
            "unit": terms.limit.unit,
            "reminders": self.reminders(case.received_at, due, now),
        }
        for name, term in (("target_at", terms.target), ("acknowledge_at", terms.acknowledge)):
            if term:
                clock[name] = self.end(term, case.received_at).isoformat()
        return Fixed(due, clock)

    def reminders(self, start: datetime, due: datetime, now: datetime, *, suffix: str = "") -> dict[str, Json]:
        """Part -> time, within working hours where that is before the due date."""
        found: dict[str, Json] = {}
        for part, share in SHARES.items():
            moment = start + (due - start) * share
            working = self.calendar.in_hours(moment)
            if (at := working if working < due else moment) > now:
                found[part + suffix] = at.isoformat(timespec="seconds")
        return {**found, "overdue" + suffix: due.isoformat(timespec="seconds")}

    def _terms(self, case: Case) -> tuple[str, Kind]:
        """The kind of wish and its terms; while nobody knows what is wished, the terms that end first."""
        kind, kinds = kind_of(case), self.profile.kinds
        if kind != "unknown":
            return kind, kinds[kind]
        either = (kinds["stop"], kinds["delete"])
        return kind, min(either, key=lambda terms: self.end(terms.limit, case.received_at))


def kind_of(case: Case) -> str:
    """stop, delete, threat, or unknown while the wish is not clear."""
    if case.procedure == THREAT:
        return "threat"
    if not case.preference:
        return "unknown"
    return "delete" if "delete_all" in case.preference else "stop"


def of(settings: Settings) -> Clock:
    """The clock that these settings name; the settings have been checked."""
    return _made(settings.clock_profile, settings.clock_state, settings.desk_time_zone)


@cache
def _made(profile: str, state: str, zone: str) -> Clock:
    found = load()[profile]
    return Clock(found, Calendar(found, state, ZoneInfo(zone)))


def moment(value: object) -> datetime | None:
    """A time of a case's clock."""
    return datetime.fromisoformat(value) if isinstance(value, str) else None


def set_timers(conn: Connection, case: Case, *, anew: bool = False) -> None:
    """The case's reminders, as its row says; those that are set or have been already stay.

    `anew`: the clock has just been set. A reminder of an earlier one may have come while nobody could be reminded.
    """
    planned = case.clock.get("reminders")
    with conn.pipeline():  # in one exchange
        for part, at in planned.items() if isinstance(planned, dict) else ():
            due = moment(at)
            assert due is not None
            what = f"reminder:{part}"
            put = timers.again if anew and due > datetime.now(UTC) else timers.start
            put(conn, timers.of_case(case.id, what), what, due, case_id=case.id)


def today(settings: Settings, now: datetime) -> date:
    """The desk's own date."""
    return now.astimezone(ZoneInfo(settings.desk_time_zone)).date()
