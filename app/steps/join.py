"""Verbs on one person's several tickets: one case, one card, one issue (features 4.2, 0.21)."""

from __future__ import annotations

from app import cases, inbox, joins
from app.cases import Case
from app.ledger.perform import WalkLostError
from app.points import point
from app.steps.chat import ChatSteps


class JoinSteps(ChatSteps):
    def joins_another_ticket(self, case: Case) -> bool:
        """Whether another ticket of the same person already carries this wish: then this case follows that one.

        A case that asks for more takes over an undecided one; beside a decided one it stands on its own.
        """
        if self.case.state == "joined" and "info:changed" not in self.case.problems:
            return True
        if self.case.state == "joined":  # the wish on this ticket is another one by now
            self._stand_alone()  # a round of its own: what this one had sent, or a card of it that is closed, is past
            return True
        if self.case.state != "awaiting" or self._asked() or not self.case.persons:
            return False
        with self.tools.db.tx() as conn:
            if not inbox.owns(conn, self.owner.event_id, self.owner.walk):
                raise WalkLostError
            joins.lock(conn, self.case.persons)
            current = cases.load(conn, self.case.id)
            assert current is not None
            self.case = joins.join(conn, current) if current.state == "awaiting" else current
        point("case.after_move")
        return self.case.state != "awaiting"

    def follow(self, case: Case) -> bool:
        """The case that this one has joined has moved on, or another ticket has joined this one: show it here too.

        True: the customer has withdrawn on that ticket, so whoever this one names may have offers again, too.
        """
        with self.tools.db.tx() as conn:
            main = cases.load(conn, self.case.joined_to) if self.case.joined_to else None
            newest = cases.latest(conn, self.case.ticket_id, self.case.procedure)
        if main is None:
            return False
        if self.case.state == "done":
            if main.is_open and newest and newest.id == self.case.id:
                self.move("joined", of={"done"})  # JIRA took its word back
        elif main.state == "done":
            self.move("done", of={"joined"})
        elif main.state == "withdrawn":
            told = {"ticket": main.ticket_id, "from": "joined", **{"at": str(main.withdrawal.get("at", ""))}}
            self.move("withdrawn", of={"joined"}, withdrawal=told)
        elif not main.is_open or main.state == "incomplete" or not _carried(main, self.case):
            self._stand_alone()
        return self.case.state in ("joined", "withdrawn") and "ticket" in self.case.withdrawal

    def _stand_alone(self) -> None:
        """Nobody carries this wish any more: the next round of this ticket asks for itself, by its own timer."""
        with self.tools.db.tx() as conn:
            if not inbox.owns(conn, self.owner.event_id, self.owner.walk):
                raise WalkLostError
            old = cases.move(conn, self.case, "void", of={"joined"}, reason="alone", problems=_unchanged(self.case))
            if old:
                cases.next_round(conn, old, persons=old.persons, withdrawal=dict(old.withdrawal))
            self.case = old or cases.load(conn, self.case.id) or self.case
        point("case.after_move")


def _carried(main: Case, case: Case) -> bool:
    """Whether the main case's wish still holds this one's. One that is just being amended is looked at when it is."""
    return main.state == "open" or joins.covers(main.preference, case.preference)


def _unchanged(case: Case) -> tuple[str, ...]:
    return tuple(problem for problem in case.problems if problem != "info:changed")
