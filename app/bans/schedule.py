"""When the ban's source is asked again: soon and growing while it disagrees, on day 1, 7 and 30 once it agrees, and at
once when a list that came back contradicts the ledger.

Source: SOP 000, Key Reminder ("upon completion of the request, the customer must be banned"); features 0.9. The figures
are ours, the SOP names none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from app import timers
from app.db import Connection

WHAT = "recheck"
LISTED = f"{WHAT}:list"  # a list that came back lets the customer in again
AFTER_DONE = (1, 7, 30)  # days after completion
DAY = timedelta(days=1)
LOOKS = (timedelta(minutes=10), timedelta(hours=1), *(DAY,) * 7)  # pauses while the source disagrees; then daily
LAST = len(LOOKS)  # after this look, about seven days, a person takes over; the desk goes on looking once a day


def done_cases_of(conn: Connection, persons: Collection[str]) -> set[int]:
    """The done cases of these persons (keys as in `cases.persons`) that have a wish to look at. For one that has
    joined another, the one that carries the wish."""
    rows = conn.execute(
        "SELECT DISTINCT main.id FROM cases mine JOIN cases main ON main.id = coalesce(mine.joined_to, mine.id)"
        " WHERE mine.persons && %s AND mine.state = 'done' AND main.state = 'done'"
        " AND EXISTS (SELECT 1 FROM wishes w WHERE w.case_id = main.id AND w.state <> 'withdrawn')",
        (list(persons),),
    ).fetchall()
    return {row["id"] for row in rows}


def after_list(conn: Connection, case_ids: Iterable[int]) -> None:
    """A list that came back lets these customers in again: one look now, beside those of the days to come."""
    now = datetime.now(UTC)
    for case_id in case_ids:
        timers.again(conn, timers.of_case(case_id, LISTED), LISTED, now, case_id=case_id)


def look_of(due: str) -> int:
    """Which look in a row this timer is (`recheck:look-3` -> 3); 0 for any other."""
    _, _, part = due.partition(":")
    number = part.removeprefix("look-")
    return int(number) if part.startswith("look-") and number.isdigit() else 0


def after_completion(conn: Connection, case_id: int, closed_at: datetime) -> None:
    """The looks of day 1, 7 and 30. Those that have been stay; a case that completes anew gets them anew."""
    timers.stop(conn, case_id, WHAT)
    for days in AFTER_DONE:
        what = f"{WHAT}:{days}"
        timers.again(conn, timers.of_case(case_id, what), what, closed_at + days * DAY, case_id=case_id)


def next_look(conn: Connection, case_id: int, due: str, now: datetime) -> None:
    """The source disagrees: the look after the one that is due, or the first when none is set yet."""
    number = look_of(due)
    if not number and _is_set(conn, case_id):
        return  # JIRA said something meanwhile; the looks go on as they were
    timers.stop(conn, case_id, WHAT)
    number += 1
    what = f"{WHAT}:look-{number}"
    pause = LOOKS[number - 1] if number <= LAST else DAY
    timers.again(conn, timers.of_case(case_id, what), what, now + pause, case_id=case_id)


def postpone(conn: Connection, case_id: int, due: str, now: datetime) -> None:
    """The look that is due is for another day; an event that was no look changes nothing."""
    if due.partition(":")[0] == WHAT:
        timers.again(conn, timers.of_case(case_id, due), due, now + DAY, case_id=case_id)


def stop(conn: Connection, case_id: int) -> None:
    """No more looks at this case."""
    timers.stop(conn, case_id, WHAT)


def _is_set(conn: Connection, case_id: int) -> bool:
    row = conn.execute(
        "SELECT 1 AS yes FROM timers WHERE case_id = %s AND fired_at IS NULL AND starts_with(what, %s) LIMIT 1",
        (case_id, f"{WHAT}:look-"),
    ).fetchone()
    return row is not None
