"""What the clock says in chat: reminders and the daily digest. Ticket ids, states and dates, nothing of a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.cards import people
from app.clients.chat import Card, Line, Link, Section, When
from app.texts import Texts

LINES = 40  # of one part of the daily list
GROUP = 10  # lines that stand together


@dataclass(frozen=True)
class Part:
    """One part of the daily list: `waiting` for a supervisor, or the `others`. `total`: lines and those left out."""

    name: str
    lines: Sequence[Line]
    total: int


def reminder(
    texts: Texts,
    *,
    part: str,
    who: Sequence[str],
    due: datetime | None,
    expired: bool,
    ticket_url: str,
    ticket_id: int,
) -> Card:
    """One reminder. `part`: 50, 80 or overdue; `who`: chat ids, none when nobody on the list may decide."""
    names = people(who) or texts.get("clocks.remind.nobody")
    lines = [texts.line(f"clocks.remind.{part}", who=names, due=When(due) if due else "?")]
    if expired:
        lines.append(texts.line("clocks.remind.expired"))
    lines.append(texts.line("cards.ticket", ticket=Link(ticket_url, f"#{ticket_id}")))
    lines.append(texts.line("clocks.advice"))
    return Card((Section(tuple(lines)),))


def digest(texts: Texts, parts: Sequence[Part], *, total: int, overdue: int, day: str) -> Card:
    """The day's list. `total`: of all parts; a part has its first lines only, and says how many are left."""
    sections = [Section((texts.line("clocks.digest.head", day=day, total=total, overdue=overdue),))]
    for part in parts:
        if not part.total:
            continue
        lines = [texts.line(f"clocks.digest.{part.name}", number=part.total), *part.lines]
        if part.total > len(part.lines):
            lines.append(texts.line("clocks.digest.more", number=part.total - len(part.lines)))
        sections += [Section(tuple(lines[start : start + GROUP])) for start in range(0, len(lines), GROUP)]
    return Card((*sections, Section((texts.line("clocks.advice"),))))


def burst(texts: Texts, *, number: int, since: datetime, list_url: str) -> Card:
    """Instead of many messages at once: how many cards are still to come, and where they can be seen meanwhile."""
    seen = Link(list_url, texts.get("clocks.burst.list"))
    return Card((Section((texts.line("clocks.burst.line", number=number, since=When(since), list=seen),)),))
