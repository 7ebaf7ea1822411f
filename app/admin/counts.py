"""What the overview counts. Nothing is counted past CAP: "1,000 or more" is all that a person needs to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app import pause
from app.admin import queries
from app.cases import OPEN_STATES
from app.db import Connection, Row
from app.ledger.vendors import FAILURES

CAP = 1000
CAUSES = 100  # slugs are constants of the code: there are not that many
CLOCKS = 5_000  # of the oldest open cases
NEWEST = 20_000  # events that the throughput is counted from
HOURS = 24
SOON = timedelta(days=3)
QUEUE = ("queued", "running", "waiting", "held", "dead")
WAITING = ("incomplete", "awaiting", "approved", "banning", "verifying", "needs_person", "open", "joined")

BY_STATE = (
    "SELECT s.name AS state, (SELECT count(*) FROM (SELECT 1 FROM {table} t WHERE t.state = s.name LIMIT %(cap)s)"
    " AS found) AS count FROM unnest(%(states)s::text[]) WITH ORDINALITY AS s (name, place) ORDER BY s.place"
)
# Each cause is found by the index from the one before it: the history is not read for that.
OF_CAUSES = (
    "WITH RECURSIVE causes (reason) AS ("
    " (SELECT reason FROM events WHERE state = 'dead' ORDER BY reason LIMIT 1) UNION ALL"
    " SELECT (SELECT e.reason FROM events e WHERE e.state = 'dead' AND e.reason > c.reason ORDER BY e.reason LIMIT 1)"
    " FROM causes c WHERE c.reason IS NOT NULL)"
    " SELECT c.reason AS cause, n.* FROM (SELECT reason FROM causes WHERE reason IS NOT NULL LIMIT %(causes)s) AS c"
    " CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE kind <> 'dead') AS runs,"
    " count(*) FILTER (WHERE kind = 'dead') AS letters, min(received_at) AS oldest, max(received_at) AS newest"
    " FROM (SELECT kind, received_at FROM events e WHERE e.state = 'dead' AND e.reason = c.reason"
    " ORDER BY e.id DESC LIMIT %(cap)s) AS found) AS n ORDER BY n.runs + n.letters DESC, c.reason"
)
CLOCK = (
    "SELECT count(*) AS looked, count(*) FILTER (WHERE due_at < now()) AS overdue,"
    " count(*) FILTER (WHERE due_at BETWEEN now() AND now() + %(soon)s) AS soon FROM (SELECT due_at FROM cases"
    " WHERE closed_at IS NULL AND ticket_id > 0 AND state <> 'joined' ORDER BY received_at LIMIT %(most)s) AS oldest"
)
OLDEST = (
    "SELECT ticket_id, procedure, state, received_at, due_at, due_at < now() AS late FROM cases"
    " WHERE closed_at IS NULL AND ticket_id > 0 AND state <> 'joined' ORDER BY received_at LIMIT 1"
)
PER_HOUR = (
    "SELECT date_trunc('hour', received_at, 'UTC') AS hour, count(*) AS total,"
    " count(*) FILTER (WHERE state = 'dead') AS failed,"
    " count(*) FILTER (WHERE state IN ('queued', 'running', 'waiting', 'held')) AS unfinished"
    " FROM (SELECT received_at, state FROM events WHERE id >= %(least)s ORDER BY id DESC LIMIT %(most)s) AS newest"
    " WHERE received_at >= %(since)s GROUP BY 1"
)
VENDORS = (
    "SELECT name, failures, open_until, reason, well_at, busy_until > now() + interval '1 second' AS in_line,"
    " nullif(busy_until, '-infinity') AS busy_until, nullif(line_until, '-infinity') AS line_until FROM vendors"
    " ORDER BY name"
)


@dataclass(frozen=True)
class Hour:
    """Events that came in within it, by what has become of them. `at`: its beginning, UTC."""

    at: datetime
    finished: int = 0
    unfinished: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        return self.finished + self.unfinished + self.failed


def queue(conn: Connection) -> list[Row]:
    """state, count: events that are not finished, and those that have failed."""
    return _by_state(conn, "events", QUEUE)


def waiting(conn: Connection) -> list[Row]:
    """state, count: open cases, those that wait for a person first."""
    assert set(WAITING) == OPEN_STATES
    return _by_state(conn, "cases", WAITING)


def _by_state(conn: Connection, table: str, states: tuple[str, ...]) -> list[Row]:
    return conn.execute(BY_STATE.format(table=table), {"cap": CAP, "states": list(states)}).fetchall()


def causes(conn: Connection) -> list[Row]:
    """cause, runs, letters (unusable bodies), oldest, newest: of what has failed, the most frequent first."""
    return conn.execute(OF_CAUSES, {"cap": CAP, "causes": CAUSES}).fetchall()


def clocks(conn: Connection) -> Row:
    """overdue, soon, and `oldest`: the oldest wish that is not confirmed yet, or None."""
    found = conn.execute(CLOCK, {"soon": SOON, "most": CLOCKS}).fetchone() or {}
    return {**found, "oldest": conn.execute(OLDEST).fetchone()}


def per_hour(conn: Connection, now: datetime) -> list[Hour]:
    """The last 24 hours and the one that has begun, oldest first."""
    begin = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS)
    least = queries.first_at(conn, "events", "received_at", begin - queries.SLACK)
    rows = conn.execute(PER_HOUR, {"least": least, "most": NEWEST, "since": begin}).fetchall()
    found = {row["hour"]: row for row in rows}
    hours = [begin + timedelta(hours=number) for number in range(HOURS + 1)]
    return [_hour(at, found.get(at)) for at in hours]


def _hour(at: datetime, row: Row | None) -> Hour:
    if row is None:
        return Hour(at)
    failed, unfinished = row["failed"], row["unfinished"]
    return Hour(at, row["total"] - failed - unfinished, unfinished, failed)


def vendors(conn: Connection) -> list[Row]:
    """One row a vendor with `health`, `pause` (None, or who, reason, paused_at) and `limits`: rows of single limits."""
    rows = conn.execute(VENDORS).fetchall()
    pauses = {row["vendor"]: row for row in pause.paused(conn)}
    found = []
    for row in rows:
        if ":" in row["name"]:
            continue
        stop = pauses.get(row["name"]) or pauses.get(pause.ALL)
        limits = [other for other in rows if other["name"].startswith(f"{row['name']}:")]
        found.append({**row, "pause": stop, "limits": limits, "health": _health(row, stop)})
    return found


def _health(row: Row, stop: Row | None) -> str:
    if stop is not None:
        return "paused"
    if row["failures"] >= FAILURES:
        return "down"
    return "shaky" if row["failures"] else "well"
