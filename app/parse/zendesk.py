"""Zendesk's two bodies: our trigger template (`desk.tag`) and the subscribed event `ticket.tags_changed`.

An authentic call is never refused to Zendesk (that would trip its breaker): what cannot be used is a dead letter, what
is not for us is ignored. A URL in a body is never fetched. Source: design.md, facts Z1.6-Z1.11, Z1.23, bad-inputs B.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn
from urllib.parse import urlsplit

from app.errors import BadPayloadError
from app.events import Json, Refused, TicketTagged
from app.parse.common import as_dict, as_list, as_str, dead, ignored
from app.strictjson import identifier, loads_object

TEMPLATE = "desk.tag"
EVENT_PREFIX = "zen:event-type:"
TAGS_CHANGED = "zen:event-type:ticket.tags_changed"
MAX_TAGS = 1000
# What Admin Center's test button and people's own first tries send [R]: a type or a key of that name, or the sample
# body of Zendesk's page "Verifying webhook authenticity".
TEST_NAMES = frozenset({"test", "ping", "desk.test"})
SAMPLE_BODY: dict[str, Json] = {"event": "ticket.updated", "id": 123}

# Zendesk's documents show the placeholder with seconds, older ones without: every ISO form with a zone is taken.
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})")
_EVENT_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_SUBJECT = re.compile(r"zen:ticket:([1-9][0-9]{0,17})")
_JSON_TYPE = re.compile(r"application/([a-z0-9.-]+\+)?json")
_SYSTEM_ACTORS: tuple[Json, ...] = (None, "", "-1", -1, "0", 0)  # no actor, or Zendesk itself
_NOT_SPACE = re.compile(r"[^ \t\n\r\f\v]+")
# Placeholders of our own template that Zendesk left as they are; other braces are literal text.
_UNFILLED = re.compile(r"\{\{\s*(ticket|current_user)\.")


@dataclass(frozen=True)
class Envelope:
    """What the unsigned headers say. `account`: X-Zendesk-Account-Id, advisory."""

    content_type: str = ""
    content_encoding: str = ""
    account: str = ""


@dataclass(frozen=True)
class _Place:
    """Whose events these are: the tags the desk knows, this account's id ('' = not checked) and host name."""

    tags: frozenset[str]
    account: str
    host: str


def parse_zendesk(
    body: bytes, envelope: Envelope, *, tags: Iterable[str], account: str = "", host: str = ""
) -> TicketTagged | Refused:
    """`tags`: the known ones (Settings.tags.values()); `account`, `host`: ours, '' when not set."""
    place = _Place(frozenset(tags), account, host.lower())
    try:
        _check_envelope(body, envelope, place)
        data = loads_object(body)
        kind = data.get("type")
        if kind == TEMPLATE or (kind is None and not _is_test(data)):
            return _template(body, data, place)
        if kind == TAGS_CHANGED:
            return _tags_changed(body, data, place)
        return ignored("zd", body, "test" if _is_test(data) else "event_type")
    except BadPayloadError as error:
        return dead("zd", body, error.reason)


def tagged(ticket_id: int, tags: Iterable[str], *, actor_id: int | None, updated_at: str) -> TicketTagged:
    """The event that a ticket with these known tags makes, whoever says so: trigger and sweep name the same fact."""
    known = tuple(sorted(tags))
    return TicketTagged(f"zd:{ticket_id}:{updated_at}:{'+'.join(known)}", ticket_id, known, actor_id, updated_at)


def near_misses(tags: Iterable[str], known: Iterable[str]) -> int:
    """How many tags are ours but for case, spaces or Unicode form: people's slips, counted, never acted upon."""
    exact = frozenset(known)
    folded = {_fold(tag) for tag in exact}
    return sum(1 for tag in tags if tag not in exact and _fold(tag) in folded)


def _fold(tag: str) -> str:
    return re.sub(r"[\s-]", "_", unicodedata.normalize("NFKC", tag).strip().casefold())


def _refuse(reason: str) -> NoReturn:
    raise BadPayloadError("the event is not usable", reason)


def _check_envelope(body: bytes, envelope: Envelope, place: _Place) -> None:
    if envelope.content_encoding.strip().lower() not in ("", "identity"):
        _refuse("encoding")  # never inflated: a small body could be a bomb
    if not body:
        _refuse("empty")
    main, *parameters = (part.strip().lower() for part in envelope.content_type.split(";"))
    if not _JSON_TYPE.fullmatch(main):
        _refuse("content_type")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            _refuse("charset")
    if place.account and envelope.account and envelope.account != place.account:
        _refuse("account")


def _is_test(data: dict[str, Json]) -> bool:
    kind = data.get("type")
    named = isinstance(kind, str) and kind.lower() in TEST_NAMES
    bare = kind is None and "ticket_id" not in data and bool(TEST_NAMES & data.keys())
    return named or bare or data == SAMPLE_BODY


