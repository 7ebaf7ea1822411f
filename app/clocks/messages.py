"""What the clock says in chat: reminders and the daily digest. Ticket ids, states and dates, nothing of a person."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from app.cards import SLACK_USER
from app.clients.types import Card
from app.sinks import mrkdwn, slack_link
from app.texts import Texts

SECTION = 2900  # characters of one block; Slack refuses more than 3,000
TEXT = 3900
LINES = 40


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
    lines = [_mentioned(mrkdwn(texts.get(f"clocks.remind.{part}", who=names, due=at), SECTION), who)]
    if expired:
        lines.append(mrkdwn(texts.get("clocks.remind.expired"), SECTION))
    lines.append(_ticket(texts, ticket_url, ticket_id))
    lines.append(mrkdwn(texts.get("clocks.advice"), SECTION))
    return _card([lines])


def digest(texts: Texts, rows: Sequence[str], *, total: int, overdue: int, day: str) -> Card:
    """The day's list. `rows`: ready lines (`line`), the first ones of `total`."""
    head = mrkdwn(texts.get("clocks.digest.head", day=day, total=total, overdue=overdue), SECTION)
    left = [mrkdwn(texts.get("clocks.digest.more", number=total - len(rows)), SECTION)] if total > len(rows) else []
    end = mrkdwn(texts.get("clocks.advice"), SECTION)
    groups = [list(rows[start : start + 10]) for start in range(0, len(rows), 10)]
    return _card([[head], *groups, [*left, end]])


def line(texts: Texts, *, ticket_url: str, ticket_id: int, late: bool, values: dict[str, str | int]) -> str:
    """One wish in the digest, encoded."""
    said = mrkdwn(texts.get("clocks.digest.late" if late else "clocks.digest.line", ticket="{}", **values), 250)
    return said.replace("{}", slack_link(ticket_url, f"#{ticket_id}", 600), 1)


def _ticket(texts: Texts, url: str, ticket_id: int) -> str:
    return texts.get("cards.ticket", ticket=slack_link(url, f"#{ticket_id}", 600))


def _mentioned(text: str, who: Sequence[str]) -> str:
    for user in who:
        if SLACK_USER.fullmatch(user):
            text = re.sub(rf"(?<![A-Z0-9@]){user}(?![A-Z0-9])", f"<@{user}>", text)
    return text


def _card(groups: Sequence[Sequence[str]]) -> Card:
    """One block a group; the text that notifications show holds as many whole groups as fit."""
    blocks = tuple({"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(group)}} for group in groups)
    text = ""
    for group in groups:
        joined = "\n".join(filter(None, (text, *group)))
        if len(joined) > TEXT:
            break
        text = joined
    return Card(text, blocks)
