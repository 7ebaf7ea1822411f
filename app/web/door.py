"""One path for every sender: framing, signature, parse, submit, answer. The sender's module brings verify and parse.

An authentic request is answered 2xx, or 503 with a short Retry-After when nothing could be recorded; never 4xx and
never 500, which the senders treat as final (facts Z1.18, J40).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from flask import Request, Response, request
from prometheus_client import Metric

from app.errors import BadSignatureError, StoreError
from app.events import ButtonPressed, IssueChanged, Refused, Sender, TicketTagged
from app.logs import report
from app.metrics import DoorMetrics
from app.parse import Challenge
from app.parse.common import dead
from app.settings import Settings
from app.web.guard import RefusedRequest, Throttle, error, read_body

log = logging.getLogger(__name__)

RETRY_AFTER = 30  # seconds; Zendesk re-sends after a 503 only below 60 (Z1.18)
Event = TicketTagged | ButtonPressed | IssueChanged | Refused


class Desk(Protocol):
    """What the doors need of the engine; app/engine.py provides it, tests bring a fake."""

    def submit(self, event: Event, *, sender: str) -> bool:
        """Records event and job together. True: new; False: duplicate. Raises StoreError: nothing is recorded."""
        ...

    def ready(self) -> dict[str, str]:
        """{} when ready, else name -> problem (constants only)."""
        ...

    def metrics(self) -> Iterable[Metric]: ...


Verify = Callable[[bytes, Request, float], int]
Parse = Callable[[bytes, Request, float], Event | Challenge]


@dataclass(frozen=True)
class Door:
    """What all doors of one app share. `clock`: epoch seconds, replaced in tests."""

    settings: Settings
    desk: Desk
    metrics: DoorMetrics = field(default_factory=DoorMetrics)
    throttle: Throttle = field(default_factory=Throttle)
    clock: Callable[[], float] = time.time
    tell: Callable[[str], bool] | None = None  # says "try again" to a Slack user; False: could not (app.web.tell)

    def receive(self, sender: Sender, verify: Verify, parse: Parse) -> Response:
        """Handles the current request from its first byte to its answer."""
        began = time.perf_counter()
        try:
            answer = self._receive(sender, verify, parse)
        except RefusedRequest as refused:
            self.metrics.refused.labels(sender, refused.reason).inc()
            answer = refused.answer
        took = time.perf_counter() - began
        self.metrics.requests.labels(sender, str(answer.status_code)).inc()
        self.metrics.seconds.labels(sender).observe(took)
        log.info("door.answered", extra={"sender": sender, "status": answer.status_code, "ms": round(took * 1000, 1)})
        return answer

    def _receive(self, sender: Sender, verify: Verify, parse: Parse) -> Response:
        body = read_body(request, self.settings.max_body)
        now = self.clock()
        try:
            secret = verify(body, request, now)
        except BadSignatureError as bad:
            raise self._bad_signature(sender, bad.reason) from None
        self.metrics.verified.labels(sender, "current" if secret == 0 else "previous").inc()
        event = self._parse(sender, parse, body, now)
        if isinstance(event, Challenge):
            return Response(event.text, mimetype="text/plain")
        return self._submit(sender, event)

    def _bad_signature(self, sender: Sender, reason: str) -> RefusedRequest:
        # Only failures are counted, and the signature is always checked first: a flood of bad ones cannot shut
        # out the real sender, even behind the same proxy.
        if self.throttle.too_many(request.remote_addr or "", self.clock()):
            return RefusedRequest(429, "too_many", "throttled", {"Retry-After": "60"})
        log.warning("door.bad_signature", extra={"sender": sender, "reason": reason})
        return RefusedRequest(401, "signature", reason)

    def _parse(self, sender: Sender, parse: Parse, body: bytes, now: float) -> Event | Challenge:
        try:
            return parse(body, request, now)
        except Exception as bug:  # noqa: BLE001 - an authentic event must not be lost: a person sees the dead letter
            report(log, "door.parse_failed", bug, sender=sender)
            return dead("zd" if sender == "zendesk" else sender, body, "bug")

    def _submit(self, sender: Sender, event: Event) -> Response:
        outcome, reason = (event.outcome, event.reason) if isinstance(event, Refused) else ("new", "")
        try:
            if not self.desk.submit(event, sender=sender):
                outcome = "duplicate"
        except StoreError as failed:
            log.warning("door.not_recorded", extra={"sender": sender, "reason": failed.reason})
            return self._try_again(sender, event, reason)
        except Exception as bug:  # noqa: BLE001 - a 500 would be final for the sender; after a 503 it comes again
            report(log, "door.submit_failed", bug, sender=sender)
            return self._try_again(sender, event, reason)
        self.metrics.events.labels(sender, outcome, reason).inc()
        if isinstance(event, Refused) and event.detail:
            near = event.detail.get("near_miss")
            self.metrics.near_misses.inc(near if isinstance(near, int) else 0)
        return Response(status=200)

    def _try_again(self, sender: Sender, event: Event, reason: str) -> Response:
        """503, and the sender comes again. Slack does not: so its presser is told, and then it is answered 200."""
        self.metrics.events.labels(sender, "lost", reason).inc()
        user = presser(event)
        if user and self.tell is not None and self._told(self.tell, user):
            return Response(status=200)
        return error(503, "try_again", {"Retry-After": str(RETRY_AFTER)})

    def _told(self, tell: Callable[[str], bool], user: str) -> bool:
        try:
            return tell(user)
        except Exception as bug:  # noqa: BLE001 - the answer to Slack must not depend on it
            report(log, "door.tell_failed", bug)
            return False


def presser(event: Event) -> str:
    """The chat user whose press this is; '' when it is none, or one of too many."""
    if isinstance(event, ButtonPressed):
        return event.user
    if isinstance(event, Refused) and event.reason != "slow_down_silent":
        return str((event.detail or {}).get("user", ""))
    return ""
