"""`desk bench ack` works from start to end and leaves nothing behind. No test looks at a time: machines differ."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from app.bench.ack import Rate, spread
from app.bench.driver import Load, Order
from tests.house import ROOT


@pytest.mark.long
def test_a_tiny_run_prints_both_tables_and_leaves_nothing(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "app.cli", "bench", "ack", "--seconds", "0.5")
    environment = {**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "160"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for way in ("empty route", "one row", "webhook "):
        row = next(line for line in lines if line.strip().startswith(way))
        assert row.split()[-1] == "0", f"refused or lost requests: {row}"
    for figure in (
        *("webhook / one row", "worker busy: p99", "p99 of one row", "macro applied: p50", "nine bare requests"),
        *("idle worker", "memory of web"),
    ):
        assert any(figure in line for line in lines), f"{figure} is missing in {done.stdout}"
    assert not list(tmp_path.glob("desk-bench-*"))


@pytest.mark.long
def test_presses_are_answered_without_a_worker_and_nothing_is_left(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "app.cli", "bench", "press", "--seconds", "0.5")
    environment = {**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "160"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    for chat in ("slack", "mattermost"):
        row = next(line for line in done.stdout.splitlines() if line.strip().startswith(chat))
        assert row.split()[-2:] == ["10", "0"], f"refused or lost presses: {row}"
    assert not list(tmp_path.glob("desk-bench-*"))


class _Refuses(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def refusing() -> Iterator[int]:
    """The port of a server that answers 401 to everything."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refuses) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("rate", [0.0, 40.0])
def test_a_refusal_is_counted_as_one_and_never_as_speed(refusing: int, rate: float) -> None:
    result = Load(Order(refusing, "/webhooks/zendesk", "any", 0.2, connections=2, rate=rate)).run()
    assert result.failed > 0
    assert result.latencies == []


def test_figures_of_known_numbers() -> None:
    assert spread([n / 1000 for n in range(1, 101)]) == {"p50_ms": 51.0, "p99_ms": 100.0, "count": 100}
    assert Rate("any", slices=[10.0, 1000.0, 20.0]).rate == 20.0
