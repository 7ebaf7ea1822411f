"""Before the signature: is this a request we read at all? Length, size, path form; and how often one peer may fail.

Whose Host header it is, is not checked here: the doors build no link from it, and the proxy or host in front knows its
own names. X-Forwarded-For and Forwarded are never read: the peer is the socket's.
Source: bad-inputs W036-W064.
"""

from __future__ import annotations

import ipaddress
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping

from flask import Request, Response
from werkzeug.exceptions import NotFound

_AUTHORITY = re.compile(r"^https?://[^/]*", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,12}")
SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}


def error(status: int, code: str, headers: Mapping[str, str] | None = None) -> Response:
    """The fixed short body `{"error":"<code>"}`, and nothing else."""
    body = json.dumps({"error": code}, separators=(",", ":"))
    return Response(body, status=status, headers=dict(headers or {}), mimetype="application/json")


class RefusedRequest(Exception):  # noqa: N818 - it carries an answer, it is not a fault of ours
    """Answer with this; `reason` is for the counter."""

    def __init__(self, status: int, code: str, reason: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.answer = error(status, code, headers)


def read_body(request: Request, limit: int) -> bytes:
    """The whole body, or RefusedRequest: 411 without a length, 413 unread above `limit`, 408 when it stops short.

    A request refused here is not read to its end, so its connection is closed. The deadline for slow senders is the
    server's (app.web.server), which hands a request over when it is complete.
    """
    close = {"Connection": "close"}
    _check_path(request)
    length = request.environ.get("CONTENT_LENGTH", "")
    if "HTTP_TRANSFER_ENCODING" in request.environ or not length:
        raise RefusedRequest(411, "length_required", "no_length", close)
    if not _LENGTH.fullmatch(length):
        raise RefusedRequest(400, "bad_request", "bad_length", close)
    if int(length) > limit:
        raise RefusedRequest(413, "too_large", "too_large", close)
    try:
        body: bytes = request.environ["wsgi.input"].read(int(length))
    except OSError:  # the peer went away
        body = b""
    if len(body) != int(length):
        raise RefusedRequest(408, "timeout", "short_body", close)
    return body


def _check_path(request: Request) -> None:
    """The server unquotes the path and drops a leading slash: neither %2f nor // may become a route of ours (W040)."""
    raw = str(request.environ.get("RAW_URI", "")).partition("?")[0]
    if _AUTHORITY.sub("", raw) != request.root_path + request.path:
        raise NotFound


class Throttle:
    """Counts bad signatures per peer: above `limit` in `window` seconds the answer is 429. Bounded memory, thread-safe.

    An IPv6 peer is its /64, since one host owns that many addresses. Of more than `size` peers the oldest is forgotten.
    """

    def __init__(self, limit: int = 20, window: float = 60.0, size: int = 4096) -> None:
        self._limit, self._window, self._size = limit, window, size
        self._peers: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def too_many(self, address: str, now: float) -> bool:
        """Counts one more failure of `address` and says whether it had its share."""
        peer = _peer(address)
        with self._lock:
            since, count = self._peers.pop(peer, (now, 0))
            if now - since >= self._window or now < since:
                since, count = now, 0
            self._peers[peer] = (since, count + 1)
            if len(self._peers) > self._size:
                self._peers.popitem(last=False)
        return count >= self._limit


def _peer(address: str) -> str:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "?"
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)
