"""Where a person's request came from, for the audit trail and the limits of logins.

The socket's peer; behind a proxy of ADMIN_PROXIES whoever that proxy names as its own peer. What anybody else writes
into X-Forwarded-For is never believed, and the doors of vendors do not read it at all (app/web/peers.py).
Source: bad-inputs A003, W062; faults.md R8.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from flask import request

from app.web.guard import address_of

HOPS = 10  # proxies behind each other that are looked at; more is nobody's real set-up


def origin(proxies: Sequence[str]) -> str:
    """The address, '' when the server knows none."""
    here = request.remote_addr or ""
    ours = [ipaddress.ip_network(one) for one in proxies]
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
    for hop in reversed(hops[-HOPS:] if ours else ()):
        peer, named = address_of(here), address_of(hop)
        if peer is None or named is None or not any(peer in network for network in ours):
            break
        here = str(named)
    return here
