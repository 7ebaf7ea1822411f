"""Verbs on the Zendesk ticket: keep the note and the state mark."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from app import facts, notes
from app.ledger import store
from app.ledger.perform import Call, Evidence, Plan
from app.ledger.store import Effect
from app.steps.macro import MacroSteps

MARKS = ("incomplete", "waiting", "approved", "done", "declined", "withdrawn", "needs_person", "void")
MARK_OF = {"awaiting": "waiting", "banning": "approved", "verifying": "approved", "joined": "waiting", "open": ""}


class TicketSteps(MacroSteps):
    note_class: type[notes.Note] = notes.Note

    def keep_note(self) -> None:
        """The desk's internal note: a new one only when what it says has changed, never for a retry alone."""
        with self.tools.db.tx() as conn:
            effects = store.of_case(conn, self.case.id)
            known = facts.load(conn, self.case, self.tools.vault)
            parts = (self.tools.texts, self.case, effects, self.tools.settings)
            # One moment for both: a trouble that became worth telling in between would make a new note of the old text.
            now = datetime.now(UTC)
            text = self.note_class(*parts, known, now, stable=False).text()
            # A supervisor's own words never change, and are forgotten one day: that makes no new note.
            stable = self.note_class(*parts, replace(known, said={}), now, stable=True).text()
            digest = hashlib.sha256(stable.encode()).hexdigest()[:16]
            arg = _next_arg(effects, "note", digest)
        self.clear_up("note", arg)

        def prepare(effect: Effect) -> Call:
            ticket = self._stamped(effect)

            def send() -> Evidence:
                applied = self.tools.zendesk.update(ticket, op_id=effect.op_id, body=text, public=False)
                return {"audit_id": applied.audit_id}

            return Call(send, {"stamp": ticket.stamp})

        states = frozenset({self.case.state})
        self.perform(Plan("note", arg, "zendesk", states, prepare, self.find_audit))

    def keep_mark(self) -> None:
        """One `desk_…` tag shows the case's state to views and triggers (and keeps our own triggers from firing)."""
        with self.tools.db.tx() as conn:
            effects = store.of_case(conn, self.case.id)
        mark = self._mark(effects)
        if not mark:
            return
        wanted, others = f"desk_{mark}", frozenset(f"desk_{name}" for name in MARKS if name != mark)
        arg = _next_arg(effects, "mark", mark)
        self.clear_up("mark", arg)

        def send() -> Evidence:
            ticket = self.ticket(fresh=True)
            if wanted not in ticket.tags:
                self.tools.zendesk.add_tags(ticket, frozenset({wanted}))
                ticket = self.ticket(fresh=True)
            if stale := ticket.tags & others:
                self.tools.zendesk.remove_tags(ticket, stale)
            return {"tag": wanted}

        def find(effect: Effect) -> Evidence | None:
            tags = self.ticket(fresh=True).tags
            return {"tag": wanted} if wanted in tags and not tags & others else None

        states = frozenset({self.case.state})
        self.perform(Plan("mark", arg, "zendesk", states, lambda effect: Call(send), find, repeatable=True))

    def _mark(self, effects: list[Effect]) -> str:
        """The mark of the case's state. What stands still until a person acts gets one that triggers let through: the
        note asks for a tag to be removed or put on anew, and that has to be heard."""
        mark = MARK_OF.get(self.case.state, self.case.state)
        if {"both_tags", "resume_unclear"} & set(self.case.problems):
            return "incomplete"
        failed = any(e.state == "dead" for e in effects if e.verb not in ("mark", "note"))
        return "needs_person" if failed and mark in ("waiting", "approved") else mark


def _next_arg(effects: list[Effect], verb: str, what: str) -> str:
    """`<n>-<what>`: the newest effect of this verb when it says the same, else the next one."""
    mine = [effect for effect in effects if effect.verb == verb]
    live = [effect for effect in mine if effect.state != "void"]
    if live and live[-1].arg.partition("-")[2] == what:
        return live[-1].arg
    return f"{len(mine) + 1}-{what}"
