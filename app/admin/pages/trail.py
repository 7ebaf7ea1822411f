"""The audit trail: who did what, from where, to what and why; an officer can have its chain verified."""

from __future__ import annotations

from flask import Response, request

from app import audit
from app.admin import filters, queries
from app.admin.guard import form, who
from app.admin.pages.site import OFFICER, Site
from app.audit import BrokenError

ONLY = ("who", "action", "target")


class Trail:
    def __init__(self, site: Site) -> None:
        self._site = site

    def page(self) -> str:
        only = {name: _given(name) for name in ONLY}
        text = request.args.get("before", "")
        before = filters.number(text) if text else None
        with self._site.desk.db.tx() as conn:
            found = queries.trail(conn, only, before)
        given = {name: value for name, value in only.items() if value}
        return self._site.page("trail", "trail", found=found, given=given)

    def verify(self) -> Response:
        form()
        desk, broken, rows = self._site.desk, 0, 0
        with desk.db.tx() as conn:
            try:
                rows = audit.verify(conn, desk.vault)
            except BrokenError as found:
                broken = found.row
            after = {"broken_at": broken} if broken else {"rows": rows}
            audit.write(conn, desk.vault, who(), "audit.verified", after=after)
        said = "chain_broken" if broken else "chain_sound"
        return self._site.back(said, "trail", values={"rows": rows, "row": broken})


def _given(name: str) -> str:
    text = request.args.get(name, "")[: filters.SEARCH]
    return "".join(char for char in text if char.isprintable()).strip()


def add(site: Site) -> None:
    trail = Trail(site)
    site.get("/audit", "trail", trail.page)
    site.post("/audit/verify", "trail_verify", trail.verify, OFFICER)
