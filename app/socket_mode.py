"""Slack's Socket Mode: presses come by a connection that the worker opens, so nothing of ours need be reachable.

What arrives takes the Slack door's way behind its signature (app.web.slack); an envelope is acknowledged only when its
event is committed. Slack may send one that was not acknowledged again: it is the same fact, so it counts once. Each
worker holds one connection (Slack allows ten) and Slack gives each envelope to one of them. Source: facts S45.

slack_sdk's client speaks TLS on port 443 alone and plain text on any other, so the address is checked; it would use a
proxy from the environment; and it takes the end of a connection for silence and reads on without pause (3.47.0).
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH
from slack_sdk import WebClient
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient

from app import trace
from app.clients.outcome import not_applied
from app.clients.slack import SlackClient
from app.errors import BadPayloadError, VendorError
from app.logs import report
from app.parse.common import as_dict, as_str
from app.parse.slack import MAX_KEYS
from app.setting_forms import is_loopback
from app.settings import Settings
from app.strictjson import loads_object

if TYPE_CHECKING:
    from app.web.door import Desk
    from app.web.slack import Answer

log = logging.getLogger(__name__)

AT_ONCE = 4  # presses that one worker answers at the same time
LONGEST_PAUSE = 60.0  # seconds between two tries to connect
READ = 16 * 1024  # bytes; a card comes back with each press, and the client takes a step of recursion a read

# The client logs what people sent at DEBUG, and addresses with their ticket at other levels; what we need is in ours.
_silent = logging.getLogger("slack_sdk.desk.socket")
_silent.setLevel(logging.CRITICAL + 1)

Take = Callable[[bytes, float], "Answer"]


def start(settings: Settings, desk: Desk, stopping: threading.Event) -> threading.Thread | None:
    """Listen in a thread until `stopping` is set; it ends within STOP_WITHIN. None when SLACK_APP_TOKEN is empty."""
    if settings.chat != "slack" or not settings.slack_app_token.get_secret_value():
        return None
    from app.web.door import Door  # a worker without Socket Mode needs no web framework
    from app.web.slack import SlackDoor
    from app.web.tell import Teller

    door = SlackDoor(Door(settings, desk, tell=Teller(settings)))
    listener = Listener(settings, door.take, stopping)
    thread = threading.Thread(target=listener.run, name="socket-mode", daemon=True)
    thread.start()
    return thread


class Listener:
    """One connection to Slack, opened again whenever it ends. `take`: the door's way for one payload and the time."""

    def __init__(self, settings: Settings, take: Take, stopping: threading.Event) -> None:
        self._take = take
        self._stopping = stopping
        self._slack = SlackClient(settings)
        self._token = settings.slack_app_token.get_secret_value()
        self._of_stand_ins = urlsplit(settings.slack_url).scheme == "http"
        self._shortest = settings.retry_base
        self._pause = 0.0
        self._not_before = 0.0
        self._client = _Client(self._address, settings)
        self._client.message_listeners.append(self._heard)
        self._client.on_error_listeners.append(self._lost)

    def run(self) -> None:
        """Blocks until `stopping` is set. What is under way then is still answered; nothing more is taken."""
        try:
            while not self._stopping.is_set() and not self._connected():
                self._stopping.wait(max(0.1, self._not_before - time.monotonic()))
            self._stopping.wait()  # from the first connection on the client's own watch opens the next ones
        finally:
            self._client.end()
            self._slack.close()

    def _connected(self) -> bool:
        try:
            self._client.connect()
        except VendorError:
            return False  # _address has said why
        return True

    def _address(self) -> str:
        """Where to connect, from Slack. Raises VendorError; after a failure not asked again for a while."""
        if time.monotonic() < self._not_before or self._stopping.is_set():
            raise not_applied("slack", "too_early")
        try:
            url = checked(self._slack.socket_address(self._token), stand_ins=self._of_stand_ins)
        except VendorError as failed:
            self._pause = min(max(self._shortest, self._pause * 2), LONGEST_PAUSE)
            asked = getattr(failed, "retry_after", None) or 0.0
            self._not_before = time.monotonic() + max(self._pause, asked)
            log.warning("socket.refused", extra={"reason": failed.reason, "next_in": max(self._pause, asked)})
            raise
        self._pause = 0.0
        return url

    def _lost(self, error: Exception) -> None:
        if not self._stopping.is_set() and not self._client.current_session_state.terminated:  # else it was replaced
            log.warning("socket.lost", extra={"error": type(error).__name__})

    def _heard(self, client: BaseSocketModeClient, _: dict[str, object], raw: str | None) -> None:
        """One message. Nothing that goes wrong here may end the connection, and none of its words may reach a log."""
        try:
            with trace.fresh():
                self._read(client, (raw or "").encode())
        except BadPayloadError as bad:
            log.warning("socket.unreadable", extra={"reason": bad.reason})
        except Exception as bug:  # noqa: BLE001 - not acknowledged, so Slack tells the presser or sends it again
            report(log, "socket.failed", bug)

    def _read(self, client: BaseSocketModeClient, raw: bytes) -> None:
        if not raw.startswith(b"{"):
            return
        envelope = loads_object(raw, max_keys=MAX_KEYS, any_text=True)
        kind, number = as_str(envelope.get("type")), as_str(envelope.get("envelope_id"))
        if kind == "hello":
            log.info("socket.connected")
        if not number:
            return
        answer: dict[str, object] = {"envelope_id": number}
        if kind == "interactive":
            taken = self._take(json.dumps(as_dict(envelope.get("payload"))).encode(), time.time())
            if taken.status != 200 or not taken.recorded:
                log.warning("socket.not_recorded")
                return
            if taken.body and envelope.get("accepts_response_payload") is True:
                answer["payload"] = taken.body
        client.send_socket_mode_response(answer)  # other kinds we have not asked for: acknowledged and left


