"""The load: a process of its own that speaks HTTP over plain sockets, so that it costs little beside what it measures.

`python -m app.bench.driver`: one order (JSON) a line on stdin, one result a line on stdout. Without `rate`: every
connection sends its next request when it has its answer. With `rate`: requests are due at fixed times, and latency
counts from then, so that a stall of the server is not left out.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import selectors
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import urlencode

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
GRACE = 5.0  # seconds for answers that are still out at the end


@dataclass(frozen=True)
class Order:
    """`seconds` of requests to `path`. `tickets`: these ids, once each; empty: new ones from `first` on.

    `press`: not ticket events but presses of this one, `slack` or `mattermost`; each is of another user.
    """

    port: int
    path: str
    secret: str
    seconds: float
    connections: int = 16
    rate: float = 0.0
    first: int = 1
    tickets: Sequence[int] = ()
    tags: str = "data_deletion_request pref_stop_all"
    press: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Result:
    """`latencies`: seconds of every answer in the 200s. `failed`: other answers, lost connections, no answer."""

    seconds: float = 0.0
    failed: int = 0
    latencies: list[float] = field(default_factory=list)


def requests(order: Order) -> Iterator[bytes]:
    """Requests, each a fact of its own."""
    return _presses(order) if order.press else _tagged(order)


def _presses(order: Order) -> Iterator[bytes]:
    """As the chat sends them; a user's id stands where `{user}` is."""
    for number in count(order.first):
        text = json.dumps(order.press["body"]).replace("{user}", order.press["user"].format(number))
        head = f"POST {order.path} HTTP/1.1\r\nHost: 127.0.0.1:{order.port}\r\n"
        if order.press["chat"] == "slack":
            body, stamp = urlencode({"payload": text}).encode(), str(int(time.time()))
            signed = hmac.digest(order.secret.encode(), b"v0:" + stamp.encode() + b":" + body, "sha256").hex()
            head += f"X-Slack-Signature: v0={signed}\r\nX-Slack-Request-Timestamp: {stamp}\r\n"
            head += "Content-Type: application/x-www-form-urlencoded\r\n"
        else:
            body = text.encode()
            head += "Content-Type: application/json\r\n"
        yield f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _tagged(order: Order) -> Iterator[bytes]:
    """Signed by Zendesk."""
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for ticket in order.tickets or count(order.first):
        body = json.dumps(
            {"type": "desk.tag", "ticket_id": str(ticket), "tags": order.tags, "updated_at": stamp, "actor_id": "7"}
        ).encode()
        signature = base64.b64encode(hmac.digest(order.secret.encode(), stamp.encode() + body, "sha256")).decode()
        head = (
            f"POST {order.path} HTTP/1.1\r\nHost: 127.0.0.1:{order.port}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nX-Zendesk-Webhook-Signature: {signature}\r\n"
            f"X-Zendesk-Webhook-Signature-Timestamp: {stamp}\r\n\r\n"
        )
        yield head.encode() + body


class Load:
    """One order, carried out in one thread."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._poll = selectors.DefaultSelector()
        self._idle: list[socket.socket] = []
        self._out: dict[socket.socket, tuple[float, bytearray]] = {}
        self._requests = requests(order)
        self.result = Result()

    def run(self) -> Result:
        for _ in range(self._order.connections):
            self._connect()
        began = time.perf_counter()
        if self._order.rate:
            self._paced(began)
        else:
            self._busy(began)
        self.result.seconds = time.perf_counter() - began
        deadline = time.perf_counter() + GRACE
        while self._out and time.perf_counter() < deadline:
            self._answers(0.05)
        self.result.failed += len(self._out)
        for key in list(self._poll.get_map().values()):
            self._drop(key.fileobj)  # type: ignore[arg-type]  # only sockets are registered
        self._poll.close()
        return self.result

    def _busy(self, began: float) -> None:
        end = began + self._order.seconds
        while time.perf_counter() < end:
            while self._idle:
                self._send(time.perf_counter())
            self._answers(0.05)

    def _paced(self, began: float) -> None:
        for number in range(int(self._order.seconds * self._order.rate)):
            due = began + number / self._order.rate
            while (left := due - time.perf_counter()) > 0:
                self._answers(left)
            if not self._idle:
                self._connect()
            self._send(due)

    def _connect(self) -> None:
        sock = socket.create_connection(("127.0.0.1", self._order.port), timeout=5)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll.register(sock, selectors.EVENT_READ)
        self._idle.append(sock)

    def _drop(self, sock: socket.socket) -> None:
        self._poll.unregister(sock)
        sock.close()

    def _send(self, since: float) -> None:
        sock = self._idle.pop()
        self._out[sock] = (since, bytearray())
        sock.sendall(next(self._requests))

    def _answers(self, wait: float) -> None:
        for key, _ in self._poll.select(wait):
            self._read(key.fileobj)  # type: ignore[arg-type]  # only sockets are registered

    def _read(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(65_536)
        except OSError:
            data = b""
        if not data:  # kept alive too long, or the server went away
            self.result.failed += self._out.pop(sock, None) is not None
            if sock in self._idle:
                self._idle.remove(sock)
            self._drop(sock)
            if not self._order.rate:
                self._connect()
            return
        since, received = self._out[sock]
        received += data
        head = received.find(b"\r\n\r\n")
        length = _LENGTH.search(received) if head >= 0 else None
        if head < 0 or len(received) < head + 4 + (int(length[1]) if length else 0):
            return
        del self._out[sock]
        if received[9:10] == b"2":
            self.result.latencies.append(time.perf_counter() - since)
        else:
            self.result.failed += 1
        self._idle.append(sock)


def main() -> None:
    for line in sys.stdin:
        result = Load(Order(**json.loads(line))).run()
        sys.stdout.write(json.dumps(asdict(result)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
