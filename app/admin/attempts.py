"""How often may somebody try to log in: ten times a minute for one name, and ten times a minute from one address.

A try is counted before it is looked at, so that many at once are not too many, and given back when it was right. The
window ends by itself and is not prolonged by further tries: nobody is locked out for longer than a minute at a time.
Names and addresses are keyed hashes. Source: bad-inputs A003.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from app.db import Connection
from app.vault import Vault
from app.web.guard import peer

LIMIT = 10
WINDOW = 60  # seconds
KEPT = 3600  # seconds
SWEPT = 500  # rows at most, when somebody logs in


@dataclass(frozen=True)
class Taken:
    """`wait`: seconds until the next try is looked at, 0: this one is. `first`: the first of its window that is not."""

    wait: int
    first: bool


def take(conn: Connection, vault: Vault, name: str, address: str) -> Taken:
    """Count one try. Whoever has had their share from this address is not counted for the name: a stranger fills no
    table with names."""
    taken = _count(conn, _of_address(vault, address))
    return taken if taken.wait or not name else _count(conn, _of_name(vault, name))


def give_back(conn: Connection, vault: Vault, name: str, address: str) -> None:
    """It was right: the name begins anew, and the address has one more."""
    conn.execute("DELETE FROM login_failures WHERE name = %s", (_of_name(vault, name),))
    conn.execute(
        "UPDATE login_failures SET count = greatest(0, count - 1) WHERE name = %s", (_of_address(vault, address),)
    )


def sweep(conn: Connection) -> None:
    """Remove some of those that are long over."""
    conn.execute(
        "DELETE FROM login_failures WHERE name IN (SELECT name FROM login_failures"
        " WHERE since < now() - make_interval(secs => %s) LIMIT %s FOR UPDATE SKIP LOCKED)",
        (KEPT, SWEPT),
    )


def _count(conn: Connection, key: str) -> Taken:
    row = conn.execute(
        "INSERT INTO login_failures AS tries (name, count) VALUES (%(key)s, 1) ON CONFLICT (name) DO UPDATE SET"
        " count = CASE WHEN tries.since <= now() - make_interval(secs => %(window)s) THEN 1"
        "   ELSE least(tries.count, 1000000) + 1 END,"
        " since = CASE WHEN tries.since <= now() - make_interval(secs => %(window)s) THEN now() ELSE tries.since END"
        # A crash of the database may forget the last tries: nothing waits for this to reach the disk.
        " RETURNING count, extract(epoch FROM since - now())::float8 + %(window)s AS rest,"
        " set_config('synchronous_commit', 'off', true)",
        {"key": key, "window": WINDOW},
    ).fetchone()
    assert row is not None
    if row["count"] <= LIMIT:
        return Taken(0, first=False)
    return Taken(max(1, math.ceil(row["rest"])), first=row["count"] == LIMIT + 1)


def _of_name(vault: Vault, name: str) -> str:
    return vault.digest("login name", name)


def _of_address(vault: Vault, address: str) -> str:
    return vault.digest("login address", peer(address))
