"""Each vendor's rate limits and breaker, shared by all processes: one row a vendor, one more for each limit of its own
(messages to one chat channel), one UPDATE to be let in.

Rate: virtual scheduling (GCRA): `busy_until` moves on by one step a call; a burst may run ahead of it. Whoever finds no
room gets a place in line (`line_until`, one step apart), so that a burst of hundreds comes back one by one and not all
together, again and again. Breaker: after five failures in a row one probe is let in at a time, so a dead vendor sees
two calls a minute. A 429 is no failure: the row it is about is left alone for as long as the vendor asked.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from app.db import Connection

FAILURES = 5
PROBE_SECONDS = 30.0
LOOSER = 1.2  # a line moves a little slower than the rate: whoever was pushed back by an urgent one finds room
MOMENT = 0.05  # seconds, the shortest wait
RATE, DOWN, PAUSED = "in_line", "vendor_busy", "paused"  # why one has to wait, as reasons of an effect
# An admin has paused this vendor, or all of them (app/pause.py). With its name behind it.
IS_PAUSED = "SELECT 1 FROM pauses WHERE vendor IN ('all', %(name)s)"


@dataclass(frozen=True)
class Limit:
    """`per_minute` calls; up to `burst` of them at once."""

    per_minute: float
    burst: int

    @property
    def step(self) -> float:
        return 60.0 / self.per_minute

    @property
    def ahead(self) -> float:
        """Seconds that a burst may run ahead of the rate."""
        return self.step * (self.burst - 1)


@dataclass(frozen=True)
class Wait:
    """Seconds until it is worth asking again, and why. One is no longer let in: `seconds` is 0.0."""

    seconds: float = 0.0
    why: str = ""


def admit(conn: Connection, vendor: str, limit: Limit, probe: float = PROBE_SECONDS, *, row: str = "",
          first: bool = False) -> Wait:  # fmt: skip
    """Wait() means: go ahead now. `row`: of the limit that counts; empty: the vendor's own.

    `first`: not behind those who are in line: urgent, or come back at their place.
    """
    failures, open_for, paused = _health(conn, vendor)
    if paused:
        return Wait(pause_look(probe), PAUSED)
    if open_for > 0:
        return Wait(max(MOMENT, open_for), DOWN)
    if wait := _too_soon(conn, row or vendor, limit, first):
        return Wait(wait, RATE)
    if failures >= FAILURES and not _is_probe(conn, vendor, probe):
        return Wait(max(MOMENT, _health(conn, vendor)[1]), DOWN)
    return Wait()


def pause_look(probe: float) -> float:
    """Seconds until it is worth asking again whether a pause is over; those who wait do not all come at once."""
    return max(MOMENT, random.uniform(probe, 2 * probe))  # noqa: S311 - jitter


def is_paused(conn: Connection, vendor: str) -> bool:
    return conn.execute(IS_PAUSED, {"name": vendor}).fetchone() is not None


def has_room(conn: Connection, vendor: str, limit: Limit) -> bool:
    """Whether the vendor is well, a call would be let in now, and nobody is in line."""
    row = conn.execute(
        "SELECT 1 AS yes FROM vendors WHERE name = %(name)s AND failures = 0 AND line_until <= clock_timestamp()"
        f" AND busy_until <= clock_timestamp() + make_interval(secs => %(ahead)s) AND NOT EXISTS ({IS_PAUSED})",
        {"name": vendor, "ahead": limit.ahead},
    ).fetchone()
    return row is not None


def _health(conn: Connection, vendor: str) -> tuple[int, float, bool]:
    """(failures in a row, seconds until the next probe, whether an admin has paused it)."""
    row = conn.execute(
        "SELECT failures, extract(epoch FROM open_until - clock_timestamp())::float8 AS left,"
        f" EXISTS ({IS_PAUSED}) AS paused FROM vendors WHERE name = %(name)s",
        {"name": vendor},
    ).fetchone()
    return (row["failures"], float(row["left"] or 0.0), row["paused"]) if row else (0, 0.0, False)


def _too_soon(conn: Connection, name: str, limit: Limit, first: bool) -> float:
    values = {"name": name, "step": limit.step, "ahead": limit.ahead, "first": first, "place": limit.step * LOOSER}
    row = conn.execute(
        "UPDATE vendors SET busy_until = greatest(busy_until, clock_timestamp()) + make_interval(secs => %(step)s)"
        " WHERE name = %(name)s AND busy_until <= clock_timestamp() + make_interval(secs => %(ahead)s)"
        " AND (%(first)s OR line_until <= clock_timestamp())"
        # A crash of the database may forget the last calls' share: nothing waits for this to reach the disk.
        " RETURNING set_config('synchronous_commit', 'off', true)",
        values,
    ).fetchone()
    if row:
        return 0.0
    row = conn.execute(PLACE_FREE if first else PLACE_IN_LINE, values).fetchone()
    if row:
        return max(MOMENT, float(row["wait"]))
    conn.execute("INSERT INTO vendors (name) VALUES (%s) ON CONFLICT DO NOTHING", (name,))  # this limit's first use
    return _too_soon(conn, name, limit, first)


PLACE_FREE = (
    "SELECT extract(epoch FROM busy_until - make_interval(secs => %(ahead)s) - clock_timestamp())::float8 AS wait"
    " FROM vendors WHERE name = %(name)s"
)
PLACE_IN_LINE = (
    "UPDATE vendors SET line_until = make_interval(secs => %(place)s)"
    " + greatest(line_until, busy_until - make_interval(secs => %(ahead)s), clock_timestamp())"
    " WHERE name = %(name)s RETURNING"
    " extract(epoch FROM line_until - make_interval(secs => %(place)s) - clock_timestamp())::float8 AS wait"
)


def _is_probe(conn: Connection, vendor: str, probe: float) -> bool:
    """Whether this is the one call that finds out if the vendor is well again."""
    row = conn.execute(
        "UPDATE vendors SET open_until = clock_timestamp() + make_interval(secs => %s)"
        " WHERE name = %s AND (open_until IS NULL OR open_until <= clock_timestamp()) RETURNING 1 AS yes",
        (probe, vendor),
    ).fetchone()
    return row is not None


# The vendor has answered: with its name behind it.
WELL = (
    "UPDATE vendors SET failures = 0, open_until = NULL, reason = '',"
    f" well_at = CASE WHEN failures >= {FAILURES} THEN now() ELSE well_at END WHERE failures > 0 AND name ="
)


def failed(conn: Connection, vendor: str, reason: str, probe: float = PROBE_SECONDS) -> None:
    """One more failure. A probe's own time counts from its beginning, however long its answer took."""
    conn.execute(
        "UPDATE vendors SET failures = failures + 1, reason = %(reason)s, open_until = CASE"
        " WHEN failures >= %(max)s AND open_until > clock_timestamp() THEN open_until"
        " WHEN failures + 1 >= %(max)s THEN clock_timestamp() + make_interval(secs => %(probe)s)"
        " ELSE open_until END WHERE name = %(name)s",
        {"reason": reason, "max": FAILURES, "probe": probe, "name": vendor},
    )


def leave_alone(conn: Connection, row: str, limit: Limit, seconds: float) -> None:
    """The vendor said 429: nobody is let in by this row until it is over; whoever is in line comes after that."""
    conn.execute(
        "UPDATE vendors SET busy_until = greatest(busy_until, clock_timestamp() + make_interval(secs => %s))"
        " WHERE name = %s",
        (seconds + limit.ahead, row),
    )
