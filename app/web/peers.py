"""Who may call our Mattermost actions: nothing signs them, so the address they come from is the first lock of three.

MATTERMOST_PEERS (addresses, networks, or `any`); empty: the addresses of MATTERMOST_URL's host. The peer is the
socket's: X-Forwarded-For and its like are never read. Source: facts M7, M11; bad-inputs M002, M006, W062.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

from app.settings import Settings
from app.web.guard import address_of

log = logging.getLogger(__name__)

KEPT, AGAIN = 60.0, 2.0  # seconds that the addresses of a name are believed, and until none is looked for again
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str], Iterable[str]]


def resolve(host: str) -> list[str]:
    """Every address of a name, as this machine's resolver says. Raises OSError."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


class Peers:
    """Thread-safe. When the resolver fails, the addresses that were known last go on to count."""

    def __init__(
        self, settings: Settings, *, resolve: Resolve = resolve, clock: Callable[[], float] = time.monotonic
    ) -> None:
        named = settings.mattermost_peers
        self._any = named == ("any",)
        self._fixed = tuple(ipaddress.ip_network(one) for one in named if one != "any")
        self._host = "" if named else (urlsplit(settings.mattermost_url).hostname or "")
        self._resolve, self._clock = resolve, clock
        self._lock = threading.Lock()
        self._known: tuple[Network, ...] = ()
        self._asked = float("-inf")

    def allowed(self, address: str | None) -> bool:
        """Whether a request from this peer is looked at."""
        if self._any:
            return True
        peer = address_of(address or "")
        return peer is not None and any(peer in network for network in self.networks())

    def networks(self) -> tuple[Network, ...]:
        """Who is let in now; empty: nobody. Not meant for MATTERMOST_PEERS=any."""
        if self._fixed or not self._host:
            return self._fixed
        # One asks; the others meanwhile go by what is known, unless nothing is.
        if self._is_old() and self._lock.acquire(blocking=not self._known):
            try:
                if self._is_old():
                    self._ask()
            finally:
                self._lock.release()
        return self._known

    def _is_old(self) -> bool:
        return self._clock() - self._asked > (KEPT if self._known else AGAIN)

    def _ask(self) -> None:
        try:
            found = {address_of(one.partition("%")[0]) for one in self._resolve(self._host)}
            self._known = tuple(sorted((ipaddress.ip_network(one) for one in found if one), key=str))
        except (OSError, UnicodeError):
            log.warning("peers.not_resolved")
        self._asked = self._clock()
