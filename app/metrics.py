"""What the doors count. One registry per app, so one web process counts what that process saw (WEB_CONCURRENCY=1 by
default); what must be whole is counted in the database and comes from `Desk.metrics()`."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric, generate_latest
from prometheus_client.registry import Collector

BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0)


class DoorMetrics:
    """Counters of the webhook doors; labels are constants only."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "desk_door_requests", "Answers of the doors", ["sender", "status"], registry=self.registry
        )
        self.events = Counter(
            "desk_door_events",
            "Authentic events by outcome: new, duplicate, ignored, dead, lost",
            ["sender", "outcome", "reason"],
            registry=self.registry,
        )
        self.refused = Counter(
            "desk_door_refused", "Requests refused before parsing", ["sender", "reason"], registry=self.registry
        )
        self.verified = Counter(
            "desk_door_verified",
            "Good signatures by secret: current or previous",
            ["sender", "secret"],
            registry=self.registry,
        )
        self.alarms = Counter(
            "desk_alarms",
            "Forged buttons, foreign workspaces and posts; bodies that could not be used, once an hour",
            ["reason"],
            registry=self.registry,
        )
        self.near_misses = Counter(
            "desk_door_near_miss_tags",
            "Tags that are ours but for case, spaces or Unicode form",
            registry=self.registry,
        )
        self.seconds = Histogram(
            "desk_door_seconds", "Time to answer", ["sender"], buckets=BUCKETS, registry=self.registry
        )

    def text(self, more: Iterable[Metric]) -> bytes:
        """Prometheus text of ours and `more` (the desk's)."""
        own = generate_latest(self.registry)
        whole = CollectorRegistry()
        whole.register(_Fixed(more))
        return own + generate_latest(whole)


class _Fixed(Collector):
    """A collector of metrics that are already there."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics
