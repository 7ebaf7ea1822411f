"""Zendesk's search: for the sweep every ticket that matches, by the export's cursor; and people by e-mail address.

The ordinary search answers at most 1,000 tickets (422 beyond), and its pages by offset repeat and skip tickets that
change meanwhile; the export has neither fault. The index lags behind the tickets. Source: OpenAPI ExportSearchResults.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from app.clients import retry
from app.clients.outcome import unknown
from app.clients.shape import flag, items, mapping, number, text, texts
from app.clients.types import Found
from app.errors import UnknownOutcomeError

SIZES = (100, 20, 4, 1)  # a page of long tickets can be larger than an answer may be: then smaller pages
PEOPLE = 100  # users that may share a search for one address, one page of them; more is a search that means nothing
MOST = 200_000  # tickets; more than any account's open wishes, and an end to a cursor that runs in circles

_MAIL = re.compile(r'[^\s"\\@]+@[^\s"\\@]+')  # anything else would be other words of the search's language

Json = Mapping[str, object]
Get = Callable[..., Json]


def query(tag: str, since: datetime | None, until: datetime | None = None) -> str:
    """Tickets with this tag, changed at or after `since` (aware; None: every ticket that is not solved), before `until`
    (None: whenever)."""
    if since is None:
        return f"tags:{tag} status<solved"
    words = f"tags:{tag} updated>={since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return f"{words} updated<{until.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if until is not None else words


def users(get: Get, email: str) -> list[int]:
    """Ids of the users found by this address, main or further one; of those with a similar one too."""
    if not _MAIL.fullmatch(email):
        return []
    answer = get("users/search.json", query=f'email:"{email}"', per_page=str(PEOPLE))
    found = [number(mapping(raw).get("id")) for raw in items(answer.get("users"))]
    if not isinstance(answer.get("users"), list) or None in found or text(answer.get("next_page")):
        raise unknown("zendesk", "unreadable")  # a part must not pass for the whole
    return [one for one in found if one]


def tickets(get: Get, words: str) -> Iterator[Found]:
    """What matches, each perhaps more than once. Raises UnknownOutcomeError when a part would pass for the whole."""
    for size in SIZES:
        try:
            yield from _tickets(get, words, size)
            return
        except UnknownOutcomeError as error:
            if error.reason != "oversized" or size == SIZES[-1]:
                raise


def _tickets(get: Get, words: str, size: int) -> Iterator[Found]:
    at: dict[str, str] = {}
    asked = {"query": words, "filter[type]": "ticket", "page[size]": str(size)}
    for _ in range(MOST // size):
        answer = retry.read(lambda: get("search/export.json", **asked, **at))  # noqa: B023 - called at once
        if not isinstance(answer.get("results"), list):
            raise unknown("zendesk", "unreadable")
        yield from map(_found, map(mapping, items(answer.get("results"))))
        meta = mapping(answer.get("meta"))
        cursor = text(meta.get("after_cursor"))
        if not flag(meta.get("has_more")):
            return
        if not cursor or at.get("page[after]") == cursor:
            raise unknown("zendesk", "unreadable")
        at = {"page[after]": cursor}
    raise unknown("zendesk", "unreadable")


def _found(raw: Json) -> Found:
    ticket_id, stamp = number(raw.get("id")), text(raw.get("updated_at"))
    if not ticket_id or ticket_id < 1 or not stamp:
        raise unknown("zendesk", "unreadable")
    return Found(ticket_id, texts(raw.get("tags")), stamp, text(raw.get("status")) in ("solved", "closed"))
