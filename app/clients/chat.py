"""What the desk says in chat, and what it asks of one, in the desk's own terms: Slack and Mattermost render it.

Every method raises only the VendorError family (app.errors). Times are aware UTC datetimes. Nothing here is ever
logged or stored: cards hold personal data and live for one walk of a handler.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


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
