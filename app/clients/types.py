"""What the desk asks of its vendors, in the desk's own terms.

Every method raises only the VendorError family (app.errors). Times are aware UTC datetimes. Nothing here is ever
logged or stored: `Person` and `Ticket` hold personal data and live for one walk of a handler.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Ticket:
    """A Zendesk ticket as it is now (never from a cache). `stamp` is `updated_at` exactly as Zendesk wrote it."""

    id: int
    status: str
    tags: frozenset[str]
    requester_id: int | None
    assignee_id: int | None
    submitter_id: int | None
    cc_ids: tuple[int, ...]
    fields: Mapping[int, str | tuple[str, ...]]
    stamp: str
    channel: str = ""


@dataclass(frozen=True)
class Found:
    """A ticket as the search knows it: its index lags, so this only says where to look. `stamp` as in Ticket.

    `over`: solved or closed.
    """

    id: int
    tags: frozenset[str]
    stamp: str
    over: bool = False


@dataclass(frozen=True)
class Person:
    """A Zendesk user. `reachable`: has an e-mail identity that is not undeliverable and is not suspended.

    `mails`: every address of theirs, lower case (only the main one of a person read briefly). `active`: neither
    suspended nor deleted.
    """

    id: int
    name: str
    email: str
    phone: str
    role: str
    reachable: bool
    external_id: str = ""
    locale: str = ""
    mails: frozenset[str] = frozenset()
    active: bool = True

    @property
    def is_staff(self) -> bool:
        """An agent or an administrator who can work at this moment."""
        return self.active and self.role in ("agent", "admin")


@dataclass(frozen=True)
class Audit:
    """One entry of a ticket's audit trail. `op_id` is our own metadata (empty when it is not ours)."""

    id: int
    author_id: int
    created_at: datetime
    op_id: str
    tags_added: frozenset[str]
    tags_removed: frozenset[str]
    comment_id: int | None = None


@dataclass(frozen=True)
class Comment:
    """One entry of a ticket's conversation. `body` is plain text, entities resolved: the words of a person."""

    id: int
    author_id: int
    public: bool
    body: str = field(repr=False)
    created_at: datetime
    channel: str = ""


@dataclass(frozen=True)
class Macro:
    id: int
    title: str
    active: bool


@dataclass(frozen=True)
class MacroEffect:
    """What a macro would change on one ticket. `fields` holds only simple ticket fields that differ (status, ...).

    `text`: the comment as the macro holds it, placeholders and all; '' when its own actions are not told.
    """

    body: str
    html: bool
    public: bool
    fields: Mapping[str, str | int] = field(default_factory=dict)
    add_tags: frozenset[str] = frozenset()
    remove_tags: frozenset[str] = frozenset()
    text: str = ""


@dataclass(frozen=True)
class Applied:
    """Proof that a ticket update is there: the audit's id."""

    audit_id: int


class Zendesk(Protocol):
    def me(self) -> int:
        """Id of the user the desk's credentials act as."""
        ...

    def ticket(self, ticket_id: int) -> Ticket: ...
    def person(self, user_id: int, *, brief: bool = False) -> Person:
        """`brief`: without looking whether mail is delivered to them, one call instead of two."""
        ...

    def staff(self, user_id: int) -> Person:
        """`person`, brief, as they were within the last minute: one agent tags many tickets."""
        ...

    def people(self, email: str) -> Sequence[Person]:
        """Everybody whose address this is, main or further one, as they are now."""
        ...

    def tagged(self, tag: str, since: datetime | None, until: datetime | None = None) -> Iterator[Found]:
        """Tickets with this tag that changed at or after `since` (None: all that are not closed) and before `until`
        (None: whenever), page by page."""
        ...

    def audits(self, ticket_id: int) -> Sequence[Audit]:
        """Newest first; at most the newest few hundred."""
        ...

    def comments(self, ticket_id: int) -> Sequence[Comment]:
        """The whole conversation, oldest first. PermanentError `gone`, `forbidden`: it cannot be read."""
        ...

    def macro(self, title: str) -> Macro:
        """The one active macro of exactly that title; PermanentError reason `macro_missing` or `macro_twice`."""
        ...

    def macro_text(self, macro: Macro) -> str:
        """The comment that the macro writes, placeholders and all."""
        ...

    def preview(self, ticket: Ticket, macro: Macro) -> MacroEffect: ...

    def update(  # all but the ticket by name
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
        """One safe update (`updated_stamp` = ticket.stamp) with one comment and metadata {"desk_op": op_id}."""
        ...

    def add_tags(self, ticket: Ticket, tags: frozenset[str]) -> None:
        """Additive, safe update. Idempotent."""
        ...

    def remove_tags(self, ticket: Ticket, tags: frozenset[str]) -> None: ...


@dataclass(frozen=True)
class Issue:
    """A JIRA issue. `category` is new, indeterminate or done; `resolution` is the resolution's name or ''."""

    id: str
    key: str
    status: str
    category: str
    resolution: str
    labels: frozenset[str]


class Jira(Protocol):
    def create(self, *, label: str, summary: str, description: str) -> Issue: ...

    def find(self, label: str) -> Sequence[Issue]:
        """Issues of the configured project with this label, lowest key first. Lags behind creates."""
        ...

    def issue(self, key: str) -> Issue: ...

    def comment(self, key: str, body: str, *, op_id: str) -> str:
        """Adds one comment that carries the op id as its last line; returns the comment's id."""
        ...

    def find_comment(self, key: str, op_id: str) -> str | None: ...

    def link(self, key: str, *, global_id: str, url: str, title: str) -> None:
        """Remote link; an upsert by global_id, so it may be repeated."""
        ...

    def me(self) -> str: ...

    def project(self) -> None:
        """Raises when the configured project cannot be seen."""
        ...
