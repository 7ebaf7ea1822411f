"""`desk bench ack` works from start to end and leaves nothing behind. No test looks at a time: machines differ."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner

from app import create_app
from app.bench import looks
from app.bench.ack import Rate, spread
from app.bench.driver import Load, Order
from app.bench.pages import is_flat
from app.cli import main
from app.desk import Desk
from app.settings import load
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


@pytest.mark.long
@pytest.mark.timeout(400)
def test_every_page_is_fetched_over_small_histories_and_nothing_is_left(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "app.cli", "bench", "pages", "--past", "4000,6000", "--times", "1", "--json")
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode in (0, 1), done.stderr  # 1: some page took long on this machine
    found = json.loads(done.stdout)
    assert found["sizes"] == [4000, 6000]
    pages = {row["page"]: row for row in found["pages"]}
    assert len(pages) > 60
    assert {"/admin/", "/admin/audit", "POST /admin/export/events", "/admin/cases/<ticket_old>/proof.json"} <= set(
        pages
    )
    assert all(blocks >= 0 for row in pages.values() for blocks in row["blocks"])
    assert found["met"] == all(row["quick"] and row["flat"] is not False for row in pages.values())
    assert not list(tmp_path.glob("desk-bench-*"))


def test_every_page_with_something_in_its_address_has_an_example() -> None:
    app = create_app(load(_env_file=ROOT / ".env.example"), cast(Desk, None))
    ours = looks.of_admins(app.url_map)
    assert {str(rule) for rule in ours if rule.arguments} == set(looks.DETAILS)
    assert set(looks.NARROWED) <= {str(rule) for rule in ours}


@pytest.mark.parametrize("past", ["", "1999", "10000,", "1e6", "10000,ten", "99999999999"])
def test_a_history_of_no_sensible_size_is_refused(past: str) -> None:
    done = CliRunner().invoke(main, ["bench", "pages", "--past", past])
    assert (done.exit_code, "numbers from 2000" in done.output) == (2, True)


def test_flat_is_neither_twice_the_time_nor_twice_the_blocks() -> None:
    assert is_flat(10, 24, 100, 400)
    assert not is_flat(10, 26, 100, 100)
    assert not is_flat(10, 10, 100, 600)


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
