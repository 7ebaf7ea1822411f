"""Once a working day: the wishes not confirmed yet, oldest first, to the supervisors' channel (SOP 000 Notes; 0.34).

An effect like every other, so that it is sent once whoever crashes: of one case that is no customer's (ticket 0).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from app import cases, clocks, timers
from app.cases import Case
from app.clients.types import Card, Posted
from app.clocks import messages, terms
from app.db import Connection
from app.inbox import Stored
from app.ledger import store
from app.ledger.perform import Call, Evidence, Owner, Plan
from app.ledger.store import Effect
from app.notes import local
from app.settings import Settings
from app.steps.base import Tools

if TYPE_CHECKING:
    from app.walk import Verdict, Walker

NAME, WHAT = "desk:digest", "digest"


def set_up(conn: Connection, settings: Settings) -> None:
    """The next digest; one that is due and was not handed over yet stays."""
    if not settings.digest_at:
        return
    row = conn.execute("SELECT due_at, fired_at FROM timers WHERE name = %s FOR UPDATE", (NAME,)).fetchone()
    now = datetime.now(UTC)
    if row is None or row["fired_at"] is not None or row["due_at"] > now:
        timers.again(conn, NAME, WHAT, _next(settings, now))


def walk(walker: Walker, stored: Stored) -> Verdict:
    """Post the list of the day on which the timer came; none when there is nothing to tell or the day is over."""
    from app.walk import Verdict, _verdict

    tools, now = walker.tools, datetime.now(UTC)
    if not tools.settings.digest_at:
        return Verdict("void", "off")
    day = terms.today(tools.settings, stored.received_at)
    with tools.db.tx() as conn:
        # Reckoned from now, not from the event: a walk of an old event must not take the next digest's timer back.
        # On its own, before anything can fail: the chain of digests never ends.
        timers.again(conn, NAME, WHAT, _next(tools.settings, now))
    with tools.db.tx() as conn:
        rows = cases.unconfirmed(conn)
        books = _books(conn)
        begun = any((e.verb, e.arg) == ("digest", day.isoformat()) for e in store.of_case(conn, books.id))
    if not rows and not begun:
        return Verdict("done", "nothing_to_tell")
    # What was begun is brought to its end, though there may be nothing left to tell.
    stale = not rows or day != terms.today(tools.settings, now)
    outcome = tools.ledger.perform(
        Owner(stored.id, stored.walk, stored.replayed_at), books.id, _plan(tools, books, day, rows, stale)
    )
    return _verdict([outcome], books.id)


def _plan(tools: Tools, books: Case, day: date, rows: list[Case], stale: bool) -> Plan:
    """A digest that could not be posted on its day is not posted any more: the next one says it all."""

    def send(effect: Effect) -> Evidence:
        return _where(tools.chat.post(_card(tools, day, rows), op_id=effect.op_id, case_key=f"digest-{day}"))

    def find(effect: Effect) -> Evidence | None:
        posted = tools.chat.find(effect.op_id, since=effect.planned_at)
        return _where(posted) if posted else None

    states: frozenset[str] = frozenset() if stale else frozenset({books.state})
    return Plan("digest", day.isoformat(), tools.chat.vendor, states, lambda effect: Call(lambda: send(effect)), find)


def _card(tools: Tools, day: date, rows: list[Case]) -> Card:
    """Overdue ones first, each part oldest first; at most as many lines as people read."""
    settings, texts, now = tools.settings, tools.texts, datetime.now(UTC)
    zone = ZoneInfo(settings.desk_time_zone)
    late = {case.id for case in rows if case.due_at and case.due_at < now}
    ordered = sorted(rows, key=lambda case: case.id not in late)  # stable: each part stays oldest first
    lines = [
        messages.line(
            texts,
            ticket_url=f"{settings.zendesk_url}/agent/tickets/{case.ticket_id}",
            ticket_id=case.ticket_id,
            late=case.id in late,
            values={
                "kind": texts.get(f"clocks.kind.{terms.kind_of(case)}"),
                "state": texts.get(f"notes.state.{case.state}"),
                "due": local(case.due_at, zone) or texts.get("clocks.digest.no_date"),
                "days": max((now - case.received_at).days, 0),
            },
        )
        for case in ordered[: messages.LINES]
    ]
    return messages.digest(texts, lines, total=len(rows), overdue=len(late), day=day.isoformat())


def _books(conn: Connection) -> Case:
    """The one case that is no customer's, made on first use: its effects are the digests."""
    conn.execute(
        "INSERT INTO cases (ticket_id, procedure, generation, state, closed_at) VALUES (0, 'digest', 1, 'done', now())"
        " ON CONFLICT DO NOTHING"
    )
    found = cases.latest(conn, 0, "digest")
    assert found is not None
    return found


def _next(settings: Settings, now: datetime) -> datetime:
    """The next DIGEST_AT of a working day, after now."""
    calendar, hour = clocks.of(settings).calendar, time.fromisoformat(settings.digest_at)
    day = calendar.next_from(now.astimezone(calendar.zone).date())
    at = calendar.at(day, hour)
    return at if at > now else calendar.at(calendar.next_from(day + timedelta(days=1)), hour)


def _where(posted: Posted) -> Evidence:
    return {"channel": posted.channel, "ts": posted.ts}
