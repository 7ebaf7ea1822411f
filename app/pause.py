"""One switch that stops outward effects, of one vendor or of all; events are still taken in, and nothing is lost.

What waits behind the switch is tried again every PROBE_INTERVAL and goes on by itself when it is turned back. Reading
goes on: nobody outside sees it. Source: issue 5.
"""

from __future__ import annotations

from app import audit
from app.audit import Actor
from app.db import Connection, Row
from app.errors import DeskError
from app.vault import Vault

ALL = "all"
VENDORS = ("zendesk", "slack", "mattermost", "jira")
NAMES = (ALL, *VENDORS)


def pause(conn: Connection, vault: Vault, actor: Actor, vendor: str, reason: str) -> bool:
    """False: it is paused already. Raises DeskError, reason `pause`, for another name or without a reason."""
    if vendor not in NAMES:
        raise DeskError(f"what can be paused: {', '.join(NAMES)}", "pause")
    if not reason.strip():
        raise DeskError("a pause needs a reason", "pause")
    done = conn.execute(
        "INSERT INTO pauses (vendor, who, reason) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (vendor, actor.name, reason.strip()[: audit.REASON]),
    ).rowcount
    if done:
        audit.write(conn, vault, actor, "vendor.paused", f"vendor:{vendor}", reason=reason.strip())
    return bool(done)


def resume(conn: Connection, vault: Vault, actor: Actor, vendor: str) -> bool:
    """False: it is not paused."""
    row = conn.execute("DELETE FROM pauses WHERE vendor = %s RETURNING who, paused_at", (vendor,)).fetchone()
    if row is None:
        return False
    before = {"who": row["who"], "since": row["paused_at"].isoformat()}
    audit.write(conn, vault, actor, "vendor.resumed", f"vendor:{vendor}", before=before)
    return True


def paused(conn: Connection) -> list[Row]:
    """Who has paused what, since when and why; oldest first."""
    return conn.execute("SELECT vendor, who, reason, paused_at FROM pauses ORDER BY paused_at, vendor").fetchall()
