"""Databases for tests: copied from a migrated template, and lent again, emptied, when their schema is untouched.

A copy costs the server eighty milliseconds, emptying ten; a thousand tests want one.
"""

from __future__ import annotations

import itertools
import os
import time
from collections import defaultdict
from functools import cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

# Of this process alone: on a shared server (`make test-postgres`) every xdist worker makes its own.
TEMPLATE = f"desk_template_{os.getpid()}"
KEPT = ("desk_schema", "desk_engine_schema")  # and `vendors` has a row for each; all else is empty in the template
STRANGERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)
# Every row that says what a schema is, there or in KEPT, with the transaction that wrote it; copies keep both.
FINGERPRINT = (
    "SELECT md5(string_agg(of || oid || '/' || xmin, ',' ORDER BY of, oid)) FROM ("
    " SELECT 'c' AS of, oid, xmin FROM pg_class WHERE relpersistence = 'p' AND oid >= 16384"
    " UNION ALL SELECT 'a', attrelid, xmin FROM pg_attribute WHERE attrelid >= 16384"
    " UNION ALL SELECT 't', oid, xmin FROM pg_trigger UNION ALL SELECT 'p', oid, xmin FROM pg_proc WHERE oid >= 16384"
    " UNION ALL SELECT 'k', oid, xmin FROM pg_constraint"
    + "".join(f" UNION ALL SELECT 'v', tableoid, xmin FROM {name}" for name in KEPT)
    + " UNION ALL SELECT 's', setdatabase, xmin FROM pg_db_role_setting"
    " WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())) AS it"
)
_names = itertools.count(1)
_spare: defaultdict[str, list[str]] = defaultdict(list)  # by server


def database_uri(base: str, name: str) -> str:
    """The same server, another database."""
    parts = urlsplit(base)
    return urlunsplit(parts._replace(path=f"/{name}"))


def new_database(base: str, template: str | None = TEMPLATE) -> str:
    """A database of one test's own: empty, and migrated unless `template` is None."""
    if template and _spare[base]:
        return _spare[base].pop()
    name = f"desk_{os.getpid()}_{next(_names)}"
    with psycopg.connect(base, autocommit=True) as conn:
        copy = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
        conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)) + copy)
    return database_uri(base, name)


def drop_database(base: str, uri: str) -> None:
    """Give it back: the next test may have it, emptied, unless somebody is still in it or has changed its schema."""
    if _emptied(base, uri):
        _spare[base].append(uri)
    else:
        remove_database(base, uri)


def remove_database(base: str, uri: str) -> None:
    """For good, whoever is in it."""
    name = urlsplit(uri).path.strip("/")
    with psycopg.connect(base, autocommit=True) as conn:
        conn.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def to_the_disk(base: str, whether: str, setting: str = "fsync") -> None:
    """`off`: this server's commits do not wait for the disk. Killed processes lose nothing by it, a power cut would.

    Several servers beside each other make a slow disk stall for a second, which is all the time a door has.
    """
    with psycopg.connect(base, autocommit=True) as conn:
        conn.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(setting), sql.SQL(whether)))
        conn.execute("SELECT pg_reload_conf()")
    for _ in range(100):
        with psycopg.connect(base, autocommit=True) as conn:
            if conn.execute(sql.SQL("SHOW {}").format(sql.Identifier(setting))).fetchone() == (whether,):
                return
        time.sleep(0.05)
    raise AssertionError(f"{setting} is not {whether}")


def remove_spares(base: str) -> None:
    """At the end of the run."""
    while _spare[base]:
        remove_database(base, _spare[base].pop())


def _emptied(base: str, uri: str) -> bool:
    try:
        with psycopg.connect(uri, autocommit=True) as conn:
            for _ in range(5):  # a closed connection's process takes a moment to end
                if alone := conn.execute(STRANGERS).fetchone() == (0,):
                    break
                time.sleep(0.01)
            fingerprint, vendors = _template(base)
            if not alone or conn.execute(FINGERPRINT).fetchone() != fingerprint:
                return False
            _empty(conn, vendors)
    except psycopg.Error:
        return False
    return True


@cache
def _template(base: str) -> tuple[tuple[str], list[str]]:
    """Its fingerprint, and the vendors that it knows."""
    with psycopg.connect(database_uri(base, TEMPLATE)) as conn:
        row = conn.execute(FINGERPRINT).fetchone()
        assert row is not None
        return row, [name for (name,) in conn.execute("SELECT name FROM vendors")]


def _empty(conn: psycopg.Connection[Any], vendors: list[str]) -> None:
    tables = conn.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND oid >= 16384").fetchall()
    sequences = conn.execute("SELECT relname FROM pg_class WHERE relkind = 'S'").fetchall()
    with conn.transaction():
        conn.execute("SET LOCAL session_replication_role = replica")  # no triggers: consents cannot be deleted
        for (name,) in tables:
            if name not in KEPT:
                conn.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))
        for (name,) in sequences:
            conn.execute("SELECT setval(%s::regclass, 1, false)", (name,))
        conn.execute("INSERT INTO vendors (name) SELECT unnest(%s::text[])", (vendors,))
