"""Working days and hours of one place: public holidays and weekends from the `holidays` package, by state."""

from __future__ import annotations

import calendar
import threading
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays

from app.clocks.profiles import Profile

DAY = timedelta(days=1)
LONGEST = 60  # days off in a row that a real calendar does not reach


def states(profile: Profile) -> frozenset[str]:
    """The states (ISO 3166-2, digits or letters) that CLOCK_STATE may name; empty: the profile knows none."""
    if not profile.country:
        return frozenset()
    found = getattr(holidays, profile.country)
    return frozenset(found.subdivisions) | frozenset(getattr(found, "subdivisions_aliases", {}))


class Calendar:
    """Shared by threads. Raises NotImplementedError for a country, market or state the package does not know."""

    def __init__(self, profile: Profile, state: str, zone: ZoneInfo) -> None:
        made = (
            holidays.country_holidays(profile.country, subdiv=state or None)
            if profile.country
            else holidays.financial_holidays(profile.market)
        )
        self._days = made
        self._one = threading.Lock()  # the package fills in a year when it is first asked for, and is not thread-safe
        self._opens, self._closes = profile.hours.opens, profile.hours.closes
        self.zone = zone

    def works(self, day: date) -> bool:
        """Neither weekend nor public holiday."""
        with self._one:
            return bool(self._days.is_working_day(day))

    def next_from(self, day: date) -> date:
        """This day, or the first working day after it."""
        for ahead in range(LONGEST):
            if self.works(day + ahead * DAY):
                return day + ahead * DAY
        raise ValueError("a calendar without working days")

    def after(self, day: date, count: int) -> date:
        """The `count`-th working day after this one, which itself does not count."""
        for _ in range(count):
            day = self.next_from(day + DAY)
        return day

    def closing(self, day: date) -> datetime:
        return datetime.combine(day, self._closes, self.zone)

    def at(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self.zone)

    def in_hours(self, moment: datetime) -> datetime:
        """This moment, or the next opening when nobody is at work."""
        here = moment.astimezone(self.zone)
        if self.works(here.date()) and self._opens <= here.time() < self._closes:
            return here
        early = self.works(here.date()) and here.time() < self._opens
        return self.at(here.date() if early else self.next_from(here.date() + DAY), self._opens)

    def same_day(self, moment: datetime) -> date:
        """The working day on which this moment is dealt with: its own, or the next one after closing time."""
        here = moment.astimezone(self.zone)
        return self.next_from(here.date() + (DAY if here.time() >= self._closes else 0 * DAY))


def month_later(day: date, count: int) -> date:
    """The same date `count` months on, or that month's last day (Regulation 1182/71, art. 3)."""
    months = day.year * 12 + day.month - 1 + count
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
