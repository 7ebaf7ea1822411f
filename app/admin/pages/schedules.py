"""What is due when: the desk's own duties, and the reminders, looks and checks of single cases."""

from __future__ import annotations

from datetime import datetime

from flask import request
from werkzeug.exceptions import BadRequest

from app import digest, forget, sweep_spans
from app.admin import queries
from app.admin.pages.site import Site
from app.db import Connection, Row

DUTIES = (sweep_spans.TIMER, digest.NAME, forget.NAME)
OF_THE_DESK = "SELECT name, what, due_at, fired_at FROM timers WHERE name = ANY(%s) ORDER BY name"


class Schedules:
    def __init__(self, site: Site) -> None:
        self._site = site

    def page(self) -> str:
        after = _place(request.args.get("after", ""))
        with self._site.desk.db.tx() as conn:
            rows, duties = queries.timers(conn, after), self._duties(conn)
        shown = rows[: queries.PAGE]
        later = _written(shown[-1]) if len(rows) > queries.PAGE else ""
        return self._site.page(
            "schedules", "schedules", rows=shown, later=later, duties=duties, begun=after is not None
        )

    def _duties(self, conn: Connection) -> list[Row]:
        return conn.execute(OF_THE_DESK, (list(DUTIES),)).fetchall()


def _written(row: Row) -> str:
    return f"{row['due_at'].isoformat()}|{row['name']}"


def _place(text: str) -> tuple[datetime, str] | None:
    """Where a page begins: behind this time and name. Raises BadRequest."""
    if not text:
        return None
    at, _, name = text.partition("|")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise BadRequest from None
    if moment.tzinfo is None or not name.isprintable() or len(name) > 200:
        raise BadRequest
    return moment, name


def add(site: Site) -> None:
    schedules = Schedules(site)
    site.get("/schedules", "schedules", schedules.page)
