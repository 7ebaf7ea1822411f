"""Once a working day: the wishes not confirmed yet, oldest first, to the supervisors' channel (SOP 000 Notes; 0.34).

An effect like every other, so that it is sent once whoever crashes: of one case that is no customer's (ticket 0).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from app import cards, cases, clocks, timers
from app.cases import Case
from app.clients.chat import Card, Line, Link, Posted, Span, When
from app.clocks import messages, terms
from app.db import Connection
from app.inbox import Stored
from app.ledger import store
from app.ledger.perform import Call, Evidence, Owner, Plan
from app.ledger.store import Effect
from app.settings import Settings

if TYPE_CHECKING:
    from app.steps.base import Tools
    from app.walk import Verdict, Walker

PROCEDURE = "data_deletion"  # whose channel the list goes to
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
        own = books(conn)
        begun = any((e.verb, e.arg) == ("digest", day.isoformat()) for e in store.of_case(conn, own.id))
    if not rows and not begun:
        return Verdict("done", "nothing_to_tell")
    # What was begun is brought to its end, though there may be nothing left to tell.
    stale = not rows or day != terms.today(tools.settings, now)
    outcome = tools.ledger.perform(
        Owner(stored.id, stored.walk, stored.replayed_at), own.id, _plan(tools, own, day, rows, stale)
    )
    return _verdict([outcome], own.id)


def _plan(tools: Tools, own: Case, day: date, rows: list[Case], stale: bool) -> Plan:
    """A digest that could not be posted on its day is not posted any more: the next one says it all."""

    def send(effect: Effect) -> Evidence:
        return _where(tools.chat.post(_card(tools, day, rows), op_id=effect.op_id, case_key=f"digest-{day}"))

    def find(effect: Effect) -> Evidence | None:
        posted = tools.chat.find(effect.op_id, since=effect.planned_at)
        return _where(posted) if posted else None

    states: frozenset[str] = frozenset() if stale else frozenset({own.state})
    posts = f"posts:{tools.settings.channel_of(PROCEDURE)}"
    plan = Plan("digest", day.isoformat(), tools.chat.vendor, states, lambda effect: Call(lambda: send(effect)), find)
    return replace(plan, bucket=posts)


def _card(tools: Tools, day: date, rows: list[Case]) -> Card:
    """What waits for a supervisor first, then the rest; in both overdue ones first, oldest first; no more than people
    read."""
    now = datetime.now(UTC)
    late = {case.id for case in rows if case.due_at and case.due_at < now}
    ordered = sorted(rows, key=lambda case: case.id not in late)  # stable: each stays oldest first
    parts = [
        ("waiting", [case for case in ordered if case.state == "awaiting"]),
        ("others", [case for case in ordered if case.state != "awaiting"]),
    ]
    shown = [
        messages.Part(name, [_line(tools, case, now) for case in found[: messages.LINES]], len(found))
        for name, found in parts
    ]
    return messages.digest(tools.texts, shown, total=len(rows), overdue=len(late), day=day.isoformat())


def _line(tools: Tools, case: Case, now: datetime) -> Line:
    """One wish: what it is and how far; of one that waits for a supervisor, since when, and who was reminded."""
    texts, late = tools.texts, "_late" if case.due_at and case.due_at < now else ""
    values: dict[str, str | int | Span | Line] = {
        "ticket": Link(f"{tools.settings.zendesk_url}/agent/tickets/{case.ticket_id}", f"#{case.ticket_id}"),
        "kind": texts.get(f"clocks.kind.{terms.kind_of(case)}"),
        "due": When(case.due_at) if case.due_at else texts.get("clocks.digest.no_date"),
        "days": max((now - case.received_at).days, 0),
    }
    if case.state != "awaiting":
        return texts.line(f"clocks.digest.line{late}", **values, state=texts.get(f"notes.state.{case.state}"))
    with tools.db.each() as conn:
        done = [effect for effect in store.of_case(conn, case.id) if effect.state == "done"]
    asked = min((e.done_at for e in done if e.verb == "ask_supervisor" and e.done_at), default=None)
    who = dict.fromkeys(user for e in done if e.verb == "remind" for user in _ids(e.evidence.get("who")))
    return texts.line(
        f"clocks.digest.asks{late}",
        **values,
        since=When(asked) if asked else texts.get("clocks.digest.no_card"),
        who=cards.people(list(who)) or texts.get("clocks.digest.nobody"),
    )


def _ids(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def books(conn: Connection) -> Case:
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
