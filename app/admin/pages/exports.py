"""Events or cases as a CSV file, for an officer: safe in a spreadsheet, marked with who took it and when, recorded.

Ids, slugs and times only, as on the pages. The file's name is ours alone. Source: bad-inputs X016, X021, A035.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Response

from app import audit, browse, sinks
from app.admin import queries
from app.admin.filters import FIELDS, Filter
from app.admin.guard import form, who
from app.admin.pages import cases as case_pages
from app.admin.pages import events as event_pages
from app.admin.pages.site import OFFICER, Site
from app.admin.queries import Found
from app.audit import Actor
from app.events import Json

MOST = 10_000  # rows of one file
LOOKED_AT = 50_000  # rows; for older ones the file is narrowed by time
EVENTS = ("id", "received_at", "sender", "kind", "ticket_id", "case_id", "state", "reason", "fact", "changed_at")
CASES = (
    *("id", "ticket_id", "procedure", "generation", "state", "preference", "decision", "decided_by", "decided_at"),
    *("reason", "jira_key", "received_at", "due_at", "closed_at"),
)
Search = Callable[..., Found]


class Exports:
    def __init__(self, site: Site) -> None:
        self._site = site

    def events(self) -> Response:
        only = self._site.filter(form(*FIELDS, "next"), states=browse.EVENT_STATES, senders=event_pages.SENDERS)
        return self._file("events", EVENTS, only, queries.events)

    def cases(self) -> Response:
        only = self._site.filter(form(*FIELDS, "next"), states=case_pages.STATES)
        return self._file("cases", CASES, only, queries.cases)

    def _file(self, name: str, columns: Sequence[str], only: Filter, search: Search) -> Response:
        desk, actor, now = self._site.desk, who(), datetime.now(UTC)
        with desk.db.tx() as conn:
            found = search(conn, only, fields=", ".join(columns), limit=MOST, window=LOOKED_AT)
            after: dict[str, Json] = {"rows": len(found.rows), "whole": found.older is None, "filter": dict(only.given)}
            audit.write(conn, desk.vault, actor, f"{name}.exported", name, after=after)
        text = "".join(_lines(columns, found, actor, now))
        answer = Response(text, mimetype="text/csv")
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        answer.headers["Content-Disposition"] = f'attachment; filename="desk-{name}-{stamp}.csv"'
        return answer


def _lines(columns: Sequence[str], found: Found, actor: Actor, now: datetime) -> Iterator[str]:
    """The mark first, so that nobody sees the rows without it."""
    cut = "" if found.older is None else f", the newest {len(found.rows)} only"
    if found.back_to is not None:
        cut = f", only what is not older than {_time(found.back_to)}: narrow it by time for the rest"
    mark = f"Deletion Desk, exported by {actor.name} at {_time(now)}{cut}"
    yield sinks.csv_cell(mark) + "\r\n"
    yield ",".join(map(sinks.csv_cell, columns)) + "\r\n"
    texts = _Texts()
    write: dict[type, Callable[[Any], str]] = {
        str: texts.__getitem__,
        int: str,
        type(None): lambda _: "",
        datetime: _time,
        list: lambda value: texts[" ".join(map(str, value))],
    }
    for row in found.rows:  # of these columns, in this order
        yield ",".join([write[type(value)](value) for value in row.values()]) + "\r\n"


class _Texts(dict[str, str]):
    """Text -> its cell: states, senders and kinds come again and again."""

    def __missing__(self, text: str) -> str:
        cell = self[text] = sinks.csv_cell(text)
        return cell


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def add(site: Site) -> None:
    exports = Exports(site)
    site.post("/export/events", "events_export", exports.events, OFFICER, fresh=True)
    site.post("/export/cases", "cases_export", exports.cases, OFFICER, fresh=True)
