"""Before the signature: is this a request we read at all? Host, length, size, path form; how often one peer may fail.

X-Forwarded-For, X-Forwarded-Host and Forwarded are never read: the peer is the socket's, the host is the request's.
(For people, not vendors, there is app/admin/origin.py.)
Source: bad-inputs W036-W064.
"""

from __future__ import annotations

import ipaddress
import json
import re
import threading
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from flask import Request, Response
from werkzeug.exceptions import NotFound

from app.setting_forms import is_loopback
from app.settings import Settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_AUTHORITY = re.compile(r"^https?://[^/]*", re.IGNORECASE)
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::[0-9]{1,5})?", re.IGNORECASE | re.ASCII)
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})  # asked by probes, which know an address only
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


class Hosts:
    """The names that a request may call us: PUBLIC_URL's host, HOST, and this machine's own; with any port (W039)."""

    def __init__(self, settings: Settings) -> None:
        self._names = {(urlsplit(settings.public_url).hostname or "").lower(), settings.host.lower().strip("[]")}

    def check(self, request: Request) -> Response | None:
        """None when it is us; else the refusal. A request line with a whole URL names a host too."""
        if request.path in OPEN_PATHS:
            return None
        named = _AUTHORITY.match(str(request.environ.get("RAW_URI", "")))
        asked = [request.environ.get("HTTP_HOST", "")]
        if named:
            asked.append(named[0].partition("//")[2])
        return None if all(map(self._ours, asked)) else error(400, "host", {"Connection": "close"})

    def _ours(self, authority: str) -> bool:
        match = _HOST.fullmatch(authority)
        host = (match[1] or match[2]).lower() if match else ""
        return host in self._names or is_loopback(host)


class Presses:
    """How fast one person may press one card: `limit` in `window` seconds. Bounded memory, thread-safe.

    Counted by card: who decides twenty cards in a row is quick, who presses one card ten times is not deciding. A
    press that comes again (same fact) is no second press. Source: bad-inputs S031.
    """

    def __init__(self, limit: int = 5, window: float = 10.0, size: int = 4096) -> None:
        self._limit, self._window, self._size = limit, window, size
        self._seen: OrderedDict[str, tuple[deque[tuple[float, str]], list[bool]]] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, who: str, fact: str, now: float) -> Literal["", "slow_down", "slow_down_silent"]:
        """'' to go on; `slow_down` for the first press too many; `slow_down_silent` for those after it."""
        with self._lock:
            taken, told = self._seen.pop(who, (deque(), []))
            self._seen[who] = (taken, told)
            if len(self._seen) > self._size:
                self._seen.popitem(last=False)
            while taken and not 0 <= now - taken[0][0] < self._window:
                taken.popleft()
            if any(fact == earlier for _, earlier in taken):
                return ""
            if len(taken) < self._limit:
                taken.append((now, fact))
                told.clear()
                return ""
            if told:
                return "slow_down_silent"
            told.append(True)
            return "slow_down"


class Repeats:
    """Says once in `window` seconds what comes again and again, and counts it. For constants: it forgets none."""

    def __init__(self, window: float = 3600.0) -> None:
        self._window = window
        self._seen: dict[str, tuple[float, int]] = {}  # when it was said, and how often it has come since
        self._lock = threading.Lock()

    def take(self, what: str, now: float) -> int:
        """0: it was said a moment ago. Else: say it now, it has come so often since it was last said."""
        with self._lock:
            said, count = self._seen.get(what, (float("-inf"), 0))
            say = not 0 <= now - said < self._window
            self._seen[what] = (now, 0) if say else (said, count + 1)
        return count + 1 if say else 0


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
        who = peer(address)
        with self._lock:
            since, count = self._peers.pop(who, (now, 0))
            if now - since >= self._window or now < since:
                since, count = now, 0
            self._peers[who] = (since, count + 1)
            if len(self._peers) > self._size:
                self._peers.popitem(last=False)
        return count >= self._limit


def address_of(text: str) -> Address | None:
    """None for what is no address. An IPv4 address that a dual-stack socket shows as IPv6 is the IPv4 address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def peer(address: str) -> str:
    """Who is counted as one: an IPv4 address, or an IPv6 address's /64."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return "?"
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)
