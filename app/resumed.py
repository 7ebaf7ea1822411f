"""Channels that a customer takes back from a wish: what the ticket names, what is carried out, what is left.

A withdrawal without such a tag is of the whole wish (SOP 000 section 2; features 0.28).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from app import cards, wish
from app.cases import Case
from app.clients.types import Ticket
from app.settings import CHANNELS, Settings
from app.wish import PREFERENCES, Wish

if TYPE_CHECKING:
    from app.notes import Note

UNDECIDED = frozenset({"open", "incomplete", "awaiting"})


def named(ticket: Ticket, settings: Settings) -> tuple[str, ...]:
    """The channels that the ticket's resume tags name, in the order of the SOP."""
    return tuple(channel for channel in CHANNELS if settings.tags[f"resume_{channel}"] in ticket.tags)


def chosen(ticket: Ticket, settings: Settings) -> tuple[str, ...]:
    """The preference on the ticket as it was before any channel was taken back; codes of PREFERENCES."""
    field = ticket.fields.get(settings.fields.get("preference", 0), "")
    tags = ticket.tags | ({field} if isinstance(field, str) else set(field))
    return tuple(code for code in PREFERENCES if settings.tags[f"pref_{code}"] in tags)


def of_case(case: Case, part: str = "channels") -> tuple[str, ...]:
    """What was taken back from this case. `new`: in this round; `late`: after it was approved."""
    found = case.withdrawal.get(part)
    return tuple(str(channel) for channel in found) if isinstance(found, list) else ()


def pending(ticket: Ticket, case: Case, settings: Settings) -> bool:
    """Whether the ticket carries a withdrawal that this case has not carried out (one in part leaves the rest)."""
    if settings.tags["data_deletion_withdrawn"] not in ticket.tags:
        return False
    return not carried_out(case, named(ticket, settings))


def carried_out(case: Case, channels: Sequence[str]) -> bool:
    """Whether the case goes on without just these channels."""
    return bool(channels) and case.state != "withdrawn" and set(channels) <= set(of_case(case))


def rest(found: Wish, case: Case) -> Wish:
    """The wish without what the case has given back, on this ticket or on another one of the same person."""
    left = wish.without(found.preference, of_case(case))
    return replace(found, preference=left) if left else found


def lines(note: Note) -> list[str]:
    """What a withdrawal found done already, and what is undone by whom; why an e-mail was not sent."""
    case, get = note.case, note.texts.get
    if "resume_unclear" in case.problems:
        return [get("withdrawal.unclear")]
    if not case.withdrawal or "both_tags" in case.problems:
        return []
    return _whole(note) if case.state == "withdrawn" else _part(note)


def _whole(note: Note) -> list[str]:
    case, get = note.case, note.texts.get
    channels = of_case(case)
    found = [get("withdrawal.elsewhere", ticket=str(case.withdrawal["ticket"]))] if "ticket" in case.withdrawal else []
    before = str(case.withdrawal.get("from", ""))
    if before in ("done", "verifying"):
        found.append(get("withdrawal.was_done"))
    if before != "joined":
        found.append(get("withdrawal.restored", channels=_names(note, channels) or get("withdrawal.everything")))
    if case.jira_key:
        found.append(get("withdrawal.undone_by", issue=case.jira_key))
    if any(e.verb == "apply_macro" and e.arg == REQUEST and e.state == "done" for e in note.effects):
        found.append(get("withdrawal.mail_stays"))
    return found


def _part(note: Note) -> list[str]:
    case, get = note.case, note.texts.get
    channels, late = of_case(case), of_case(case, "late")
    when = note.when(datetime.fromisoformat(str(case.withdrawal["at"])))
    found = [get("withdrawal.part", channels=_names(note, channels), when=when)]
    if "ticket" in case.withdrawal:
        found.append(get("withdrawal.elsewhere", ticket=str(case.withdrawal["ticket"])))
    if late:
        stays = cards.channel_names(note.texts, case.preference) or get("withdrawal.nothing")
        key = "late" if case.jira_key else "late_no_issue"
        issue = {"issue": case.jira_key} if case.jira_key else {}
        found.append(get(f"withdrawal.{key}", channels=_names(note, late), stays=stays, **issue))
    consented = any(e.verb == "apply_macro" and e.arg == CONSENT for e in note.effects)
    if not consented and "ticket" not in case.withdrawal:
        reason = "no_calls" if "calls" not in channels else "consent_waits"
        found.append(get(f"withdrawal.{reason}", macro=CONSENT))
    return found


def _names(note: Note, channels: Sequence[str]) -> str:
    return cards.channel_names(note.texts, [f"stop_{channel}" for channel in channels])


REQUEST = "Data Deletion Request"
CONSENT = "Acknowledgement Consent on Promotional Calls"
