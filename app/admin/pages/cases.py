"""Cases: every wish and where it stands; all rounds of one ticket, each as a picture from tag to proof."""

from __future__ import annotations

import json
from dataclasses import dataclass

from flask import Response, request
from werkzeug.exceptions import NotFound

from app import browse, erase, proof, registry
from app.admin import picture, queries, timeline, words
from app.admin.filters import Filter
from app.admin.pages.site import OFFICER, Site, identity
from app.admin.picture import Milestone
from app.db import Connection, Row
from app.texts import Texts

ROUND = f"{browse.CASE}, tagger_id, barred, joined_to, jira_status"
WISHES = "SELECT wish, state, source, asked_at, claimed_at, confirmed_at, checked_at FROM wishes WHERE case_id = %s"
ROUNDS = 50  # of one ticket, the newest


@dataclass(frozen=True)
class Round:
    """One generation of a procedure on the ticket."""

    case: Row
    milestones: list[Milestone]
    effects: list[Row]
    wishes: list[Row]


class Cases:
    def __init__(self, site: Site) -> None:
        self._site = site

    def listed(self) -> str:
        known = {"states": queries.STATES, "procedures": registry.procedures()}
        only = self._site.filter(request.args, **known)
        with self._site.desk.db.tx() as conn:
            found = queries.cases(conn, only)
        return self._site.page("cases", "cases", found=found, only=only, **known)

    def one(self, number: str) -> str:
        ticket = identity(number)
        with self._site.desk.db.tx() as conn:
            rounds = self._rounds(conn, ticket)
            events = queries.events(conn, Filter(ticket=ticket)).rows
            erasures = erase.listed(conn, ticket, self._site.door.settings.forget_case_days)
            erasable = not erasures or (erasures[0]["done_at"] is not None and erase.since(conn, erasures[0]))
        if not rounds:
            raise NotFound
        say = words.load()
        return self._site.page(
            "case",
            "cases",
            ticket=ticket,
            rounds=rounds,
            events=events,
            erasures=erasures,
            erasable=erasable,
            effect_words=lambda effect: timeline.effect(say, effect["verb"], effect["arg"]),
        )

    def proof(self, number: str) -> Response:
        """The evidence as one document: ids, codes and times, no personal data; its hash is in it."""
        with self._site.desk.db.tx() as conn:
            found = proof.bundle(conn, identity(number), Texts.load(self._site.door.settings.desk_language))
        if found is None:
            raise NotFound
        return Response(json.dumps(found, ensure_ascii=False, indent=2), mimetype="application/json")

    def _rounds(self, conn: Connection, ticket: int) -> list[Round]:
        rows = conn.execute(
            f"SELECT {ROUND} FROM cases WHERE ticket_id = %s ORDER BY id DESC LIMIT {ROUNDS}",  # noqa: S608 - constants
            (ticket,),
        ).fetchall()
        return [self._round(conn, row) for row in rows]

    def _round(self, conn: Connection, case: Row) -> Round:
        effects = browse.effects(conn, case["id"])
        wishes = conn.execute(WISHES, (case["id"],)).fetchall()
        second = self._site.door.settings.completion_macro
        return Round(case, picture.milestones(words.load(), case, effects, wishes, second), effects, wishes)


def add(site: Site) -> None:
    cases = Cases(site)
    site.get("/cases", "cases", cases.listed)
    site.get("/cases/<number>", "case", cases.one)
    site.get("/cases/<number>/proof.json", "case_proof", cases.proof, OFFICER)
