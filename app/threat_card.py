"""Builds the urgent card of a Regulatory Complaint Threat: the exact words found, and who is asked to take care of it.

What the customer wrote is cleaned and cut; after the decision the card holds no words and nothing personal.
Source: SOP 000 Notes (0.33).
"""

from __future__ import annotations

from collections.abc import Sequence

from app import cards
from app.clients.chat import Button, Card, Line, Link, Section
from app.sinks import shown
from app.texts import Texts
from app.threats.said import EXCERPT

STYLES = {"acknowledge": "primary", "false_alarm": ""}
ACTIONS = tuple(STYLES)
QUOTE_LIMIT = EXCERPT + 20


def threat_card(
    texts: Texts,
    *,
    name: str,
    contact: str,
    ticket_url: str,
    ticket_id: int,
    excerpts: Sequence[str],
    flagged: bool,
    buttons: Sequence[tuple[str, str]],
    below: Sequence[Line] = (),
) -> Card:
    """The open card. `excerpts`: pieces of the customer's words; `flagged`: an agent set the tag; `buttons`: (action,
    signed value); `below`: as in app.cards. ValueError: a button that is none of ACTIONS, or one without a value."""
    said = [f"“{shown(words, QUOTE_LIMIT)}”" for words in excerpts]
    lines = [texts.get("threats.words"), *said] if said else []
    if flagged:
        lines.append(texts.get("threats.flagged"))
    if not lines:
        lines.append(texts.get("threats.unread"))
    sections = (
        Section((texts.line("cards.urgent"),), header=True),
        Section((texts.line("threats.intro"),)),
        Section(cards.customer_lines(texts, name, contact)),
        Section((texts.line("cards.ticket", ticket=Link(ticket_url, f"#{ticket_id}")),)),
        *(Section(((line,),)) for line in lines),
        *cards.small(below),
    )
    return Card(sections, tuple(_button(texts, action, value) for action, value in buttons))


def _button(texts: Texts, action: str, value: str) -> Button:
    if action not in ACTIONS or not value:
        raise ValueError("a button is acknowledge or false_alarm, and has a value")
    ask = cards.confirm(texts, "threats") if action == "false_alarm" else None
    return Button(action, texts.get(f"threats.button.{action}"), value, STYLES[action], ask)
