"""Failures by cause, and the replay of everything that failed of one: its plan first, then slowly, with progress."""

from __future__ import annotations

from flask import Response
from werkzeug.exceptions import BadRequest

from app import audit, bulk
from app.admin import counts
from app.admin.guard import form, who
from app.admin.pages.site import OPERATOR, Site, wrong
from app.bulk import BulkError

PLAN_LIFE = 600  # seconds for which what a dry run has shown may be started
MARK = "bulk"


class Failures:
    def __init__(self, site: Site) -> None:
        self._site = site

    def page(self) -> str:
        with self._site.desk.db.tx() as conn:
            found, bulks = counts.causes(conn), bulk.listed(conn)
        return self._site.page("failures", "failures", causes=found, bulks=bulks, most=bulk.LIMIT)

    def replay(self) -> str | Response:
        given = form("act", "cause", "mark", "next")
        if given["act"] == "dry":
            return self._plan(given["cause"])
        if given["act"] != "run":
            raise BadRequest
        if self._site.signed(MARK, given["mark"], PLAN_LIFE) != given["cause"]:
            wrong("Look at the plan of this cause first: it was not shown, or that was too long ago.")
        desk = self._site.desk
        with desk.db.tx() as conn:
            try:
                bulk.start(desk, conn, who(), given["cause"])
            except BulkError as refused:
                wrong(f"Not started: {refused}.")
        return self._site.back("bulk_started", "failures")

    def _plan(self, cause: str) -> str:
        """How many there are, and what would be done with the oldest of them. Changes nothing but the audit trail."""
        desk = self._site.desk
        with desk.db.tx() as conn:
            found = bulk.look(desk, conn, cause)
            if found.refusal:
                wrong(f"{found.refusal[:1].upper()}{found.refusal[1:]}.")
            audit.write(conn, desk.vault, who(), "bulk.dry_run", after={"cause": cause, "total": found.total})
        mark = self._site.sign(MARK, cause)
        return self._site.page("bulk", "failures", cause_slug=cause, total=found.total, plans=found.plans, mark=mark)


def add(site: Site) -> None:
    failures = Failures(site)
    site.get("/failures", "failures", failures.page)
    site.post("/failures/replay", "failures_replay", failures.replay, OPERATOR, fresh=True)
