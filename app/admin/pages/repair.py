"""Replay one event or some, with the plan first, or mark one as settled.

What was pressed names the state and the walk that its page showed: pressed twice, or by two people, it is one replay.
"""

from __future__ import annotations

from flask import Response, request
from werkzeug.exceptions import BadRequest

from app import audit, inbox, replay, settle
from app.admin.guard import form, who
from app.admin.pages.site import OPERATOR, Site, identity, wrong
from app.errors import DeskError

ACTS = ("run", "start", "dry")


class Repair:
    def __init__(self, site: Site) -> None:
        self._site = site

    def replay(self, number: str) -> Response:
        event_id, desk = identity(number), self._site.desk
        given = form("act", "state", "walk")
        if given["act"] not in ACTS:
            raise BadRequest
        if given["act"] == "dry":
            self._note_dry_run(f"event:{event_id}")
            return self._site.back("dry_run", "event", number=event_id)
        with desk.db.tx() as conn:
            stored = inbox.load(conn, event_id)
            item = replay.of_event(desk, conn, event_id, from_start=given["act"] == "start")
        same = stored is not None and (stored.state, str(stored.walk)) == (given["state"], given["walk"])
        values: dict[str, object] = {"event": event_id}
        if not same:
            return self._site.back("too_late", "event", values=values, number=event_id)
        if item.refusal:
            why = item.refusal.partition(";")[0]
            return self._site.back("refused", "event", values={**values, "why": why}, number=event_id)
        done = replay.carry_out(desk, item, who())
        return self._site.back("replayed" if done else "too_late", "event", values=values, number=event_id)

    def settle(self, number: str) -> Response:
        event_id, desk = identity(number), self._site.desk
        reason = form("reason")["reason"]
        with desk.db.tx() as conn:
            try:
                done = settle.settle(desk, conn, who(), event_id, reason)
            except DeskError:
                wrong("To mark an event as settled, say why.")
        desk.engine.call(desk.db)
        said = "settled" if done else "not_settled"
        return self._site.back(said, "event", values={"event": event_id}, number=event_id)

    def many(self) -> str | Response:
        """Some events that were ticked: their plans first, then all of them at once."""
        given, chosen = form("act", "event", "next"), self._chosen()
        desk = self._site.desk
        plans = replay.plan(desk, chosen, failed=False, from_start=False)
        if given["act"] == "dry":
            self._note_dry_run(f"events:{len(chosen)}")
            return self._site.page("plans", "events", plans=plans)
        if given["act"] != "run":
            raise BadRequest
        actor = who()
        queued = sum(replay.carry_out(desk, item, actor) for item in plans if not item.refusal)
        values: dict[str, object] = {"queued": queued, "chosen": len(chosen)}
        return self._site.back("replayed_many", "events", values=values, state="dead")

    def _chosen(self) -> list[int]:
        """The ids that were ticked, no more than may be replayed in one go."""
        chosen = [identity(text) for text in dict.fromkeys(request.form.getlist("event"))]
        if not 0 < len(chosen) <= replay.LIMIT:
            wrong(f"Choose 1 to {replay.LIMIT} events.")
        return chosen

    def _note_dry_run(self, target: str) -> None:
        with self._site.desk.db.tx() as conn:
            audit.write(conn, self._site.desk.vault, who(), "event.dry_run", target)


def add(site: Site) -> None:
    repair = Repair(site)
    site.post("/events/<number>/replay", "event_replay", repair.replay, OPERATOR)
    site.post("/events/<number>/settle", "event_settle", repair.settle, OPERATOR)
    site.post("/replay", "events_replay", repair.many, OPERATOR, fresh=True)
