"""One way out to every vendor: a request leaves once, waits are bounded, redirects are refused, answers are capped.

The libraries re-send by themselves what may have been applied (facts: zenpy 4 times, jira 4, slack_sdk 2). Here a
request is sent exactly once, and every failure leaves as one of our errors before a library can see and retry it.
"""

from __future__ import annotations

import http.client
import io
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Retry
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from app import trace
from app.clients.outcome import Progress, broken, judge, unknown
from app.errors import VendorError
from app.settings import Settings

log = logging.getLogger(__name__)

MAX_ANSWER = 1024 * 1024  # bytes, decoded (bad-inputs.md J011)
DEADLINE = 20.0  # seconds for one call from start to the last byte (J011)
IDLE = 10.0  # seconds; older kept-alive connections are closed, since a reset on one is an unknown outcome
_CHUNK = 16 * 1024

Judge = Callable[[int, Mapping[str, str], bytes], VendorError | None]


@dataclass
class _Trace:
    """What happened to the request this thread is sending."""

    deadline: float
    progress: Progress = Progress.UNTRACED


class _Here(threading.local):
    trace: _Trace | None = None


_here = _Here()


class _Timed(io.RawIOBase):
    """A socket's bytes with a deadline for the whole answer, so that a slow drip cannot hold a thread."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._read = sock.gettimeout()
        self._raw = sock.makefile("rb", buffering=0)
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline has passed")
        self._sock.settimeout(left if self._read is None else min(left, self._read))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Reply(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        if _here.trace is not None:
            self.fp.close()
            self.fp = io.BufferedReader(_Timed(sock, _here.trace.deadline))


class _Plain(HTTPConnection):
    """Notes how far a request got: only that tells surely-not-applied from unknown."""

    response_class = _Reply
    _used = 0.0

    def connect(self) -> None:
        _note(Progress.CONNECTING)
        super().connect()
        self._used = time.monotonic()

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _note(Progress.SENT)
        self._used = time.monotonic()
        super().send(data)

    @property
    def is_connected(self) -> bool:
        return time.monotonic() - self._used < IDLE and super().is_connected


class _Secure(_Plain, HTTPSConnection):
    pass


def _note(progress: Progress) -> None:
    if _here.trace is not None:
        _here.trace.progress = progress


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class Wire(HTTPAdapter):
    """The transport of one vendor, shared by all threads. `send` returns a good answer or raises a VendorError."""

    def __init__(self, vendor: str, settings: Settings, *, judge: Judge | None = None) -> None:
        self.vendor = vendor
        self.deadline = DEADLINE
        self.skew: float | None = None  # the vendor's clock less ours, seconds, by the last answer's Date
        self._judge = judge
        self._timeouts = (settings.connect_timeout, settings.read_timeout)
        self._verify = settings.ca_bundle or True
        never = Retry(total=0, connect=0, read=0, redirect=0, status=0, other=0, respect_retry_after_header=False)
        super().__init__(pool_connections=4, pool_maxsize=settings.worker_concurrency + 4, max_retries=never)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}

    def send(self, request: requests.PreparedRequest, *_args: Any, **_options: Any) -> requests.Response:
        """Send once. Raises the VendorError family only, without the library's exception as its context."""
        began, method = time.perf_counter(), request.method or ""
        with trace.span(f"{self.vendor} {method}", "client", vendor=self.vendor, method=method) as told:
            try:
                response = self._once(request)
                told["status"] = response.status_code
            except VendorError as failed:
                told.update(reason=failed.reason, **({"status": failed.status} if failed.status else {}))
                raise
            finally:
                log.info("vendor.called", extra={**told, "ms": round((time.perf_counter() - began) * 1000, 1)})
        return response

    def _once(self, request: requests.PreparedRequest) -> requests.Response:
        sent = _here.trace = _Trace(time.monotonic() + self.deadline)
        failure: VendorError | None = None
        try:
            response = super().send(request, stream=True, timeout=self._timeouts, verify=self._verify, proxies={})
            self.skew = _skew(response.headers.get("Date"))
            body = _read(response)
            failure = unknown(self.vendor, "oversized", response.status_code) if body is None else None
        except (requests.RequestException, HTTPError, OSError, http.client.HTTPException) as error:
            failure = broken(self.vendor, error, sent.progress)
        finally:
            _here.trace = None
        if failure is None and body is not None:
            failure = self._say(response, body)
        if failure is not None or body is None:
            raise failure or unknown(self.vendor, "unreadable")
        # requests keeps a body it has read in these two; setting them makes .content and .json() work as usual
        response._content = body
        response._content_consumed = True  # type: ignore[attr-defined]
        return response

    def _say(self, response: requests.Response, body: bytes) -> VendorError | None:
        if self._judge is not None:
            return self._judge(response.status_code, response.headers, body)
        return judge(self.vendor, response.status_code, response.headers, body)

    def close(self) -> None:
        """Nothing: a session of one thread must not close the connections of the others. See `release`."""

    def release(self) -> None:
        """Close the idle connections."""
        super().close()


def _skew(date: str | None) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp() - time.time() if date else None
    except (ValueError, IndexError, OverflowError):
        return None


def _read(response: requests.Response) -> bytes | None:
    """The decoded body, or None when it is larger than MAX_ANSWER."""
    parts: list[bytes] = []
    size = 0
    try:
        for part in response.iter_content(_CHUNK):
            size += len(part)
            if size > MAX_ANSWER:
                return None
            parts.append(part)
    finally:
        response.close()
    return b"".join(parts)


def prepare(session: requests.Session, wire: Wire) -> None:
    """Make a session go out through the wire only: no proxies, netrc, cookies or redirects."""
    session.trust_env = False
    session.adapters.clear()
    session.mount("https://", wire)
    session.mount("http://", wire)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))


def retries(session: requests.Session) -> int:
    """How often the transports of a session would send again by themselves."""
    return sum(int(getattr(adapter, "max_retries", Retry(0)).total or 0) for adapter in session.adapters.values())


class OverWire:
    """What every vendor's client is made of: a wire shared by all threads, and a place for what each thread keeps."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._here = threading.local()

    def close(self) -> None:
        """Close the idle connections."""
        self._wire.release()

    @property
    def skew(self) -> float | None:
        """As Wire.skew."""
        return self._wire.skew
