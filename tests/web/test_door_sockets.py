"""Real gunicorn, its real configuration, raw bytes: the W cases that are decided before Flask sees a request."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from doorkit import CANARY, HANGS, jira_headers, moved, stamp, tagged, zendesk_headers

from app.web.server import DeskWorker

ROOT = Path(__file__).resolve().parents[2]
BODY = json.dumps(tagged(name=CANARY)).encode()


@dataclass
class Server:
    port: int
    rows: Path
    log: Path
    process: subprocess.Popen[bytes]

    def open(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=15)

    def send(self, *parts: bytes) -> bytes:
        """Sends and reads to the end; the peer's close ends it."""
        with self.open() as sock:
            for part in parts:
                sock.sendall(part)
            return read_all(sock)

    def written(self) -> list[str]:
        return self.rows.read_text().splitlines() if self.rows.exists() else []


def read_all(sock: socket.socket) -> bytes:
    got = b""
    try:
        while data := sock.recv(65536):
            got += data
    except ConnectionResetError:
        pass
    return got


def head(body: bytes = BODY, *, line: str = "POST /webhooks/zendesk HTTP/1.1", **changes: str | None) -> bytes:
    """A signed request's head; `Content_Length=None` leaves it out."""
    headers = {
        "Host": "127.0.0.1",
        "Connection": "close",
        "Content-Length": str(len(body)),
        **zendesk_headers(body, stamp(now=time.time())),
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}  # type: ignore[misc]
    return "".join([line, "\r\n", *(f"{n}: {v}\r\n" for n, v in headers.items() if v is not None), "\r\n"]).encode()