def checked(url: str, *, stand_ins: bool) -> str:
    """An address that the client speaks TLS to, or (`stand_ins`) one of this machine. Raises NotAppliedError."""
    parts = urlsplit(url)
    try:
        usual = parts.port in (None, 443)
    except ValueError:
        usual = False
    stand_in = stand_ins and parts.scheme == "ws" and is_loopback(parts.hostname or "")
    if not stand_in and not (parts.scheme == "wss" and parts.hostname and usual):
        raise not_applied("slack", "address")
    return url


class _Client(SocketModeClient):
    """slack_sdk's client with our address, our certificates, no proxy, and an end that it notices."""

    def __init__(self, address: Callable[[], str], settings: Settings) -> None:
        context = ssl.create_default_context(cafile=settings.ca_bundle or DEFAULT_CA_BUNDLE_PATH)
        super().__init__(
            app_token="",  # the address comes from us
            logger=_silent,
            web_client=WebClient(ssl=context, logger=_silent),
            ping_interval=settings.heartbeat,
            receive_buffer_size=READ,
            concurrency=AT_ONCE,
        )
        self.proxy = None
        self._address = address

    def issue_new_wss_url(self) -> str:
        return self._address()

    def connect(self) -> None:
        super().connect()
        session = self.current_session
        if session is not None and session.sock is not None:
            session.sock = _Ending(session.sock)  # type: ignore[assignment]  # it has all that the client uses

    def end(self) -> None:
        """Finish what is under way, take nothing more, close."""
        self.auto_reconnect_enabled = self.default_auto_reconnect_enabled = False
        self.message_workers.shutdown(wait=True)
        sock = self.current_session.sock if self.current_session is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):  # wakes the reader, which `close` would wait for
                sock.shutdown(socket.SHUT_RDWR)
        self.close()


class _Ending:
    """A connection's socket whose end is an error, not an empty read."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def recv(self, size: int) -> bytes:
        data = self._sock.recv(size)
        if not data:
            raise ConnectionResetError
        return data

    def __getattr__(self, name: str) -> object:
        return getattr(self._sock, name)
