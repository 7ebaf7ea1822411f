"""Who stands in for an absent approver, from when until when: `desk cover`, the decision and the reminders.

A cover lends the right to decide, for its time and no longer; the absent one keeps theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.db import Connection, Row
from app.errors import DeskError

MAIL = re.compile(r"[^\s@\"'<>:,;\\]{1,64}@[^\s@\"'<>:,;\\]{1,255}")
CHAT_ID = re.compile(r"[A-Za-z0-9]{2,40}")


@dataclass(frozen=True)
class Cover:
    """One row. `absent` and `delegate` are chat ids, `agent` is the e-mail address of the delegate's Zendesk agent.

    It runs from `starts_at` until just before `ends_at`, or before `ended_at` when somebody has ended it earlier.
    """

    id: int
    absent: str
    delegate: str
    agent: str
    starts_at: datetime
    ends_at: datetime
    made_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, row: Row) -> Cover:
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})

    def runs(self, now: datetime) -> bool:
        return self.ended_at is None and self.starts_at <= now < self.ends_at


def span(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From the first day's beginning until the last day's end, in the supervisors' zone."""
    start, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + timedelta(days=1)))
    return start, end


def check(absent: str, delegate: str, agent: str, *, starts_at: datetime, ends_at: datetime) -> None:
    """Raises DeskError, reason `cover`: not the form of an id or an address, one person for both, or a time that is
    over before it begins or has passed."""
    if not CHAT_ID.fullmatch(absent) or not CHAT_ID.fullmatch(delegate):
        raise _refused("a person is named by their id in the chat, letters and digits")
    if not MAIL.fullmatch(agent):
        raise _refused("the delegate needs the e-mail address of the Zendesk agent they are: ID=agent@example.com")
    if absent == delegate:
        raise _refused("nobody stands in for themselves")
    if ends_at <= starts_at:
        raise _refused("it would end before it begins")
    if ends_at <= datetime.now(UTC):
        raise _refused("its last day has passed")


def add(conn: Connection, absent: str, delegate: str, agent: str, *, starts_at: datetime, ends_at: datetime) -> Cover:
    """Write one. Raises as `check`."""
    check(absent, delegate, agent, starts_at=starts_at, ends_at=ends_at)
    row = conn.execute(
        "INSERT INTO covers (absent, delegate, agent, starts_at, ends_at) VALUES (%s, %s, %s, %s, %s) RETURNING *",
        (absent, delegate, agent, starts_at, ends_at),
    ).fetchone()
    assert row is not None
    return Cover.of(row)


def every(conn: Connection) -> list[Cover]:
    """All that were ever made, oldest first."""
    return [Cover.of(row) for row in conn.execute("SELECT * FROM covers ORDER BY id").fetchall()]


def standing(conn: Connection) -> tuple[Cover, ...]:
    """Those that run now or will, in the order in which they were made."""
    rows = conn.execute("SELECT * FROM covers WHERE ended_at IS NULL AND ends_at > now() ORDER BY id").fetchall()
    return tuple(map(Cover.of, rows))


def end(conn: Connection, number: int) -> bool:
    """From now on it counts no more. False: there is none of this number. One that was ended stays as it was."""
    row = conn.execute(
        "UPDATE covers SET ended_at = coalesce(ended_at, least(now(), ends_at)) WHERE id = %s RETURNING id", (number,)
    ).fetchone()
    return row is not None


def running(covers: Iterable[Cover], now: datetime) -> list[Cover]:
    return [cover for cover in covers if cover.runs(now)]


def _refused(message: str) -> DeskError:
    return DeskError(message, "cover")
