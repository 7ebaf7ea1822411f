"""What an open card says below the SOP's own words: what has changed since the last card, and what went before.

What a field said before is personal: it is on open cards only, and comes from the case's sealed copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app import cards
from app.cases import Case
from app.clients.chat import Line, Mention, Span, When
from app.sinks import shown
from app.texts import Texts

FIELDS = ("name", "contact", "backoffice", "preference")
OLD_LIMIT = 120  # characters of what a field said


def difference(texts: Texts, sealed: Mapping[str, Any]) -> list[Line]:
    """Old and new of each field that says something else than on the last card; nothing when there was none.

    `sealed`: what the case keeps of the card's fields, with those of the card before.
    """
    before = sealed.get("before")
    if not isinstance(before, dict):
        return []
    lines = [texts.line("cards.changed.title")]
    for name in FIELDS:
        old, new = before.get(name), sealed.get(name)
        if old is not None and old != new:
            field = texts.get(f"cards.changed.field.{name}")
            lines.append(texts.line("cards.changed.line", field=field, old=_said(texts, old), new=_said(texts, new)))
    return lines if len(lines) > 1 else [texts.line("cards.changed.same")]


def _said(texts: Texts, value: object) -> str:
    if isinstance(value, list):
        return wish_name(texts, value)
    return shown(str(value or ""), OLD_LIMIT) or cards.NOTHING


def wish_name(texts: Texts, preference: Sequence[str]) -> str:
    """A preference in a few words."""
    kind = next((code for code in ("delete_all", "stop_all") if code in preference), "some")
    values = {"channels": cards.channel_names(texts, preference)} if kind == "some" else {}
    return texts.get(f"notes.wish.{kind}", **values)


def posted_again(texts: Texts, again: bool) -> list[Line]:
    return [texts.line("cards.posted_again")] if again else []


def history(texts: Texts, rounds: Sequence[Case]) -> list[Line]:
    """Earlier rounds of the same ticket that were declined."""
    return [
        texts.line(
            "cards.declined_before", reason=texts.decline_reason(case.reason), who=_who(case.decided_by), when=_at(case)
        )
        for case in rounds
    ]


def question(texts: Texts, case: Case) -> list[Line]:
    """The supervisor's question to the agent, which is on the ticket, and whether there is an answer."""
    if not case.asked:
        return []
    at = When(datetime.fromisoformat(str(case.asked["at"])))
    lines = [texts.line("cards.question.asked", who=_who(str(case.asked.get("by", ""))), when=at)]
    return [*lines, texts.line("cards.question.answered")] if case.asked.get("answered") else lines


def _who(user: str | None) -> Span:
    return Mention(user) if user else cards.NOTHING


def _at(case: Case) -> Span:
    return When(case.decided_at) if case.decided_at else cards.NOTHING
