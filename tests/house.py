"""A whole desk for a test: an own database, the stand-ins, the web process and the worker.

`House` runs web and worker as threads of the test (quick); tests.processes has the real ones. Both go through the real
doors and the real engine. Waits and quiet periods are short by settings, never by patching.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import psycopg
from dotenv import dotenv_values
from psycopg.rows import dict_row
from werkzeug.serving import make_server

from app import create_app, duties, socket_mode
from app.desk import Desk
from app.engine import Worker
from app.settings import Settings, load
from app.walk import Walker
from sandbox.server import Config, Sandbox
from tests.people import People
from tests.rooms import ROOMS, named

ROOT = Path(__file__).resolve().parent.parent
FAST = {
    "zendesk_quiet": "0.4",
    "slack_quiet": "0.4",
    "mattermost_quiet": "0.4",
    "jira_quiet": "0.6",
    "zendesk_rate": "60000",
    "slack_rate": "60000",
    "slack_post_rate": "60000",
    "mattermost_rate": "60000",
    "mattermost_post_rate": "60000",
    "jira_rate": "60000",
    "retry_base": "0.1",
    "retry_cap": "0.5",
    "poll_interval": "0.1",
    "probe_interval": "0.2",
    "heartbeat": "0.3",
    "stalled_after": "1.0",
    "lease": "10",
    "connect_timeout": "1",
    "read_timeout": "1.5",
    "stop_within": "3",
    "digest_at": "",  # a test that happens to run at nine must not find one more message
}


@cache
def _example() -> dict[str, str]:
    return {key: value or "" for key, value in dotenv_values(ROOT / ".env.example").items()}


@lru_cache(8)
def _loaded(environment: tuple[tuple[str, str], ...]) -> Settings:
    return load(_env_file=None, **{key.lower(): value for key, value in environment})


# Below what the kernel gives to outgoing connections, and a share for each process of a test run: nobody takes a port
# between our look and the desk's own bind, nor while a killed web process is away.
_SHARE = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 16
_BEGIN = os.getpid() * 37 % 1_250  # two runs beside each other begin at different places
_ports = itertools.cycle(12_000 + 1_250 * _SHARE + (_BEGIN + n) % 1_250 for n in range(1_250))


def free_port() -> int:
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("never")


class House(People):
    """Everything, in this process. Use as a context manager.

    `chat`: where the supervisors are. People are named as in tests.rooms, in settings such as APPROVERS too.
    """

    def __init__(
        self, uri: str, *, sandbox: dict[str, Any] | None = None, chat: str = "slack", **settings: str
    ) -> None:
        self.room = ROOMS[chat]
        self._kept: psycopg.Connection[dict[str, Any]] | None = None
        self.customers = itertools.count()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = {
            "desk": self.url,
            "chat": chat,
            "limits": False,
            "webhook_retry_seconds": 0.1,
            "jira_index_lag": (0.0, 0.05),
        }
        self.sandbox = Sandbox(Config(**{**config, "jira_retry_seconds": 0.2, **(sandbox or {})}))
        self.sandbox.start()
        self.uri = uri
        self.environment = {
            **_example(),
            **{key.upper(): value for key, value in FAST.items()},
            "DATABASE_URL": uri,
            "PUBLIC_URL": self.url,
            "PORT": str(self.port),
            "ZENDESK_URL": self.sandbox.url,
            "JIRA_URL": self.sandbox.url,
            **self.room.settings(self.sandbox.url),
            **{key.upper(): named(self.room, v) if "approvers" in key else v for key, v in settings.items()},
        }

    def settings(self) -> Settings:
        return _loaded(tuple(self.environment.items()))

    def __enter__(self) -> House:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        settings = self.settings()
        self.desk = Desk(settings, uri=self.uri, pool=16)
        app = create_app(settings, self.desk)
        self._web = make_server("127.0.0.1", self.port, app, threaded=True)
        threading.Thread(target=self._web.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.start_worker()

    def start_worker(self) -> None:
        """The worker as a thread, with a desk of its own as a process would have."""
        self.worker_desk = Desk(self.settings(), uri=self.uri, pool=12)
        walker = Walker(self.worker_desk)
        walker.learn_own_id()
        with self.worker_desk.db.tx() as conn:
            duties.set_up(conn, walker)
        worker = Worker(
            self.uri,
            self.settings(),
            walker.walk,
            self.worker_desk.requeue,
            self.worker_desk.rescue,
            self.worker_desk.stopping,
        )
        self._worker = threading.Thread(target=worker.run, daemon=True)
        self._worker.start()
        self._listener = socket_mode.start(self.settings(), self.worker_desk, self.worker_desk.stopping)

    def stop_worker(self) -> None:
        self.worker_desk.stopping.set()
        self._worker.join(10)
        if self._listener is not None:
            self._listener.join(10)
        self.worker_desk.db.close()

    def stop(self) -> None:
        if hasattr(self, "_worker"):
            self.stop_worker()
        if hasattr(self, "_web"):
            self._web.shutdown()
            self._web.server_close()
        if hasattr(self, "desk"):
            self.desk.db.close()
        self.leave()

    def leave(self) -> None:
        """What belongs to the test itself."""
        if self._kept is not None:
            self._kept.close()
        self.sandbox.stop()

    # ---- what the database says

    @contextlib.contextmanager
    def sql(self) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        with psycopg.connect(self.uri, row_factory=dict_row, autocommit=True) as conn:
            yield conn

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """One statement. The test's own thread keeps a connection for these: a wait asks thirty times a second."""
        if threading.current_thread() is not threading.main_thread():
            with self.sql() as conn:
                return conn.execute(query, values).fetchall()  # type: ignore[call-overload,no-any-return]
        if self._kept is None or self._kept.closed:
            self._kept = psycopg.connect(self.uri, row_factory=dict_row, autocommit=True, prepare_threshold=None)
        try:
            return self._kept.execute(query, values).fetchall()  # type: ignore[call-overload,no-any-return]
        except psycopg.OperationalError:  # a test has killed the server, or cut the connections
            self._kept.close()
            with self.sql() as conn:
                return conn.execute(query, values).fetchall()  # type: ignore[call-overload,no-any-return]

    def case(self, ticket: int, procedure: str = "data_deletion") -> dict[str, Any]:
        """The newest round of the ticket."""
        query = "SELECT * FROM cases WHERE ticket_id = %s AND procedure = %s ORDER BY generation DESC LIMIT 1"
        rows = self.rows(query, ticket, procedure)
        assert rows, f"no case for ticket {ticket}"
        return rows[0]

    def wait(self, met: Callable[[], Any], seconds: float = 15.0, what: str = "") -> Any:
        """Until `met()` is true; its value. Fails with the events' states when it never is."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = met()
            if value:
                return value
            time.sleep(0.03)
        events = self.rows("SELECT id, kind, state, reason, walk, detail FROM events ORDER BY id")
        effects = self.rows("SELECT verb, arg, state, reason, attempts FROM effects ORDER BY id")
        raise AssertionError(f"never: {what or met}\nevents: {events}\neffects: {effects}")

    def wait_state(
        self, ticket: int, state: str, seconds: float = 15.0, procedure: str = "data_deletion"
    ) -> dict[str, Any]:
        """Until the ticket's case is in this state and nothing is running; the case."""
        self.wait(
            lambda: self.rows(
                "SELECT 1 FROM cases WHERE ticket_id = %s AND state = %s AND procedure = %s"
                " AND generation = (SELECT max(generation) FROM cases WHERE ticket_id = %s AND procedure = %s)",
                *(ticket, state, procedure, ticket, procedure),
            ),
            seconds,
            f"case of {ticket} is {state}",
        )
        self.settle(seconds)
        return self.case(ticket, procedure)

    def settle(self, seconds: float = 15.0) -> None:
        """Until every event has come to its end, no webhook is on its way and no case has a look that is due."""

        def quiet() -> bool:
            return self.sandbox.world.hooks.quiet(0.1) and not self.rows(
                "SELECT 1 FROM events WHERE state IN ('queued', 'running', 'waiting') UNION ALL"
                " SELECT 1 FROM timers WHERE case_id IS NOT NULL AND fired_at IS NULL AND due_at <= now()"
            )

        self.wait(lambda: quiet() and (time.sleep(0.05) or quiet()), seconds, "everything has settled")

    def to_awaiting(self, *tags: str, **given: Any) -> int:
        """A ticket that has been acknowledged and waits for a supervisor."""
        ticket = self.ticket(**given)
        self.tag(ticket, "data_deletion_request", *(tags or ("pref_stop_all",)))
        self.wait_state(ticket, "awaiting")
        return ticket

    def to_banning(self, *tags: str, **given: Any) -> tuple[int, str]:
        """A ticket whose ban has been approved and asked for; (ticket, JIRA key)."""
        ticket = self.to_awaiting(*tags, **given)
        self.press("approve")
        return ticket, str(self.wait_state(ticket, "banning")["jira_key"])
