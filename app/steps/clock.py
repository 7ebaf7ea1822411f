"""Verbs on the case's clock: due date, reminders, the next supervisor (SOP 000 Notes; features 3.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app import approvers, button_life, cases, clocks, inbox, timers
from app.cases import Case
from app.clients.chat import Posted
from app.clocks import messages, terms
from app.db import Connection
from app.errors import PermanentError
from app.ledger import store
from app.ledger.perform import Call, Evidence, Outcome, Plan, WalkLostError
from app.ledger.store import Effect
from app.points import point
from app.steps.chat import ChatSteps

ORDER = {
    "50": 0,
    "80": 1,
}  # which of the approvers is reminded, in the order of APPROVERS; the last one again after that


class ClockSteps(ChatSteps):
    def start_clock(self, case: Case) -> None:
        """Due date and reminders, from the wish's receipt, by the profile (CLOCK_PROFILE). Features 3.1, 2.3.

        Once a case: afterwards only a wish that turns out to be of another kind, before it was extended, changes it.
        """
        with self.tools.db.tx() as conn:
            if not inbox.owns(conn, self.owner.event_id, self.owner.walk):
                raise WalkLostError
            row = cases.lock(conn, self.case.id)
            if row.state in terms.RUNNING:
                anew = row.clock.get("kind") != terms.kind_of(row) and "extended" not in row.clock
                if anew:
                    row = self._fix(conn, row)
                terms.set_timers(conn, row, anew=anew)
            self.case = row
        point("case.after_move")

    def _fix(self, conn: Connection, row: Case) -> Case:
        fixed = clocks.of(self.tools.settings).fix(row, datetime.now(UTC))
        moved = cases.move(
            conn, row, row.state, of={row.state}, due_at=fixed.due_at, clock={**row.clock, **fixed.clock}
        )
        assert moved is not None  # the row is locked
        return moved

    def remind_supervisor(self, case: Case) -> None:
        """A reminder in the card's thread: half-way to the first approver, later to the next, when overdue to all.

        Never an approval. `due` names the part: `reminder:50`, `reminder:overdue`, `reminder:80:extended`.
        Source: features 3.1.
        """
        part = self.due.partition(":")[2]
        if self.case.state not in terms.RUNNING:
            # Nobody is reminded any more; what is left of an open case is that its card says when it is overdue.
            with self.tools.db.tx() as conn:
                for done in [*terms.SHARES, *([] if self.case.is_open else ["overdue"])]:
                    timers.stop(conn, case.id, f"reminder:{done}")
        elif self.case.state == "awaiting" and part not in ("", "extended") and not self._card_first():
            self.perform(
                Plan(
                    "remind",
                    part,
                    self.tools.chat.vendor,
                    frozenset({"awaiting"}),
                    lambda effect: self._reminder(effect, part.partition(":")[0]),
                    self._find_reminder,
                    yields=True,
                )
            )

    def _card_first(self) -> bool:
        """After hours without chat the reminders of a card must not come before it."""
        with self.tools.db.each() as conn:
            asked = [e for e in store.of_case(conn, self.case.id) if e.verb == "ask_supervisor"]
        if not asked or asked[-1].state not in ("planned", "sending", "unknown"):
            return False
        now = datetime.now(UTC)
        at = max(asked[-1].next_at or now, now) + timedelta(seconds=self.tools.settings.retry_base)
        self.outcomes.append(Outcome("waiting", "card_first", next_at=at))
        return True

    def _reminder(self, effect: Effect, part: str) -> Call:
        who = self._reminded(part)
        card = messages.reminder(
            self.tools.texts,
            part=part,
            who=who,
            due=self.case.due_at,
            expired=self._expired(),
            ticket_url=self.ticket_url,
            ticket_id=self.case.ticket_id,
        )
        # Fixed with the intent: where it was sent is where it is looked for, should its answer be lost.
        channel = self.case.chat_channel or self.tools.settings.channel_of(self.case.procedure)
        ts = self.case.chat_ts or ""
        key = self.effect_key()

        def send() -> Evidence:
            post = self.tools.chat.post
            if ts:
                try:
                    return _where(post(card, op_id=effect.op_id, case_key=key, thread=Posted(channel, ts)))
                except PermanentError as error:
                    if error.reason not in ("gone", "rejected"):
                        raise  # else somebody deleted the card: the channel itself is told
                return {**_where(post(card, op_id=effect.op_id, case_key=key, channel=channel)), "gone": True}
            return _where(post(card, op_id=effect.op_id, case_key=key, channel=channel))

        return Call(send, {"channel": channel, "thread": ts, "who": list(who)})

    def _find_reminder(self, effect: Effect) -> Evidence | None:
        channel, ts = str(effect.evidence.get("channel", "")), str(effect.evidence.get("thread", ""))
        find, posted = self.tools.chat.find, None
        if ts:
            try:
                posted = find(effect.op_id, since=effect.planned_at, thread=Posted(channel, ts))
            except PermanentError as error:
                if error.reason != "gone":
                    raise
        posted = posted or find(effect.op_id, since=effect.planned_at, channel=channel)
        return _where(posted) if posted else None

    def _reminded(self, part: str) -> list[str]:
        """Chat ids of those who are reminded, of the approvers on duty who may decide this case."""
        tools, barred = self.tools, set(self.case.barred)
        listed = approvers.on_duty(tools.settings, tools.db, tools.chat, self.case.procedure)
        able = [user for user, mail in listed.items() if tools.vault.digest("mail", mail) not in barred]
        return [able[min(ORDER[part], len(able) - 1)]] if able and part in ORDER else able

    def _expired(self) -> bool:
        """Whether the card's buttons are too old to be pressed, because nothing could renew them (APPROVAL_LIFE)."""
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        return button_life.expired(effects, self.tools.settings.approval_life)


def _where(posted: Posted) -> Evidence:
    return {"channel": posted.channel, "ts": posted.ts}
