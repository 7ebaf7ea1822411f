"""Zendesk through zenpy: fresh reads, one small safe update, and nothing re-sent, cached or slept over by the library.

Facts: zendesk.md Z2 to Z4. zenpy is not thread-safe, so each thread has its own client over a session of ours; calls
that zenpy lacks go through the same session.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from zenpy import Zenpy
from zenpy.lib.api import BaseApi
from zenpy.lib.api_objects import Comment as ZenpyComment
from zenpy.lib.api_objects import Ticket as ZenpyTicket
from zenpy.lib.exception import APIException, ZenpyException
from zenpy.lib.util import json_encode_for_printing

from app.clients import zendesk_read as parse
from app.clients import zendesk_search
from app.clients.http import OverWire, Wire, retries
from app.clients.oauth import BearerSession, Tokens
from app.clients.outcome import permanent, read_object, unknown
from app.clients.shape import flag, items, mapping, number, text, texts
from app.clients.types import Applied, Audit, Comment, Found, Macro, MacroEffect, Person, Ticket
from app.errors import AuthError, PermanentError, UnknownOutcomeError, VendorError
from app.settings import Settings

TITLES_FOR = 60.0  # seconds a macro's id is remembered; that it still exists is checked at each preview
STAFF_FOR = 60.0  # seconds an agent is remembered
NEWEST = 500  # audits answered at most
PAGES = 60  # of a list; a ticket has at most 5,000 comments
_PARSING = (APIException, ZenpyException, ValueError, AttributeError, TypeError, KeyError)  # zenpy's, without a base

Json = Mapping[str, object]
T = TypeVar("T")


@dataclass(frozen=True)
class _Client:
    zenpy: Any
    session: BearerSession


class ZendeskClient(OverWire):
    """`app.clients.types.Zendesk`, for many threads. Making one sends nothing."""

    def __init__(self, settings: Settings) -> None:
        self._base = settings.zendesk_url
        self._timeout = settings.read_timeout
        super().__init__(Wire("zendesk", settings))
        self._tokens = Tokens(settings, self._wire)
        self._titles: dict[str, tuple[float, Macro]] = {}
        self._staff: dict[int, tuple[float, Person]] = {}

    @property
    def library_retries(self) -> int:
        """How often the library would send a request again by itself; 0 is what we made it."""
        return retries(self._client.session)

    def me(self) -> int:
        """Id of the user the credentials act as. Raises AuthError when they act as nobody."""
        found = number(_plain(_library(self._client.zenpy.users.me)).get("id"))
        if not found:
            raise AuthError("zendesk: the credentials act as nobody", "auth", vendor="zendesk")
        return found

    def ticket(self, ticket_id: int) -> Ticket:
        """The ticket as it is now. Raises PermanentError `gone`."""
        return parse.ticket(_plain(_library(lambda: self._client.zenpy.tickets(id=ticket_id))), ticket_id)

    def person(self, user_id: int, *, brief: bool = False) -> Person:
        """A user with what is known about reaching them. Raises PermanentError `gone`."""
        user = _plain(_library(lambda: self._client.zenpy.users(id=user_id)))
        if brief:
            return parse.person(user, [], user_id)
        identities = _or_gone(lambda: self._get(f"users/{user_id}/identities.json")) or {}
        return parse.person(user, items(identities.get("identities")), user_id)

    def staff(self, user_id: int) -> Person:
        """`person`, brief, read within the last minute. Raises PermanentError `gone`."""
        now = time.monotonic()
        known = self._staff.get(user_id)
        if known is None or now - known[0] >= STAFF_FOR:
            known = now, self.person(user_id, brief=True)
            self._staff = {of: one for of, one in [*self._staff.items(), (user_id, known)] if now - one[0] < STAFF_FOR}
        return known[1]

    def people(self, email: str) -> Sequence[Person]:
        """Whose address this is: what the search finds (its index lags, and may match more) is read again by id."""
        found = (_or_gone(lambda: self.person(number)) for number in zendesk_search.users(self._get, email))  # noqa: B023 - called at once
        return [person for person in found if person is not None and email.lower() in person.mails]

    def tagged(self, tag: str, since: datetime | None, until: datetime | None = None) -> Iterator[Found]:
        """Tickets with this tag, for the sweep (app.clients.zendesk_search)."""
        return zendesk_search.tickets(self._get, zendesk_search.query(tag, since, until))

    def audits(self, ticket_id: int) -> Sequence[Audit]:
        """Newest first, the newest 500. The order of pages is not documented, so all of them are read.

        A page of long comments can be larger than an answer may be: then smaller pages are asked for.
        """

        def ours(raw: Json) -> Audit | None:
            if number(raw.get("ticket_id")) not in (None, ticket_id):
                raise unknown("zendesk", "unreadable")
            return parse.audit(raw)

        newest = self._entries(f"tickets/{ticket_id}", "audits", ours, NEWEST)
        return sorted(newest, key=lambda found: (found.created_at, found.id), reverse=True)

    def comments(self, ticket_id: int) -> Sequence[Comment]:
        """The whole conversation, oldest first. Raises PermanentError `gone`, `forbidden`."""
        found = self._entries(f"tickets/{ticket_id}", "comments", parse.comment, None)
        return sorted(found, key=lambda comment: (comment.created_at, comment.id))

    def _entries(self, path: str, name: str, read: Callable[[Json], T | None], most: int | None) -> Sequence[T]:
        """The last `most` entries of a ticket's list, in pages as small as they must be."""
        for size in (100, 20, 4):
            try:
                return self._read_all(path, name, read, most, size)
            except UnknownOutcomeError as error:
                if error.reason != "oversized":
                    raise
        return self._read_all(path, name, read, most, 1)

    def _read_all(
        self, path: str, name: str, read: Callable[[Json], T | None], most: int | None, size: int
    ) -> Sequence[T]:
        found: deque[T] = deque(maxlen=most)
        for page in self._pages(f"{path}/{name}.json", size, bound=PAGES * 100 // size):
            if not isinstance(page.get(name), list):
                raise unknown("zendesk", "unreadable")
            found.extend(one for one in (read(mapping(raw)) for raw in items(page.get(name))) if one is not None)
        return found

    def macro(self, title: str) -> Macro:
        """The one active shared macro of exactly this title. Raises PermanentError `macro_missing`, `macro_twice`."""
        known = self._titles.get(title)
        if known is not None and time.monotonic() - known[0] < TITLES_FOR:
            return known[1]
        found, _ = self._listed(title)
        self._titles[title] = (time.monotonic(), found)
        return found

    def macro_text(self, macro: Macro) -> str:
        """The comment that the macro writes, placeholders and all. Raises PermanentError `macro_missing`."""
        return parse.macro_text(self._macro(macro))

    def _listed(self, title: str) -> tuple[Macro, Json]:
        """The one active macro of this title and its entry in the list."""
        found: list[tuple[Macro, Json]] = []
        for page in self._pages("macros.json", 100, active="true"):
            for raw in map(mapping, items(page.get("macros"))):
                macro = parse.macro(raw)
                if macro is not None and macro.active and macro.title == title:
                    found.append((macro, raw))
        if len(found) != 1:
            raise permanent("zendesk", "macro_twice" if found else "macro_missing")
        return found[0]

    def _macro(self, macro: Macro) -> Json:
        """The macro as it is now. An account that does not serve single macros is asked for its list once more."""
        answer = _or_gone(lambda: self._get(f"macros/{macro.id}.json"))
        try:
            raw = self._listed(macro.title)[1] if answer is None else mapping(answer.get("macro"))
        except PermanentError:
            raw = {}
        now = parse.macro(raw)
        if now is None or not now.active or (now.id, now.title) != (macro.id, macro.title):
            self._titles.pop(macro.title, None)
            raise permanent("zendesk", "macro_missing")
        return raw

    def preview(self, ticket: Ticket, macro: Macro) -> MacroEffect:
        """What the macro would do to this ticket; changes nothing. Raises PermanentError `macro_missing`."""
        raw = self._macro(macro)
        answer = _or_gone(lambda: self._get(f"tickets/{ticket.id}/macros/{macro.id}/apply.json"))
        whole = answer is not None
        if answer is None:
            answer = self._get(f"macros/{macro.id}/apply.json")
        after = mapping(mapping(answer.get("result")).get("ticket"))
        if not after or number(after.get("id")) not in (None, ticket.id):
            raise unknown("zendesk", "unreadable")
        return parse.effect(ticket, raw, after if whole else parse.changes_only(ticket, raw, after))

    def update(  # the protocol's; all but the ticket by name
        self,
        ticket: Ticket,
        *,
        op_id: str,
        body: str,
        html: bool = False,
        public: bool,
        macro_id: int | None = None,
        fields: Mapping[str, str | int] | None = None,
    ) -> Applied:
        """One safe update with one comment; only what is named here is sent, never tags or a whole ticket.

        Raises ConflictError when the ticket changed since `ticket.stamp`, PermanentError `closed`, `gone`.
        """
        changes: dict[str, object] = {**(fields or {})}
        if not set(changes) <= set(parse.SIMPLE):
            raise ValueError("only simple ticket fields can be changed")
        if macro_id is not None:
            changes["macro_id"] = macro_id
        small = ZenpyTicket(
            id=ticket.id,
            comment=ZenpyComment(**{"html_body" if html else "body": body}, public=public),
            metadata={parse.OP_KEY: op_id},
            safe_update=True,
            updated_stamp=ticket.stamp,
            **changes,
        )
        answer = _plain(_library(lambda: self._client.zenpy.tickets.update(small)))
        audit = mapping(answer.get("audit"))
        applied = number(audit.get("id"))
        ours = "custom" not in mapping(audit.get("metadata")) or parse.custom(audit).get(parse.OP_KEY) == op_id
        same = number(mapping(answer.get("ticket")).get("id")) == ticket.id
        same = same and number(audit.get("ticket_id")) in (None, ticket.id)
        if not (applied and ours and same):
            raise unknown("zendesk", "unreadable")
        return Applied(applied)

    def add_tags(self, ticket: Ticket, tags: frozenset[str]) -> None:
        """Add to the ticket's tags, safely (409 when it changed). Adding twice does nothing more."""
        if tags:
            answer = self._tags("PUT", ticket, tags)
            if not tags <= texts(answer.get("tags")):
                raise unknown("zendesk", "unreadable")

    def remove_tags(self, ticket: Ticket, tags: frozenset[str]) -> None:
        """Remove from the ticket's tags, safely. Removing twice does nothing more."""
        if tags:
            answer = self._tags("DELETE", ticket, tags)
            if tags & texts(answer.get("tags")):
                raise unknown("zendesk", "unreadable")

    def _tags(self, verb: str, ticket: Ticket, tags: frozenset[str]) -> Json:
        body = {"tags": sorted(tags), "safe_update": True, "updated_stamp": ticket.stamp}
        # zenpy has no safe update of tags (facts Z4.23)
        answer = self._client.session.request(verb, f"{self._base}/api/v2/tickets/{ticket.id}/tags.json", json=body)
        return read_object(answer.content) or {}

    def _get(self, path: str, **params: str) -> Json:
        answer = self._client.session.get(f"{self._base}/api/v2/{path}", params=params)
        return read_object(answer.content) or {}

    def _pages(self, path: str, size: int, bound: int = PAGES, **params: str) -> Iterator[Json]:
        """All pages of a list. Raises UnknownOutcomeError past the bound: a part must not pass for the whole."""
        at = {"page[size]": str(size)}
        for page in range(bound):
            answer = self._get(path, **params, **at)
            yield answer
            meta = mapping(answer.get("meta"))
            if flag(meta.get("has_more")):
                at = {"page[size]": str(size), "page[after]": text(meta.get("after_cursor"))}
            elif not meta and text(answer.get("next_page")):
                at = {"per_page": str(size), "page": str(page + 2)}
            else:
                return
        raise unknown("zendesk", "unreadable")

    @property
    def _client(self) -> _Client:
        """This thread's client."""
        found: _Client | None = getattr(self._here, "client", None)
        if found is None:
            session = BearerSession(self._tokens, self._wire)
            zenpy = Zenpy(subdomain="desk", session=session, anonymous=True, disable_cache=True, timeout=self._timeout)
            parts = urlsplit(self._base)
            for api in vars(zenpy).values():
                if isinstance(api, BaseApi):
                    _point(api, parts.scheme, parts.netloc)
            found = self._here.client = _Client(zenpy, session)
        return found


def _or_gone(get: Callable[[], T]) -> T | None:
    """The answer, or None when the account has no such thing."""
    try:
        return get()
    except PermanentError as error:
        if error.reason != "gone":
            raise
    return None


def _point(api: Any, scheme: str, netloc: str) -> None:
    """Send an API of zenpy to any host: a class attribute of its own hides the property made of subdomain and domain.

    zenpy's other way is a process-wide environment variable (facts Z4.15).
    """
    api.protocol = scheme
    api.__class__ = type(type(api).__name__, (type(api),), {"base_url": netloc})


def _library(call: Callable[[], T]) -> T:
    """Call zenpy. Our wire has raised every refusal already; what zenpy itself trips over is an unreadable answer."""
    try:
        return call()
    except VendorError:
        raise
    except _PARSING:
        pass  # zenpy's texts hold the vendor's body: raised below, outside, so that they are no context either
    raise unknown("zendesk", "unreadable")


def _plain(found: Any) -> Json:
    """A zenpy object as the JSON it was made of; anything else (a bare response) is unreadable."""
    if not hasattr(found, "to_dict"):
        raise unknown("zendesk", "unreadable")
    return mapping(json.loads(json.dumps(found, default=json_encode_for_printing)))
