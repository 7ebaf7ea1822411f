"""What a measurement stands on: an embedded database in a temporary folder, and processes that end with it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from app import db, processes
from app.bench.driver import Order, Result
from app.demo import DESK, ROOT, demo_environment, free_port
from app.errors import DeskError
from app.migrate import migrate
from app.processes import Child, DemoError
from app.settings import load

READY_WITHIN = 30.0
# The vendors' limits are theirs; here our own time is measured, so ours are out of the way.
UNLIMITED = {"ZENDESK_RATE": "1000000", "SLACK_RATE": "1000000", "SLACK_POST_RATE": "1000000", "JIRA_RATE": "1000000"}


class BenchError(DeskError):
    """The measurement cannot be made; the message says why."""


class Stage:
    """Processes on one database. They are started by name and stopped in reverse order by `stop`."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.environment = environment
        self.uri = environment["DATABASE_URL"]
        self._logs = folder
        self._children: list[Child] = []
        self.secret = environment["ZENDESK_WEBHOOK_SECRETS"]
        self.ports = {"web": int(environment["PORT"]), "sandbox": urlsplit(environment["ZENDESK_URL"]).port or 0}

    def _start(self, name: str, *command: str, **environment: str) -> Child:
        values = {**self.environment, **environment}
        child = processes.start(name, command, folder=ROOT, logs=self._logs, environment=values)
        self._children.append(child)
        return child

    def web(self) -> Child:
        return self._ready(self._gunicorn("web", "app:create_app()", self.ports["web"]), "/readyz", self.ports["web"])

    def floor(self) -> Child:
        self.ports["floor"] = free_port("127.0.0.1", 0, besides=self.ports["web"])
        child = self._gunicorn("floor", "app.bench.floor:create_app()", self.ports["floor"])
        return self._ready(child, "/empty", self.ports["floor"], method="POST")

    def _gunicorn(self, name: str, app: str, port: int) -> Child:
        # The folder is ROOT, where gunicorn reads gunicorn.conf.py: the very settings of the Procfile.
        return self._start(name, sys.executable, "-m", "gunicorn", app, PORT=str(port))

    def worker(self) -> Child:
        return self._start("worker", *DESK, "work")

    def end(self, child: Child) -> None:
        """Stop one of them now, as its supervisor would."""
        self._children.remove(child)
        processes.stop([child], lambda _: None)

    def sandbox(self) -> Child:
        where = ("--port", str(self.ports["sandbox"]), "--desk", self.environment["PUBLIC_URL"])
        child = self._start("sandbox", sys.executable, "-m", "sandbox", *where)
        return self._ready(child, "/sandbox/state", self.ports["sandbox"])

    def _ready(self, child: Child, path: str, port: int, method: str = "GET") -> Child:
        until = time.monotonic() + READY_WITHIN
        while time.monotonic() < until:
            self.check()
            try:
                ask(port, method, path)
            except (OSError, http.client.HTTPException, BenchError):
                time.sleep(0.05)
            else:
                return child
        raise BenchError(f"{child.name} did not answer within {READY_WITHIN:.0f} s", "bench")

    def check(self) -> None:
        """Raises DemoError, with the end of its log, when one of the processes has ended."""
        processes.check(self._children)

    def stop(self) -> None:
        before = signal.getsignal(signal.SIGINT)
        processes.stop(self._children[::-1], lambda text: None)
        signal.signal(signal.SIGINT, before)  # `stop` makes Ctrl-C kill its own children; later stages have others


def ask(port: int, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """One JSON exchange on loopback. Raises BenchError on anything but 2xx."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    try:
        text = json.dumps(body) if body is not None else ""
        connection.request(method, path, text, {"Content-Type": "application/json", "Content-Length": str(len(text))})
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status // 100 != 2:
        raise BenchError(f"{path} answered {answer.status}", "bench")
    return json.loads(content) if content[:1] in (b"{", b"[") else None


class Driver:
    """The load's own process. Use as a context manager."""

    def __enter__(self) -> Driver:
        command = (sys.executable, "-m", "app.bench.driver")
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def run(self, order: Order) -> Result:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise BenchError("the load driver has ended", "bench")
        return Result(**json.loads(line))

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


@contextmanager
def database() -> Iterator[tuple[Path, str]]:
    """A temporary folder and the URI of a new embedded server in it; both are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="desk-bench-", ignore_cleanup_errors=True) as name:
        # .env.example supplies what must be set; nothing of a real installation is read.
        example = demo_environment({"HOST": "127.0.0.1", "VAR_DIR": name, "DATABASE_URL": ""})
        settings = load(_env_file=None, **{key.lower(): value for key, value in example.items()})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs: XDG_RUNTIME_DIR is missing
            uri = db.url(settings)
        try:
            yield Path(name), uri
        finally:
            db.stop_embedded(settings)


@contextmanager
def stage(folder: Path, server: str, name: str, **settings: str) -> Iterator[Stage]:
    """A migrated database of this name on the server, and the processes started on it. `settings`: by their names."""
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    uri = urlsplit(server)._replace(path=f"/{name}").geturl()
    migrate(uri)
    given = {"HOST": "127.0.0.1", "VAR_DIR": str(folder), "DATABASE_URL": uri, **UNLIMITED, **settings}
    here = Stage(folder, demo_environment(given))
    try:
        yield here
    except DemoError as error:
        raise BenchError(str(error), "bench") from error
    finally:
        here.stop()


def usage(child: Child) -> tuple[float, float] | None:
    """(seconds of processor time, MB in memory) of the process and its children; None where there is no /proc."""
    if not Path("/proc/self/statm").exists():
        return None
    seconds = memory = 0.0
    for pid in _family(child.process.pid):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        memory += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return seconds, memory


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += _family(int(child))
    return found
