"""A listener in the desk's place, for tests of the stand-ins: keeps what they send and answers as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


@dataclass(frozen=True)
class Request:
    """One POST as it arrived."""

    path: str
    headers: Message
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body as JSON; of a form, its field `payload` (Slack)."""
        form = self.headers.get_content_type() == "application/x-www-form-urlencoded"
        found = json.loads(parse_qs(self.body.decode(), strict_parsing=True)["payload"][0] if form else self.body)
        assert isinstance(found, dict)
        return found


class Listener:
    """`url` to send to; `requests` so far; `answers` are used up first, then `status` with `body` after `delay` s."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: deque[int] = deque()
        self.status = 200
        self.body = b""
        self.delay = 0.0
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.requests.append(Request(self.path, self.headers, body))
                time.sleep(listener.delay)
                answer = listener.answers.popleft() if listener.answers else listener.status
                try:
                    self.send_response(answer)
                    self.send_header("Content-Length", str(len(listener.body)))
                    self.end_headers()
                    self.wfile.write(listener.body)
                except OSError:
                    pass  # the sender did not wait

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Listener:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
