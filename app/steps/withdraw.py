"""Verbs of a withdrawal: undo what can be undone, at whatever point the case is (SOP 000 section 2; features 0.28).

A withdrawal without a named channel is of the whole wish. With named ones the rest of the wish stands: before approval
in a new round with a card of its own, afterwards in the same case, and JIRA is told what to restore.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from app import cards, cases, inbox, joins, notes, resumed, wish
from app.bans import wishes
from app.cases import CLOSED_STATES, OPEN_STATES, Case
from app.db import Connection
from app.events import Json
from app.ledger import store
from app.ledger.perform import Plan, WalkLostError
from app.points import point
from app.resumed import UNDECIDED
from app.steps.base import never
from app.steps.issue import IssueSteps

EVERYTHING = {"delete_all", "stop_all", "stop_calls"}


class WithdrawSteps(IssueSteps):
    def withdraw(self, case: Case) -> bool:
        """The customer's newer wish wins, at whatever point the case is. False: it is not carried out, or not yet.

        Nothing is done when delete all stands beside channels to go on with: the agent asks, and the note says so.
        """
        elsewhere, taken = self._elsewhere()
        if self.due and elsewhere is None:
            return False
        if elsewhere and self.case.state == "void":
            with self.tools.db.tx() as conn:  # another withdrawal was quicker: its next round is meant
                self.case = cases.latest(conn, self.case.ticket_id, self.case.procedure) or self.case
        channels = taken if elsewhere else resumed.named(self.ticket(), self.tools.settings)
        if self.case.state == "withdrawn":
            return True
        if elsewhere and joins.outlives(self.case, elsewhere):
            return False  # the customer has asked for this one since
        asked = self._asked_for()
        left = wish.without(asked, channels) if channels else ()
        self.remark("resume_unclear", left is None)
        if left is None:
            self.move("incomplete", of={"open"})  # so that the note is written
            return False
        # A request whose preference is not on the ticket yet: nobody knows what is left, but something is.
        if channels and (left or (not asked and self._is_requested())):
            return self._in_part(channels, left, elsewhere)
        fields: dict[str, Json] = {"channels": [*channels], "new": [*channels], **self._times(channels)}
        fields |= {"from": self.case.state, **self._said_on(elsewhere)}

        def also(conn: Connection, case: Case) -> None:
            wishes.withdraw(conn, case.id)
            joins.tell_main(conn, case, channels)

        self.move("withdrawn", of=(OPEN_STATES | CLOSED_STATES) - {"withdrawn"}, also=also, withdrawal=fields)
        return True

    def undo_in_jira(self, case: Case) -> None:
        """JIRA is told once of what to undo: all of it, or the channels that were taken back after the approval."""
        super().undo_in_jira(case)
        late = resumed.of_case(self.case, "late")
        if late and self.case.state != "withdrawn" and self.case.jira_key is not None:
            texts = self.tools.texts
            stays = cards.channel_names(texts, self.case.preference)
            restore = cards.channel_names(texts, [f"stop_{channel}" for channel in late])
            self.comment_jira(self.case, "withdrawn_part", part=f"-{'.'.join(late)}", channels=restore, stays=stays)

    def concerns_calls(self, case: Case) -> bool:
        """Whether consent to calls is given or kept by this withdrawal; the note says why when it is not."""
        if {"both_tags", "resume_unclear"} & set(self.case.problems):
            return False  # nobody knows yet what the customer wants: the agent asks
        if resumed.of_case(self.case):
            return "calls" in resumed.of_case(self.case, "new")
        whole = self.case.state == "withdrawn"
        return whole and (not self.case.preference or bool(EVERYTHING & set(self.case.preference)))

    def go_on_with_the_rest(self, case: Case) -> None:
        """What the customer has not withdrawn stands: while nobody has decided on it, the request's section goes on."""
        if self.case.state in UNDECIDED:
            from app import registry

            registry.request(self.case.procedure)(self.case, self)  # type: ignore[arg-type]  # self is a Steps

    # ---- parts

    def _elsewhere(self) -> tuple[Case | None, tuple[str, ...]]:
        """The same person's other case in which it was withdrawn, and the channels taken back there."""
        if not self.due.startswith(cases.ELSEWHERE):
            return None, ()
        with self.tools.db.each() as conn:
            return joins.source(conn, self.due)

    def _times(self, channels: Sequence[str]) -> dict[str, Json]:
        """When it was taken back, and when each channel was for the first time: an older wish elsewhere hears of it."""
        at, before = _now(), self.case.withdrawal.get("times")
        return {"at": at, "times": {**dict.fromkeys(channels, at), **(before if isinstance(before, dict) else {})}}

    def _said_on(self, elsewhere: Case | None) -> dict[str, Json]:
        """The other ticket on which the customer said it; nothing for another round of this one."""
        other = elsewhere is not None and elsewhere.ticket_id != self.case.ticket_id
        return {"ticket": elsewhere.ticket_id} if elsewhere and other else {}

    def _asked_for(self) -> tuple[str, ...]:
        """The preference before this withdrawal: the case's once it was complete, else the ticket's."""
        if self.case.state in ("open", "incomplete"):
            return resumed.chosen(self.ticket(), self.tools.settings) if self._is_requested() else ()
        return self.case.preference

    def _is_requested(self) -> bool:
        """Whether there is a request at all: without one there is nothing of which something could be left."""
        return self.case.state == "incomplete" or (
            self.case.state == "open" and self.tools.settings.tags["data_deletion_request"] in self.ticket().tags
        )

    def _in_part(self, channels: Sequence[str], left: tuple[str, ...], elsewhere: Case | None) -> bool:
        new = [channel for channel in channels if channel not in resumed.of_case(self.case)]
        if not new:
            return True
        was = self.case.preference
        decided = self.case.state not in UNDECIDED | {"joined", "declined", "void"}
        late = [*resumed.of_case(self.case, "late"), *(c for c in new if wish.without(was, [c]) != was)]
        fields: dict[str, Json] = {
            "channels": [*resumed.of_case(self.case), *new],
            "new": [*resumed.of_case(self.case, "new"), *new],
            **self._times(new),
            **({"late": [*late]} if decided and late and self._jira_was_asked() else {}),
            **self._said_on(elsewhere),
        }
        if self.case.state == "awaiting" and left != was and self._asked():
            return self._amend(fields, new)
        preference = {"preference": left} if was and left else {}

        def also(conn: Connection, case: Case) -> None:
            if decided and left != was:
                wishes.withdraw(conn, case.id, {*wishes.names(was)} - {*wishes.names(left)})
            self._others(conn, case, new)

        self.move(self.case.state, of={self.case.state}, also=also, withdrawal=fields, **preference)
        return True

    def _jira_was_asked(self) -> bool:
        """Whether an issue may say the wish as it was; one that was never sent will say what is left."""
        with self.tools.db.each() as conn:
            return any(e.verb == "open_jira" and e.sent_at for e in store.of_case(conn, self.case.id))

    def _others(self, conn: Connection, case: Case, channels: Sequence[str]) -> None:
        """What is taken back on one ticket is taken back for the person's other tickets."""
        joins.withdraw_part(conn, case, channels)
        joins.tell_main(conn, case, channels)

    def _amend(self, fields: dict[str, Json], new: Sequence[str]) -> bool:
        """A card is out that asks for too much: this round is closed, the next one asks for the rest."""
        if not self._acknowledgement_is_known():
            return False  # its answer was lost: first it must be known whether the customer has been told
        with self.tools.db.tx() as conn:
            if not inbox.owns(conn, self.owner.event_id, self.owner.walk):
                raise WalkLostError
            old = cases.move(conn, self.case, "void", of={"awaiting"}, reason="amended")
            if old is None:
                self.case = cases.load(conn, self.case.id) or self.case
                return False
            amended = {**fields, "new": [*new]}
            self.case = cases.next_round(conn, old, withdrawal=amended, persons=old.persons)
            joins.repoint(conn, old.id, self.case.id)
            self._others(conn, self.case, new)
        point("case.after_move")
        self._ticket = None
        return True

    def _acknowledgement_is_known(self) -> bool:
        """Looks up an acknowledgement whose answer was lost; one that was never sent is the next round's."""
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        for effect in effects:
            if (effect.verb, effect.arg) == ("apply_macro", notes.REQUEST_MACRO) and effect.state in (
                "sending",
                "unknown",
            ):
                plan = Plan(effect.verb, effect.arg, effect.vendor, frozenset(), never, self.find_audit)
                if self.perform(plan).state == "waiting":
                    return False
        return True


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
