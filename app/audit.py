"""The audit trail: who did what, from where, to what, why; before and after. Append-only, each row chained to the last.

Rows are numbered without gaps, and each carries an HMAC-SHA256 over the one before and itself: a row that is changed,
taken out or put in shows (`desk audit verify`). A tail that is cut off shows too once its head is known elsewhere
(`head`). Ids, slugs and people of the company only, nothing of a customer. Source: faults.md R8; bad-inputs A045, C018.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app import db
from app.db import Connection, Row
from app.errors import DeskError
from app.events import Json
from app.vault import Vault

REASON = 500  # characters of a reason
FIELDS = "id, at, who, role, origin, action, target, before, after, reason, mac"
START = bytes(32)  # what the first row is chained to
BATCH = 1000


@dataclass(frozen=True)
class Actor:
    """Who acts. `role`: viewer, operator, officer, `shell` (whoever may run `desk`) or `desk`; `origin`: an address,
    or `cli`."""

    name: str
    role: str
    origin: str


DESK = Actor("desk", "desk", "desk")


def shell() -> Actor:
    """Whoever runs `desk`: the login name of this machine, whatever the environment says."""
    try:
        import pwd

        return Actor(pwd.getpwuid(os.getuid()).pw_name, "shell", "cli")
    except (KeyError, ImportError):  # a container's user without a name, or no such list here
        return Actor("unknown", "shell", "cli")


def write(
    conn: Connection,
    vault: Vault,
    actor: Actor,
    action: str,
    target: str = "",
    *,
    before: Mapping[str, Json] | None = None,
    after: Mapping[str, Json] | None = None,
    reason: str = "",
) -> int:
    """One row, in the caller's transaction: what is done and its row are there together or not at all; its number.

    Until that transaction ends nobody else writes a row, so it comes last in it.
    """
    db.lock(conn, ("audit",))
    last = conn.execute("SELECT id, mac FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    row: Row = {
        "id": last["id"] + 1 if last else 1,
        "at": datetime.now(UTC),
        "who": actor.name,
        "role": actor.role,
        "origin": actor.origin,
        "action": action,
        "target": target,
        "before": dict(before or {}),
        "after": dict(after or {}),
        "reason": reason[:REASON],
    }
    mac = chained(vault, bytes(last["mac"]) if last else START, row)
    values = {**row, "before": json.dumps(row["before"]), "after": json.dumps(row["after"]), "mac": mac}
    conn.execute(
        f"INSERT INTO audit ({FIELDS}) VALUES (%(id)s, %(at)s, %(who)s, %(role)s, %(origin)s, %(action)s, %(target)s,"
        " %(before)s::jsonb, %(after)s::jsonb, %(reason)s, %(mac)s)",
        values,
    )
    return int(row["id"])


def chained(vault: Vault, before: bytes, row: Row) -> bytes:
    """The row's own hash; `before`: that of the row before it, or START."""
    plain = {**{name: row[name] for name in FIELDS.split(", ") if name != "mac"}, "at": row["at"].astimezone(UTC)}
    text = json.dumps(plain, default=lambda at: at.isoformat(timespec="microseconds"), sort_keys=True)
    return hmac.digest(vault.audit_key, before + text.encode(), "sha256")


@dataclass(frozen=True)
class Head:
    """The last row: kept elsewhere, it shows that nothing up to here was taken away. `mac`: hex."""

    id: int
    mac: str
    at: datetime | None


def head(conn: Connection) -> Head:
    row = conn.execute("SELECT id, mac, at FROM audit ORDER BY id DESC LIMIT 1").fetchone()
    return Head(row["id"], bytes(row["mac"]).hex(), row["at"]) if row else Head(0, START.hex(), None)


class BrokenError(DeskError):
    """The chain is broken at row `row`."""

    def __init__(self, row: int) -> None:
        super().__init__(f"the audit trail is broken at row {row}", "audit_broken")
        self.row = row


def verify(conn: Connection, vault: Vault, known: tuple[int, str] | None = None) -> int:
    """The number of rows, all of them sound. `known`: number and mac of a head kept elsewhere. Raises BrokenError with
    the first row that is wrong or missing."""
    at, before = 0, START
    for row in _rows(conn):
        at += 1
        mac = chained(vault, before, row)
        if row["id"] != at or not hmac.compare_digest(mac, bytes(row["mac"])):
            raise BrokenError(at)
        if known and at == known[0] and not hmac.compare_digest(mac.hex(), known[1].lower()):
            raise BrokenError(at)
        before = mac
    if known and known[0] > at:
        raise BrokenError(at + 1)
    return at


def _rows(conn: Connection) -> Iterator[Row]:
    """All rows in their order, in portions: a trail of years is read in flat memory."""
    after = -(2**63)
    while True:
        rows = conn.execute(f"SELECT {FIELDS} FROM audit WHERE id >= %s ORDER BY id LIMIT {BATCH}", (after,)).fetchall()
        yield from rows
        if len(rows) < BATCH:
            return
        after = rows[-1]["id"] + 1


def listed(conn: Connection, *, before: int | None = None, limit: int = 50, **only: str | None) -> list[dict[str, Any]]:
    """The newest first, below number `before`. `only`: `who`, `action`, `target`."""
    names = [name for name in ("who", "action", "target") if only.get(name)]
    where = "".join(f" AND {name} = %({name})s" for name in names)
    shown = FIELDS.removesuffix(", mac")
    return conn.execute(
        f"SELECT {shown} FROM audit WHERE (%(before)s::bigint IS NULL OR id < %(before)s){where}"
        " ORDER BY id DESC LIMIT %(limit)s",
        {"before": before, "limit": limit, **{name: only[name] for name in names}},
    ).fetchall()
