"""Events: what came in, and the run of each, step by step."""

from __future__ import annotations

from flask import request
from werkzeug.exceptions import NotFound

from app import browse, replay
from app.admin import queries, timeline, words
from app.admin.pages.site import Site, identity
from app.db import Connection


class Events:
    def __init__(self, site: Site) -> None:
        self._site = site

    def listed(self) -> str:
        only = self._site.filter(request.args, states=browse.EVENT_STATES, senders=queries.SENDERS)
        with self._site.desk.db.tx() as conn:
            found = queries.events(conn, only)
        known = {"states": browse.EVENT_STATES, "senders": queries.SENDERS}
        return self._site.page("events", "events", found=found, only=only, **known)

    def one(self, number: str) -> str:
        """What came in, its run, the effects of its case, and what a replay would do now."""
        event_id, site, say = identity(number), self._site, words.load()
        with site.desk.db.tx() as conn:
            found = browse.event(conn, event_id)
            if found is None:
                raise NotFound
            plans = {
                "again": replay.of_event(site.desk, conn, event_id),
                "start": replay.of_event(site.desk, conn, event_id, from_start=True),
            }
            ticket = _case_ticket(conn, found["event"]["case_id"])
        return site.page(
            "event",
            "events",
            event=found["event"],
            steps=timeline.steps(say, found["journal"]),
            effects=found["effects"],
            effect_words=lambda effect: timeline.effect(say, effect["verb"], effect["arg"]),
            plans=plans,
            case_ticket=ticket,
        )


def _case_ticket(conn: Connection, case_id: int | None) -> int | None:
    row = conn.execute("SELECT ticket_id FROM cases WHERE id = %s AND ticket_id > 0", (case_id,)).fetchone()
    return row["ticket_id"] if row else None


def add(site: Site) -> None:
    events = Events(site)
    site.get("/events", "events", events.listed)
    site.get("/events/<number>", "event", events.one)
