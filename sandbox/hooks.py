"""Deliver webhooks as vendors do: in the background, signed afresh for each attempt, retried by the vendor's own table.

`send` queues one invocation; `post` makes one attempt at once and answers what came back. Every attempt is listed.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import urllib3

if TYPE_CHECKING:
    from sandbox.core import World

WORKERS = 8
KEPT = 500

Sign = Callable[[bytes, int], dict[str, str]]  # (body, attempt from 1) -> headers of this attempt


@dataclass(frozen=True)
class Attempt:
    """What one attempt met. `status` None: no answer; `timed_out` tells a time-out from a refused connection."""

    number: int
    status: int | None
    timed_out: bool
    retry_after: str | None
    seconds: float
    body: bytes


@dataclass(frozen=True)
class Tally:
    """How a vendor's attempts of the last while went. `last_failure` is monotonic, 0 without one."""

    total: int
    failed: int
    last_failure: float


Policy = Callable[[Attempt], float | None]  # seconds until the next attempt, or None: final


@dataclass
class _Job:
    vendor: str
    url: str
    headers: dict[str, str]
    body: bytes
    event: str
    sign: Sign | None
    policy: Policy
    timeout: float
    number: int = 1


def once(attempt: Attempt) -> float | None:
    """The policy of a vendor that never repeats."""
    return None


class Hooks:
    """The deliverer of all vendors: a few threads over one heap of due attempts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._due: list[tuple[float, int, _Job]] = []
        self._counter = itertools.count()
        self._news = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._busy = 0
        self._pool = urllib3.PoolManager(num_pools=4, maxsize=WORKERS, retries=False)
        self.log: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._outcomes: deque[tuple[float, str, bool]] = deque(maxlen=2_000)  # monotonic, vendor, failed

    def send(
        self,
        vendor: str,
        url: str,
        headers: dict[str, str],
        body: bytes,
        event: str,
        sign: Sign | None = None,
        policy: Policy = once,
        timeout: float | None = None,
    ) -> None:
        """Queue one invocation. `sign` is asked before each attempt; `policy` decides after each one."""
        if self._world.random.random() < self._world.config.drop_webhooks:
            self.note(vendor, event, "dropped")
            return
        limit = timeout or self._world.config.webhook_timeout
        self._push(_Job(vendor, url, headers, body, event, sign, policy, limit), self._delay())

    def post(
        self,
        vendor: str,
        url: str,
        headers: dict[str, str],
        body: bytes,
        event: str,
        timeout: float = 3.0,
        number: int = 1,
    ) -> Attempt:
        """Make one attempt now. Never follows redirects and never repeats."""
        start = time.monotonic()
        status, timed_out, after, answer = None, False, None, b""
        try:
            response = self._pool.request(
                "POST", url, body=body, headers=headers, timeout=timeout, redirect=False, retries=False
            )
            status, after, answer = response.status, response.headers.get("Retry-After"), response.data
        except urllib3.exceptions.NewConnectionError:
            pass  # refused; urllib3 counts it among its time-outs
        except urllib3.exceptions.TimeoutError:
            timed_out = True
        except urllib3.exceptions.HTTPError:
            pass
        seconds = time.monotonic() - start
        attempt = Attempt(number, status, timed_out, after, seconds, answer)
        failed = status is None or status >= 400
        self._outcomes.append((time.monotonic(), vendor, failed))
        said = status if status is not None else "timeout" if timed_out else "no connection"
        self.note(vendor, event, said, number, seconds)
        return attempt

    def tally(self, vendor: str, within: float) -> Tally:
        """Count a vendor's attempts of the last `within` seconds."""
        since = time.monotonic() - within
        seen = [(at, failed) for at, who, failed in list(self._outcomes) if who == vendor and at >= since]
        failures = [at for at, failed in seen if failed]
        return Tally(len(seen), len(failures), max(failures, default=0.0))

    def clear(self) -> None:
        """Forget what waits and what was listed."""
        with self._news:
            self._due.clear()
        self.log.clear()
        self._outcomes.clear()

    def quiet(self, timeout: float = 5.0) -> bool:
        """Wait until nothing is due now or being sent (later retries do not count); for tests."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            with self._news:
                if not self._busy and (not self._due or self._due[0][0] > time.monotonic()):
                    return True
            time.sleep(0.005)
        return False

    def stop(self) -> None:
        """End the threads; an attempt under way is left to its time-out in a daemon thread."""
        with self._news:
            self._due.clear()
            self._news.notify_all()
        for thread in self._threads:
            thread.join(0.5)
        self._pool.clear()

    def _delay(self) -> float:
        low, high = self._world.config.webhook_delay
        return self._world.random.uniform(low, high) if high else 0.0

    def _push(self, job: _Job, delay: float) -> None:
        with self._news:
            heapq.heappush(self._due, (time.monotonic() + delay, next(self._counter), job))
            if len(self._threads) < WORKERS and not self._world.closing.is_set():
                thread = threading.Thread(target=self._work, name="sandbox-hooks", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._news.notify()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                self._deliver(job)
            finally:
                with self._news:
                    self._busy -= 1

    def _next(self) -> _Job | None:
        with self._news:
            while not self._world.closing.is_set():
                wait = self._due[0][0] - time.monotonic() if self._due else 1.0
                if self._due and wait <= 0:
                    self._busy += 1
                    return heapq.heappop(self._due)[2]
                self._news.wait(min(wait, 1.0))
        return None

    def _deliver(self, job: _Job) -> None:
        headers = {**job.headers, **(job.sign(job.body, job.number) if job.sign else {})}
        attempt = self.post(job.vendor, job.url, headers, job.body, job.event, job.timeout, job.number)
        delay = job.policy(attempt)
        if delay is not None and not self._world.closing.is_set():
            job.number += 1
            self._push(job, delay)

    def note(self, vendor: str, event: str, status: int | str, attempt: int = 1, seconds: float = 0.0) -> None:
        """List one attempt (or one that was never made, and why)."""
        from sandbox.core import stamp

        self.log.append(
            {
                "at": stamp(self._world.now()),
                "vendor": vendor,
                "event": event,
                "status": status,
                "attempt": attempt,
                "ms": round(seconds * 1000),
            }
        )
        self._world.changed()