def status(answer: bytes) -> int:
    match = re.match(rb"HTTP/1\.1 (\d{3}) ", answer)
    return int(match[1]) if match else 0


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Server]:
    """Until the end of the block, or until the test itself has ended it."""
    env = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
    env |= {
        "HOST": "127.0.0.1",
        "PORT": "0",
        "ROWS": str(folder / "rows"),
        "ENV_FILE": str(ROOT / ".env.example"),
        **settings,
    }
    env["PYTHONPATH"] = f"{ROOT}{os.pathsep}{Path(__file__).parent}"
    command = [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py"), "served:make()"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    try:
        yield Server(_port(folder / "log", process), folder / "rows", folder / "log", process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert CANARY not in (folder / "log").read_text()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("gunicorn")
    with serving(folder) as running:
        yield running
    log_text = (folder / "log").read_text()
    errors = [line for line in log_text.splitlines() if '"level":"error"' in line]
    assert [line for line in errors if '"event":"door.alarm"' not in line] == []  # W061: no traceback, whatever came


def _port(log: Path, process: subprocess.Popen[bytes]) -> int:
    for _ in range(200):
        match = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", log.read_text())
        if match and "Booting" in log.read_text():
            return int(match[1])
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def test_taken(server: Server) -> None:
    before = len(server.written())
    answer = server.send(head(), BODY)
    assert status(answer) == 200
    assert b"\r\nServer:" not in answer
    assert b"gunicorn" not in answer.lower()
    assert len(server.written()) == before + 1


def test_in_pieces_pipelined_and_kept_alive(server: Server) -> None:
    before = len(server.written())
    request = head(Connection="keep-alive") + BODY
    with server.open() as sock:
        for i in range(0, len(request), 97):
            sock.sendall(request[i : i + 97])
        time.sleep(0.3)
        sock.sendall(request + request[:50])  # one and a half
        time.sleep(0.3)
        sock.sendall(request[50 : -len(BODY)].replace(b"keep-alive", b"close") + BODY)
        assert re.findall(rb"HTTP/1\.1 (\d+)", read_all(sock)) == [b"200", b"200", b"200"]
    assert len(server.written()) == before + 3


def test_half_closed_peers_are_answered(server: Server) -> None:
    """Both the only request and a pipelined one, whose bytes came before the peer's end."""
    with server.open() as sock:
        sock.sendall(head(Connection="keep-alive") + BODY + head(Connection="keep-alive") + BODY)
        sock.shutdown(socket.SHUT_WR)
        assert re.findall(rb"HTTP/1\.1 (\d+)", read_all(sock)) == [b"200", b"200"]


def test_expect_continue(server: Server) -> None:
    with server.open() as sock:
        sock.sendall(head(Expect="100-continue"))
        assert sock.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        sock.sendall(BODY)
        assert b"HTTP/1.1 200 OK" in read_all(sock)


REFUSED: list[tuple[str, int, Callable[[], list[bytes]]]] = [
    ("W015", 401, lambda: [head().replace(b"X-Zendesk-Webhook-Signature:", b"X_Zendesk_Webhook_Signature:"), BODY]),
    ("W014", 401, lambda: [head().replace(b"\r\n\r\n", b"\r\nX-Zendesk-Webhook-Signature: bad\r\n\r\n"), BODY]),
    ("W013-nul", 400, lambda: [head(X_Zendesk_Webhook_Signature="a\0b"), BODY]),
    ("W016", 431, lambda: [head(X_Zendesk_Webhook_Signature="x" * 20_000), BODY]),
    ("W016-endless-head", 431, lambda: [b"POST /webhooks/zendesk HTTP/1.1\r\nX: ", b"x" * 100_000]),
    ("W030", 400, lambda: [head(X_Zendesk_Webhook_Signature_Timestamp="2026-11-21T10:00:00Z\n"), BODY]),
    ("W036-trace", 405, lambda: [head(line="TRACE /webhooks/zendesk HTTP/1.1"), BODY]),
    ("W040-encoded", 404, lambda: [head(line="POST /webhooks%2fzendesk HTTP/1.1"), BODY]),
    ("W040-double", 404, lambda: [head(line="POST //webhooks/zendesk HTTP/1.1"), BODY]),
    ("W046", 413, lambda: [head(Content_Length="262145"), b"x" * 262_145]),
    ("W046-no-body-sent", 413, lambda: [head(Content_Length="262145")]),
    ("W046-huge", 413, lambda: [head(Content_Length="999999999999")]),
    ("W048", 411, lambda: [head(Content_Length=None, Transfer_Encoding="chunked"), b"3\r\nabc\r\n0\r\n\r\n"]),
    ("W048-endless", 411, lambda: [head(Content_Length=None, Transfer_Encoding="chunked"), b"3\r\n"]),
    ("W048-no-length", 411, lambda: [head(Content_Length=None)]),
    ("W049", 400, lambda: [head(Transfer_Encoding="chunked"), BODY]),
    ("W051-negative", 400, lambda: [head(Content_Length="-1")]),
    ("W051-plus", 400, lambda: [head(Content_Length="+5"), b"hello"]),
    ("W051-hex", 400, lambda: [head(Content_Length="0x10"), b"x" * 16]),
    ("W051-twice", 400, lambda: [head().replace(b"\r\n\r\n", b"\r\nContent-Length: 1\r\n\r\n"), BODY]),
    ("W058-fold", 400, lambda: [head().replace(b"\r\n\r\n", b"\r\nX-A: 1\r\n 2\r\n\r\n"), BODY]),
    ("W058-space", 400, lambda: [head().replace(b"\r\n\r\n", b"\r\nX-A : 1\r\n\r\n"), BODY]),
    ("W058-cr", 400, lambda: [head().replace(b"\r\n\r\n", b"\r\nX-A: 1\rX-B: 2\r\n\r\n"), BODY]),
    ("long-line", 414, lambda: [head(line=f"POST /webhooks/zendesk?{'x' * 5000} HTTP/1.1"), BODY]),
    ("coding", 501, lambda: [head(Content_Length=None, Transfer_Encoding="x-own"), BODY]),
    ("expectation", 417, lambda: [head(Expect="a-miracle"), BODY]),
    ("version", 400, lambda: [head(line="POST /webhooks/zendesk HTTP/7.0"), BODY]),
    ("no-http", 400, lambda: [b"\x16\x03\x01\x02\x00\r\n\r\n"]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "parts"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused(server: Server, code: int, parts: Callable[[], list[bytes]]) -> None:
    before, began = server.written(), time.monotonic()
    answer = server.send(*parts())
    assert status(answer) == code
    headers, _, body = answer.partition(b"\r\n\r\n")
    assert code == 405 or re.fullmatch(rb'\{"error":"[a-z_]+"\}', body), "a fixed body, never a page of the server's"
    assert b"application/json" in headers
    assert server.written() == before
    assert time.monotonic() - began < 4  # closed at once, or after the two seconds of lingering


def test_length_with_spaces_is_the_number(server: Server) -> None:
    """W051 ` 5`: optional white space belongs to the header's syntax (RFC 9110, 5.5), so this is a plain 5."""
    assert status(server.send(head(b"hello", Content_Length="  5"), b"hello")) == 200


@pytest.mark.parametrize(
    ("line", "host", "code"),
    [
        ("http://127.0.0.1:1/webhooks/zendesk", "127.0.0.1", 200),
        ("http://evil.test/webhooks/zendesk", "127.0.0.1", 400),
        ("http://127.0.0.1/webhooks/zendesk", "evil.test", 400),
        ("/webhooks/zendesk", "evil.test:99", 400),
        ("/webhooks/zendesk", "127.0.0.1:99", 200),
        ("/webhooks/zendesk", "[::1]:8000", 200),
        ("/webhooks/zendesk", "LocalHost", 200),
        ("/webhooks/zendesk", "127.0.0.1@evil.test", 400),
        ("/webhooks/zendesk", "127.0.0.1:99999x", 400),
        ("/webhooks/zendesk", "", 400),
        ("/webhooks/zendesk", None, 400),
        ("/anything", "evil.test", 400),
        ("/healthz", "evil.test", 200),
    ],
)
def test_only_our_own_names(server: Server, line: str, host: str | None, code: int) -> None:  # W039
    before = len(server.written())
    verb, body = ("GET", b"") if line == "/healthz" else ("POST", BODY)
    answer = server.send(head(body, line=f"{verb} {line} HTTP/1.1", Host=host), body)
    assert status(answer) == code
    assert code != 400 or answer.endswith(b'\r\n\r\n{"error":"host"}')
    assert b"evil" not in answer
    assert len(server.written()) == before + (code == 200 and verb == "POST")


def test_slow_and_idle_peers_do_not_stop_the_door(server: Server) -> None:
    """W052, W054, W056, W061: 200 slow senders, 1,000 idle ones, 50 that leave; honest answers stay fast meanwhile."""
    before, began = len(server.written()), time.monotonic()
    slow = [server.open() for _ in range(200)]
    for number, sock in enumerate(slow):
        sock.sendall(head(Content_Length="5000") + b"{" if number % 2 else head()[:40])
    for _ in range(50):
        with server.open() as sock:
            sock.sendall(head() + BODY[:-1])
    took, honest = [], 0
    idle: list[socket.socket] = []
    while time.monotonic() - began < 9:
        start = time.monotonic()
        assert status(server.send(head(), BODY)) == 200
        took.append(time.monotonic() - start)
        honest += 1
        if len(idle) < 1000 and time.monotonic() - began > 6:
            idle.extend(server.open() for _ in range(20))
        if honest % 40 == 0:
            for sock in slow[::20]:
                _trickle(sock)
        time.sleep(0.01)
    assert statistics.quantiles(took, n=100)[98] < 1.0
    answers = [read_all(sock) for sock in slow]
    assert time.monotonic() - began < 14
    assert {status(answer) for answer in answers} <= {408, 503, 0}
    assert sum(status(answer) == 408 for answer in answers) > 150
    assert len(server.written()) == before + honest
    for sock in [*slow, *idle]:
        sock.close()


def _trickle(sock: socket.socket) -> None:
    try:
        sock.sendall(b"x")
    except OSError:
        return


def test_other_doors_and_health(server: Server) -> None:
    raw = json.dumps(moved(timestamp=int(time.time() * 1000))).encode()
    jira = "".join(f"{n}: {v}\r\n" for n, v in jira_headers(raw).items())
    request = "POST /webhooks/jira HTTP/1.1\r\nHost: localhost:8000\r\nConnection: close\r\n"
    request += f"Content-Length: {len(raw)}\r\n{jira}\r\n"
    assert status(server.send(request.encode(), raw)) == 200
    assert server.written()[-1] == "IssueChanged True"
    for path in ("/healthz", "/readyz", "/metrics"):
        assert status(server.send(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())) == 200


def test_sigterm_finishes_what_runs_and_cuts_off_what_hangs(tmp_path: Path) -> None:
    """STOP_WITHIN holds for the web process, too; gunicorn's own time would be thirty seconds."""
    stuck = json.dumps(tagged(ticket_id=HANGS)).encode()
    with serving(tmp_path, STOP_WITHIN="2") as server, server.open() as hangs, server.open() as slow:
        hangs.sendall(head(stuck) + stuck)
        slow.sendall(head(Expect="100-continue"))
        assert status(slow.recv(1000)) == 100, "by now the other one runs in its thread"
        server.process.send_signal(signal.SIGTERM)
        while "Handling signal: term" not in server.log.read_text():
            time.sleep(0.02)
        slow.sendall(BODY)
        assert b"HTTP/1.1 200 OK\r\n" in read_all(slow)
        assert server.written() == ["TicketTagged True"]
        assert server.process.wait(12) == 0  # the host's patience: the store that hangs would take a minute
        assert read_all(hangs) == b""


def test_a_body_where_none_belongs_is_not_waited_for(server: Server) -> None:
    """A kept-alive GET with an endless chunked body: answered, then closed, without a thread waiting for its end."""
    began = time.monotonic()
    with server.open() as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n")
        assert status(read_all(sock)) == 200
    assert time.monotonic() - began < 4


def test_an_event_for_a_connection_that_made_room_is_nothing() -> None:
    """One round of the poller may hold an event for a connection that the round's accept has just closed."""
    worker = DeskWorker.__new__(DeskWorker)
    worker.waiting, worker.closing, worker.keepalived_conns = deque(), deque(), deque()
    conn = object()
    with socket.socket() as gone:
        worker.on_client_socket_readable(conn, gone)
        worker._readable(conn, gone)
        worker._drain(conn, gone)
