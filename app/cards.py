"""Builds the supervisor's card: word for word SOP 000 section 2, buttons while open, no personal data after.

In no chat's own words: the chat's client renders it, encodes what a customer typed and keeps the chat's limits. What a
customer typed is one line, cleaned and cut, so that a name cannot make up a line of the card.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from app.cases import Case
from app.clients.chat import Button, Card, Confirm, Line, Link, Mention, Section, Span, When
from app.settings import CHANNELS
from app.sinks import CONTACT_LIMIT, NAME_LIMIT, shown
from app.texts import Texts

STYLES = {"approve": "primary", "decline": "danger", "ask": ""}
REASONS = ("not_the_customer", "not_confirmed", "wrong_details", "duplicate", "retention_applies", "other")
UNSPECIFIED = "unspecified"  # nothing chosen; never offered
NOTHING = "–"
STATUS_LIMIT = 40  # of a JIRA status's name
DECISIONS = ("approve", "decline")
NAMED = frozenset({"approved", "banning", "declined"})  # states whose own line says who decided, and when
UNDUE = frozenset({"declined", "withdrawn", "void", "joined"})  # states in which nothing is due any more


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
    below: Sequence[Line] = (),
) -> Card:
    """The card that asks for a decision. `buttons`: (approve, decline or ask, signed value). SOP 000 section 2.

    `below`: what the desk has to say beside the SOP's own words (due date, history, a question), in small letters.
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
    sections += small(below)
    return Card(tuple(sections), tuple(_button(texts, action, value) for action, value in buttons))


def closed_card(
    texts: Texts,
    *,
    state: Line,
    ticket_url: str,
    ticket_id: int,
    wish: Sequence[str],
    jira_key: str | None = None,
    jira_url: str | None = None,
    jira_status: str = "",
    below: Sequence[Line] = (),
) -> Card:
    """What the card becomes: what happened, without buttons and without personal data (faults S10).

    `state`: a filled `cards.state.*`. `jira_status`: the status's name as JIRA last said. `below`: as for `open_card`.
    """
    lines = [state, texts.line("cards.ticket", ticket=Link(ticket_url, f"#{ticket_id}"))]
    sections = [Section((line,)) for line in lines]
    if wish:
        sections.append(Section(_preference(texts, wish)))
    if jira_key:
        issue, status = Link(jira_url or "", jira_key), shown(jira_status, STATUS_LIMIT)
        key, values = ("cards.issue_status", {"status": status}) if status else ("cards.issue", {})
        sections.append(Section((texts.line(key, issue=issue, **values),)))
    return Card((*sections, *small(below)))


def small(lines: Sequence[Line]) -> list[Section]:
    """These lines below the card's own ones; nothing when there are none."""
    return [Section(tuple(lines), small=True)] if lines else []


def standing(texts: Texts, case: Case, now: datetime) -> list[Line]:
    """How the case stands, for below any card: who decided where the state's own line does not say it, and when it is
    due, marked when that is over before it was decided or finished. What was finished in time is not due any more."""
    lines = []
    if case.decision in DECISIONS and case.state not in NAMED:
        who = Mention(case.decided_by) if case.decided_by else NOTHING
        when = When(case.decided_at) if case.decided_at else NOTHING
        lines.append(texts.line(f"cards.decision.{case.decision}", who=who, when=when))
    if case.due_at and case.state not in UNDUE:
        late, asks = (case.closed_at or now) > case.due_at, case.state == "awaiting"
        if late or case.state != "done":
            part = "late" if late else "asks" if asks else "due"
            lines.append(texts.line(f"cards.clock.{part}", due=When(case.due_at)))
    return lines


def digest(card: Card) -> str:
    """What the card says, as twelve hex digits: two cards differ in it when a reader would see another text or button.

    Of no secret key, so only for a card without personal data; the buttons' tokens do not count.
    """
    said = [
        [section.header, section.small, *([_stable(span) for span in line] for line in section.lines)]
        for section in card.sections
    ]
    return hashlib.sha256(repr((said, [button.action for button in card.buttons])).encode()).hexdigest()[:12]


def _stable(span: Span) -> object:
    """The same for the same moment, whatever zone the database speaks of it in."""
    return ["when", int(span.at.timestamp())] if isinstance(span, When) else span


def people(users: Sequence[str]) -> Line:
    """Chat users, by id, one after another."""
    return tuple(span for user in users for span in (", ", Mention(user)))[1:]


def customer_lines(texts: Texts, name: str, contact: str) -> tuple[Line, ...]:
    """The customer's name and number, one line each whatever they typed."""
    return (
        texts.line("cards.name", name=shown(name, NAME_LIMIT) or NOTHING),
        texts.line("cards.contact", contact=shown(contact, CONTACT_LIMIT) or NOTHING),
    )


def _preference(texts: Texts, wish: Sequence[str]) -> tuple[Line, ...]:
    return (texts.line("cards.preference.title"), *((f"- {line}",) for line in wish_lines(texts, wish)))


def _button(texts: Texts, action: str, value: str) -> Button:
    if action not in STYLES or not value:
        raise ValueError("a button is approve, decline or ask, and has a value")
    return Button(action, texts.get(f"cards.button.{action}"), value, STYLES[action])


def confirm(texts: Texts, family: str) -> Confirm:
    """What is asked before a press counts: `<family>.confirm.*`."""
    return Confirm(*(texts.get(f"{family}.confirm.{part}") for part in ("title", "text", "yes", "no")))
