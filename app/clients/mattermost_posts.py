"""A card in Mattermost's own words: one message attachment with Markdown and buttons, the form every server has (M2).

All text stands in the attachment, where mentions notify as well; the post's own message stays empty. Everything a
customer typed is encoded, and everything stays inside Mattermost's limits (facts chat-and-jira M3-M5, M17, M31).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from app.clients.chat import Button, Card, Field, Form, Line, Link, Mention, Span, When
from app.sinks import GAP, mattermost, mattermost_link, shown, slack_plain

ACTION_PATH = "/webhooks/mattermost/action"
DIALOG_PATH = "/webhooks/mattermost/dialog"
TEXT_LIMIT = 14_000  # a message may have 16,383 characters, an attachment more; clients fold what is long
LINE_LIMIT = 2000
FALLBACK_LIMIT = 300  # what notifications show
LABEL_LIMIT = 64  # a button's and an option's text
VALUE_LIMIT = 2000
TITLE_LIMIT = 24  # of a dialog, its elements and its button
HINT_LIMIT = 150
TEXTAREA_LIMIT = 3000
URGENT, OPEN, CLOSED = "#c43133", "#2f6fdd", "#8b8fa7"
USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

Name = Callable[[str], str]


def action_id(action: str) -> str:
    """The action's id in a post: letters and digits only (M3), `false_alarm` is `falsealarm`."""
    return "".join(char for char in action if char.isascii() and char.isalnum())


def props(card: Card, *, zone: str, url: str, name: Name) -> dict[str, object]:
    """The post's props for this card. `zone`: where times stand; `url`: PUBLIC_URL; `name`: user id -> user name or ''.

    ValueError: a button that cannot be sent.
    """
    attachment: dict[str, object] = {
        "fallback": _fallback(card, zone, name),
        "color": _color(card),
        "text": _text(card, zone, name),
    }
    if card.buttons:
        attachment["actions"] = [_button(button, url.rstrip("/") + ACTION_PATH) for button in card.buttons]
    made: dict[str, object] = {"attachments": [attachment], "disable_group_highlight": True}
    if not any(isinstance(span, Mention) for line in card.lines for span in line):
        made["mentionHighlightDisabled"] = True  # X005: nobody is meant, whatever the text says
    return made


def dialog(form: Form) -> dict[str, object]:
    """An interactive dialog with the form's fields; its token stands in `state`, which comes back (M17)."""
    return {
        "callback_id": form.name,
        "title": slack_plain(form.title, TITLE_LIMIT),
        "elements": [_element(field) for field in form.fields],
        "submit_label": slack_plain(form.submit, TITLE_LIMIT),
        "notify_on_cancel": False,
        "state": form.token,
    }


def _text(card: Card, zone: str, name: Name) -> str:
    """All sections, a blank line between them; a line that no longer fits is left out whole, so nothing is broken."""
    kept = ""
    for section in card.sections:
        gap = "\n\n"
        for line in section.lines:
            text = _line(line, zone, name)
            text = f"**{text}**" if section.header and text else text
            longer = f"{kept}{gap}{text}" if kept else text
            if len(longer) <= TEXT_LIMIT:
                kept, gap = longer, "\n"
    return kept


def _fallback(card: Card, zone: str, name: Name) -> str:
    """The first words of the card for a notification: an urgent header and the line below it, never the details."""
    said: list[str] = []
    for section in card.sections[:2]:
        said += [_line(line, zone, name) for line in section.lines[:1]]
        if not section.header:
            break
    text = " · ".join(said)
    return text if len(text) <= FALLBACK_LIMIT else mattermost(_words(card), FALLBACK_LIMIT)


def _words(card: Card) -> str:
    return " ".join(span for line in card.sections[0].lines[:1] for span in line if isinstance(span, str))


def _color(card: Card) -> str:
    if not card.buttons:
        return CLOSED
    return URGENT if any(section.header for section in card.sections) else OPEN


def _line(line: Line, zone: str, name: Name) -> str:
    return "".join(_span(span, zone, name) for span in line)


def _span(span: Span, zone: str, name: Name) -> str:
    if isinstance(span, Link):
        return (
            mattermost_link(span.url, span.label, LINE_LIMIT) if span.url else mattermost(shown(span.label), LINE_LIMIT)
        )
    if isinstance(span, Mention):
        found = name(span.user)
        # The gap ends the name: in Chinese no blank does, and a full stop would count as part of it.
        return f"@{found}{GAP}" if USERNAME.fullmatch(found) else mattermost(span.user, LINE_LIMIT)
    if isinstance(span, When):
        return local(span.at, zone)
    return mattermost(span, LINE_LIMIT)


def local(at: datetime, zone: str) -> str:
    """As a person in that zone reads it: `2026-11-22 14:00 CET`, with the offset where the zone has no name."""
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z")


def _button(button: Button, url: str) -> dict[str, object]:
    """`context` goes to servers only, never to clients (M8); what Slack asks first has no counterpart (M5)."""
    if not 0 < len(button.value) <= VALUE_LIMIT or not action_id(button.action):
        raise ValueError("a button has an action, and a value of 1 to 2,000 characters")
    return {
        "id": action_id(button.action),
        "name": slack_plain(button.label, LABEL_LIMIT) or button.action,
        "type": "button",
        "style": button.style or "default",
        "integration": {"url": url, "context": {"token": button.value}},
    }


def _element(field: Field) -> dict[str, object]:
    label = slack_plain(field.label, TITLE_LIMIT)
    made: dict[str, object] = {
        "display_name": label,
        "name": field.name,
        "type": "select" if field.options else "textarea",
        "optional": field.optional,
        "placeholder": slack_plain(field.hint, HINT_LIMIT),
    }
    if label != slack_plain(field.label, HINT_LIMIT):
        made["help_text"] = slack_plain(field.label, HINT_LIMIT)
    if field.options:
        choices = [{"text": slack_plain(text, LABEL_LIMIT), "value": code} for code, text in field.options]
        return {**made, "options": choices}
    return {**made, "max_length": min(field.limit, TEXTAREA_LIMIT)}
