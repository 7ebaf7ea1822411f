"""Reads the customer's wish from the ticket as it is now (SOP 000 sections 1 and 2): complete, or what is wrong.

Pure: no I/O. A Wish holds personal data; it lives for one walk and is never logged or stored.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from app import confirmed
from app.clients.types import Person, Ticket
from app.events import Json
from app.settings import CHANNELS, Settings

PREFERENCES = ("delete_all", "stop_all", *(f"stop_{channel}" for channel in CHANNELS))
ON_A_CARD = ("name", "contact", "backoffice", "preference")  # and the ticket itself
CLOSED = frozenset({"closed", "deleted"})  # a ticket that can't be written to any more
FULL_WIDTH = {0xFF01 + place: 0x21 + place for place in range(94)}
NUMBER = re.compile(r"\+?[0-9]{7,15}")
USUAL_MARKS = dict.fromkeys(map(ord, " ().-"))  # within a phone number; a list of a million goes through here
NO_LETTERS = re.compile(r"[\W\d_]*")


@dataclass(frozen=True)
class Wish:
    """`preference` holds codes of PREFERENCES, less the channels that the customer wants again.

    `problems` are slugs: `missing:<field>`, `contradictory:<field>`, `partial_off`, `cc`, `unreachable`, `closed`.
    `reachable`: the requester has an e-mail address (a caller may have none: then there is no e-mail, features 0.11).
    `confirmation`: how it was confirmed, in codes (app.confirmed).
    """

    preference: tuple[str, ...]
    problems: tuple[str, ...]
    name: str = field(repr=False)
    contact: str = field(repr=False)
    backoffice_url: str = field(repr=False)
    reachable: bool = True
    confirmation: Mapping[str, Json] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return not self.problems


def read(ticket: Ticket, requester: Person, settings: Settings) -> Wish:
    """The wish on this ticket. Fields win over the requester's profile; two that disagree are contradictory."""
    problems: list[str] = []
    profile = "" if _says_nothing(requester.name) else requester.name
    written = _field(ticket, settings, "name")
    name = _checked("name", "" if NO_LETTERS.fullmatch(written) else written, profile, _same_person, problems)
    contact = _checked("contact", _field(ticket, settings, "contact"), requester.phone, _same_number, problems)
    if contact and not normalise_phone(contact) and "contradictory:contact" not in problems:
        problems.append("contradictory:contact")
    link = _backoffice(ticket, requester, settings, problems)
    preference = _preference(ticket, settings, problems)
    confirmation, asked = confirmed.read(ticket, settings)
    problems += asked
    if ticket.cc_ids:
        problems.append("cc")
    if requester.email and not requester.reachable:
        problems.append("unreachable")  # suspended or undeliverable: nobody would get the acknowledgement
    if ticket.status in CLOSED:
        problems.append("closed")
    return Wish(preference, tuple(problems), name, contact, link, requester.reachable, confirmation)


def as_on_a_card(found: Wish) -> Wish:
    """The wish with only those problems that concern what a card says of it."""
    about = {f"{kind}:{name}" for kind in ("missing", "contradictory") for name in ON_A_CARD} | {"partial_off"}
    return replace(found, problems=tuple(problem for problem in found.problems if problem in about))


def without(preference: Sequence[str], resumed: Collection[str]) -> tuple[str, ...] | None:
    """What is left of a preference when these channels (names of CHANNELS) may be used again; () when nothing is.

    None: it can't be told. Who wants all data deleted cannot go on receiving offers: the agent asks.
    """
    if not resumed:
        return tuple(preference)
    if "delete_all" in preference:
        return None
    stopped = CHANNELS if "stop_all" in preference else [c for c in CHANNELS if f"stop_{c}" in preference]
    return tuple(f"stop_{channel}" for channel in stopped if channel not in resumed)


def _field(ticket: Ticket, settings: Settings, name: str) -> str:
    value = ticket.fields.get(settings.fields.get(name, 0), "")
    return value.strip() if isinstance(value, str) else ""


def _checked(name: str, field: str, profile: str, same: Callable[[str, str], bool],
             problems: list[str]) -> str:  # fmt: skip
    profile = profile.strip()
    if not field and not profile:
        problems.append(f"missing:{name}")
    elif field and profile and not same(field, profile):
        problems.append(f"contradictory:{name}")
    return field or profile


