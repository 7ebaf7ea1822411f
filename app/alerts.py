"""What has failed is told to the admins: the first of a cause at once, then how many more, once an hour at most.

To ADMIN_CHANNEL, with a link to the page where it is understood and repaired; the customer's ticket has its own note.
Source: issue 5; features 4 (an alert for each failure teaches people to look away).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from app import own_messages, timers
from app.clients.chat import Card, Link, Section
from app.db import Connection
from app.events import TimeCame
from app.inbox import Stored
from app.settings import Settings

if TYPE_CHECKING:
    from app.walk import Verdict, Walker

WHAT, VERB = "alert", "alert"
PAUSE = timedelta(hours=1)  # between two messages about one cause
MINUTE = timedelta(minutes=1)
LETTERS = "unusable"  # the cause of dead letters


def notice(conn: Connection, settings: Settings, cause: str) -> None:
    """An event has just failed of this cause: tell it now, or when the pause since the last message is over."""
    if settings.admin_channel:
        timers.now_and_then(conn, f"desk:{WHAT}:{cause}", f"{WHAT}:{cause}", PAUSE)


def is_alert(stored: Stored) -> bool:
    """Whether this event is itself a message about failures: that it could not be posted is not told by another."""
    return str(stored.detail.get("what", "")).startswith(f"{WHAT}:")


def walk(walker: Walker, stored: Stored) -> Verdict:
    """Tell how many have failed of this cause; nothing when all of them have been seen to by now."""
    tools, event = walker.tools, stored.event()
    assert isinstance(event, TimeCame)
    cause, channel = event.what.partition(":")[2], tools.settings.admin_channel
    with tools.db.tx() as conn:
        count = 0 if _newer(conn, stored) else _count(conn, cause, stored.received_at - PAUSE - MINUTE)

    def card() -> Card:
        texts = tools.texts
        what = texts.get("clocks.alert.letters") if cause == LETTERS else texts.cause(cause)
        seen = Link(page(tools.settings, cause), texts.get("clocks.alert.page"))
        return Card((Section((texts.line("clocks.alert.line", number=count, cause=what, page=seen),)),))

    wanted = card if count and channel else None
    return own_messages.post(walker, stored, VERB, str(stored.id), channel, wanted, urgent=True)


def page(settings: Settings, cause: str) -> str:
    """Where it is repaired."""
    return f"{settings.public_url}/admin/{'dead' if cause == LETTERS else 'failures'}"


def _newer(conn: Connection, stored: Stored) -> bool:
    """Whether this one waited (chat was away, or paused) until the next of its cause came: that one says it all."""
    row = conn.execute(
        "SELECT 1 AS yes FROM events WHERE kind = 'time_came' AND id > %s AND detail->>'what' = %s"
        " AND received_at > now() - interval '7 days' LIMIT 1",
        (stored.id, stored.detail.get("what")),
    ).fetchone()
    return row is not None


def _count(conn: Connection, cause: str, since: datetime) -> int:
    """Events that have failed of it; of dead letters those since the message before, for they are never mended."""
    query = (
        "SELECT count(*) AS n FROM events WHERE state = 'dead' AND kind = 'dead' AND received_at > %(since)s"
        if cause == LETTERS
        else "SELECT count(*) AS n FROM events WHERE state = 'dead' AND kind <> 'dead' AND reason = %(cause)s"
    )
    row = conn.execute(query, {"cause": cause, "since": since}).fetchone()
    return int(row["n"]) if row else 0
