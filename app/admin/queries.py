"""SQL of the lists. Pages by number (`before`), and never more than a window of rows looked at for one page.

So a page costs the same over ten thousand rows and over a million: what has an index (ticket, state, cause, time by
way of the number) says where the window begins, the rest is looked for within it. A page that found less than fits
says how far back it has looked, and goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from app.admin.filters import Filter, is_number, like
from app.cases import OPEN_STATES
from app.db import Connection, Row

PAGE = 50  # rows
WINDOW = 10_000  # rows looked at for one page
SLACK = timedelta(minutes=10)  # numbers are given in the order of time, but for transactions that take long
UNFINISHED, OVERDUE = "unfinished", "overdue"  # beside the states of a case
EVENT = (
    "id, fact, sender, kind, ticket_id, case_id, state, reason, walk, failures, next_at, received_at, changed_at,"
    " octet_length(body) AS size"
)
AUDIT = "id, at, who, role, origin, action, target, before, after, reason"
CASE = (
    "id, ticket_id, procedure, generation, state, preference, problems, decision, decided_by, decided_at, reason,"
    " jira_key, received_at, due_at, opened_at, moved_at, closed_at"
)
# Each state by itself, by its index: a planner that is given all of them at once reads the history instead.
OPEN = "({}) AS cases".format(
    " UNION ALL ".join(
        f"(SELECT * FROM cases WHERE state = '{state}' AND id < %(below)s ORDER BY id DESC LIMIT %(window)s)"
        for state in sorted(OPEN_STATES)
    )
)
OLDEST = "(SELECT * FROM cases WHERE closed_at IS NULL ORDER BY received_at LIMIT %(window)s) AS cases"
TOP = 2**63 - 1


@dataclass(frozen=True)
class Found:
    """`older`: where the next page begins, None when this is the last. `back_to`: the page is not full, but the window
    is: what is older than this moment was not looked at yet."""

    rows: list[Row]
    older: int | None = None
    back_to: datetime | None = None


@dataclass(frozen=True)
class Search:
    """`near`: conditions that an index serves; `far`: what is looked for within the window."""

    table: str
    fields: str
    time: str
    source: str = ""
    near: tuple[str, ...] = ("id < %(below)s",)
    far: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    def with_(self, *, near: str = "", far: str = "", **values: Any) -> Search:
        return replace(
            self,
            near=(*self.near, near) if near else self.near,
            far=(*self.far, far) if far else self.far,
            values={**self.values, **values},
        )

    def near_ones(self) -> str:
        """The rows that an index finds, newest first."""
        return f"FROM {self.source or self.table} WHERE {' AND '.join(self.near)} ORDER BY id DESC"


def events(conn: Connection, only: Filter, *, fields: str = EVENT, limit: int = PAGE, window: int = WINDOW) -> Found:
    """The newest events first."""
    search = _timed(conn, Search("events", fields, "received_at"), only)
    if only.ticket is not None:
        search = search.with_(near="ticket_id = %(ticket)s", ticket=only.ticket)
    if only.state:
        search = search.with_(near="state = %(state)s", state=only.state)
    if only.cause:
        dead = only.state == "dead" and only.ticket is None  # there is an index of their causes
        search = search.with_(**{"near" if dead else "far": "reason = %(cause)s"}, cause=only.cause)
    if only.sender:
        search = search.with_(far="sender = %(sender)s", sender=only.sender)
    if only.text:
        found = "fact ILIKE %(like)s OR kind ILIKE %(like)s OR reason ILIKE %(like)s"
        if is_number(only.text):
            found += " OR ticket_id = %(number)s OR case_id = %(number)s OR id = %(number)s"
        search = search.with_(far=f"({found})", like=like(only.text), number=_number(only.text))
    return _find(conn, search, limit, window)


def letters(conn: Connection, before: int | None) -> Found:
    """Unusable bodies, the newest first."""
    search = Search("events", EVENT, "received_at", values={"below": before or TOP})
    return _find(conn, search.with_(near="kind = 'dead'", far="state = 'dead'"), PAGE, WINDOW)


def cases(conn: Connection, only: Filter, *, fields: str = CASE, limit: int = PAGE, window: int = WINDOW) -> Found:
    """The newest cases first; nobody's books (ticket 0) are no case."""
    search = _timed(conn, Search("cases", fields, "opened_at").with_(far="ticket_id > 0"), only)
    if only.ticket is not None:
        search = search.with_(near="ticket_id = %(ticket)s", ticket=only.ticket)
    if only.state == UNFINISHED:
        search = replace(search, source=OPEN)
        window //= len(OPEN_STATES)
    elif only.state == OVERDUE:
        search = replace(search, source=OLDEST).with_(far="due_at < now()")
    elif only.state:
        search = search.with_(near="state = %(state)s", state=only.state)
    if only.text:
        found = "jira_key ILIKE %(like)s OR procedure ILIKE %(like)s OR reason ILIKE %(like)s"
        if is_number(only.text):
            found += " OR ticket_id = %(number)s OR id = %(number)s"
        search = search.with_(far=f"({found})", like=like(only.text), number=_number(only.text))
    return _find(conn, search, limit, window)


