"""Slack's end of Socket Mode: connections that the app opens, envelopes that wait for its acknowledgement.

As documented (facts S45): apps.connections.open, `hello`, `disconnect` with its reason, ten connections, the envelope
{envelope_id, type, payload, accepts_response_payload} and its acknowledgement {envelope_id[, payload]}. Not documented,
so guesses of this stand-in: how long an acknowledgement is waited for (as long as an HTTP answer), and that an envelope
without one is sent again by another connection (`socket_redelivers`; false: it is lost).
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import Response

from sandbox.slack.people import APP_ID

if TYPE_CHECKING:
    from sandbox.core import World

MOST = 10  # connections of one app
TICKET_LIFE = 30.0
ACK_WITHIN = 3.0
ANOTHER_WITHIN = 10.0  # how long a press waits for another connection when its own is gone
TRIES = 3
TICK = 0.2
LAST_WORD = 0.3  # between the announcement of a disconnect and the disconnect


@dataclass(eq=False)
class Link:
    """One open connection. `sent`: how many envelopes it was given."""

    ws: Any
    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def open(self) -> bool:
        return bool(self.ws.connected)

    def send(self, message: Mapping[str, Any]) -> None:
        with self.lock, contextlib.suppress(Exception):  # gone in this moment: no acknowledgement will come
            self.ws.send(json.dumps(message, ensure_ascii=False))

    def drop(self) -> None:
        """As a broken network: no closing handshake."""
        with contextlib.suppress(OSError):
            self.ws.sock.shutdown(socket.SHUT_RDWR)


class Ended(Response):
    """What the route answers when its connection has ended: there is nobody to answer to."""

    def __call__(self, *_: object) -> Any:
        raise ConnectionError


class Sockets:
    """The connections of the one app. A reset leaves them alone.

    `on`: the app has had a connection, so it is one of Socket Mode, and its presses go by no other way.
    """

    def __init__(self, world: World) -> None:
        self.on = False
        self._world = world
        self._news = threading.Condition()
        self._tickets: dict[str, float] = {}
        self._links: list[Link] = []
        self._acks: dict[str, dict[str, Any]] = {}

    def url(self) -> str:
        """A new address for one connection; it says who connects, so it is good once and for a short time."""
        ticket = secrets.token_urlsafe(24)
        with self._news:
            self._tickets[ticket] = time.monotonic() + TICKET_LIFE
        return f"{self._world.url.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={APP_ID}"

    def serve(self, environ: dict[str, Any], ticket: str) -> Response:
        """One connection from its handshake to its end."""
        from simple_websocket import ConnectionClosed, Server  # a development dependency: the demo needs no sockets

        with self._news:
            good = self._tickets.pop(ticket, 0.0) > time.monotonic() and len(self.links()) < MOST
        if not good:
            return Response(status=403)
        link = Link(Server.accept(environ))
        with self._news:
            self.on = True
            self._links.append(link)
            self._news.notify_all()
        link.send(self._hello())
        self._world.changed()
        with contextlib.suppress(ConnectionClosed):
            while not self._world.closing.is_set():
                if said := link.ws.receive(timeout=TICK):
                    self._acknowledged(json.loads(said))
        with self._news:
            self._links.remove(link)
            self._news.notify_all()
        link.drop()
        return Ended()

    def links(self) -> list[Link]:
        """The open connections, oldest first."""
        return [link for link in self._links if link.open]

    def deliver(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """One interaction: an envelope, again by another connection until somebody acknowledges it.

        Answers what the person sees, in the form of an answer by HTTP: `status` is 200 once it is acknowledged.
        """
        kind, began = str(payload["type"]), time.monotonic()
        envelope = {
            "envelope_id": str(uuid.uuid4()),
            "type": "interactive",
            "accepts_response_payload": kind == "view_submission",
            "payload": payload,
        }
        tried: list[Link] = []
        ack = None
        for number in range(1, 1 + (TRIES if self._world.config.socket_redelivers else 1)):
            link = self._another(tried)
            if link is None:
                break
            tried.append(link)
            ack = self._ask(link, envelope)
            said = "acknowledged" if ack else "no acknowledgement"
            self._world.hooks.note("slack", kind, said, number, time.monotonic() - began)
            if ack:
                break
        seconds = time.monotonic() - began
        body = (ack or {}).get("payload")
        return {
            "status": 200 if ack else None,
            "ms": round(seconds * 1000),
            "warning": ack is None or seconds > ACK_WITHIN,
            "timed_out": ack is None,
            "body": json.dumps(body) if body else "",
            "attempts": len(tried),
        }

    def disconnect(self, reason: str) -> int:
        """Announce the end of every connection and end it; `drop` ends them without a word. How many there were."""
        with self._news:
            links = self.links()
        for link in links:
            if reason != "drop":
                link.send({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-stand-in"}})
                self._world.pause(LAST_WORD)
            link.drop()
        return len(links)

    def _hello(self) -> dict[str, Any]:
        debug = {"host": "applink-stand-in", "build_number": 1, "approximate_connection_time": 18060}
        return {
            "type": "hello",
            "num_connections": len(self.links()),
            "connection_info": {"app_id": APP_ID},
            "debug_info": debug,
        }

    def _another(self, tried: list[Link]) -> Link | None:
        """The connection that had the fewest envelopes, one that was not tried yet first; None when there is none."""
        with self._news:
            self._news.wait_for(lambda: self.links() or self._world.closing.is_set(), ANOTHER_WITHIN)
            fresh = sorted(self.links(), key=lambda link: (link in tried, link.sent))
            return fresh[0] if fresh else None

    def _ask(self, link: Link, envelope: Mapping[str, Any]) -> dict[str, Any] | None:
        link.sent += 1
        link.send(envelope)
        wanted = str(envelope["envelope_id"])
        end = time.monotonic() + ACK_WITHIN
        with self._news:
            while wanted not in self._acks and link.open and time.monotonic() < end:
                self._news.wait(min(TICK, max(0.0, end - time.monotonic())))
            return self._acks.pop(wanted, None)

    def _acknowledged(self, said: Any) -> None:
        if isinstance(said, dict) and said.get("envelope_id"):
            with self._news:
                self._acks[str(said["envelope_id"])] = said
                self._news.notify_all()
