"""The first page: what waits for whom, what has failed, how fast it goes."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Response

from app.admin import charts, counts, words
from app.admin.counts import Hour
from app.admin.pages.site import Site
from app.db import Row


class Overview:
    def __init__(self, site: Site) -> None:
        self._site = site

    def page(self) -> str:
        desk = self._site.desk
        with desk.db.tx() as conn:
            causes, hours = counts.causes(conn), counts.per_hour(conn, datetime.now(UTC))
            found = {
                "queue": counts.queue(conn),
                "waiting": counts.waiting(conn),
                "clocks": counts.clocks(conn),
                "vendors": self._used(counts.vendors(conn)),
            }
        return self._site.page(
            "overview",
            "overview",
            causes=causes,
            failed=sum(row["runs"] + row["letters"] for row in causes),
            hours=hours,
            whole=sum(hour.total for hour in hours) < counts.NEWEST,
            working=desk.working(),
            **found,
        )

    def throughput(self) -> Response:
        return charts.throughput(self._hours(), self._site.zone)

    def causes(self) -> Response:
        with self._site.desk.db.tx() as conn:
            rows = counts.causes(conn)
        return charts.causes(rows, words.load())

    def _hours(self) -> list[Hour]:
        with self._site.desk.db.tx() as conn:
            return counts.per_hour(conn, datetime.now(UTC))

    def _used(self, rows: list[Row]) -> list[Row]:
        """Without the chat that this desk does not use."""
        unused = {"slack", "mattermost"} - {self._site.door.settings.chat}
        return [row for row in rows if row["name"] not in unused]


def add(site: Site) -> None:
    overview = Overview(site)
    site.get("/", "overview", overview.page)
    site.get("/charts/throughput.svg", "throughput", overview.throughput)
    site.get("/charts/causes.svg", "causes", overview.causes)
