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

    def people(self, email: str) -> Sequence[Person]:
        """Everybody whose address this is, main or further one, as they are now."""
        ...

    def tagged(self, tag: str, since: datetime | None) -> Iterator[Found]:
        """Tickets with this tag that changed at or after `since` (None: all that are not closed), page by page."""
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
class Link:
    """An address with its label; a chat shows the label as plain text when the address is none we link to."""

    url: str
    label: str


@dataclass(frozen=True)
class Mention:
    """A chat user, by id: shown by name, and told."""

    user: str


@dataclass(frozen=True)
class When:
    """A moment (aware): in the reader's own zone where the chat can do that, else in the desk's."""

    at: datetime


Span = str | Link | Mention | When  # text is plain, whoever wrote it: the client encodes it
Line = tuple[Span, ...]


@dataclass(frozen=True)
class Section:
    """Some lines that belong together; a header is one short line in large letters, small lines stand back."""

    lines: tuple[Line, ...]
    header: bool = False
    small: bool = False


@dataclass(frozen=True)
class Confirm:
    """What the chat asks before a press counts, where it can ask (Slack)."""

    title: str
    text: str
    yes: str
    no: str


@dataclass(frozen=True)
class Button:
    """`value`: our signed token (app.tokens). `style`: `primary`, `danger` or ''."""

    action: str
    label: str
    value: str
    style: str = ""
    confirm: Confirm | None = None


@dataclass(frozen=True)
class Card:
    """A chat message in no chat's own words; each client renders and encodes it (slack_blocks, mattermost_posts)."""

    sections: tuple[Section, ...]
    buttons: tuple[Button, ...] = ()

    @property
    def lines(self) -> Iterator[Line]:
        return (line for section in self.sections for line in section.lines)


@dataclass(frozen=True)
class Field:
    """One field of a form: a choice among `options` (code, label), or text of at most `limit` characters."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...] = ()
    limit: int = 1000
    optional: bool = False
    hint: str = ""


@dataclass(frozen=True)
class Form:
    """A form that a press opens. `token`: signed by us, comes back with what was filled in (app.tokens)."""

    name: str
    title: str
    submit: str
    cancel: str
    token: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Posted:
    """Where a message is: channel id and timestamp (Slack) or post id (Mattermost)."""

    channel: str
    ts: str


@dataclass(frozen=True)
class ChatPerson:
    """A chat user as the chat says now. `team_id`: Slack's workspace, '' in Mattermost. `email`: '' when not shown.

    `in_channel`: False when surely no member of the channel that was asked about.
    """

    id: str
    team_id: str
    is_bot: bool
    deleted: bool
    is_guest: bool
    email: str = field(default="", repr=False)
    in_channel: bool = True


class Chat(Protocol):
    """The supervisors' chat. `vendor` is its name in the ledger: `slack` or `mattermost`."""

    vendor: str

    def post(self, card: Card, *, op_id: str, case_key: str, thread: Posted | None = None, channel: str = "") -> Posted:
        """Post to `channel` (empty: the configured one), or as a reply below `thread`, with op id and case key where
        people do not see them."""
        ...

    def update(self, at: Posted, card: Card) -> Posted:
        """Replace a message of ours; repeat-safe. PermanentError `gone`: somebody has deleted it."""
        ...

    def find(self, op_id: str, *, since: datetime, thread: Posted | None = None, channel: str = "") -> Posted | None:
        """Our message by its op id, where `post` would put it, looking back to 60 s before `since`."""
        ...

    def is_there(self, at: Posted) -> bool:
        """Whether the message is still in its channel. PermanentError when we can no longer see the channel."""
        ...

    def answer(self, user: str, text: str, *, channel: str, about: str = "") -> None:
        """Tell one person and nobody else. Plain text. May be repeated: a repeat is the same text `about` the same."""
        ...

    def person(self, user: str, *, channel: str = "") -> ChatPerson:
        """Who this is, asked now; with `channel`, whether they belong to it. PermanentError `gone`: nobody."""
        ...

    def group(self, group: str) -> frozenset[str]:
        """Ids of the members of a user group, asked now. PermanentError `gone`: no such group."""
        ...

    def open_form(self, trigger: str, form: Form) -> None:
        """Show a form to whoever has just pressed; `trigger` is good for one form, for some seconds."""
        ...

    def me(self) -> tuple[str, str]:
        """(team id, our own user id); '' for what the chat does not say."""
        ...

    def channel(self, channel: str = "") -> None:
        """Raises when the channel (empty: the configured one) cannot be used; PermanentError `channel`."""
        ...


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
