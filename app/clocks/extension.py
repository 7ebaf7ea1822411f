"""One extension of a case's due date, with a reason and a name: once, in time, no longer than the profile says."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NoReturn

from app import approvers, cases, clocks, timers
from app.cases import Case
from app.clients import make_chat
from app.clocks.profiles import Extension
from app.clocks.terms import Clock, set_timers
from app.db import Connection
from app.desk import Desk
from app.errors import DeskError, VendorError
from app.events import Json
from app.ledger import store

REASONS = ("complexity", "number_of_requests", "waiting_for_customer", "waiting_for_third_party")
OFFICER = "privacy_officer"


def extend(desk: Desk, case: Case, *, reason: str, by: str, until: date | None = None) -> datetime:
    """The new due date: closing time of `until`, or as late as the profile allows. Features 3.1; facts law.md, 1 and 2.

    `by`: chat id or e-mail of somebody who may decide the case, or `privacy_officer`. Raises DeskError, reason
    `extension`, with the refusal.
    """
    clock, (who, agent) = clocks.of(desk.settings), _granter(desk, case.procedure, by)
    with desk.db.tx() as conn:
        row = cases.lock(conn, case.id)
        due, allowed = _until(clock, row, until, who)
        said: dict[str, Json] = {"by": who, "as": agent, "reason": reason, "source": allowed.term.name}
        if allowed.tell_customer and row.due_at:
            said["tell_by"] = row.due_at.isoformat()
        _write(conn, clock, row, due, said)
    return due


def _granter(desk: Desk, procedure: str, by: str) -> tuple[str, str]:
    """Chat id and agent's address of whoever may decide at this moment; or `privacy_officer`, without an address."""
    if by == OFFICER:
        return by, ""
    try:
        found = approvers.named_now(desk.settings, desk.db, make_chat(desk.settings), procedure, by)
    except VendorError as error:
        why = f"who may decide cannot be read now ({error.reason})"
    else:
        if found:
            return found
        why = f"--by must name somebody who may decide (APPROVERS, their group, a cover that runs), or {OFFICER}"
    _refuse(why)


def _until(clock: Clock, row: Case, until: date | None, who: str) -> tuple[datetime, Extension]:
    """The new due date, if this case may have one."""
    if not row.is_open or row.due_at is None:
        _refuse("the case is closed" if row.due_at else "the case has no due date yet")
    if row.state == "joined":
        _refuse("it is carried out on another ticket: extend the case of that one")
    if "extended" in row.clock:
        _refuse("it has been extended once already")
    if row.clock.get("profile") != clock.profile.name:
        _refuse("its clock is of another profile than CLOCK_PROFILE")
    if datetime.now(UTC) >= row.due_at:
        _refuse("the due date has passed")
    kind = clock.profile.kinds.get(str(row.clock.get("kind")))
    allowed = kind.extension if kind else None
    if kind is None or allowed is None:
        _refuse("the profile allows no extension for this kind of wish")
    role = who if who == OFFICER else "supervisor"
    if role not in allowed.granted_by:
        _refuse(f"it must be granted by {' or '.join(allowed.granted_by)}")
    limit = clock.end(kind.limit, row.received_at, more=allowed.term.count)
    due = clock.calendar.closing(until) if until else limit
    if not row.due_at < due <= limit:
        _refuse(f"the new date must be after {row.due_at.astimezone(clock.calendar.zone).date()}"
                f" and not after {limit.date()}")  # fmt: skip
    return due, allowed


def _write(conn: Connection, clock: Clock, row: Case, due: datetime, said: dict[str, Json]) -> None:
    now = datetime.now(UTC)
    changed = {
        **row.clock,
        "extended": {**said, "at": now.isoformat(), "until": due.isoformat()},
        "reminders": clock.reminders(now, due, now, suffix=":extended"),
    }
    moved = cases.move(conn, row, row.state, of={row.state}, due_at=due, clock=changed)
    assert moved is not None  # the row is locked
    timers.stop(conn, row.id, "reminder")
    set_timers(conn, moved)
    # Due at once: the worker walks the case, and its note says so.
    what = "reminder:extended"
    timers.start(conn, timers.of_case(row.id, what), what, now, case_id=row.id)
    store.write(conn, row.id, "extended", reason=str(said["reason"]), by=said["by"], until=due.isoformat())


def _refuse(why: str) -> NoReturn:
    raise DeskError(f"not extended: {why}", "extension")
