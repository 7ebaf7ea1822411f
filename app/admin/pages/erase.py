"""Erase: a privacy officer clears what is kept of a ticket's customer, after typing its number and saying why."""

from __future__ import annotations

from flask import Response
from werkzeug.exceptions import NotFound

from app import erase
from app.admin.guard import form, who
from app.admin.pages.site import OFFICER, Site, identity, wrong
from app.errors import DeskError


class Erase:
    def __init__(self, site: Site) -> None:
        self._site = site

    def ask(self, number: str) -> Response:
        ticket, desk = identity(number), self._site.desk
        given = form("reason", "confirm", "next")
        if given["confirm"].strip() != str(ticket):
            wrong("To erase, type the ticket's number as it stands on the page. Nothing was done.")
        with desk.db.tx() as conn:
            try:
                row = erase.ask(desk, conn, who(), ticket, given["reason"])
            except DeskError:
                wrong("To erase, say why. Nothing was done.")
        if row is None:
            raise NotFound
        said = "erased" if row["done_at"] else "erase_waits"
        return self._site.back(said, "case", values={"ticket": ticket, **row["cleared"]}, number=ticket)


def add(site: Site) -> None:
    page = Erase(site)
    site.post("/cases/<number>/erase", "case_erase", page.ask, OFFICER, fresh=True)
