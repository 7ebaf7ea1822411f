"""Carries out one outward effect, once: intent before the call, three kinds of answer, look before leaping.

Rules 1 to 8 of the effect ledger (docs/adr/0002-effect-ledger.md). Nothing here knows a vendor's words: a verb hands
over how to prepare, how to send and how to find what may already be there.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from app.db import Database
from app.errors import AuthError, ConflictError, PermanentError, UnknownOutcomeError, VendorError
from app.events import Json
from app.ledger import store, vendors
from app.ledger.store import Effect
from app.ledger.turn import LIMITED, Turns
from app.ledger.vendors import Limit
from app.points import point

log = logging.getLogger(__name__)

CONFLICTS = 5  # times a ticket may change under us before we wait (faults.md Z4)
GIVE_UP = 3 * 86400.0  # seconds after which an effect that was surely never applied is left to a person
AUTH_WAIT = 300.0  # seconds between tries while credentials are refused: nothing is dead, a person must mend them
PATIENT = 2  # sendings whose answer was lost and that left no trace, before the pauses grow
# Reasons to wait that say nothing about the vendor's health.
OUR_OWN = frozenset({"stamp", "withdrawal", LIMITED})
BUGS = 2  # tries after an error of our own

Evidence = Mapping[str, Json]


@dataclass(frozen=True)
class Call:
    """A prepared call. `read`: what was looked at first (recorded with the intent). `send` makes exactly one call."""

    send: Callable[[], Evidence]
    read: Evidence = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """How a verb does its effect. `states`: the case states in which it may still be sent.

    `find` answers with evidence when the vendor already has it. `repeatable`: doing it twice is harmless (an update of
    a message, an upsert), so there is no quiet period. `yields`: never while a withdrawal of the same ticket waits.
    `bucket`: the limit that this counts in, a key of Timing.limits behind the vendor's name, with `:<what>` when there
    are several of it (`posts:C0X`); empty: the vendor's own. `urgent`: not behind those who are in line. `soon`: tried
    at every probe while the vendor is down, so that nothing stale is left a minute after.
    """

    verb: str
    arg: str
    vendor: str
    states: frozenset[str]
    prepare: Callable[[Effect], Call]
    find: Callable[[Effect], Evidence | None]
    repeatable: bool = False
    yields: bool = False
    bucket: str = ""
    urgent: bool = False
    soon: bool = False


@dataclass(frozen=True)
class Outcome:
    """done, waiting (until `next_at`), dead or void; `evidence` holds vendor ids."""

    state: str
    reason: str = ""
    evidence: Evidence = field(default_factory=dict)
    next_at: datetime | None = None

    @property
    def done(self) -> bool:
        return self.state == "done"


@dataclass(frozen=True)
class Owner:
    """The walk on whose behalf an effect is done: its event and fencing number.

    `replayed_at`: an admin replayed the event, or an agent tagged anew: what died before that may be tried again.
    """

    event_id: int
    walk: int
    replayed_at: datetime | None = None


@dataclass(frozen=True)
class Timing:
    """Seconds. `quiet`: per vendor, the longest time in which it may still apply a request we gave up on.

    `limits`: of a vendor (`slack`), or of one of its buckets (`slack:posts`).
    """

    quiet: Mapping[str, float]
    limits: Mapping[str, Limit]
    lease: float
    base: float
    cap: float
    probe: float


class WalkLostError(Exception):
    """Another walk has taken this event over (we were frozen or thought dead): stop at once, write nothing."""


class Ledger:
    """`perform` is the only way an effect reaches a vendor."""

    def __init__(self, db: Database, timing: Timing, stopping: Callable[[], bool], *, withdrawn: str) -> None:
        self._db = db
        self._timing = timing
        self._stopping = stopping
        self._withdrawn = withdrawn  # the account's tag
        self._turns = Turns(db, timing, stopping)

    def perform(self, owner: Owner, case_id: int, plan: Plan) -> Outcome:
        """Bring the effect as far as it goes now. Raises WalkLostError; every vendor error becomes an Outcome."""
        point("effect.before_plan", plan.verb)
        with self._db.each() as conn:
            effect = store.plan(conn, case_id, plan.verb, plan.arg, plan.vendor)
        reopened = effect.state == "dead" and owner.replayed_at and effect.changed_at < owner.replayed_at
        if reopened:
            with self._db.tx() as conn:
                effect = store.reopen(conn, effect)
        point("effect.after_plan", plan.verb)
        for _ in range(CONFLICTS):
            if effect.state in ("done", "dead", "void") or not effect.due:
                return _outcome(effect)
            if effect.state in ("sending", "unknown"):
                effect = self._look(effect, plan, asked_for=bool(reopened))
                if effect.state != "planned" or not effect.due:
                    return _outcome(effect)
            effect, again = self._try(owner, effect, plan)
            if not again:
                return _outcome(effect)
        return _outcome(self._wait(effect, plan, "conflict", None))

    def has_room(self, vendor: str) -> bool:
        """Whether a call would be let in now, with nobody in line: what is read early takes nobody's place."""
        return self._turns.has_room(vendor)

    def adopt(self, case_id: int, verb: str, arg: str, op_ids: set[str], evidence: Evidence) -> Outcome | None:
        """The vendor itself told us that this effect is there. None when it is not one of these op ids."""
        with self._db.tx() as conn:
            found = [e for e in store.of_case(conn, case_id) if (e.verb, e.arg) == (verb, arg) and e.op_id in op_ids]
        if not found:
            return None
        effect = found[0]
        if effect.state != "done" and effect.sent_at is not None:
            effect = self._settle(effect, "done", evidence={**evidence, "found": True})
        return _outcome(effect)

    def _look(self, effect: Effect, plan: Plan, *, refused: bool = False, sent_now: bool = False,
              asked_for: bool = False) -> Effect:  # fmt: skip
        """Nobody knows whether it was applied: ask the vendor; absent counts only after the quiet period.

        `refused`: the last call surely did nothing, and every earlier one has had its quiet period before it.
        `sent_now`: the answer was lost a moment ago; what is absent is then sent again after a pause, not at once.
        `asked_for`: somebody has just had it replayed: not after the pause that its many tries before have earned.
        """
        wait = self._turns.admit_look(plan, effect)
        if wait.seconds:
            reason = vendors.PAUSED if wait.why == vendors.PAUSED else vendors.DOWN
            return self._settle(effect, "unknown", reason=reason, wait=wait.seconds)
        try:
            evidence = plan.find(effect)
        except VendorError as error:
            if error.reason != LIMITED:
                self._count_failure(plan.vendor, error.reason)
            asked = getattr(error, "retry_after", None)
            return self._wait(effect, plan, f"look_up:{error.reason}", asked, state="unknown")
        if evidence is not None:
            return self._settle(effect, "done", evidence={**evidence, "found": True})
        quiet = 0.0 if plan.repeatable or refused else self._timing.quiet[plan.vendor]
        with self._db.tx() as conn:
            left = store.quiet_left(conn, effect, quiet)
        if left > 0:
            return self._settle(effect, "unknown", reason="quiet", wait=min(left, max(quiet / 5, 0.05)))
        if not (refused or asked_for) and (sent_now or effect.attempts >= PATIENT):
            return self._wait(effect, plan, "absent", None)
        return self._settle(effect, "planned", reason="absent")

    def _try(self, owner: Owner, effect: Effect, plan: Plan) -> tuple[Effect, bool]:
        """One intent and one call. True: the ticket changed under us, prepare again."""
        if self._stopping():
            return self._settle(effect, effect.state, reason="stopping", wait=0.0), False
        wait = self._turns.admit(plan, effect)
        if wait.seconds:
            return self._settle(effect, effect.state, reason=wait.why, wait=wait.seconds), False
        call = self._prepare(effect, plan)
        if isinstance(call, Effect):
            return call, False
        point("effect.before_claim", plan.verb)
        with self._db.each() as conn:
            claimed = store.claim(
                conn,
                effect,
                event_id=owner.event_id,
                walk=owner.walk,
                states=plan.states,
                read=call.read,
                yields=plan.yields,
                withdrawn=self._withdrawn,
            )
        committed = uptime()
        if claimed is None:
            return self._not_ours(owner, effect, plan), False
        point("effect.after_claim", plan.verb)
        # Frozen between the intent and the call, somebody else may be at it by now. Whoever takes over sends only after
        # the quiet period: a call must never begin later than half of that.
        limit = min(self._timing.lease / 2, max(self._timing.quiet[plan.vendor] / 2, 0.2))
        if uptime() - committed > limit:
            return self._settle(claimed, "planned", reason="frozen", wait=2 * limit, refund=True), False
        return self._send(claimed, plan, call)

    def _prepare(self, effect: Effect, plan: Plan) -> Call | Effect:
        """The prepared call; or the effect, settled, when there is nothing to send or nothing can be sent now.

        A repeat is prepared first and looked up second: if an earlier try is carried out only from here on, it moves
        the stamp that has just been read, and a safe update is refused.
        """
        try:
            call = plan.prepare(effect)
            found = plan.find(effect) if effect.attempts and not plan.repeatable else None
        except VendorError as error:
            return self._refused(effect, plan, error)
        return call if found is None else self._settle(effect, "done", evidence={**found, "found": True})

    def _send(self, effect: Effect, plan: Plan, call: Call) -> tuple[Effect, bool]:
        try:
            evidence = call.send()
        except ConflictError:
            # Surely not applied by this call; but an earlier, lost one may be why the ticket changed. Look first.
            looked = self._look(self._settle(effect, "unknown", reason="conflict"), plan, refused=True)
            return looked, looked.state == "planned"
        except UnknownOutcomeError as error:
            unknown = self._settle(effect, "unknown", reason=error.reason)
            self._count_failure(effect.vendor, error.reason)
            return self._look(unknown, plan, sent_now=True), False
        except VendorError as error:
            return self._refused(effect, plan, error), False
        except Exception:
            # An error of our own, before or after the request left: nobody can tell. Two tries, then a person.
            state = "dead" if effect.attempts >= BUGS else "unknown"
            self._settle(effect, state, reason="code")
            raise
        point("effect.after_call", plan.verb)
        done = self._settle(effect, "done", evidence=evidence)
        point("effect.after_outcome", plan.verb)
        return done, False

    def _refused(self, effect: Effect, plan: Plan, error: VendorError) -> Effect:
        """Surely not applied: wait and try again, or leave it to a person."""
        if isinstance(error, PermanentError):
            return self._settle(effect, "dead", reason=error.reason)
        if error.reason not in OUR_OWN:
            self._count_failure(effect.vendor, error.reason)
        if isinstance(error, AuthError):
            return self._wait(effect, plan, error.reason, AUTH_WAIT)
        asked = getattr(error, "retry_after", None)
        if error.reason == LIMITED and asked:
            self._turns.leave_alone(plan, asked)
        return self._wait(effect, plan, error.reason, asked)

    def _wait(self, effect: Effect, plan: Plan, reason: str, asked: float | None, state: str = "planned") -> Effect:
        age = time.time() - effect.clock_at.timestamp()
        if age > GIVE_UP and not reason.endswith("auth"):
            return self._settle(effect, "dead", reason=f"gave_up:{reason}"[:80])
        cap = min(self._timing.cap, max(self._timing.probe, self._timing.base)) if plan.soon else self._timing.cap
        ceiling = min(cap, self._timing.base * 2 ** min(max(effect.attempts - 1, 0), 16))
        pause = max(random.uniform(ceiling / 2, ceiling), min(asked or 0.0, self._timing.cap))  # noqa: S311 - jitter
        return self._settle(effect, state, reason=reason, wait=pause)

    def _count_failure(self, vendor: str, reason: str) -> None:
        with self._db.tx() as conn:
            vendors.failed(conn, vendor, reason, self._timing.probe)

    def _settle(self, effect: Effect, state: str, *, reason: str = "", evidence: Evidence | None = None,
                wait: float | None = None, refund: bool = False) -> Effect:  # fmt: skip
        with self._db.each() as conn:
            row = store.settle(conn, effect, state, reason=reason, evidence=evidence, wait=wait, refund=refund)
        if row is None:
            raise WalkLostError
        return row

    def _not_ours(self, owner: Owner, effect: Effect, plan: Plan) -> Effect:
        """The claim was refused: the case no longer wants it, or the walk is no longer ours."""
        with self._db.tx() as conn:
            row = conn.execute(
                "SELECT c.state, e.walk, e.state AS running FROM cases c, events e WHERE c.id = %s AND e.id = %s",
                (effect.case_id, owner.event_id),
            ).fetchone()
            if row is None or row["walk"] != owner.walk or row["running"] != "running":
                raise WalkLostError
            waiting = store.withdrawals(conn, effect, owner.event_id, self._withdrawn) if plan.yields else frozenset()
            paused = vendors.is_paused(conn, effect.vendor)  # since it was let in
        if row["state"] in plan.states and waiting:
            if waiting == {"dead"}:
                return self._settle(effect, "dead", reason="withdrawal")  # nothing moves it on: a person is told
            age = time.time() - effect.clock_at.timestamp()
            pause = min(self._timing.cap, max(self._timing.base, age / 2))
            return self._settle(effect, effect.state, reason="withdrawal", wait=pause)
        if row["state"] in plan.states and paused:
            return self._settle(
                effect, effect.state, reason=vendors.PAUSED, wait=vendors.pause_look(self._timing.probe)
            )
        if row["state"] in plan.states:
            raise WalkLostError  # the effect's row was taken over
        return self._settle(effect, "void", reason=f"case_{row['state']}")


def uptime() -> float:
    """Seconds, counted also while the machine sleeps (where the system has such a clock)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def _outcome(effect: Effect) -> Outcome:
    state = effect.state if effect.state in ("done", "dead", "void") else "waiting"
    return Outcome(state, effect.reason, effect.evidence, effect.next_at)
