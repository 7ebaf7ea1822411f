"""Once a day the audit trail's head goes outside: to the log, which is shipped, and to ADMIN_CHANNEL if there is one.

Whoever cuts the trail's end off, or writes it anew with the key, cannot take those back (`desk audit verify --head`).
Source: issue 5; faults.md R8.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from app import audit, own_messages, timers
from app.clients.chat import Card, Section
from app.db import Connection
from app.inbox import Stored

if TYPE_CHECKING:
    from app.walk import Verdict, Walker

log = logging.getLogger(__name__)

NAME, WHAT = "desk:audit_head", "audit_head"
DAY = timedelta(days=1)


def set_up(conn: Connection) -> None:
    """The first time a day after the first start; and a new timer should the last one have come to nothing."""
    row = conn.execute("SELECT fired_at FROM timers WHERE name = %s FOR UPDATE", (NAME,)).fetchone()
    if row is None or row["fired_at"] is not None:
        timers.again(conn, NAME, WHAT, datetime.now(UTC) + DAY)


def walk(walker: Walker, stored: Stored) -> Verdict:
    """Nothing in a chat while there is no row, or no channel."""
    tools = walker.tools
    with tools.db.tx() as conn:
        if stored.walk == 1:  # later ones wait for the chat
            timers.again(conn, NAME, WHAT, datetime.now(UTC) + DAY)
        head = audit.head(conn)
    log.info("audit.head", extra={"key": head.id, "mac": head.mac})

    def card() -> Card:
        return Card((Section((tools.texts.line("clocks.trail.line", number=head.id, mac=head.mac),)),))

    channel = tools.settings.admin_channel
    return own_messages.post(walker, stored, WHAT, str(stored.id), channel, card if head.id and channel else None)
