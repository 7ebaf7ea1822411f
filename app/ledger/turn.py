"""When an effect may go to its vendor: the vendor is well, its rate has room, and nobody in line is before it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from app.db import Database
from app.ledger import vendors
from app.ledger.store import Effect
from app.ledger.vendors import Limit, Wait

if TYPE_CHECKING:
    from app.ledger.perform import Plan, Timing

LIMITED = "rate_limited"  # the vendor's 429
IN_LINE = frozenset({vendors.RATE, LIMITED})  # waited for a place, and comes back at it
MOMENT, MOMENTS = 2.0, 3  # seconds that a walk may wait for a rate, its turn come; and how often
WAITERS = 2  # walks of one process that may do so at the same time


class Turns:
    """Of one process; the rows behind it (app.ledger.vendors) are shared by all."""

    def __init__(self, db: Database, timing: Timing, stopping: Callable[[], bool]) -> None:
        self._db = db
        self._timing = timing
        self._stopping = stopping
        self._waiting = threading.BoundedSemaphore(WAITERS)

    def admit(self, plan: Plan, effect: Effect) -> Wait:
        """Wait() means: go ahead now. Whose turn it is waits for a moment right here: a walk for each moment would cost
        more than the moment does, and the place would stay empty meanwhile."""
        wait = self._ask(plan, effect)
        if wait.why != vendors.RATE or not _is_first(plan, effect):
            return wait
        if not self._waiting.acquire(blocking=False):
            return replace(wait, seconds=wait.seconds + WAITERS * self._limit(plan).step)  # they are before this one
        try:
            for _ in range(MOMENTS):
                if wait.why != vendors.RATE or wait.seconds > MOMENT or self._stopping():
                    break
                time.sleep(wait.seconds)
                wait = self._ask(plan, effect)
        finally:
            self._waiting.release()
        return wait

    def admit_look(self, plan: Plan, effect: Effect) -> Wait:
        """For a look-up, which counts as a call of the vendor and stands in no line."""
        return self._ask(replace(plan, bucket="", urgent=True), effect)

    def has_room(self, vendor: str) -> bool:
        with self._db.each() as conn:
            return vendors.has_room(conn, vendor, self._timing.limits[vendor])

    def leave_alone(self, plan: Plan, asked: float) -> None:
        """The vendor said 429: what counts in the same limit waits for as long as it asked."""
        with self._db.tx() as conn:
            vendors.leave_alone(conn, self._row(plan), self._limit(plan), min(asked, self._timing.cap))

    def _ask(self, plan: Plan, effect: Effect) -> Wait:
        first, limit = _is_first(plan, effect), self._limit(plan)
        with self._db.each() as conn:
            wait = vendors.admit(conn, plan.vendor, limit, self._timing.probe, row=self._row(plan), first=first)
        if plan.soon and wait.why == vendors.DOWN:  # another may have the probe: what it finds is seen soon
            return replace(wait, seconds=min(wait.seconds, max(self._timing.probe / 3, vendors.MOMENT)))
        return wait

    def _row(self, plan: Plan) -> str:
        """The row of `vendors` that this plan's calls are counted in: the vendor's own where it has no such limit."""
        kind = plan.bucket.partition(":")[0]
        return f"{plan.vendor}:{plan.bucket}" if f"{plan.vendor}:{kind}" in self._timing.limits else plan.vendor

    def _limit(self, plan: Plan) -> Limit:
        return self._timing.limits[":".join(self._row(plan).split(":")[:2])]


def _is_first(plan: Plan, effect: Effect) -> bool:
    """Whether nobody in line is before this one: it is urgent, or has waited for its place and is back."""
    return plan.urgent or effect.reason in IN_LINE
