"""One walk of one event: read how things are now, let the handler's section speak, write down how far it came.

A walk that must wait ends and is asked for again later; a walk that is started again, after a crash or a replay, starts
from the top, finds what is done and goes on. Nothing is decided from the event alone: the case row decides.
"""

from __future__ import annotations

import logging
import random
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from app import alerts, answers, cases, decide, duties, inbox, registry, trace
from app.ahead import Ahead
from app.clients import retry
from app.desk import Desk, op_ids
from app.errors import AuthError, NotAppliedError, PermanentError, StoreError, UnknownOutcomeError, VendorError
from app.events import ButtonPressed, IssueChanged, ThreatSeen, TicketTagged, TimeCame
from app.inbox import Stored
from app.ledger import store
from app.ledger.perform import Outcome, WalkLostError
from app.logs import report
from app.points import point
from app.rounds import Rounds
from app.settle import SETTLED
from app.steps import Steps, make
from app.steps.base import Tools
from app.threat_rounds import TAG, ThreatRounds

log = logging.getLogger(__name__)

BUG_TRIES = 2
OTHERS_FIRST = timedelta(seconds=30)  # until it is looked again whether the other events of a case are over
READ_TRIES = 300  # failures in a row to read from a vendor: about three days at the longest pause


@dataclass(frozen=True)
class Verdict:
    """How a walk ended: done, waiting (with `next_at`), ignored, void or dead."""

    state: str
    reason: str = ""
    case_id: int | None = None
    next_at: datetime | None = None
    failed: bool = False


