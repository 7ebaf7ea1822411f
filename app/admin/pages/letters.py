"""Unusable bodies: authentic, and nothing can be done with them. Kept sealed, and shown to an officer who says why."""

from __future__ import annotations

from flask import request
from werkzeug.exceptions import NotFound

from app import audit, inbox, sinks
from app.admin import filters, queries
from app.admin.guard import form, who
from app.admin.pages.site import OFFICER, Site, identity, wrong
from app.db import Connection, Row
from app.errors import DeskError

SHOWN = 8192  # characters of a line
RECENT = 2000  # rows of the audit trail among which the hour's unmaskings are counted
UNMASKINGS = 50  # an hour; more is an alarm (bad-inputs, table of limits)
ACTION = "letter.unmasked"
IN_THE_HOUR = (
    "SELECT count(*) AS count FROM (SELECT action, at FROM audit ORDER BY id DESC LIMIT %s) AS recent"
    " WHERE action = %s AND at > now() - interval '1 hour'"
)


class Letters:
    def __init__(self, site: Site) -> None:
        self._site = site

    def listed(self) -> str:
        text = request.args.get("before", "")
        before = filters.number(text) if text else None
        with self._site.desk.db.tx() as conn:
            found = queries.letters(conn, before)
        return self._site.page("letters", "letters", found=found)

    def one(self, number: str) -> str:
        with self._site.desk.db.tx() as conn:
            return self._site.page("letter", "letters", letter=_letter(conn, identity(number)))

    def unmask(self, number: str) -> str:
        """Once, as the answer to this request: no page that one could come back to shows it."""
        event_id, reason, desk = identity(number), form("reason")["reason"].strip(), self._site.desk
        if not reason:
            wrong("Say why you need to see it.")
        with desk.db.tx() as conn:
            letter, sealed = _letter(conn, event_id), inbox.body(conn, event_id)
            if sealed is None:
                raise NotFound
            try:
                body = desk.vault.open(sealed, letter["fact"])
            except DeskError:
                wrong("It was sealed under another DATA_KEY, and cannot be opened.")
            audit.write(conn, desk.vault, who(), ACTION, f"event:{event_id}", reason=reason)
            row = conn.execute(IN_THE_HOUR, (RECENT, ACTION)).fetchone()
        if row and row["count"] > UNMASKINGS:
            self._site.door.alarm("desk", "unmaskings", row["count"])
        return self._site.page("letter", "letters", letter=letter, body=_readable(body))


def _letter(conn: Connection, event_id: int) -> Row:
    """Raises NotFound: no such event, or one that is no unusable body."""
    row = conn.execute(
        f"SELECT {queries.EVENT} FROM events WHERE id = %s AND kind = 'dead'",  # noqa: S608 - constants
        (event_id,),
    ).fetchone()
    if row is None:
        raise NotFound
    return row


def _readable(body: bytes) -> str:
    """Line by line; what nobody can see but a machine obeys is written out."""
    lines = body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    return "\n".join(sinks.one_line(line, SHOWN) for line in lines)


def add(site: Site) -> None:
    letters = Letters(site)
    site.get("/dead", "letters", letters.listed)
    site.get("/dead/<number>", "letter", letters.one)
    site.post("/dead/<number>/unmask", "letter_unmask", letters.unmask, OFFICER)