def _says_nothing(name: str) -> bool:
    """A profile named by a number or an address, as calls and forms make them, says nothing about the name."""
    return "@" in name or NO_LETTERS.fullmatch(name) is not None or sum(char.isdigit() for char in name) >= 5


def _same_person(one: str, other: str) -> bool:
    """Names agree when they share a word."""
    words = [set(re.findall(r"\w+", text.casefold())) for text in (one, other)]
    # Chinese names are written without spaces: "李小龙" and "李 小龙" are one name.
    joined = [re.sub(r"\W+", "", text.casefold()) for text in (one, other)]
    return bool(words[0] & words[1]) or joined[0] in joined[1] or joined[1] in joined[0]


def normalise_phone(text: str) -> str:
    """One form for every spelling of a number, `+60…` for a Malaysian one; '' when it is no phone number.

    Without a plus: `0…` is Malaysian, so are 9 or 10 digits that begin with 1 (a mobile that has lost its zero); any
    other 10 to 15 digits begin with their country; fewer stay as they are, since nobody knows where they belong.
    """
    compact = text.translate(USUAL_MARKS)
    if not (compact.isascii() and compact.removeprefix("+").isdigit()):  # not the usual shape: look at each character
        # Copied numbers carry direction marks that nobody sees; keyboards make full-width and Arabic digits.
        seen = "".join(char for char in text if unicodedata.category(char) != "Cf")
        compact = re.sub(r"[\s().\-‐-―−]", "", seen.translate(FULL_WIDTH))
        compact = "".join(str(unicodedata.decimal(char, char)) for char in compact)
    if compact.startswith(("00", "+00")):
        compact = "+" + compact.removeprefix("+")[2:]
    if not NUMBER.fullmatch(compact):
        return ""
    if compact.startswith("+") and compact[1] != "0":  # no country begins with 0: that is a form's plus before 012…
        return compact if compact[:4] != "+600" else _without_trunk(compact)
    return _international(compact.removeprefix("+"))


def _international(digits: str) -> str:
    if digits.startswith("0"):
        return "+60" + digits[1:]
    if digits.startswith("1") and len(digits) in (9, 10):
        return "+60" + digits
    if len(digits) < 10:
        return digits
    return "+" + digits if not digits.startswith("600") else _without_trunk("+" + digits)


def _without_trunk(number: str) -> str:
    """`+60 (0)12…` is `+60 12…`."""
    number = "+60" + number[3:].lstrip("0")
    return number if NUMBER.fullmatch(number) else ""


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
    customer = requester.external_id if "{customer}" in template else ""
    if not _leads_to(link, urlsplit(template).hostname if template else None) or not _is_of(link, template, customer):
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


def _is_of(link: str, template: str, customer: str) -> bool:
    """Whether the link is this customer's ('' = not known). One not made by the template must name them somewhere."""
    if not customer:
        return True
    before, _, after = template.partition("{customer}")
    made = re.fullmatch(f"{re.escape(before)}([^/?#&]+){re.escape(after)}", link)
    if made:
        return unquote(made[1]) == customer
    parts = urlsplit(link)
    return customer in {*map(unquote, parts.path.split("/")), *(value for _, value in parse_qsl(parts.query))}


def _preference(ticket: Ticket, settings: Settings, problems: list[str]) -> tuple[str, ...]:
    """Exactly one of: delete all, stop all, or named channels. An option of the preference field is a tag too."""
    field = ticket.fields.get(settings.fields.get("preference", 0), "")
    chosen = ticket.tags | ({field} if isinstance(field, str) else set(field))
    found = tuple(code for code in PREFERENCES if settings.tags[f"pref_{code}"] in chosen)
    kinds = {code if code in ("delete_all", "stop_all") else "channels" for code in found}
    if not found:
        problems.append("missing:preference")
        return found
    left = without(found, {channel for channel in CHANNELS if settings.tags[f"resume_{channel}"] in chosen})
    if len(kinds) > 1 or not left:
        problems.append("contradictory:preference")
        return found
    if not settings.partial_allowed and not {"delete_all", "stop_all"} & set(left):
        problems.append("partial_off")
    return left
