"""The sandbox as one server: all vendors, the page, the control interface on one port, optionally the same on TLS.

Werkzeug's own server closes each connection and waits 10 ms after each answer; this handler keeps connections alive, so
that clients meet what they meet in production.
"""

from __future__ import annotations

import socket
import ssl
import tempfile
import threading
import traceback
from collections.abc import Iterable
from copy import copy
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, request
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from sandbox import backoffice, control, jira, mattermost, page, slack, zendesk
from sandbox.controls import ControlError, refused
from sandbox.core import Config, World

IDLE = 75.0  # seconds until a silent connection is closed
HANDSHAKE_FAILURE = b"\x15\x03\x03\x00\x02\x02\x28"  # a fatal TLS alert, as a server without a common cipher sends it

__all__ = ["Config", "Sandbox", "World", "create_app"]


def create_app(world: World) -> Flask:
    """All stand-ins as one WSGI app that serves `world`."""
    app = copy(_joined())
    app.extensions = {"sandbox": world}
    return app


@cache
def _joined() -> Flask:
    """The routes of all stand-ins, compiled once: every view asks for the world of the app that serves it."""
    app = Flask("sandbox", static_folder=None)
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.before_request(_read_all)
    app.register_error_handler(ControlError, refused)
    for part in (control, zendesk, slack, mattermost, jira, backoffice, page):
        app.register_blueprint(part.blueprint())
    return app


def _read_all() -> None:
    """Read the body first, whatever the view does: a kept-alive connection must not start in the middle of one."""
    request.get_data(cache=True)


class Handler(WSGIRequestHandler):
    """HTTP/1.1 with keep-alive; an answer's head and body leave in one packet where possible."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)  # type: ignore[attr-defined]

    def finish(self) -> None:
        self.server.connections.discard(self.connection)  # type: ignore[attr-defined]
        super().finish()

    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: the page lists what arrived."""

    def connection_dropped(self, error: BaseException, environ: Any = None) -> None:
        self.close_connection = True

    def run_wsgi(self) -> None:
        """Serve one request of the connection."""
        head: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            head[:] = [status, headers]
            return lambda data: None

        self.environ = environ = self.make_environ()
        try:
            body = self.server.app(environ, start_response)
            try:
                self._answer(head[0], head[1], body)
            finally:
                close = getattr(body, "close", None)
                if close:
                    close()
        except OSError:
            self.close_connection = True  # the client has gone, or a fault closed the connection
        except Exception:  # noqa: BLE001 - a server must outlive a broken view; Flask has answered 500 already
            traceback.print_exc()
            self.close_connection = True

    def _answer(self, status: str, headers: list[tuple[str, str]], body: Iterable[bytes]) -> None:
        names = {name.lower() for name, _ in headers}
        bare = self.command == "HEAD" or status[:3] in {"204", "304"}
        chunked = not bare and "content-length" not in names
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers)]
        lines.append(f"Date: {self.date_time_string()}")
        if chunked:
            lines.append("Transfer-Encoding: chunked")
        if self.close_connection:
            lines.append("Connection: close")
        pending = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        for data in body:
            if data and not bare:
                self.wfile.write(pending + (b"%x\r\n%b\r\n" % (len(data), data) if chunked else data))
                pending = b""
        pending += b"0\r\n\r\n" if chunked else b""
        if pending:
            self.wfile.write(pending)


class _Server(ThreadedWSGIServer):
    """Threads per connection; the TLS handshake runs in the connection's own thread, where it can be made to fail."""

    def __init__(self, host: str, port: int, world: World, app: Flask, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port, app, Handler)
        self.world = world
        self.ssl_context = tls
        self.connections: set[socket.socket] = set()

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.ssl_context is None:
            super().finish_request(request, client_address)
            return
        if self.world.faults.take_tls():
            request.recv(4096)
            request.sendall(HANDSHAKE_FAILURE)
            return
        request.settimeout(10.0)
        try:
            wrapped = self.ssl_context.wrap_socket(request, server_side=True)
        except OSError:
            return
        try:
            super().finish_request(wrapped, client_address)
        finally:
            wrapped.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A broken connection is the caller's affair; say nothing."""

    def drop_connections(self) -> None:
        """Close every open connection, so that the next request needs a new one."""
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class Sandbox:
    """The stand-ins in this process: `start`, use `url` (and `tls_url` with `ca_file`), look into `world`, `stop`."""

    def __init__(self, config: Config | None = None, tls: bool = False) -> None:
        self.config = config or Config()
        self.world = World(self.config)
        self.app = create_app(self.world)
        self._tls = tls
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._servers: list[_Server] = []
        self._threads: list[threading.Thread] = []
        self.url = ""
        self.tls_url = ""
        self.ca_file = ""

    def start(self) -> Sandbox:
        """Listen; answers itself, so that `Sandbox().start()` is one expression."""
        plain = self._listen(self.config.port, None)
        self.url = self.world.url = f"http://{self.config.host}:{plain.port}"
        if self._tls:
            secure = self._listen(self.config.tls_port, self._certificates())
            self.tls_url = f"https://{self.config.host}:{secure.port}"
            self.world.drop_tls = secure.drop_connections
        return self

    def stop(self) -> None:
        """Close the ports and every open connection; pending webhooks are dropped."""
        self.world.closing.set()
        self.world.changed()
        for server in self._servers:
            server.shutdown()
            server.drop_connections()
        for thread in self._threads:
            thread.join(5)
        self.world.hooks.stop()
        if self._folder:
            self._folder.cleanup()

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _listen(self, port: int, tls: ssl.SSLContext | None) -> _Server:
        server = _Server(self.config.host, port, self.world, self.app, tls)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="sandbox", daemon=True)
        thread.start()
        self._servers.append(server)
        self._threads.append(thread)
        return server

    def _certificates(self) -> ssl.SSLContext:
        import trustme  # a development dependency; only TLS tests need it

        self._folder = tempfile.TemporaryDirectory(prefix="sandbox-ca-")
        authority = trustme.CA()
        self.ca_file = str(Path(self._folder.name) / "ca.pem")
        authority.cert_pem.write_to_path(self.ca_file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost", self.config.host).configure_cert(context)
        return context