def _template(body: bytes, data: dict[str, Json], place: _Place) -> TicketTagged | Refused:
    if any(_UNFILLED.search(as_str(data.get(name))) for name in _TEMPLATE_FIELDS):
        _refuse("placeholder")
    ticket_id = identifier(data.get("ticket_id"), "ticket_id")
    _check_foreign(data, place)
    if data.get("tags") is None:
        _refuse("missing:tags")
    tags = _known(_tag_list(data["tags"]), place)
    updated_at = _time(data.get("updated_at"))
    actor_id = _actor(data.get("actor_id"))
    if not tags:
        return _no_known_tag(body, ticket_id, _tag_list(data["tags"]), place)
    return tagged(ticket_id, tags, actor_id=actor_id, updated_at=updated_at)


_TEMPLATE_FIELDS = ("ticket_id", "tags", "updated_at", "actor_id")


def _tags_changed(body: bytes, data: dict[str, Json], place: _Place) -> TicketTagged | Refused:
    detail, event = as_dict(data.get("detail")), as_dict(data.get("event"))
    event_id = as_str(data.get("id"))
    if not _EVENT_ID.fullmatch(event_id):
        _refuse("missing:id")
    ticket_id = _event_ticket(data, detail)
    _check_foreign(data, place)
    _check_foreign(detail, place)
    added = _changed(event, "added")
    removed = _changed(event, "removed")
    current = _tag_list(detail.get("tags"))
    updated_at = _time(detail.get("updated_at") or data.get("time"))
    actor_id = _actor(detail.get("actor_id"))
    everything = [*current, *(added or ()), *(removed or ())]
    if not _known(everything, place):
        return _no_known_tag(body, ticket_id, everything, place)
    return TicketTagged(
        fact=f"zd:event:{event_id}",
        ticket_id=ticket_id,
        tags=_known(current, place),
        actor_id=actor_id,
        updated_at=updated_at,
        added=None if added is None else _known(added, place),
        removed=None if removed is None else _known(removed, place),
    )


def _event_ticket(data: dict[str, Json], detail: dict[str, Json]) -> int:
    """The ticket's id from `detail.id` or `subject` ("zen:ticket:<id>"); when both are there they must agree."""
    match = _SUBJECT.fullmatch(as_str(data.get("subject")))
    if detail.get("id") is None and match:
        return int(match[1])
    ticket_id = identifier(detail.get("id"), "ticket_id")
    if match and int(match[1]) != ticket_id:
        _refuse("foreign")
    return ticket_id


def _check_foreign(data: dict[str, Json], place: _Place) -> None:
    """Another account's id or another host's ticket URL in the signed body: not our ticket of that number."""
    account = data.get("account_id")
    if place.account and account is not None and str(account) != place.account:
        _refuse("account")
    for name in ("url", "ticket_url"):
        url = data.get(name)
        if not isinstance(url, str) or not place.host:
            continue
        try:
            host = urlsplit(url if "//" in url else f"//{url}").hostname  # Zendesk's {{ticket.url}} has no scheme
        except ValueError:
            host = None
        if host != place.host:
            _refuse("foreign")


def _changed(event: dict[str, Json], word: str) -> list[str] | None:
    """`event.tags_added`, or the other shape `event.added.tags`; None when the sender does not say (Z1.9)."""
    if event.get(f"tags_{word}") is not None:
        return _tag_list(event[f"tags_{word}"])
    inner = as_dict(event.get(word))
    return _tag_list(inner["tags"]) if inner.get("tags") is not None else None


def _tag_list(value: Json) -> list[str]:
    """One string with white space between (our template) or a list of strings (events).

    Only ASCII's white space parts tags: a no-break space is a slip inside a tag, counted as a near miss.
    """
    parts: Sequence[Json] = _NOT_SPACE.findall(value) if isinstance(value, str) else as_list(value)
    if value is not None and not isinstance(value, str | list):
        _refuse("missing:tags")
    if len(parts) > MAX_TAGS:
        _refuse("too_many")
    tags = [part for part in parts if isinstance(part, str)]
    if len(tags) != len(parts):
        _refuse("missing:tags")
    if any(ord(char) < 32 or ord(char) == 127 for tag in tags for char in tag):
        _refuse("control")
    return tags


def _known(tags: Iterable[str], place: _Place) -> tuple[str, ...]:
    return tuple(sorted(place.tags.intersection(tags)))


def _no_known_tag(body: bytes, ticket_id: int, tags: Sequence[str], place: _Place) -> Refused:
    near = near_misses(tags, place.tags)
    return ignored("zd", body, "no_known_tag", ticket_id=ticket_id, detail={"near_miss": near} if near else None)


def _time(value: Json) -> str:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        _refuse("missing:updated_at")
    try:
        datetime.fromisoformat(value)
    except ValueError:  # the 31st of February
        _refuse("range")
    return value


def _actor(value: Json) -> int | None:
    if not isinstance(value, bool) and value in _SYSTEM_ACTORS:
        return None
    return identifier(value, "actor_id")