class Walker:
    """Walks events for one worker process; used from many threads."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.tools: Tools = desk.tools()
        self.rounds = Rounds(desk, self.tools)
        self.threats = ThreatRounds(desk, self.tools)
        self.ahead = Ahead(self.tools.zendesk)
        self._team: str | None = None

    def learn_own_id(self) -> None:
        """Who we are in Zendesk, for the loop guard at the door. Unreachable now: the next walk tries again."""
        try:
            own = retry.read(self.tools.zendesk.me)
        except VendorError as error:
            log.warning("own_id.unknown", extra={"reason": error.reason})
            return
        with self.desk.db.tx() as conn:
            conn.execute(
                "INSERT INTO ourselves VALUES ('zendesk_user_id', %s)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                (str(own),),
            )
        self.desk._own_id = own

    def team(self) -> str:
        """Our workspace, '' in Mattermost: a token belongs to one for as long as it lives, so it is asked for once."""
        if self._team is None:
            self._team = retry.read(self.tools.chat.me)[0]
        return self._team

    def walk(self, event_id: int) -> None:
        """Never raises: whatever happens is written on the event's row, or another walk takes over."""
        try:
            with self.desk.db.each() as conn:
                stored = inbox.begin(conn, event_id)
            point("walk.after_begin")
            if stored is None:
                return
            with trace.about(stored.fact), trace.span(f"walk {stored.kind}", "consumer", event=stored.id) as told:
                verdict = self._judge(stored)
                told.update(state=verdict.state, reason=verdict.reason)
                point("walk.before_finish")
                self._finish(stored, verdict)
                point("walk.after_finish")
        except WalkLostError:
            log.info("walk.lost", extra={"key": event_id})

    def _judge(self, stored: Stored) -> Verdict:
        seen: list[Steps] = []  # the case this walk is about, once it is known
        try:
            if self.desk.stopping.is_set():
                return Verdict("waiting", "stopping", next_at=datetime.now(UTC))
            return self._dispatch(stored, seen)
        except (WalkLostError, StoreError):
            raise  # nothing can be written, or nothing is ours to write: the job is taken over
        except (PermanentError, AuthError, NotAppliedError, UnknownOutcomeError) as error:
            verdict = self._read_failed(stored, error)
        except Exception as error:  # noqa: BLE001 - the one place that catches broadly: a bug kills one event only
            report(log, "walk.bug", error, key=stored.id)
            verdict = self._again_or(stored, "code", stored.failures + 1 < BUG_TRIES)
        if seen:
            verdict = replace(verdict, case_id=seen[0].case.id)
            if verdict.state == "dead":
                verdict = self._tell(seen[0], verdict)
        return verdict

    def _read_failed(self, stored: Stored, error: VendorError) -> Verdict:
        """A vendor could not be read, before any effect: wait, longer each time; refused credentials never kill."""
        if isinstance(error, PermanentError):
            return Verdict("dead", error.reason, failed=True)
        again = isinstance(error, AuthError) or stored.failures + 1 < READ_TRIES
        reason = error.reason if again else f"gave_up:{error.vendor}:{error.reason}"  # app.bulk replays these
        return self._again_or(stored, reason, again, getattr(error, "retry_after", None))

    def _again_or(self, stored: Stored, reason: str, again: bool, asked: float | None = None) -> Verdict:
        if not again:
            return Verdict("dead", reason, failed=True)
        settings = self.desk.settings
        ceiling = min(settings.retry_cap, settings.retry_base * 2 ** min(stored.failures, 16))
        pause = max(random.uniform(ceiling / 2, ceiling), min(asked or 0.0, settings.retry_cap))  # noqa: S311 - jitter
        return Verdict("waiting", reason, next_at=datetime.now(UTC) + timedelta(seconds=pause), failed=True)

    def _tell(self, do: Steps, verdict: Verdict) -> Verdict:
        """A walk that ends for good says so on the ticket; it ends only when that is said, or cannot be."""
        try:
            do.remark(f"failed:{do.owner.event_id}:{verdict.reason}", True)
            told = self.conclude(do, failed=True)
        except WalkLostError:
            raise
        except Exception as error:  # noqa: BLE001 - what failed may fail here again; the event is dead all the same
            report(log, "walk.not_told", error, case=do.case.id)
            return verdict
        return replace(told, failed=True) if told.state == "waiting" else verdict

    def _finish(self, stored: Stored, verdict: Verdict) -> None:
        with self.desk.db.tx() as conn:
            ours = inbox.end(
                conn,
                stored,
                verdict.state,
                reason=verdict.reason,
                next_at=verdict.next_at,
                case_id=verdict.case_id,
                failed=verdict.failed,
            )
            if not ours:
                raise WalkLostError
            store.write(conn, verdict.case_id, f"event_{verdict.state}", reason=verdict.reason, event_id=stored.id)
            if verdict.state == "dead" and not alerts.is_alert(stored):
                alerts.notice(conn, self.desk.settings, verdict.reason)
            if verdict.state == "waiting":
                self.desk.engine.run_later(conn, stored.id, verdict.next_at or datetime.now(UTC))
        extra = {"key": stored.id, "case": verdict.case_id, "state": verdict.state, "reason": verdict.reason}
        log.log(logging.WARNING if verdict.state == "dead" else logging.INFO, "event.walked", extra=extra)

    def _dispatch(self, stored: Stored, seen: list[Steps]) -> Verdict:
        if stored.kind in ("ignored", "dead"):
            return answers.answer_refused(self.tools, stored)
        event = stored.event()
        if isinstance(event, TicketTagged):
            return _once_more(stored, event, self._tagged(stored, event, seen))
        if isinstance(event, ButtonPressed):
            return decide.press(self, stored, event, seen)
        if isinstance(event, ThreatSeen):
            return self._threat(stored, event, seen)
        if isinstance(event, TimeCame):
            return self._time(stored, event, seen)
        return self._issue(stored, event, seen)

    # ---- the desk's own clock

    def _time(self, stored: Stored, event: TimeCame, seen: list[Steps]) -> Verdict:
        if event.case_id is None:
            return duties.walk(self, stored, event.what)
        with self.desk.db.tx() as conn:
            case = cases.load(conn, event.case_id)
        what, _, part = event.what.partition(":")
        section = registry.for_time(case.procedure, event.what) if case else None
        if case is None or (section is None and what != SETTLED):
            return Verdict("void", "no_such_case")
        do = make(self.tools, decide.owner(stored), case)
        do.due = event.what
        seen.append(do)
        if section is None:
            return self._settled(do, part)
        section(do.case, do)
        return self.conclude(do)

    def _settled(self, do: Steps, event_id: str) -> Verdict:
        """An admin has settled this event: the note says so, and no longer that it failed."""
        with self.desk.db.tx() as conn:
            busy = inbox.under_way(conn, do.case.id, besides=do.owner.event_id)
            if not busy and not inbox.dead_of(conn, do.case.id):
                store.settle_dead(conn, do.case.id, SETTLED)
        if busy:  # what is dead may be what the other is going to do
            return Verdict("waiting", "others_first", do.case.id, datetime.now(UTC) + OTHERS_FIRST)
        for problem in [problem for problem in do.case.problems if problem.startswith(f"failed:{event_id}:")]:
            do.remark(problem, False)
        do.remark("info:settled", True)
        verdict = self.conclude(do)
        if verdict.state != "dead":
            return verdict
        # What could not be told now is what could not be done before: to fail once more over it helps nobody.
        with self.desk.db.tx() as conn:
            if not inbox.dead_of(conn, do.case.id) and not inbox.under_way(conn, do.case.id, besides=do.owner.event_id):
                store.settle_dead(conn, do.case.id, SETTLED)
        return replace(verdict, state="void", reason="not_told")

    # ---- a tag on a ticket

    def _tagged(self, stored: Stored, event: TicketTagged, seen: list[Steps]) -> Verdict:
        if self.desk._own_id is None:
            self.learn_own_id()
        zendesk, settings = self.tools.zendesk, self.tools.settings
        ticket = retry.read(lambda: zendesk.ticket(event.ticket_id))
        names = frozenset(name for name, tag in settings.tags.items() if tag in ticket.tags)
        known = self.threats.known(ticket.id)
        reads = self.ahead.of(ticket, begin=bool(names) and stored.case_id is None)
        if names and self.threats.raise_new(stored, reads, known):
            # Looked for first: the threat's own event goes before this one, and this one on beside it.
            return Verdict("waiting", "threat_first", next_at=datetime.now(UTC))
        if names:
            self.threats.look_later(event)
        tagged = registry.for_tags(names)
        if tagged is None:
            return Verdict("idle", "threat_only") if TAG in names else Verdict("void", "tag_gone")
        found = self.rounds.of(stored, reads, tagged, event)
        if found.case is None:
            return Verdict("void", f"already_{found.state}")
        contradictory = tagged.rank > 0 and self.rounds.contradictory(found.case, names, reads)
        do = make(self.tools, decide.owner(found.stored), found.case, reads)
        seen.append(
            do
        )  # from here on the event has its case: for a withdrawal, only when its section is about to speak
        if tagged.rank > 0:
            do.remark("both_tags", contradictory)
        else:
            do.remark("resume_unclear", False)  # the withdrawal is off the ticket: the whole wish stands
        tagged.section(do.case, do)
        verdict = self.conclude(do)
        idle = verdict.state == "done" and do.case.state == "incomplete"
        return replace(verdict, state="idle") if idle else verdict

    # ---- a threat to go to a regulator

    def _threat(self, stored: Stored, event: ThreatSeen, seen: list[Steps]) -> Verdict:
        stored, case = self.threats.of(stored, event)
        do = make(self.tools, decide.owner(stored), case)
        seen.append(do)
        section = registry.for_threat(case.procedure)
        if section and case.is_open:
            section(do.case, do)
        return self.conclude(do)

    # ---- a JIRA issue changed

    def _issue(self, stored: Stored, event: IssueChanged, seen: list[Steps]) -> Verdict:
        with self.desk.db.tx() as conn:
            case = cases.by_issue(conn, event.key, op_ids(event))
        if case is None:
            return Verdict("ignored", "not_ours")
        do = make(self.tools, decide.owner(stored), case)
        seen.append(do)
        status = do.issue_status(event.key)
        if status == "other":
            return Verdict("ignored", "other_issue", case.id)  # a clone carries our label too
        if status == "running" and do.case.state in ("done", "verifying", "needs_person"):
            status = "reopened"
        section = registry.for_issue(case.procedure, status)
        if section and (do.case.is_open or do.case.state == "done"):
            section(do.case, do)
        # The ban was carried out after the customer withdrew: a person looks.
        do.remark("info:banned_after_all", do.case.state == "withdrawn" and status == "done")
        return self.conclude(do)

    # ---- the end of every walk

    def conclude(self, do: Steps, *, failed: bool = False) -> Verdict:
        """Keep the ticket true, then say how far this walk came."""
        if not failed:
            mine = f"failed:{do.owner.event_id}:"  # another event that has failed is still to be seen to
            over = "failed:" if do.case.state == "done" else mine
            for problem in [problem for problem in do.case.problems if problem.startswith(over)]:
                do.remark(problem, False)
        if do.case.state != "open" or failed:
            do.find_lost()
            do.keep_card()
            do.keep_earlier_card()
            do.keep_mark()
            do.keep_note()
        return _verdict(do.outcomes, do.case.id)


