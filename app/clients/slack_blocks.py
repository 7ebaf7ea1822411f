"""A card in Slack's own words: Block Kit blocks, and the text that notifications show.

What is plain text all through becomes a plain_text object; a section with a link, a person or a time in it becomes
mrkdwn with every text encoded. Everything stays inside Slack's limits (facts chat-and-jira S17, S22, S23, S29-S31).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from app.clients.chat import Button, Card, Field, Form, Line, Link, Mention, Section, Span, When
from app.sinks import mrkdwn, shown, slack_link, slack_plain

TEXT_LIMIT = 4000  # top-level text; chat.update refuses more
SECTION_LIMIT = 3000
HEADER_LIMIT = 150
LINE_LIMIT = 1400  # two link lines share one section
SAID_LIMIT = 800  # of a line without links, in the text for notifications
LABEL_LIMIT = 75  # a button's and an option's text
VALUE_LIMIT = 2000
TITLE_LIMIT = 24  # a form's title and its two buttons
HINT_LIMIT = 150
CONFIRM = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
USER = re.compile(r"[UW][A-Z0-9]{2,20}")

Block = Mapping[str, object]


def blocks(card: Card, zone: str) -> list[dict[str, object]]:
    """The card's blocks. `zone`: where times stand that Slack cannot show in the reader's own.

    ValueError: a button that Slack would refuse.
    """
    made = [block for section in card.sections for block in _section(section, zone)]
    if card.buttons:
        made.append({"type": "actions", "elements": [_button(button) for button in card.buttons]})
    return made


def fallback(card: Card, zone: str) -> str:
    """The whole card as one mrkdwn text; a line that no longer fits is left out whole, so nothing in it is broken."""
    kept = ""
    for line in card.lines:
        text = _line(line, zone, SAID_LIMIT)
        longer = f"{kept}\n{text}" if kept else text
        if len(longer) <= TEXT_LIMIT:
            kept = longer
    return kept


def view(form: Form) -> dict[str, object]:
    """A modal with the form's fields; its token stands in private_metadata."""
    return {
        "type": "modal",
        "callback_id": form.name,
        "private_metadata": form.token,
        "title": _plain(form.title, TITLE_LIMIT),
        "submit": _plain(form.submit, TITLE_LIMIT),
        "close": _plain(form.cancel, TITLE_LIMIT),
        "blocks": [_input(field) for field in form.fields],
    }


def _section(section: Section, zone: str) -> Iterator[dict[str, object]]:
    lines = section.lines
    if section.header:
        yield {"type": "header", "text": _plain(" ".join(map(_said, lines)), HEADER_LIMIT)}
    elif section.small:
        for text in _grouped(_line(line, zone, LINE_LIMIT) for line in lines):
            yield {"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": True}]}
    elif all(isinstance(span, str) for line in lines for span in line):
        yield {"type": "section", "text": _plain("\n".join(map(_said, lines)), SECTION_LIMIT)}
    else:
        for text in _grouped(_line(line, zone, LINE_LIMIT) for line in lines):
            yield {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _grouped(lines: Iterable[str]) -> Iterator[str]:
    """As many whole lines as one block takes, then the next block."""
    kept = ""
    for line in lines:
        longer = f"{kept}\n{line}" if kept else line
        if len(longer) > SECTION_LIMIT:
            yield kept
            longer = line
        kept = longer
    if kept:
        yield kept


def _said(line: Line) -> str:
    return "".join(span for span in line if isinstance(span, str))


def _line(line: Line, zone: str, limit: int) -> str:
    return "".join(_span(span, zone, limit) for span in line)


def _span(span: Span, zone: str, limit: int) -> str:
    if isinstance(span, Link):
        return slack_link(span.url, span.label, LINE_LIMIT) if span.url else mrkdwn(shown(span.label), LINE_LIMIT)
    if isinstance(span, Mention):
        return f"<@{span.user}>" if USER.fullmatch(span.user) else mrkdwn(span.user, limit)
    if isinstance(span, When):
        return f"<!date^{int(span.at.timestamp())}^{{date_num}} {{time}}|{local(span.at, zone)}>"
    return mrkdwn(span, limit)


def local(at: datetime, zone: str) -> str:
    """As a person reads it: `2026-11-22 14:00`."""
    return at.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def _plain(text: str, limit: int) -> dict[str, object]:
    return {"type": "plain_text", "text": slack_plain(text, limit), "emoji": False}


def _button(button: Button) -> dict[str, object]:
    if not 0 < len(button.value) <= VALUE_LIMIT:
        raise ValueError("a button's value has 1 to 2,000 characters")
    made: dict[str, object] = {
        "type": "button",
        "action_id": button.action,
        "text": _plain(button.label, LABEL_LIMIT),
        "value": button.value,
    }
    if button.style:
        made["style"] = button.style
    if button.confirm:
        words = {"title": button.confirm.title, "text": button.confirm.text}
        words |= {"confirm": button.confirm.yes, "deny": button.confirm.no}
        made["confirm"] = {part: _plain(text, CONFIRM[part]) for part, text in words.items()}
        if button.style == "danger":
            made["confirm"]["style"] = "danger"  # type: ignore[index]  # the dict just made
    return made


def _input(field: Field) -> dict[str, object]:
    """One field; an input block that is not optional must be filled in before Slack sends the form."""
    element: dict[str, object] = {"action_id": field.name}
    if field.options:
        choices = [{"text": _plain(label, LABEL_LIMIT), "value": code} for code, label in field.options]
        element |= {"type": "static_select", "options": choices}
    else:
        element |= {"type": "plain_text_input", "multiline": True, "max_length": min(field.limit, 3000)}
    if field.hint:
        element["placeholder"] = _plain(field.hint, HINT_LIMIT)
    label = _plain(field.label, 2000)
    block = {"type": "input", "block_id": field.name, "label": label, "element": element}
    return {**block, "optional": field.optional}
