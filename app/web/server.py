"""gunicorn's threaded worker, with one change: a thread gets a request only when all of it has arrived.

gunicorn 27 reads head and body in a worker thread, without a deadline: sixteen slow senders would stop the door. And it
waits for the peer to close, up to two seconds, in the loop that accepts connections. Here that loop collects the bytes
of each connection first, and lingers without waiting. What is not complete DEADLINE seconds after it began is answered
408 and closed; what is too large or badly framed is handed over unread, to be refused. At the connection limit the peer
that waits longest makes room.
Source: bad-inputs W046-W061; gunicorn/workers/gthread.py of 27.0 (its inner methods are used: it must stay pinned).
"""

from __future__ import annotations

import errno
import logging
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.http import errors, wsgi  # type: ignore[import-untyped]  # gunicorn has no types
from gunicorn.workers.gthread import TConn, ThreadWorker  # type: ignore[import-untyped]  # the same

from app.logs import report
from app.web.framing import UNREAD, expects_continue, missing, refusal

log = logging.getLogger(__name__)

DEADLINE = 10.0  # seconds for a whole request, and for an idle new connection
LINGER = 2.0  # seconds that a refused peer may go on sending, so that it still sees the answer (RFC 9112, 9.6)
MAX_HEAD = 65_536
MAX_DRAIN = 1_048_576
CHUNK = 65_536
FAILED = ("500 Internal Server Error", "internal")


UNREADABLE: tuple[tuple[tuple[type[Exception], ...], tuple[str, str]], ...] = (
    ((errors.InvalidResponseHeader, errors.InvalidResponseHeaderName), FAILED),  # ours, whatever they derive from
    ((errors.ConfigurationProblem,), FAILED),
    ((errors.LimitRequestLine,), ("414 URI Too Long", "uri_too_long")),
    ((errors.LimitRequestHeaders,), ("431 Request Header Fields Too Large", "headers_too_large")),
    ((errors.ExpectationFailed,), ("417 Expectation Failed", "expectation")),
    ((errors.UnsupportedTransferCoding,), ("501 Not Implemented", "transfer_coding")),
    ((errors.ForbiddenProxyRequest,), ("403 Forbidden", "forbidden")),
    ((errors.ParseException, ssl.SSLError), ("400 Bad Request", "bad_request")),
)


class Response(wsgi.Response):  # type: ignore[misc]  # gunicorn has no types
    """Without the Server header, and a `Connection: close` of the application's is obeyed."""

    def default_headers(self) -> list[str]:
        return [line for line in super().default_headers() if not line.startswith("Server:")]

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        super().process_headers(headers)
        if any(name.lower() == "connection" and value.lower() == "close" for name, value in headers):
            self.force_close()


class DeskWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """See the module's docstring. Everything but `handle` and `_keepalive_after` runs in the worker's main thread."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting: deque[TConn] = deque()  # both in the order of their deadlines
        self.closing: deque[TConn] = deque()
        self.max_body = 0
        wsgi.Response = Response  # gunicorn names its class in a module global and has no setting for it

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.max_body = int(self.wsgi.config["MAX_CONTENT_LENGTH"])

    def accept(self, listener: socket.socket) -> None:
        if self.cfg.is_ssl:  # TLS is the proxy's work; who insists gets gunicorn's own way
            super().accept(listener)
            return
        try:
            client, address = listener.accept()
        except OSError as failed:
            if failed.errno in (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED, errno.EMFILE, errno.ENFILE):
                return
            raise
        self.nr_conns += 1
        if self.nr_conns >= self.worker_connections - self.cfg.threads:
            self._make_room()
        self._collect(TConn(self.cfg, client, address, listener.getsockname()), b"")

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """A kept-alive connection speaks again."""
        if conn not in self.keepalived_conns:  # it made room for another, in this very round of the poller
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._collect(conn, b"")

    def finish_request(self, conn: TConn, fs: Future[Any]) -> None:
        """Close, keep alive, or go on with bytes read ahead (pipelining), which may be half a request."""
        if self.cfg.is_ssl:
            super().finish_request(conn, fs)
        elif fs.cancelled() or fs.exception() is not None or fs.result() is not True:
            self._linger(conn, b"")
        elif ahead := conn.parser.unreader.take_buffered():
            conn.sock.setblocking(False)
            self._collect(conn, ahead)
        else:
            super().finish_request(conn, fs)

    def murder_pending(self) -> None:
        """Called about once a second."""
        super().murder_pending()
        now = time.monotonic()
        while self.waiting and self.waiting[0].timeout <= now:
            conn = self.waiting[0]
            self._stop_waiting(conn)
            self._linger(conn, refusal("408 Request Timeout", "timeout") if conn.received else b"")
        while self.closing and self.closing[0].timeout <= now:
            self._close(self.closing[0])

    def handle(self, conn: TConn) -> Any:
        """In a thread: give the parser what was collected, then gunicorn's own way."""
        if not self.cfg.is_ssl:
            conn.sock.setblocking(True)
            conn.data_ready = True
            conn.init()
            conn.parser.unreader.unread(bytes(conn.received))
            conn.received.clear()
        return super().handle(conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """In a thread: a request that gunicorn's parser refuses. Our fixed body, and no word of what was sent."""
        del req, addr
        status, code = next((said for kinds, said in UNREADABLE if isinstance(exc, kinds)), FAILED)
        if status == FAILED[0]:
            report(log, "server.failed", exc)
        else:
            log.info("server.refused", extra={"status": int(status[:3])})
        _send(client, refusal(status, code))

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        return not getattr(conn, "unread", False) and super()._keepalive_after(conn, keepalive)

    def _collect(self, conn: TConn, already: bytes) -> None:
        conn.received, conn.unread, conn.told = bytearray(already), False, False
        conn.timeout = time.monotonic() + DEADLINE
        if step := self._next(conn):  # most requests are there in one piece: no detour through the poller
            step()
            return
        self.waiting.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._readable, conn))

    def _readable(self, conn: TConn, _: socket.socket) -> None:
        if conn not in self.waiting:  # as above
            return
        if step := self._next(conn):
            self._stop_waiting(conn)
            step()

    def _next(self, conn: TConn) -> Callable[[], None] | None:
        """Takes what has come. What to do with the connection now; None: go on waiting."""
        data = _receive(conn.sock)
        conn.received += data or b""
        left = missing(conn.received, self.max_body)
        if data == b"" and left not in (0, UNREAD):  # the peer went away in mid-request
            return partial(self._linger, conn, b"")
        if left is None and len(conn.received) > MAX_HEAD:
            return partial(self._linger, conn, refusal("431 Request Header Fields Too Large", "headers_too_large"))
        if left in (0, UNREAD):
            conn.unread = left == UNREAD
            return partial(self.enqueue_req, conn)
        if left and not conn.told:
            conn.told = True
            if expects_continue(conn.received):  # it asks before it sends its body
                _send(conn.sock, b"HTTP/1.1 100 Continue\r\n\r\n")
        return None

    def _stop_waiting(self, conn: TConn) -> None:
        self.waiting.remove(conn)
        self.poller.unregister(conn.sock)

    def _make_room(self) -> None:
        if self.closing:
            self._close(self.closing[0])
        elif self.keepalived_conns:
            conn = self.keepalived_conns.popleft()
            self.poller.unregister(conn.sock)
            self._linger(conn, b"")
        elif self.waiting:
            conn = self.waiting[0]
            self._stop_waiting(conn)
            self._linger(conn, refusal("503 Service Unavailable", "busy") if conn.received else b"")

    def _linger(self, conn: TConn, answer: bytes) -> None:
        """Say the last word, then take what still comes for LINGER seconds: a reset would destroy the answer."""
        conn.sock.setblocking(False)
        conn.drained, conn.timeout = 0, time.monotonic() + LINGER
        if answer:
            _send(conn.sock, answer)
        self.closing.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._drain, conn))
        with suppress(OSError):
            conn.sock.shutdown(socket.SHUT_WR)
        self._drain(conn, conn.sock)

    def _drain(self, conn: TConn, client: socket.socket) -> None:
        if conn not in self.closing:  # as above
            return
        data = _receive(client)
        conn.drained += len(data or b"")
        if data == b"" or conn.drained > MAX_DRAIN:
            self._close(conn)

    def _close(self, conn: TConn) -> None:
        self.closing.remove(conn)
        self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        conn.close()


def _receive(client: socket.socket) -> bytes | None:
    """What is there; None: nothing yet; b"": the peer has ended or is gone."""
    try:
        return client.recv(CHUNK)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _send(client: socket.socket, data: bytes) -> None:
    with suppress(OSError):  # a full buffer or a peer that is gone: it gets no answer then
        client.send(data)
