"""Frozen events: the last place that sees a sender's dict. Each holds ids, tags and times only, nothing personal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True)
class TicketTagged:
    """Zendesk says: this ticket carries these tags. `tags`, `added` and `removed` hold only tags the desk knows.

    `fact` names what the signed content says (ticket, tags, update time; or the event's id): a re-delivery has the
    same fact. `added`/`removed` are None when the sender does not say (our trigger template).
    """

    fact: str
    ticket_id: int
    tags: tuple[str, ...]
    actor_id: int | None
    updated_at: str
    added: tuple[str, ...] | None = None
    removed: tuple[str, ...] | None = None


@dataclass(frozen=True)
class ButtonPressed:
    """Someone pressed a button of one of our cards, or sent the form that it opened; the token was ours (app.tokens).

    `seen`: keyed hash of what the card said. `choice`: the reason picked in the form. `said`: the form's free texts by
    name; a person wrote them, so they are stored encrypted, apart from the rest (events.body).
    """

    fact: str
    case_id: int
    generation: int
    card: str
    action: str
    user: str
    team: str
    channel: str
    ts: str
    choice: str = ""
    seen: str = ""
    said: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class IssueChanged:
    """JIRA says that an issue's status or resolution changed, or that it was deleted. The issue is read again."""

    fact: str
    key: str
    labels: tuple[str, ...]
    deleted: bool = False


@dataclass(frozen=True)
class ThreatSeen:
    """A customer's comment speaks of a regulator, or an agent flagged the ticket. The words are read again when needed.

    `comment_id`: the newest comment with such words; None when the tag alone says so. Source: SOP 000, Notes.
    """

    fact: str
    ticket_id: int
    comment_id: int | None = None


@dataclass(frozen=True)
class TimeCame:
    """The desk's own clock (app.timers): `what` is due, for a case or (case_id None) for the desk itself.

    `what` is `<section>` or `<section>:<part>`: `reminder:50`, `recheck:7`, `sweep`.
    """

    fact: str
    what: str
    case_id: int | None = None


Event = TicketTagged | ButtonPressed | IssueChanged | ThreatSeen | TimeCame
Sender = Literal["zendesk", "slack", "mattermost", "jira", "desk"]  # `desk`: the desk's own schedule


@dataclass(frozen=True)
class Refused:
    """Authentic, but nothing will be done: a dead letter (unusable) or an ignored event (not for us).

    `body` is kept, encrypted and capped, for dead letters only.
    """

    fact: str
    outcome: Literal["dead", "ignored"]
    reason: str
    ticket_id: int | None = None
    detail: Mapping[str, Json] | None = None
    body: bytes | None = None
