"""Sessions are rows: the cookie holds 256 random bits, the row their keyed digest, and the row alone decides.

They end after IDLE seconds without a request, ABSOLUTE seconds after the login, at logout, and when the account is
disabled or gets another password. Source: docs/adr/0006-admin.md; bad-inputs A008, A010, A011.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from app.admin.accounts import FIELDS as OF_ACCOUNT
from app.admin.accounts import Account
from app.db import Connection
from app.vault import Vault

IDLE = 30 * 60  # seconds
ABSOLUTE = 8 * 3600  # seconds
FRESH = 10 * 60  # seconds after password and code in which bulk replay, export and erase are open
NOTED = 30  # seconds: how exactly it is known when a session was last used
SWEPT = 500  # rows at most, when somebody logs in
# Lower case only: Vault.digest knows no case, and a token must have one form.
_FORM = re.compile(r"[0-9a-f]{64}")
_LIVE = (
    f"seen_at > now() - make_interval(secs => {IDLE}) AND sessions.made_at > now() - make_interval(secs => {ABSOLUTE})"
)


@dataclass(frozen=True)
class Session:
    """A live one. `csrf`: what a form of its pages must bring; `fresh`: password and code were shown a moment ago."""

    digest: bytes
    csrf: str
    fresh: bool
    account: Account


def begin(conn: Connection, vault: Vault, account_id: int, origin: str) -> str:
    """A new session, just logged in; its token, for the cookie. `origin`: the address it came from."""
    token = secrets.token_hex(32)
    conn.execute(
        "INSERT INTO sessions (digest, account_id, csrf, origin) VALUES (%s, %s, %s, %s)",
        (_digest(vault, token), account_id, secrets.token_hex(32), origin),
    )
    return token


def find(conn: Connection, vault: Vault, token: str, *, touch: bool = True) -> Session | None:
    """The live session of this token, None for any other text. `touch`: this is somebody at work, not a page that asks
    by itself; the idle time begins anew."""
    if not _FORM.fullmatch(token):
        return None
    row = conn.execute(
        f"SELECT digest, csrf, seen_at < now() - make_interval(secs => {NOTED}) AS stale,"
        f" fresh_at > now() - make_interval(secs => {FRESH}) AS fresh, {OF_ACCOUNT}"
        " FROM sessions JOIN accounts ON accounts.id = account_id"
        f" WHERE digest = %s AND disabled_at IS NULL AND {_LIVE}",
        (_digest(vault, token),),
    ).fetchone()
    if row is None:
        return None
    if touch and row["stale"]:
        conn.execute("UPDATE sessions SET seen_at = now() WHERE digest = %s", (row["digest"],))
    return Session(bytes(row["digest"]), row["csrf"], row["fresh"], Account.of(row))


def renew(conn: Connection, vault: Vault, digest: bytes) -> str | None:
    """The person has shown who they are once more: a new token for the same session, whose end stays where it was.
    None: it has ended. Forms that are open in other tabs stay good."""
    token = secrets.token_hex(32)
    row = conn.execute(
        f"UPDATE sessions SET digest = %s, fresh_at = now(), seen_at = now() WHERE digest = %s AND {_LIVE} RETURNING 1",
        (_digest(vault, token), digest),
    ).fetchone()
    return token if row else None


def end(conn: Connection, digest: bytes) -> None:
    """Logout."""
    conn.execute("DELETE FROM sessions WHERE digest = %s", (digest,))


def end_of(conn: Connection, vault: Vault, token: str) -> None:
    """The session of a cookie, if it has one: whoever logs in leaves the one before."""
    if _FORM.fullmatch(token):
        end(conn, _digest(vault, token))


def sweep(conn: Connection) -> None:
    """Remove some of those that have ended."""
    conn.execute(
        "DELETE FROM sessions WHERE digest IN"
        f" (SELECT digest FROM sessions WHERE NOT ({_LIVE}) LIMIT {SWEPT} FOR UPDATE SKIP LOCKED)"
    )


def _digest(vault: Vault, token: str) -> bytes:
    return bytes.fromhex(vault.digest("session", token))
