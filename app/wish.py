"""Reads the customer's wish from the ticket as it is now (SOP 000 sections 1 and 2): complete, or what is wrong.

Pure: no I/O. A Wish holds personal data; it lives for one walk and is never logged or stored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from app.clients.types import Person, Ticket
from app.settings import CHANNELS, Settings

PREFERENCES = ("delete_all", "stop_all", *(f"stop_{channel}" for channel in CHANNELS))
CLOSED = "closed"


@dataclass(frozen=True)
class Wish:
    """`preference` holds codes of PREFERENCES. `problems` are slugs `missing:<field>` or `contradictory:<field>`."""

    preference: tuple[str, ...]
    problems: tuple[str, ...]
    name: str = field(repr=False)
    contact: str = field(repr=False)
    backoffice_url: str = field(repr=False)
    reachable: bool = True

    @property
    def complete(self) -> bool:
        return not self.problems


def read(ticket: Ticket, requester: Person, settings: Settings) -> Wish:
    """The wish on this ticket. Fields win over the requester's profile; two that disagree are contradictory."""
    problems: list[str] = []
    name = _checked("name", _field(ticket, settings, "name"), requester.name, _same_person, problems)
    contact = _checked("contact", _field(ticket, settings, "contact"), requester.phone, _same_number, problems)
    if contact and not normalise_phone(contact):
        problems.append("contradictory:contact")
    link = _backoffice(ticket, requester, settings, problems)
    preference = _preference(ticket, settings, problems)
    if ticket.cc_ids:
        problems.append("cc")
    return Wish(preference, tuple(problems), name, contact, link, requester.reachable)


def _field(ticket: Ticket, settings: Settings, name: str) -> str:
    value = ticket.fields.get(settings.fields.get(name, 0), "")
    return value.strip() if isinstance(value, str) else ""


def _checked(name: str, field: str, profile: str, same: object, problems: list[str]) -> str:
    assert callable(same)
    profile = profile.strip()
    if not field and not profile:
        problems.append(f"missing:{name}")
    elif field and profile and not same(field, profile):
        problems.append(f"contradictory:{name}")
    return field or profile


def _same_person(one: str, other: str) -> bool:
    """Names agree when they share a word; a profile named by a number or an address says nothing about the name."""
    if "@" in other or not re.search(r"[^\W\d]", other) or re.search(r"\d{5,}", other):
        return True
    words = [set(re.findall(r"\w+", text.casefold())) for text in (one, other)]
    # Chinese names are written without spaces: "李小龙" and "李 小龙" are one name.
    joined = [re.sub(r"\W+", "", text.casefold()) for text in (one, other)]
    return bool(words[0] & words[1]) or joined[0] in joined[1] or joined[1] in joined[0]


def normalise_phone(text: str) -> str:
    """`+60…`, `60…`, `0060…` and `0…` of one Malaysian number are the same; '' when it is no phone number."""
    compact = re.sub(r"[\s().\-–]", "", text)
    compact = "+" + compact[2:] if compact.startswith("00") else compact
    if not re.fullmatch(r"\+?[0-9]{7,15}", compact, re.ASCII):
        return ""
    if compact.startswith("+"):
        return compact
    if compact.startswith("60") and len(compact) >= 10:
        return "+" + compact
    return "+60" + compact[1:] if compact.startswith("0") else compact


def _same_number(one: str, other: str) -> bool:
    return not normalise_phone(other) or normalise_phone(one) == normalise_phone(other)


def _backoffice(ticket: Ticket, requester: Person, settings: Settings, problems: list[str]) -> str:
    """The link in the ticket's field, else made from BACKOFFICE_URL with the requester's external id."""
    template = settings.backoffice_url
    link = _field(ticket, settings, "backoffice")
    if not link and template and requester.external_id:
        link = template.replace("{customer}", quote(requester.external_id, safe=""))
    if not link:
        problems.append("missing:backoffice")
        return ""
    if not _leads_to(link, urlsplit(template).hostname if template else None):
        problems.append("contradictory:backoffice")
        return ""
    return link


def _leads_to(link: str, host: str | None) -> bool:
    """Whether this is a plain http(s) address at `host` (None: at any host). Never raises, whatever was typed."""
    try:
        parts = urlsplit(link)
        port_ok = parts.port is None or parts.port > 0
    except ValueError:
        return False
    plain = parts.scheme in ("http", "https") and not parts.username and not re.search(r"[\s<>|\\]", link)
    return plain and port_ok and bool(parts.hostname) and parts.hostname == (host or parts.hostname)


def _preference(ticket: Ticket, settings: Settings, problems: list[str]) -> tuple[str, ...]:
    """Exactly one of: delete all, stop all, or named channels. An option of the preference field is a tag too."""
    field = ticket.fields.get(settings.fields.get("preference", 0), "")
    chosen = ticket.tags | ({field} if isinstance(field, str) else set(field))
    found = tuple(code for code in PREFERENCES if settings.tags[f"pref_{code}"] in chosen)
    kinds = {code if code in ("delete_all", "stop_all") else "channels" for code in found}
    if not found:
        problems.append("missing:preference")
    elif len(kinds) > 1:
        problems.append("contradictory:preference")
    return found
