"""Which customer the ban's source is asked about: taken from the BackOffice link that was on the ticket. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote, urlsplit

LIMIT = 200  # characters; no BackOffice has longer ids


def of_link(link: str, template: str, external_id: Callable[[], str]) -> str:
    """By BACKOFFICE_URL's template, else the requester's external id (asked only then), else the link's last part.

    '' when there is none that can be asked about. Not encoded.
    """
    return _usable(_by_template(link, template)) or _usable(external_id()) or _usable(_last_part(link))


def _by_template(link: str, template: str) -> str:
    before, mark, after = template.partition("{customer}")
    if not mark:
        return ""
    found = re.match(f"{re.escape(before)}([^/?#&]+){re.escape(after.rstrip('/'))}(?=[/?#&]|$)", link)
    return unquote(found[1]) if found else ""


def _last_part(link: str) -> str:
    try:
        parts = [part for part in urlsplit(link).path.split("/") if part]
    except ValueError:
        return ""
    return unquote(parts[-1]) if parts else ""


def _usable(customer: str) -> str:
    """What cannot be one part of a path is no customer: dots alone would lead to another address."""
    customer = customer.strip()
    fits = 0 < len(customer) <= LIMIT and customer.strip(".") and customer.isprintable()
    return customer if fits else ""
