"""Dead letters: authentic bodies that nothing can be done with. Kept sealed; opened for whoever says why, and recorded.

Source: bad-inputs A036, X014, table of limits.
"""

from __future__ import annotations

from dataclasses import dataclass

from app import audit, inbox, sinks
from app.audit import Actor
from app.browse import EVENT
from app.db import Connection, Row
from app.errors import DeskError
from app.vault import Vault

SHOWN = 8192  # characters of a line
RECENT = 2000  # rows of the audit trail among which the hour's unmaskings are counted
UNMASKINGS = 50  # an hour; more is an alarm
ACTION = "letter.unmasked"
IN_THE_HOUR = (
    "SELECT count(*) AS count FROM (SELECT action, at FROM audit ORDER BY id DESC LIMIT %s) AS recent"
    " WHERE action = %s AND at > now() - interval '1 hour'"
)


@dataclass(frozen=True)
class Opened:
    """What was in a letter. `alarm`: how many were opened within the hour, by anybody; 0: not too many."""

    letter: Row
    body: str
    alarm: int


def load(conn: Connection, event_id: int) -> Row | None:
    """Everything but the body; None: no such event, or one that is no unusable body."""
    return conn.execute(
        f"SELECT {EVENT} FROM events WHERE id = %s AND kind = 'dead'",
        (event_id,),
    ).fetchone()


def unmask(conn: Connection, vault: Vault, actor: Actor, event_id: int, reason: str) -> Opened | None:
    """The body, with its audit row in the same transaction; None: there is none, or it was cleared.

    Raises DeskError, reason `letter`: without a reason, or when it was sealed under another key.
    """
    if not reason.strip():
        raise DeskError("to see it needs a reason", "letter")
    letter, sealed = load(conn, event_id), inbox.body(conn, event_id)
    if letter is None or sealed is None:
        return None
    try:
        body = vault.open(sealed, letter["fact"])
    except DeskError:
        raise DeskError("it was sealed under another DATA_KEY, and cannot be opened", "letter") from None
    audit.write(conn, vault, actor, ACTION, f"event:{event_id}", reason=reason.strip())
    row = conn.execute(IN_THE_HOUR, (RECENT, ACTION)).fetchone()
    count = int(row["count"]) if row else 0
    return Opened(letter, _readable(body), count if count > UNMASKINGS else 0)


def _readable(body: bytes) -> str:
    """Line by line; what nobody can see but a machine obeys is written out."""
    lines = body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    return "\n".join(sinks.one_line(line, SHOWN) for line in lines)
