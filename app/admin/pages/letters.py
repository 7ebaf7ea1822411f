"""Unusable bodies: authentic, and nothing can be done with them. Kept sealed, and shown to an officer who says why."""

from __future__ import annotations

from flask import request
from werkzeug.exceptions import NotFound

from app import letters
from app.admin import filters, queries
from app.admin.filters import Filter
from app.admin.guard import form, who
from app.admin.pages.site import OFFICER, Site, identity, wrong
from app.errors import DeskError


class Letters:
    def __init__(self, site: Site) -> None:
        self._site = site

    def listed(self) -> str:
        text = request.args.get("before", "")
        only = Filter(before=filters.number(text, "before") if text else None)
        with self._site.desk.db.tx() as conn:
            found = queries.letters(conn, only)
        return self._site.page("letters", "letters", found=found)

    def one(self, number: str) -> str:
        with self._site.desk.db.tx() as conn:
            letter = letters.load(conn, identity(number))
        if letter is None:
            raise NotFound
        return self._site.page("letter", "letters", letter=letter)

    def unmask(self, number: str) -> str:
        """Once, as the answer to this request: no page that one could come back to shows it."""
        event_id, reason, desk = identity(number), form("reason")["reason"], self._site.desk
        with desk.db.tx() as conn:
            try:
                opened = letters.unmask(conn, desk.vault, who(), event_id, reason)
            except DeskError as refused:
                wrong(f"Not shown: {refused}.")
        if opened is None:
            raise NotFound
        if opened.alarm:
            self._site.door.alarm("desk", "unmaskings", opened.alarm)
        return self._site.page("letter", "letters", letter=opened.letter, body=opened.body)


def add(site: Site) -> None:
    pages = Letters(site)
    site.get("/dead", "letters", pages.listed)
    site.get("/dead/<number>", "letter", pages.one)
    site.post("/dead/<number>/unmask", "letter_unmask", pages.unmask, OFFICER)
