"""The other systems: how well they answer, who waits in line for them, and the switch that pauses them."""

from __future__ import annotations

from flask import Response

from app import pause
from app.admin import counts, words
from app.admin.guard import form, who
from app.admin.pages.site import OPERATOR, Site, wrong
from app.errors import DeskError


class Vendors:
    def __init__(self, site: Site) -> None:
        self._site = site

    def page(self) -> str:
        with self._site.desk.db.tx() as conn:
            rows, paused = counts.vendors(conn), pause.paused(conn)
        unused = {"slack", "mattermost"} - {self._site.door.settings.chat} - {row["vendor"] for row in paused}
        rows = [row for row in rows if row["name"] not in unused]
        own = {row["vendor"] for row in paused}
        everything = next((row for row in paused if row["vendor"] == pause.ALL), None)
        return self._site.page("vendors", "vendors", rows=rows, everything=everything, own=own)

    def pause(self, vendor: str) -> Response:
        reason, desk = form("reason")["reason"], self._site.desk
        with desk.db.tx() as conn:
            try:
                done = pause.pause(conn, desk.vault, who(), vendor, reason)
            except DeskError as refused:
                wrong(f"Not paused: {refused}.")
        return self._back("paused" if done else "paused_already", vendor)

    def resume(self, vendor: str) -> Response:
        form()
        desk = self._site.desk
        with desk.db.tx() as conn:
            done = pause.resume(conn, desk.vault, who(), vendor)
        desk.engine.call(desk.db)
        return self._back("resumed" if done else "not_paused", vendor)

    def _back(self, said: str, vendor: str) -> Response:
        known = vendor if vendor in pause.NAMES else ""
        return self._site.back(said, "vendors", values={"vendor": words.load().say("vendor", known)})


def add(site: Site) -> None:
    vendors = Vendors(site)
    site.get("/vendors", "vendors", vendors.page)
    site.post("/vendors/<vendor>/pause", "vendor_pause", vendors.pause, OPERATOR)
    site.post("/vendors/<vendor>/resume", "vendor_resume", vendors.resume, OPERATOR)
