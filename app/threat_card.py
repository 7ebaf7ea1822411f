"""Builds the urgent card of a Regulatory Complaint Threat: the exact words found, and who is asked to take care of it.

What the customer wrote stands in plain_text objects, cleaned and cut; after the decision the card holds no words and
nothing personal. Source: SOP 000 Notes (0.33); limits: facts chat-and-jira S17, S22, S23, S29-S31.
"""

from __future__ import annotations

from collections.abc import Sequence

from app import cards
from app.cards import Block
from app.clients.types import Card
from app.sinks import CONTACT_LIMIT, NAME_LIMIT, mrkdwn, shown, slack_link, slack_plain
from app.texts import Texts
from app.threats.said import EXCERPT

ACTIONS = ("acknowledge", "false_alarm")
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
) -> Card:
    """The open card. `excerpts`: pieces of the customer's words; `flagged`: an agent set the tag; `buttons`: (action,
    signed value). ValueError: a button that is none of ACTIONS, or a value that Slack would refuse."""
    urgent, intro = texts.get("cards.urgent"), texts.get("threats.intro")
    customer = "\n".join(
        (
            texts.get("cards.name", name=shown(name, NAME_LIMIT) or cards.NOTHING),
            texts.get("cards.contact", contact=shown(contact, CONTACT_LIMIT) or cards.NOTHING),
        )
    )
    link = texts.get("cards.ticket", ticket=slack_link(ticket_url, f"#{ticket_id}", cards.LINE_LIMIT))
    said = [f"“{shown(words, QUOTE_LIMIT)}”" for words in excerpts]
    lines = [texts.get("threats.words"), *said] if said else []
    if flagged:
        lines.append(texts.get("threats.flagged"))
    if not lines:
        lines.append(texts.get("threats.unread"))
    blocks: list[Block] = [
        {"type": "header", "text": _text(urgent, cards.HEADER_LIMIT)},
        _plain(intro),
        _plain(customer),
        {"type": "section", "text": {"type": "mrkdwn", "text": link, "verbatim": True}},
        *(_plain(line) for line in lines),
        {"type": "actions", "elements": [_button(texts, action, value) for action, value in buttons]},
    ]
    whole = [mrkdwn(urgent, 150), mrkdwn(intro, 500), mrkdwn(customer, 800), link, *(mrkdwn(x, 700) for x in lines)]
    return Card("\n".join(whole), tuple(blocks))


def _text(text: str, limit: int) -> dict[str, object]:
    return {"type": "plain_text", "text": slack_plain(text, limit), "emoji": False}


def _plain(text: str) -> Block:
    return {"type": "section", "text": _text(text, cards.SECTION_LIMIT)}


def _button(texts: Texts, action: str, value: str) -> dict[str, object]:
    if action not in ACTIONS or not 0 < len(value) <= cards.VALUE_LIMIT:
        raise ValueError("a button is acknowledge or false_alarm, with a value of 1 to 2,000 characters")
    button: dict[str, object] = {
        "type": "button",
        "action_id": action,
        "text": _text(texts.get(f"threats.button.{action}"), cards.OPTION_LIMIT),
        "value": value,
    }
    if action == "acknowledge":
        button["style"] = "primary"
    else:
        keys = {"title": "title", "text": "text", "confirm": "yes", "deny": "no"}
        button["confirm"] = {
            part: _text(texts.get(f"threats.confirm.{key}"), cards.CONFIRM[part]) for part, key in keys.items()
        }
    return button
