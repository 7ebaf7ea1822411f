"""What the clock says in chat: reminders and the daily digest. Ticket ids, states and dates, nothing of a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from app.cards import mentioned
from app.clients.types import Card, Line, Link, Section
from app.texts import Texts

LINES = 40
GROUP = 10  # lines that stand together


def reminder(
    texts: Texts,
    *,
    part: str,
    who: Sequence[str],
    due: datetime | None,
    expired: bool,
    ticket_url: str,
    ticket_id: int,
    zone: str,
) -> Card:
    """One reminder. `part`: 50, 80 or overdue; `who`: chat ids, none when nobody on the list may decide."""
    names = ", ".join(who) or texts.get("clocks.remind.nobody")
    at = due.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M") if due else "?"
    lines = [mentioned(texts.get(f"clocks.remind.{part}", who=names, due=at), who)]
    if expired:
        lines.append(texts.line("clocks.remind.expired"))
    lines.append(texts.line("cards.ticket", ticket=Link(ticket_url, f"#{ticket_id}")))
    lines.append(texts.line("clocks.advice"))
    return Card((Section(tuple(lines)),))


def digest(texts: Texts, rows: Sequence[Line], *, total: int, overdue: int, day: str) -> Card:
    """The day's list. `rows`: ready lines (`line`), the first ones of `total`."""
    head = texts.line("clocks.digest.head", day=day, total=total, overdue=overdue)
    left = [texts.line("clocks.digest.more", number=total - len(rows))] if total > len(rows) else []
    groups = [tuple(rows[start : start + GROUP]) for start in range(0, len(rows), GROUP)]
    return Card(tuple(Section(lines) for lines in ((head,), *groups, (*left, texts.line("clocks.advice")))))


def line(texts: Texts, *, ticket_url: str, ticket_id: int, late: bool, values: dict[str, str | int]) -> Line:
    """One wish in the digest."""
    key = "clocks.digest.late" if late else "clocks.digest.line"
    return texts.line(key, ticket=Link(ticket_url, f"#{ticket_id}"), **values)
