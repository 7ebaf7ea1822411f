"""The desk's parts, joined; and the one way in: an event is recorded together with its job, or not at all."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
from prometheus_client import Metric

from app import alerts, approvers, cases, clients, db, gauges, inbox, registry, timers, written
from app.clients.chat import Chat
from app.db import Connection, Database
from app.engine import Engine
from app.errors import StoreError
from app.events import ButtonPressed, Event, IssueChanged, Refused, ThreatSeen, TicketTagged, TimeCame
from app.inbox import Stored
from app.ledger.perform import Ledger, Timing
from app.ledger.vendors import Limit
from app.points import point
from app.settings import Settings
from app.steps.base import Tools
from app.texts import Texts
from app.tokens import Tokens
from app.vault import Vault

log = logging.getLogger(__name__)

HELD_SECONDS = 600.0
RESCUE_SECONDS = 60.0
LOOK_SECONDS = 3600
LEAST_SECONDS = 0.2  # it makes no sense to begin with less
LOOK_ALIVE, LOOK_WITHIN = 2.0, 0.3  # seconds: how often, and how long, workers are looked for
BODY_KEPT = 8192  # bytes of an unusable body kept, encrypted, for the admin who mends the sender
URGENT = ("data_deletion_withdrawn", "regulatory_threat")  # names in DESK_TAGS, not the account's words
BURST = {
    "zendesk": 90,
    "slack": 20,
    "mattermost": 20,
    "jira": 60,
}  # what runs ahead of the rate; a 429 is heard as well
ANSWERED = frozenset({"token_forged", "token_expired", "slow_down"})  # refused presses whose presser is told


class Desk:
    """Made once a process. The web process uses `submit`, `ready` and `metrics`; the worker the rest (app.walk).

    `wait`: seconds until a database that does not answer is given up for this time; `lock_wait`: as Database.
    """

    def __init__(
        self, settings: Settings, *, uri: str | None = None, pool: int = 16, wait: float = 5.0, lock_wait: float = 0.0
    ) -> None:
        registry.load()
        self.settings = settings
        self.uri = uri or db.url(settings)
        self.db = Database(self.uri, size=pool, wait=wait, lock_wait=lock_wait)
        self.db.open()
        self.engine = Engine()
        self.stopping = threading.Event()
        self.vault = Vault(settings.data_key.get_secret_value())
        self._alive, self._asked_alive = True, float("-inf")
        self._own_id: int | None = None
        self._asked_own_id = 0.0
        self._rescued = 0.0

    def tools(self) -> Tools:
        """What the verbs work with. Making the clients sends nothing."""
        settings = self.settings
        made = clients.make(settings)
        return Tools(
            settings=settings,
            db=self.db,
            zendesk=made.zendesk,
            chat=made.chat,
            jira=made.jira,
            texts=Texts.load(settings.desk_language),
            tokens=Tokens(settings.secret_key.get_secret_value(), settings.approval_life),
            vault=self.vault,
            ledger=Ledger(
                self.db, timing(settings), self.stopping.is_set, withdrawn=settings.tags["data_deletion_withdrawn"]
            ),
            bans=made.bans,
        )

    def submit(self, event: Event | Refused, *, sender: str, within: float | None = None) -> bool:
        """Record the event and its job in one statement. False: this fact is already there.

        `within`: seconds for all of it, for whoever must be answered by then. Raises StoreError when nothing could be
        recorded; with `within`, its reason `store_unclear` says that it may have been.
        """
        end = time.monotonic() + (within or 0.0)
        try:
            new = self._submit(event, sender, within)
        except StoreError as error:
            left = end - time.monotonic() if within else None
            if error.reason not in ("store_lost", "store_unclear") or (left is not None and left < LEAST_SECONDS):
                raise
            # A connection that the server closed while it was idle. The fact makes a second try harmless, and a 503
            # would cost the sender's own retry.
            new = self._submit(event, sender, left)
        point("door.after_commit")
        self.engine.call(self.db)
        return new

    def _submit(self, event: Event | Refused, sender: str, within: float | None) -> bool:
        try:
            with self.db.brief(within) if within else self.db.each() as conn:
                return self._record(conn, event, sender)
        except psycopg.Error as error:
            raise StoreError("the event was not recorded", "store") from error

    def working(self) -> bool:
        """Whether a worker lives, asked at most every LOOK_ALIVE seconds; True when that cannot be told."""
        if time.monotonic() - self._asked_alive > LOOK_ALIVE:
            self._asked_alive = time.monotonic()
            try:
                with self.db.brief(LOOK_WITHIN) as conn:
                    self._alive = self.engine.alive(conn, self.settings.stalled_after)
            except (StoreError, psycopg.Error):
                self._alive = True
        return self._alive

    def may_try(self, procedure: str, user: str, chat: Chat) -> bool:
        """Whether this chat user may decide, as far as is known without asking anew (app.approvers)."""
        known = user in self.settings.approvers_of(procedure)
        return known or approvers.may_try(self.settings, self.db, chat, procedure, user)

    def record(self, conn: Connection, event: Event) -> bool:
        """An event of our own, in the caller's transaction; `engine.call` after its commit. False: it is there."""
        return self._record(conn, event, "desk")

    def _record(self, conn: Connection, event: Event | Refused, sender: str) -> bool:
        ticket_id, case_id = _about(conn, event)
        state, reason = self._first_state(conn, event, sender)
        if reason == "own_update":
            # A fact of its own: it must not stand in the way of an agent's edit in the same second.
            event = replace(event, fact=f"own:{event.fact}")
        if isinstance(event, IssueChanged) and case_id is None:
            state, reason = "ignored", "not_ours"
        # A loop, or somebody very busy: nothing is dropped, but it is looked at once, in ten minutes.
        fuse = self.settings.loop_fuse if state == "queued" and isinstance(event, TicketTagged) else None
        job = self.engine.job_of_new(
            priority=_priority(event, self.settings), held_until=datetime.now(UTC) + timedelta(seconds=HELD_SECONDS)
        )
        body = self._sealed(event)
        if state == "dead":
            alerts.notice(conn, self.settings, alerts.LETTERS)
        point("door.before_commit")
        return inbox.insert(
            conn,
            event,
            sender,
            state=state,
            reason=reason,
            ticket_id=ticket_id,
            case_id=case_id,
            body=body,
            job=job,
            fuse=fuse,
        )

    def _first_state(self, conn: Connection, event: Event | Refused, sender: str) -> tuple[str, str]:
        if isinstance(event, Refused):
            # A forged or expired press changes nothing, but whoever pressed gets an answer; Mattermost's presser has it
            # already, from the door.
            told = event.reason in ANSWERED and bool((event.detail or {}).get("user"))
            answerable = told and sender != "mattermost"
            return ("queued" if answerable else event.outcome), event.reason
        own = isinstance(event, TicketTagged) and event.actor_id is not None and event.actor_id == self._own_user(conn)
        return ("ignored", "own_update") if own else ("queued", "")

    def _sealed(self, event: Event | Refused) -> bytes | None:
        if isinstance(event, Refused) and event.body is not None:
            return self.vault.seal(event.body[:BODY_KEPT], event.fact)
        if isinstance(event, ButtonPressed) and event.said:
            return self.vault.seal(json.dumps(dict(event.said)).encode(), event.fact)
        return None

    def said(self, stored: Stored) -> dict[str, str]:
        """What a person wrote into the form of this press, by field; {} when there is none (any more)."""
        with self.db.tx() as conn:
            return written.read(conn, stored.id, self.vault)

    def _own_user(self, conn: Connection) -> int | None:
        """Our own Zendesk user id, as the worker has learnt it; asked for again while it is unknown."""
        if self._own_id is None and time.monotonic() - self._asked_own_id > 2.0:
            row = conn.execute("SELECT value FROM ourselves WHERE name = 'zendesk_user_id'").fetchone()
            self._own_id = int(row["value"]) if row else None
            self._asked_own_id = time.monotonic()
        return self._own_id

    def requeue(self, event_id: int) -> None:
        """A wait is over: back into the queue of its ticket."""
        with self.db.tx() as conn:
            stored = inbox.requeue(conn, event_id, of=("waiting", "held"))
            if stored:
                self.engine.run_event(conn, stored.id, stored.ticket_id, priority(stored, self.settings))
        self.engine.call(self.db)

    def rescue(self) -> None:
        """Hand over what is due; and once a minute queue again what no job would walk (see Engine.stranded)."""
        self._fire_timers()
        if time.monotonic() - self._rescued < RESCUE_SECONDS:
            return
        self._rescued = time.monotonic()
        with self.db.tx() as conn:
            for event_id in self.engine.stranded(conn):
                stored = inbox.requeue(conn, event_id, of=inbox.UNFINISHED)
                if stored:
                    log.warning("event.stranded", extra={"key": event_id})
                    self.engine.run_event(conn, event_id, stored.ticket_id, priority(stored, self.settings))
            waiting = cases.waiting_for_jira(conn, LOOK_SECONDS)
        hour = int(time.time() // LOOK_SECONDS)
        for key in waiting:
            # JIRA gives up on a webhook after some tries: an open issue is looked at once an hour all the same.
            self.submit(IssueChanged(fact=f"look:{key}:{hour}", key=key, labels=()), sender="desk")
        from app import duties  # they walk, which needs the desk

        with self.db.tx() as conn:
            duties.keep_up(conn, self)

    def _fire_timers(self) -> None:
        with self.db.tx() as conn:
            fired = timers.fire(conn, lambda event: self.record(conn, event))
        if fired:
            point("timer.after_fire")
            self.engine.call(self.db)

    def ready(self) -> dict[str, str]:
        """{} when the database answers and has this code's schema; else name -> problem."""
        try:
            with self.db.tx() as conn:
                row = conn.execute("SELECT version_num FROM desk_schema").fetchone()
        except psycopg.Error:
            return {"migrations": "not applied"}
        except StoreError:
            return {"database": "not reachable"}
        if row is None or row["version_num"] != db.SCHEMA:
            return {"migrations": "another version"}
        return {}

    def metrics(self) -> Iterable[Metric]:
        try:
            with self.db.tx() as conn:
                return gauges.collect(conn)
        except (StoreError, psycopg.Error):
            return []


def timing(settings: Settings) -> Timing:
    """The ledger's seconds, from the settings."""
    rates, quiet = ({name: getattr(settings, f"{name}_{what}") for name in BURST} for what in ("rate", "quiet"))
    limits = {name: Limit(rate, BURST[name]) for name, rate in rates.items()}
    limits |= {f"slack:{what}": limits["slack"] for what in ("updates", "answers")}  # of each method by itself (S21)
    for chat in ("slack", "mattermost"):  # messages to one channel, without any burst
        limits[f"{chat}:posts"] = Limit(getattr(settings, f"{chat}_post_rate"), 1)
    return Timing(
        quiet=quiet,
        limits=limits,
        lease=settings.lease,
        base=settings.retry_base,
        cap=settings.retry_cap,
        probe=settings.probe_interval,
    )


def _about(conn: Connection, event: Event | Refused) -> tuple[int | None, int | None]:
    """(ticket id, case id) that this event concerns: the ticket is what it is ordered by."""
    if isinstance(event, TicketTagged | ThreatSeen | Refused):
        return event.ticket_id, None
    if isinstance(event, ButtonPressed | TimeCame):
        case = cases.load(conn, event.case_id) if event.case_id else None
    else:
        case = cases.by_issue(conn, event.key, op_ids(event))
    return (case.ticket_id, case.id) if case else (None, None)


def op_ids(event: IssueChanged) -> tuple[str, ...]:
    """The op ids in the issue's labels."""
    return tuple(label.removeprefix("desk-") for label in event.labels if label.startswith("desk-"))


def priority(stored: Stored, settings: Settings) -> int:
    """As when it came in: a wait must not cost a withdrawal its place."""
    return _priority(stored.event(), settings) if stored.kind in inbox.KINDS else 0


def _priority(event: Event | Refused, settings: Settings) -> int:
    """Withdrawals and threats first, then decisions, then the rest."""
    if isinstance(event, ThreatSeen):
        return 20
    if isinstance(event, TicketTagged):
        return 10 if any(settings.tags[name] in event.tags for name in URGENT) else 0
    return 5 if isinstance(event, ButtonPressed) else 0
