"""The faults a vendor can be told to show (the catalogue of facts/faults.md 4.3): ordered, chosen, counted.

A fault is chosen per request, the oldest matching one first. "before" means that nothing was applied; "after" that the
effect is there although the caller never hears a clean answer.
"""

from __future__ import annotations

import time
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.core import World

NAMES = {
    *("429", "401", "403", "500", "502", "503_before", "503_after", "redirect", "ok_false"),
    *("garbage_after", "huge_body", "slow", "slow_drip", "readback_fails", "readback_stale"),
    *("reset_before", "reset_after", "hang_after", "late_commit", "tls_failure", "outage"),
}
FOR_READS = {"readback_fails", "readback_stale"}
VENDORS = ("zendesk", "slack", "mattermost", "jira", "backoffice")


@dataclass
class Fault:
    """One ordered fault. `times` None means until removed; `skip` lets that many matching requests pass first;
    `share` below 1 lets chance decide (seeded); `options` are the fault's own (see `Faults.add`)."""

    id: int
    vendor: str
    method: str
    fault: str
    times: int | None = 1
    skip: int = 0
    share: float = 1.0
    options: dict[str, Any] = field(default_factory=dict)
    fired: int = 0
    until: float | None = None  # monotonic end of a timed outage
    snapshot: Any = None  # the vendor's state as it was, for stale reads

    def public(self) -> dict[str, Any]:
        """For the control interface."""
        names = (n for n in self.__dataclass_fields__ if n not in {"until", "snapshot"})
        return {name: getattr(self, name) for name in names}

    def spent(self) -> bool:
        """Whether it will never act again."""
        if self.until is not None and time.monotonic() >= self.until:
            return True
        return self.times is not None and self.fired >= self.times


class Faults:
    """The ordered faults and how often each kind fired."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._orders: list[Fault] = []
        self._last = 0
        self.fired: Counter[str] = Counter()  # by fault name, over the whole run

    def add(
        self,
        vendor: str,
        method: str,
        fault: str,
        times: int | None = 1,
        skip: int = 0,
        share: float = 1.0,
        **options: Any,
    ) -> Fault:
        """Order a fault for a vendor's method (`*`: all).

        Options: 429 `retry_after` ("7", "86400", "date" with `seconds`, None); `commit` (apply first) for 429, 401,
        403, 500, 502, redirect and ok_false; redirect `to`; garbage_after `form` (html, truncated, wrong_id, empty);
        huge_body `size` (bytes); hang_after, late_commit, slow, slow_drip, outage `seconds`; ok_false `error`. An
        outage with `seconds` has no limit of times unless one is given by `outage_times`.
        Raises ValueError for an unknown fault or vendor: a fault that can never fire would make a test lie.
        """
        if fault not in NAMES:
            raise ValueError(f"unknown fault: {fault}")
        if vendor not in VENDORS:
            raise ValueError(f"unknown vendor: {vendor}")
        with self._world.lock:
            self._last += 1
            order = Fault(self._last, vendor, method, fault, times, skip, share, options)
            if fault == "outage" and "seconds" in options:
                order.until = time.monotonic() + float(options["seconds"])
                order.times = options.get("outage_times")
            if fault == "readback_stale":
                order.snapshot = deepcopy(getattr(self._world, vendor))
            self._orders.append(order)
        if fault == "tls_failure":
            self._world.drop_tls()
        return order

    def remove(self, order: Fault | int) -> None:
        """Take one fault back."""
        number = order if isinstance(order, int) else order.id
        with self._world.lock:
            self._orders = [o for o in self._orders if o.id != number]

    def clear(self) -> None:
        """Take all back and forget the counts."""
        with self._world.lock:
            self._orders = []
            self.fired = Counter()

    def list(self) -> list[dict[str, Any]]:
        """All orders, spent ones too, with their counts."""
        with self._world.lock:
            return [o.public() for o in self._orders]

    def take(self, vendor: str, method: str, is_read: bool, over_tls: bool) -> Fault | None:
        """Choose the fault for one request and count it."""
        with self._world.lock:
            for order in self._orders:
                if order.vendor != vendor or order.method not in ("*", method) or order.spent():
                    continue
                if (order.fault in FOR_READS and not is_read) or (order.fault == "tls_failure" and over_tls):
                    continue  # a TLS failure acts at the handshake; a request that got this far is past it
                if order.skip > 0:
                    order.skip -= 1
                    continue
                if order.share < 1.0 and self._world.random.random() >= order.share:
                    continue
                return self._count(order)
        return None

    def take_tls(self) -> bool:
        """Whether the present TLS handshake is to fail (the vendor is not known yet then, so any order counts)."""
        with self._world.lock:
            for order in self._orders:
                if order.fault == "tls_failure" and not order.spent():
                    if order.skip > 0:
                        order.skip -= 1
                        continue
                    self._count(order)
                    return True
        return False

    def _count(self, order: Fault) -> Fault:
        order.fired += 1
        self.fired[order.fault] += 1
        return order
