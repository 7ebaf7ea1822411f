"""Bearer tokens of machines that ask the desk: shown once, kept as a keyed digest, with scopes, an end and a rate.

Rate: virtual scheduling (GCRA) as in app/ledger/vendors.py, one row a token, so that all web processes count together.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from app.db import Connection, Row
from app.errors import DeskError
from app.ledger.vendors import Limit
from app.vault import Vault

SCOPES = ("suppressions:read", "suppressions:write")
PREFIX = "desk_"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,59}")
# Lower case only: Vault.digest knows no case, and a token must have one form.
_FORM = re.compile(PREFIX + r"[0-9a-f]{64}")
BURST_SECONDS = 6.0  # what the rate allows in this time may come at once


@dataclass(frozen=True)
class Token:
    """A row without its digest. `live`: neither revoked nor at its end."""

    id: int
    name: str
    scopes: tuple[str, ...]
    made_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None
    live: bool

    @classmethod
    def of(cls, row: Row) -> Token:
        values = {name: row[name] for name in cls.__dataclass_fields__}
        return cls(**{**values, "scopes": tuple(row["scopes"])})


# Not `busy_until`: a token that was never used has none, and Python has no such time.
FIELDS = (
    "id, name, scopes, made_at, expires_at, revoked_at, used_at,"
    " (revoked_at IS NULL AND coalesce(expires_at > now(), true)) AS live"
)


def add(conn: Connection, vault: Vault, name: str, scopes: tuple[str, ...], days: int | None = None) -> str:
    """Make a token and return it: the only time that it can be read. `days`: until it ends; None: never.

    Raises DeskError, reason `token_name` (not of the form, or used before) or `token_scope`.
    """
    if not NAME.fullmatch(name):
        raise DeskError("a token's name is 1 to 60 of a-z, 0-9, dot, dash and underscore", "token_name")
    if not scopes or set(scopes) - set(SCOPES):
        raise DeskError(f"a token's scopes are of {', '.join(SCOPES)}", "token_scope")
    token = PREFIX + secrets.token_hex(32)
    row = conn.execute(
        "INSERT INTO api_tokens (name, digest, scopes, expires_at)"
        " VALUES (%s, %s, %s, now() + make_interval(days => %s::int)) ON CONFLICT (name) DO NOTHING RETURNING id",
        (name, _digest(vault, token), sorted(set(scopes)), days),
    ).fetchone()
    if row is None:
        raise DeskError("a token of this name was made before: revoked ones keep theirs, too", "token_name")
    return token


def every(conn: Connection) -> list[Token]:
    """All that were ever made, oldest first."""
    return [Token.of(row) for row in conn.execute(f"SELECT {FIELDS} FROM api_tokens ORDER BY id").fetchall()]


def revoke(conn: Connection, name: str) -> bool:
    """From now on it opens nothing. False: there is none of this name."""
    row = conn.execute(
        "UPDATE api_tokens SET revoked_at = coalesce(revoked_at, now()) WHERE name = %s RETURNING id", (name,)
    ).fetchone()
    return row is not None


def find(conn: Connection, vault: Vault, token: str) -> Token | None:
    """The live token of this text; None for any other text."""
    if not _FORM.fullmatch(token):
        return None
    row = conn.execute(f"SELECT {FIELDS} FROM api_tokens WHERE digest = %s", (_digest(vault, token),)).fetchone()
    found = Token.of(row) if row else None
    return found if found and found.live else None


def admit(conn: Connection, token: Token, per_minute: float) -> float:
    """0.0: go ahead now, and this call is counted. Otherwise the seconds to wait."""
    limit = Limit(per_minute, max(1, int(per_minute * BURST_SECONDS / 60.0)))
    ahead = limit.step * (limit.burst - 1)
    row = conn.execute(
        "UPDATE api_tokens SET busy_until = greatest(busy_until, clock_timestamp()) + make_interval(secs => %s),"
        " used_at = clock_timestamp()"
        " WHERE id = %s AND busy_until <= clock_timestamp() + make_interval(secs => %s)"
        # A crash of the database may forget the last calls' share: nothing waits for this to reach the disk.
        " RETURNING set_config('synchronous_commit', 'off', true)",
        (limit.step, token.id, ahead),
    ).fetchone()
    if row:
        return 0.0
    row = conn.execute(
        "SELECT extract(epoch FROM busy_until - clock_timestamp())::float8 AS wait FROM api_tokens WHERE id = %s",
        (token.id,),
    ).fetchone()
    return max(0.05, float(row["wait"] or 0.0) - ahead) if row else 0.05


def _digest(vault: Vault, token: str) -> str:
    return vault.digest("token", token)
