"""Zendesk's rate limits with the headers of real answers (Z4.1-Z4.3): account, updates, updates of one ticket."""

from __future__ import annotations

import json
import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING

from flask import Response, request

if TYPE_CHECKING:
    from sandbox.core import World

UPDATES = {"tickets.update", "tags.add", "tags.set", "tags.remove"}
PER_TICKET = 30
PER_TICKET_SECONDS = 600.0
MINUTE = 60.0


class Window:
    """Counts calls of the last `length` seconds."""

    def __init__(self, length: float) -> None:
        self.length = length
        self._times: deque[float] = deque()

    def count(self, now: float) -> int:
        """How many calls lie inside the window."""
        while self._times and self._times[0] <= now - self.length:
            self._times.popleft()
        return len(self._times)

    def add(self, now: float) -> None:
        """Count one call."""
        self._times.append(now)

    def resets(self, now: float) -> int:
        """Whole seconds until the oldest call leaves the window (at least 1)."""
        return max(1, int(self._times[0] + self.length - now) + 1) if self._times else int(self.length)


class Limits:
    """The windows of one account."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._account = Window(MINUTE)
        self._updates = Window(MINUTE)
        self._tickets: dict[tuple[int, int], Window] = defaultdict(lambda: Window(PER_TICKET_SECONDS))

    def check(self, method: str, user_id: int) -> Response | None:
        """Count a call, or answer the 429 that refuses it. Tokens are not limited."""
        if method == "oauth.token":
            return None
        now, config = time.monotonic(), self._world.config
        windows = [(self._account, config.zendesk_account_rate, "Number of allowed API requests per minute exceeded")]
        if method in UPDATES:
            text = "Number of allowed ticket update API requests per minute exceeded"
            windows.append((self._updates, config.zendesk_update_rate, text))
            number = int((request.view_args or {}).get("ticket_id", 0))
            text = "Number of allowed updates of this ticket per 10 minutes exceeded"
            windows.append((self._tickets[user_id, number], PER_TICKET, text))
        for window, limit, text in windows:
            if window.count(now) >= limit:
                body = json.dumps({"error": "APIRateLimitExceeded", "description": text})
                headers = {"Retry-After": str(window.resets(now))}
                return Response(body, 429, headers, mimetype="application/json")
        for window, _, _ in windows:
            window.add(now)
        return None

    def headers(self, response: Response) -> Response:
        """Add what real answers carry."""
        now, config = time.monotonic(), self._world.config
        rate = config.zendesk_account_rate
        left = max(0, rate - self._account.count(now))
        response.headers["X-Rate-Limit"] = response.headers["RateLimit-Limit"] = str(rate)
        response.headers["X-Rate-Limit-Remaining"] = response.headers["RateLimit-Remaining"] = str(left)
        response.headers["RateLimit-Reset"] = str(self._account.resets(now))
        if request.method in {"PUT", "POST", "DELETE"} and request.view_args:
            update_left = max(0, config.zendesk_update_rate - self._updates.count(now))
            response.headers["Zendesk-RateLimit-Tickets-Update"] = (
                f"total={config.zendesk_update_rate}; remaining={update_left}; resets={self._updates.resets(now)}"
            )
        return response