def _once_more(stored: Stored, event: TicketTagged, verdict: Verdict) -> Verdict:
    """A walk that found nothing to do looks again when no other update of the ticket can have this event's time.

    Zendesk's times are whole seconds (in some triggers minutes): an edit or a new tag within one is the same fact to
    the door, which keeps the first delivery only.
    """
    unit = 60 if re.match(r".{16}(?!:)", event.updated_at) else 1
    over = stored.received_at + timedelta(seconds=unit)
    if verdict.state not in ("void", "idle") or datetime.now(UTC) >= over:
        return replace(verdict, state="done") if verdict.state == "idle" else verdict
    return Verdict("waiting", "same_time", verdict.case_id, over)


def _verdict(outcomes: list[Outcome], case_id: int) -> Verdict:
    dead = [outcome for outcome in outcomes if outcome.state == "dead"]
    waiting = [outcome for outcome in outcomes if outcome.state == "waiting"]
    if waiting:
        # A dead effect is on the ticket's note already; the event is done with only when nothing waits any more.
        at = min(outcome.next_at or datetime.now(UTC) for outcome in waiting)
        return Verdict("waiting", waiting[0].reason, case_id, at)
    if dead:
        return Verdict("dead", dead[0].reason, case_id)
    return Verdict("done", "", case_id)
