"""Replay of everything that failed of one cause: written down, then carried out slowly by the worker, with progress.

A few at a time, so that a vendor that has just come back is not overrun; what is stopped in the middle goes on where it
was, and an event that somebody else has replayed meanwhile is left alone. What died of a vendor's long outage is
replayed by itself once the vendor answers again. Source: issue 5; bad-inputs A023, C006.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from app import audit, replay, timers
from app.audit import DESK, Actor
from app.db import Connection, Row
from app.errors import DeskError
from app.inbox import UNFINISHED, Stored
from app.ledger import store, vendors
from app.logs import report
from app.replay import Plan

if TYPE_CHECKING:
    from app.desk import Desk
    from app.walk import Verdict, Walker

log = logging.getLogger(__name__)

WHAT = "bulk"
LIMIT = 1000  # events in one bulk replay; more is several
PORTION = 10  # events in one go
PAUSE = timedelta(seconds=10)  # between two goes: sixty events a minute
SHOWN = 20  # plans that are shown before it begins: of the oldest
FIELDS = "id, who, cause, total, queued, refused, last_id, made_at, ended_at"
# Messages about failures are never replayed in bulk.
MAY = "state = 'dead' AND kind <> 'dead' AND NOT starts_with(coalesce(detail->>'what', ''), 'alert:')"
# `vendor`: only what its outage has killed, before an effect or in one.
FAILED = (
    f"{MAY} AND reason = %(cause)s"
    " AND (%(vendor)s = '' OR starts_with(reason, 'gave_up:' || %(vendor)s || ':')"
    " OR EXISTS (SELECT 1 FROM effects f WHERE f.case_id = events.case_id AND f.state = 'dead'"
    " AND f.vendor = %(vendor)s AND f.reason = events.reason))"
)


class BulkError(DeskError):
    """It is not started; the message says why."""

    def __init__(self, why: str) -> None:
        super().__init__(why, "bulk")


@dataclass(frozen=True)
class Look:
    """What a replay of everything of one cause would do now: with how many (LIMIT + 1: more than may be), and with the
    oldest of them. `refusal` is empty when it may begin."""

    cause: str
    total: int
    plans: tuple[Plan, ...]
    refusal: str = ""


def causes(conn: Connection) -> list[Row]:
    """Why events have failed: cause, how many, the oldest and the newest; the most frequent first."""
    return conn.execute(
        "SELECT reason AS cause, count(*) AS count, min(received_at) AS oldest, max(received_at) AS newest"
        f" FROM events WHERE {MAY} GROUP BY reason ORDER BY count DESC, reason"
    ).fetchall()


def look(desk: Desk, conn: Connection, cause: str) -> Look:
    """The plan, within a transaction. Changes nothing."""
    ids = _found(conn, cause, "")
    plans = tuple(replay.of_event(desk, conn, event_id) for event_id in ids[:SHOWN])
    return Look(cause, len(ids), plans, _refusal(ids))


def _found(conn: Connection, cause: str, vendor: str) -> list[int]:
    rows = conn.execute(
        f"SELECT id FROM events WHERE {FAILED} ORDER BY id LIMIT %(most)s",
        {"cause": cause, "vendor": vendor, "most": LIMIT if vendor else LIMIT + 1},
    ).fetchall()
    return [int(row["id"]) for row in rows]


def _refusal(ids: list[int]) -> str:
    if not ids:
        return "nothing has failed of this cause, or it is replayed already"
    if len(ids) > LIMIT:
        return f"more than {LIMIT} have failed of this cause: replay some by their ids first"
    return ""


def start(desk: Desk, conn: Connection, actor: Actor, cause: str, vendor: str = "") -> int:
    """Have everything that has failed of this cause replayed; the bulk's number. `vendor`: of what its outage has
    killed, the oldest LIMIT.

    Raises BulkError: nothing has failed so, too much has, or it is under way already.
    """
    ids = _found(conn, cause, vendor)
    if refusal := _refusal(ids):
        raise BulkError(refusal)
    made = conn.execute(
        "INSERT INTO bulk_replays (who, cause, vendor, until_id, total) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING RETURNING id",
        (actor.name, cause, vendor, ids[-1], len(ids)),
    ).fetchone()
    if made is None:
        raise BulkError("a replay of this cause is under way")
    number = int(made["id"])
    timers.again(conn, f"desk:{WHAT}:{number}", f"{WHAT}:{number}", datetime.now(UTC))
    audit.write(conn, desk.vault, actor, "bulk.started", f"bulk:{number}", after={"cause": cause, "total": len(ids)})
    return number


def listed(conn: Connection, limit: int = 20) -> list[Row]:
    """The newest bulk replays first, with how far they are."""
    return conn.execute(f"SELECT {FIELDS} FROM bulk_replays ORDER BY id DESC LIMIT %s", (limit,)).fetchall()


def progress(conn: Connection, numbers: Sequence[int]) -> list[Row]:
    """How far these are, oldest first."""
    return conn.execute(
        f"SELECT {FIELDS} FROM bulk_replays WHERE id = ANY(%s) ORDER BY id", (list(numbers),)
    ).fetchall()


def set_up(conn: Connection) -> None:
    """A bulk replay whose event has ended dead goes on all the same."""
    rows = conn.execute(
        "SELECT id FROM bulk_replays b WHERE ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM events e"
        f" WHERE e.state = ANY(%s) AND e.detail->>'what' = '{WHAT}:' || b.id) ORDER BY id",
        (list(UNFINISHED),),
    ).fetchall()
    for number in (row["id"] for row in rows):
        timers.now_and_then(conn, f"desk:{WHAT}:{number}", f"{WHAT}:{number}", 6 * PAUSE)


def walk(walker: Walker, stored: Stored) -> Verdict:
    """The next portion. Done again after a crash it begins where the last commit was."""
    from app.walk import Verdict

    desk, number = walker.desk, int(str(stored.detail["what"]).partition(":")[2])
    with desk.db.tx() as conn:
        bulk = conn.execute(
            f"SELECT until_id, vendor, {FIELDS} FROM bulk_replays WHERE id = %s AND ended_at IS NULL FOR UPDATE",
            (number,),
        ).fetchone()
        if bulk is None:
            return Verdict("done", "over")
        more = _portion(desk, conn, bulk)
        if more:
            timers.again(conn, f"desk:{WHAT}:{number}", f"{WHAT}:{number}", datetime.now(UTC) + PAUSE)
    desk.engine.call(desk.db)
    return Verdict("done", "" if more else "over")


def _portion(desk: Desk, conn: Connection, bulk: Row) -> bool:
    """Whether there may be more."""
    rows = conn.execute(
        f"SELECT id FROM events WHERE {FAILED} AND id > %(last)s AND id <= %(until)s ORDER BY id LIMIT %(most)s",
        {
            **{name: bulk[name] for name in ("cause", "vendor")},
            "last": bulk["last_id"],
            "until": bulk["until_id"],
            "most": PORTION,
        },
    ).fetchall()
    queued = sum(_again(desk, conn, row["id"]) for row in rows)
    more = len(rows) == PORTION
    conn.execute(
        "UPDATE bulk_replays SET queued = queued + %s, refused = refused + %s, last_id = %s,"
        " ended_at = CASE WHEN %s THEN NULL ELSE now() END WHERE id = %s",
        (queued, len(rows) - queued, rows[-1]["id"] if rows else bulk["last_id"], more, bulk["id"]),
    )
    return more


def _again(desk: Desk, conn: Connection, event_id: int) -> bool:
    try:
        with conn.transaction():
            item = replay.of_event(desk, conn, event_id)
            return not item.refusal and replay.again(desk, conn, event_id, item.state)
    except (TypeError, KeyError, ValueError) as error:  # a row of an older release: the others still have their turn
        report(log, "bulk.not_replayed", error, key=event_id)
        return False


# Causes that a vendor's outage was for events whose effect died before the vendor was well again, and that no bulk has
# had in hand since: what such a bulk leaves dead is left to a person. The vendor's row says when that was. One a look.
OF_EFFECTS = (
    "SELECT e.reason AS cause, v.name AS vendor FROM events e JOIN effects f ON f.case_id = e.case_id"
    " AND f.state = 'dead' AND f.reason = e.reason JOIN vendors v ON v.name = f.vendor"
    " WHERE e.state = 'dead' AND e.kind <> 'dead' AND starts_with(e.reason, 'gave_up:') AND e.ticket_id > 0"
    " AND v.failures = 0 AND v.well_at > f.changed_at"
    " AND NOT EXISTS (SELECT 1 FROM bulk_replays b WHERE b.cause = e.reason AND (b.ended_at IS NULL"
    " OR (b.vendor = v.name AND b.made_at > v.well_at AND b.until_id >= e.id)))"
    f" AND NOT EXISTS ({vendors.IS_PAUSED.replace('%(name)s', 'v.name')}) LIMIT 1"
)
# The same for events that came to no effect because they could not read (`gave_up:<vendor>:<why>`): any effect that was
# done there since shows that the vendor answers.
OF_READS = (
    "SELECT e.reason AS cause, v.name AS vendor FROM events e JOIN vendors v"
    " ON starts_with(e.reason, 'gave_up:' || v.name || ':')"
    " WHERE e.state = 'dead' AND e.kind <> 'dead' AND v.failures = 0"
    " AND e.changed_at < (SELECT max(done_at) FROM (SELECT done_at FROM effects f WHERE f.vendor = v.name"
    " ORDER BY f.id DESC LIMIT 200) AS newest)"
    " AND NOT EXISTS (SELECT 1 FROM bulk_replays b WHERE b.cause = e.reason AND (b.ended_at IS NULL"
    " OR (b.vendor = v.name AND b.made_at > e.changed_at AND b.until_id >= e.id)))"
    f" AND NOT EXISTS ({vendors.IS_PAUSED.replace('%(name)s', 'v.name')}) LIMIT 1"
)


def recovered(desk: Desk, conn: Connection) -> None:
    """What died while a vendor was away is replayed when it is back."""
    row = conn.execute(OF_EFFECTS).fetchone() or conn.execute(OF_READS).fetchone()
    if row is None:
        return
    try:
        with conn.transaction():
            number = start(desk, conn, DESK, row["cause"], row["vendor"])
    except BulkError as refused:
        log.warning("bulk.not_started", extra={"reason": refused.reason})
    else:
        store.write(conn, None, "bulk_started", bulk=number, cause=row["cause"])
