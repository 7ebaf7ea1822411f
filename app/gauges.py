"""What /metrics shows of the database: how many events, cases and effects are in which state. Counts only."""

from __future__ import annotations

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from app.db import Connection

COUNTS = {
    # Finished rows grow for ever: only the unfinished ones are counted, from their partial index.
    "desk_events_unfinished": (
        "Events not finished, by state",
        "SELECT state AS label, count(*) AS n FROM events"
        " WHERE state IN ('queued', 'running', 'waiting', 'held', 'dead') GROUP BY 1",
    ),
    "desk_effects_unfinished": (
        "Effects not finished, by state",
        "SELECT state AS label, count(*) AS n FROM effects"
        " WHERE state IN ('planned', 'sending', 'unknown', 'dead') GROUP BY 1",
    ),
    "desk_cases_open": (
        "Open cases, by state",
        "SELECT state AS label, count(*) AS n FROM cases WHERE closed_at IS NULL GROUP BY 1",
    ),
    "desk_vendor_failures": (
        "Failures in a row, by vendor",
        "SELECT name AS label, failures AS n FROM vendors WHERE name NOT LIKE '%:%'",
    ),
}
OLDEST = (
    "SELECT coalesce(extract(epoch FROM now() - min(opened_at)), 0)::float8 AS n FROM cases WHERE closed_at IS NULL"
)


def collect(conn: Connection) -> list[Metric]:
    families: list[Metric] = []
    for name, (text, query) in COUNTS.items():
        family = GaugeMetricFamily(name, text, labels=["name"])
        for row in conn.execute(query).fetchall():
            family.add_metric([row["label"]], row["n"])
        families.append(family)
    oldest = conn.execute(OLDEST).fetchone()
    assert oldest is not None
    families.append(
        GaugeMetricFamily("desk_oldest_open_case_seconds", "Age of the oldest open case", value=oldest["n"])
    )
    return families
