"""One path for every sender: framing, signature, parse, submit, answer. The sender's module brings verify and parse.

An authentic request is answered 2xx, or 503 with a short Retry-After when nothing could be recorded; never 4xx and
never 500, which the senders treat as final (facts Z1.18, J40). What a chat's press needs beside that is in
app.web.press.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeVar

from flask import Request, Response, request
from prometheus_client import Metric

from app import trace
from app.clients.chat import Chat
from app.errors import BadSignatureError, StoreError
from app.events import ButtonPressed, IssueChanged, Refused, Sender, TicketTagged
from app.logs import report
from app.metrics import DoorMetrics
from app.parse.common import dead
from app.settings import Settings
from app.web.guard import RefusedRequest, Repeats, Throttle, error, read_body
from app.web.tell import Teller

log = logging.getLogger(__name__)

RETRY_AFTER = 30  # seconds; Zendesk re-sends after a 503 only below 60 (Z1.18)
Event = TicketTagged | ButtonPressed | IssueChanged | Refused
Recorded = Literal["new", "duplicate", "lost", "unclear"]


class Desk(Protocol):
    """What the doors need of the engine; app/desk.py provides it, tests bring a fake."""

    def submit(self, event: Event, *, sender: str, within: float | None = None) -> bool:
        """Records event and job together. True: new; False: duplicate. Raises StoreError: nothing is recorded; with
        `within` (seconds for all of it) and reason `store_unclear`: it may be."""
        ...

    def working(self) -> bool:
        """Whether a worker lives that will take what is recorded."""
        ...

    def may_try(self, procedure: str, user: str, chat: Chat) -> bool:
        """Whether this chat user may decide, as far as can be told quickly."""
        ...

    def ready(self) -> dict[str, str]:
        """{} when ready, else name -> problem (constants only)."""
        ...

    def metrics(self) -> Iterable[Metric]: ...


Made = TypeVar("Made")
Verify = Callable[[bytes, Request, float], int]
Parse = Callable[[bytes, Request, float], Event]


@dataclass(frozen=True)
class Door:
    """What all doors of one app share. `clock`: epoch seconds, replaced in tests."""

    settings: Settings
    desk: Desk
    metrics: DoorMetrics = field(default_factory=DoorMetrics)
    throttle: Throttle = field(default_factory=Throttle)
    repeats: Repeats = field(default_factory=Repeats)
    clock: Callable[[], float] = time.time
    tell: Teller | None = None  # None: nobody can be told, and no form opened

    def receive(self, sender: Sender, verify: Verify, parse: Parse) -> Response:
        """Handles the current request of a sender that comes again after a 503, from its first byte to its answer."""

        def work() -> Response:
            body = self.authentic(sender, verify)
            event = self.parsed(sender, body, lambda: parse(body, request, self.clock()))
            if self.record(sender, event) == "lost":
                return self.try_again()
            return Response(status=200)

        return self.answer(sender, work)

    def answer(self, sender: Sender, work: Callable[[], Response]) -> Response:
        """The answer of `work`, or of the RefusedRequest that it raises; counted, timed and logged."""
        began, at = time.perf_counter(), time.time_ns()
        with trace.fresh():
            try:
                answer = work()
            except RefusedRequest as refused:
                self.metrics.refused.labels(sender, refused.reason).inc()
                answer = refused.answer
            took, status = time.perf_counter() - began, answer.status_code
            self.metrics.requests.labels(sender, str(status)).inc()
            self.metrics.seconds.labels(sender).observe(took)
            log.info("door.answered", extra={"sender": sender, "status": status, "ms": round(took * 1000, 1)})
            trace.past(f"webhook {sender}", began=at, status=status)
        return answer

    def authentic(self, sender: Sender, verify: Verify) -> bytes:
        """The body of the current request. Raises RefusedRequest: badly framed, or not signed by whom we know."""
        body = read_body(request, self.settings.max_body)
        try:
            secret = verify(body, request, self.clock())
        except BadSignatureError as bad:
            raise self._bad_signature(sender, bad.reason) from None
        self.metrics.verified.labels(sender, "current" if secret == 0 else "previous").inc()
        return body

    def _bad_signature(self, sender: Sender, reason: str) -> RefusedRequest:
        # Only failures are counted, and the signature is always checked first: a flood of bad ones cannot shut
        # out the real sender, even behind the same proxy.
        if self.throttle.too_many(request.remote_addr or "", self.clock()):
            return RefusedRequest(429, "too_many", "throttled", {"Retry-After": "60"})
        log.warning("door.bad_signature", extra={"sender": sender, "reason": reason})
        return RefusedRequest(401, "signature", reason)

    def parsed(self, sender: Sender, body: bytes, parse: Callable[[], Made]) -> Made | Refused:
        """What the parser makes of a body; a bug of it costs no authentic event."""
        try:
            return parse()
        except Exception as bug:  # noqa: BLE001 - an authentic event must not be lost: a person sees the dead letter
            report(log, "door.parse_failed", bug, sender=sender)
            return dead("zd" if sender == "zendesk" else sender, body, "bug")

    def record(self, sender: Sender, event: Event, within: float | None = None) -> Recorded:
        """`new` or `duplicate` when the event is recorded, `lost` when nothing of it is, `unclear` when nobody knows
        (only with `within`, the seconds for all of it). Never raises."""
        trace.found(event.fact)
        outcome: Recorded = "new"
        reason = event.reason if isinstance(event, Refused) else ""
        try:
            if not self.desk.submit(event, sender=sender, within=within):
                outcome = "duplicate"
        except StoreError as failed:
            log.warning("door.not_recorded", extra={"sender": sender, "reason": failed.reason})
            outcome = "unclear" if failed.reason == "store_unclear" else "lost"
        except Exception as bug:  # noqa: BLE001 - a 500 would be final for the sender; after a 503 it comes again
            report(log, "door.submit_failed", bug, sender=sender)
            outcome = "lost"
        if outcome == "new":
            trace.recorded()
        shown = event.outcome if isinstance(event, Refused) and outcome == "new" else outcome
        self.metrics.events.labels(sender, shown, reason).inc()
        if isinstance(event, Refused) and event.outcome == "dead":
            self._unusable(sender, reason)
        if isinstance(event, Refused) and event.detail and outcome in ("new", "duplicate"):
            near = event.detail.get("near_miss")
            self.metrics.near_misses.inc(near if isinstance(near, int) else 0)
        return outcome

    def try_again(self) -> Response:
        """503: the sender comes again."""
        return error(503, "try_again", {"Retry-After": str(RETRY_AFTER)})

    def alarm(self, sender: Sender, reason: str, count: int = 1) -> None:
        """Somebody tries what no chat of ours does (a forged button, a foreign workspace or post), or a sender is not
        set up as it should be. `count`: how often, since the last alarm of this kind."""
        self.metrics.alarms.labels(reason).inc()
        log.error("door.alarm", extra={"sender": sender, "reason": reason, "count": count})

    def _unusable(self, sender: Sender, reason: str) -> None:
        """A dead letter: a trigger, a webhook or an account is not what it should be (B041, W065). More will come, at
        every update of a ticket: one alarm an hour for each sender and reason, not one a delivery."""
        if count := self.repeats.take(f"{sender}:{reason}", self.clock()):
            self.alarm(sender, reason, count)
