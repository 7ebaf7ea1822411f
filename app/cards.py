"""Builds the supervisor's card: word for word SOP 000 section 2, buttons while open, no personal data after.

In no chat's own words: the chat's client renders it, encodes what a customer typed and keeps the chat's limits. What a
customer typed is one line, cleaned and cut, so that a name cannot make up a line of the card.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.clients.types import Button, Card, Confirm, Line, Link, Mention, Section, Span
from app.settings import CHANNELS
from app.sinks import CONTACT_LIMIT, NAME_LIMIT, shown
from app.texts import Texts

STYLES = {"approve": "primary", "decline": "danger", "ask": ""}
REASONS = ("not_the_customer", "not_confirmed", "wrong_details", "duplicate", "retention_applies", "other")
UNSPECIFIED = "unspecified"  # nothing chosen; never offered
NOTHING = "–"


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
    """The card that asks for a decision. `buttons`: (approve, decline or ask, signed value). SOP 000 section 2.

    ValueError: no or unknown preference, a button we do not know, a button without a value.
    """
    sections = [
        Section((texts.line("cards.intro"),)),
        Section(customer_lines(texts, name, contact)),
        Section(
            (
                texts.line("cards.ticket", ticket=Link(ticket_url, f"#{ticket_id}")),
                texts.line("cards.backoffice", backoffice=Link(backoffice_url, backoffice_url)),
            )
        ),
        Section(_preference(texts, wish)),
    ]
    if urgent:
        sections.insert(0, Section((texts.line("cards.urgent"),), header=True))
    return Card(tuple(sections), tuple(_button(texts, action, value) for action, value in buttons))


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

    `state_line` is a filled `cards.state.*`; a chat user's id given as `who` is shown there as that person.
    """
    lines: list[Line] = [
        mentioned(state_line, [who]),
        texts.line("cards.ticket", ticket=Link(ticket_url, f"#{ticket_id}")),
    ]
    sections = [Section((line,)) for line in lines]
    if wish:
        sections.append(Section(_preference(texts, wish)))
    if jira_key:
        sections.append(Section((texts.line("cards.issue", issue=Link(jira_url or "", jira_key)),)))
    return Card(tuple(sections))


def customer_lines(texts: Texts, name: str, contact: str) -> tuple[Line, ...]:
    """The customer's name and number, one line each whatever they typed."""
    return (
        texts.line("cards.name", name=shown(name, NAME_LIMIT) or NOTHING),
        texts.line("cards.contact", contact=shown(contact, CONTACT_LIMIT) or NOTHING),
    )


def mentioned(text: str, users: Sequence[str]) -> Line:
    """A text of ours in which these chat users' ids are shown as the people they are."""
    known = [re.escape(user) for user in users if user]
    if not known:
        return (text,)
    pieces = re.split(rf"(?<![A-Za-z0-9])({'|'.join(known)})(?![A-Za-z0-9])", text)
    spans: list[Span] = [Mention(piece) if place % 2 else piece for place, piece in enumerate(pieces)]
    return tuple(span for span in spans if span != "")


def _preference(texts: Texts, wish: Sequence[str]) -> tuple[Line, ...]:
    return (texts.line("cards.preference.title"), *((f"- {line}",) for line in wish_lines(texts, wish)))


def _button(texts: Texts, action: str, value: str) -> Button:
    if action not in STYLES or not value:
        raise ValueError("a button is approve, decline or ask, and has a value")
    return Button(action, texts.get(f"cards.button.{action}"), value, STYLES[action])


def confirm(texts: Texts, family: str) -> Confirm:
    """What is asked before a press counts: `<family>.confirm.*`."""
    return Confirm(*(texts.get(f"{family}.confirm.{part}") for part in ("title", "text", "yes", "no")))
