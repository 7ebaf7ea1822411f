"""Each vendor's rate limit and breaker, shared by all processes: one row a vendor, one UPDATE to be let in.

Rate: virtual scheduling (GCRA): `busy_until` moves on by one step a call; a burst may run ahead of it.
Breaker: after five failures in a row one probe is let in at a time, so a dead vendor sees two calls a minute.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.db import Connection

FAILURES = 5
PROBE_SECONDS = 30.0


@dataclass(frozen=True)
class Limit:
    """`per_minute` calls; up to `burst` of them at once."""

    per_minute: float
    burst: int

    @property
    def step(self) -> float:
        return 60.0 / self.per_minute


def admit(conn: Connection, vendor: str, limit: Limit, probe: float = PROBE_SECONDS) -> float:
    """0.0: go ahead now. Otherwise the seconds to wait."""
    row = conn.execute(
        "UPDATE vendors SET busy_until = greatest(busy_until, clock_timestamp()) + make_interval(secs => %(step)s),"
        " open_until = CASE WHEN failures >= %(max)s THEN clock_timestamp() + make_interval(secs => %(probe)s) END"
        " WHERE name = %(name)s AND busy_until <= clock_timestamp() + make_interval(secs => %(ahead)s)"
        " AND (open_until IS NULL OR open_until <= clock_timestamp())"
        # A crash of the database may forget the last calls' share: nothing waits for this to reach the disk.
        " RETURNING set_config('synchronous_commit', 'off', true)",
        {"step": limit.step, "max": FAILURES, "probe": probe, "name": vendor, "ahead": limit.step * (limit.burst - 1)},
    ).fetchone()
    if row:
        return 0.0
    row = conn.execute(
        "SELECT extract(epoch FROM greatest(open_until, busy_until - make_interval(secs => %s)) - clock_timestamp())"
        "::float8 AS wait FROM vendors WHERE name = %s",
        (limit.step * (limit.burst - 1), vendor),
    ).fetchone()
    return max(0.05, float(row["wait"] or 0.0)) if row else 0.05


def succeeded(conn: Connection, vendor: str) -> None:
    conn.execute(
        "UPDATE vendors SET failures = 0, open_until = NULL, reason = '' WHERE name = %s AND failures > 0", (vendor,)
    )


def failed(conn: Connection, vendor: str, reason: str, probe: float = PROBE_SECONDS) -> None:
    conn.execute(
        "UPDATE vendors SET failures = failures + 1, reason = %(reason)s,"
        " open_until = CASE WHEN failures + 1 >= %(max)s"
        " THEN clock_timestamp() + make_interval(secs => %(probe)s) ELSE open_until END WHERE name = %(name)s",
        {"reason": reason, "max": FAILURES, "probe": probe, "name": vendor},
    )
