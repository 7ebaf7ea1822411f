"""Builds the supervisor's card for Slack: word for word SOP 000 section 2, buttons while open, no personal data after.

What a customer typed stands in plain_text objects and is cleaned and cut; addresses become links only when they are
simple http(s) ones. Everything stays inside Slack's limits (facts chat-and-jira S17, S22, S23, S29-S31).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from app.clients.types import Card
from app.settings import CHANNELS
from app.sinks import CONTACT_LIMIT, NAME_LIMIT, mrkdwn, shown, slack_link, slack_plain
from app.texts import Texts

TEXT_LIMIT = 4000  # top-level text; chat.update refuses more
SECTION_LIMIT = 3000
HEADER_LIMIT = 150
LINE_LIMIT = 1400  # two link lines share one section
OPTION_LIMIT = 75  # an option's and a button's text, a placeholder has 150
VALUE_LIMIT = 2000
CONFIRM = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
STYLES = {"approve": "primary", "decline": "danger"}
REASONS = ("not_the_customer", "not_confirmed", "wrong_details", "duplicate", "retention_applies", "other")
UNSPECIFIED = "unspecified"  # nothing chosen; never offered
NOTHING = "–"
SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,20}")

Block = Mapping[str, object]


def channel_names(texts: Texts, wish: Sequence[str]) -> str:
    """The channels named in the preference codes, in the order of the SOP: "Calls, SMS"."""
    named = [texts.get(f"cards.channel.{channel}") for channel in CHANNELS if f"stop_{channel}" in wish]
    return texts.get("cards.channel.comma").join(named)


def wish_lines(texts: Texts, wish: Sequence[str]) -> tuple[str, ...]:
    """The SOP's lines for preference codes (delete_all, stop_all, stop_<channel>). ValueError: none, or unknown."""
    known = {"delete_all", "stop_all", *(f"stop_{channel}" for channel in CHANNELS)}
    if not wish or not set(wish) <= known:
        raise ValueError("a card needs at least one preference, and known ones only")
    if "delete_all" in wish:
        return tuple(texts.get(f"cards.preference.{line}") for line in ("delete", "stop", "ban"))
    if "stop_all" in wish:
        return tuple(texts.get(f"cards.preference.{line}") for line in ("stop", "ban"))
    return (texts.get("cards.preference.some", channels=channel_names(texts, wish)),)


def open_card(
    texts: Texts,
    *,
    wish: Sequence[str],
    name: str,
    contact: str,
    ticket_url: str,
    ticket_id: int,
    backoffice_url: str,
    buttons: Sequence[tuple[str, str]],
    urgent: bool = False,
) -> Card:
    """The card that asks for a decision. `buttons`: (approve or decline, signed value). SOP 000 section 2.

    ValueError: no or unknown preference, a button we do not know, a value that Slack would refuse.
    """
    intro = texts.get("cards.intro")
    customer = "\n".join(
        (
            texts.get("cards.name", name=shown(name, NAME_LIMIT) or NOTHING),
            texts.get("cards.contact", contact=shown(contact, CONTACT_LIMIT) or NOTHING),
        )
    )
    links = "\n".join(
        (
            _with_link(texts, "cards.ticket", "ticket", ticket_url, f"#{ticket_id}"),
            _with_link(texts, "cards.backoffice", "backoffice", backoffice_url, backoffice_url),
        )
    )
    preference = _preference(texts, wish)
    blocks: list[Block] = [_plain(intro), _plain(customer), _marked(links), _plain(preference)]
    lines = [mrkdwn(intro, 500), mrkdwn(customer, 800), links, mrkdwn(preference, 800)]
    if urgent:
        warning = texts.get("cards.urgent")
        blocks.insert(0, {"type": "header", "text": _text(warning, HEADER_LIMIT)})
        lines.insert(0, mrkdwn(warning, HEADER_LIMIT))
    blocks.append(_actions(texts, buttons))
    return Card(_whole(lines), tuple(blocks))


def closed_card(
    texts: Texts,
    *,
    state_line: str,
    ticket_url: str,
    ticket_id: int,
    wish: Sequence[str],
    jira_key: str | None = None,
    jira_url: str | None = None,
    who: str = "",
) -> Card:
    """What the card becomes: what happened, without buttons and without personal data (faults S10).

    `state_line` is a filled `cards.state.*`; a Slack user id given as `who` is shown there as that person.
    """
    state = mrkdwn(state_line, SECTION_LIMIT // 2)
    if SLACK_USER.fullmatch(who):
        state = re.sub(rf"(?<![A-Z0-9]){who}(?![A-Z0-9])", f"<@{who}>", state)
    lines = [state, _with_link(texts, "cards.ticket", "ticket", ticket_url, f"#{ticket_id}")]
    if wish:
        lines.append(mrkdwn(_preference(texts, wish), 800))
    if jira_key:
        lines.append(_with_link(texts, "cards.issue", "issue", jira_url or "", jira_key))
    return Card(_whole(lines), tuple(_marked(line) for line in lines))


def _preference(texts: Texts, wish: Sequence[str]) -> str:
    return "\n".join((texts.get("cards.preference.title"), *(f"- {line}" for line in wish_lines(texts, wish))))


def _with_link(texts: Texts, key: str, mark: str, url: str, label: str) -> str:
    """A line of ours with one link in it, ready as mrkdwn; without a usable address the label alone."""
    link = slack_link(url, label, LINE_LIMIT) if url else mrkdwn(shown(label, NAME_LIMIT) or NOTHING, LINE_LIMIT)
    return texts.get(key, **{mark: link})


def _whole(lines: Sequence[str]) -> str:
    """The whole card as one text; a line that no longer fits is left out whole, so no link or entity is broken."""
    kept = ""
    for line in lines:
        longer = f"{kept}\n{line}" if kept else line
        if len(longer) <= TEXT_LIMIT:
            kept = longer
    return kept


def _text(text: str, limit: int) -> dict[str, object]:
    return {"type": "plain_text", "text": slack_plain(text, limit), "emoji": False}


def _plain(text: str) -> Block:
    return {"type": "section", "text": _text(text, SECTION_LIMIT)}


def _marked(text: str) -> Block:
    """A section of text that is already mrkdwn and already inside the limit."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _actions(texts: Texts, buttons: Sequence[tuple[str, str]]) -> Block:
    elements = [_button(texts, action, value) for action, value in buttons]
    if any(action == "decline" for action, _ in buttons):
        options = [{"text": _text(texts.decline_reason(code), OPTION_LIMIT), "value": code} for code in REASONS]
        placeholder = _text(texts.get("cards.reason.title"), OPTION_LIMIT)
        select = {"type": "static_select", "action_id": "decline_reason", "placeholder": placeholder}
        elements.append({**select, "options": options})
    return {"type": "actions", "elements": elements}


def _button(texts: Texts, action: str, value: str) -> dict[str, object]:
    if action not in STYLES or not 0 < len(value) <= VALUE_LIMIT:
        raise ValueError("a button is approve or decline, with a value of 1 to 2,000 characters")
    button: dict[str, object] = {
        "type": "button",
        "action_id": action,
        "text": _text(texts.get(f"cards.button.{action}"), OPTION_LIMIT),
        "style": STYLES[action],
        "value": value,
    }
    if action == "decline":
        keys = {"title": "title", "text": "text", "confirm": "yes", "deny": "no"}
        button["confirm"] = {
            **{part: _text(texts.get(f"cards.confirm.{key}"), CONFIRM[part]) for part, key in keys.items()},
            "style": "danger",
        }
    return button