def trail(conn: Connection, only: Mapping[str, str], before: int | None) -> Found:
    """The newest rows of the audit trail first. `only`: target, who and action, as they are; the first of them that is
    given says by its index where to look, the others are looked for there."""
    search = Search("audit", AUDIT, "at", values={"below": before or TOP})
    given = [name for name in ("target", "who", "action") if only.get(name)]
    for place, name in enumerate(given):
        search = search.with_(**{"far" if place else "near": f"{name} = %({name})s", name: only[name]})
    return _find(conn, search, PAGE, WINDOW)


def timers(conn: Connection, after: tuple[datetime, str] | None) -> list[Row]:
    """What is due, the soonest first; one more than a page."""
    at, name = after or (None, None)
    return conn.execute(
        "SELECT t.name, t.what, t.case_id, t.due_at, c.ticket_id, t.due_at < now() - interval '2 minutes' AS late"
        " FROM timers t LEFT JOIN cases c ON c.id = t.case_id WHERE t.fired_at IS NULL"
        " AND (%(at)s::timestamptz IS NULL OR (t.due_at >= %(at)s AND (t.due_at, t.name) > (%(at)s, %(name)s::text)))"
        " ORDER BY t.due_at, t.name LIMIT %(limit)s",
        {"at": at, "name": name, "limit": PAGE + 1},
    ).fetchall()


def first_at(conn: Connection, table: str, time: str, at: datetime) -> int:
    """The number of about the first row of this time or later, by halving: numbers grow with time."""
    row = conn.execute(
        f"SELECT (SELECT id FROM {table} ORDER BY id LIMIT 1) AS low, (SELECT id FROM {table} ORDER BY id DESC LIMIT 1)"
        " AS high"
    ).fetchone()
    low, high = (row["low"] or 1, (row["high"] or 0) + 1) if row else (1, 1)
    while low < high:
        middle = (low + high) // 2
        row = conn.execute(
            f"SELECT id, {time} AS at FROM {table} WHERE id >= %s ORDER BY id LIMIT 1", (middle,)
        ).fetchone()
        if row is None or row["at"] >= at:
            high = middle
        else:
            low = row["id"] + 1
    return int(low)


def _timed(conn: Connection, search: Search, only: Filter) -> Search:
    """Where the window begins and ends: by number, as the times are near each other in it."""
    below = only.before or TOP
    if only.until is not None:
        below = min(below, first_at(conn, search.table, search.time, only.until + SLACK))
        search = search.with_(far=f"{search.time} < %(until)s", until=only.until)
    if only.since is not None:
        least = first_at(conn, search.table, search.time, only.since - SLACK)
        search = search.with_(near="id >= %(least)s", least=least)
        search = search.with_(far=f"{search.time} >= %(since)s", since=only.since)
    return search.with_(below=below)


def _find(conn: Connection, search: Search, limit: int, window: int) -> Found:
    """Planned anew each time (`prepare`): the best way to what is rare is not that to what is common."""
    values = {**search.values, "window": window, "limit": limit + 1}
    where = f" WHERE {' AND '.join(search.far)}" if search.far else ""
    rows = conn.execute(
        f"SELECT {search.fields} FROM (SELECT * {search.near_ones()} LIMIT %(window)s) AS near{where}"
        " ORDER BY id DESC LIMIT %(limit)s",
        values,
        prepare=False,
    ).fetchall()
    if len(rows) > limit:
        return Found(rows[:limit], older=rows[limit - 1]["id"])
    if not search.far:
        return Found(rows)
    last = conn.execute(
        f"SELECT id, {search.time} AS at {search.near_ones()} OFFSET %(window)s - 1 LIMIT 1", values, prepare=False
    ).fetchone()
    return Found(rows, older=last["id"], back_to=last["at"]) if last else Found(rows)


def _number(text: str) -> int | None:
    return int(text) if is_number(text) else None
