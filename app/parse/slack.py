"""Slack's interactivity body: one form field `payload` that holds JSON; our own buttons and forms count, nothing else.

A press that is forged or too old is still answerable: the refusal's detail says who pressed, where.
Source: facts S8-S12, bad-inputs S005-S033.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from app import forms
from app.errors import BadPayloadError
from app.events import Json, Refused
from app.parse.common import as_dict, as_list, as_str, ignored
from app.parse.press import Place, Pressed, Sent, pressed, sent
from app.strictjson import loads_object
from app.tokens import Tokens

REASON_SELECT = "decline_reason"
MAX_KEYS = 2000  # the payload repeats the whole card with all its blocks
MAX_CHALLENGE = 200

_SLACK_ID = re.compile(r"[A-Z0-9]{1,40}")
_STAMP = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}")
_ACTION = re.compile(r"[A-Za-z0-9_.:-]{1,255}")
_CHOICE = re.compile(r"[a-z_]{1,40}")
_CHALLENGE = re.compile(r"[!-~]{1,200}")
_TRIGGER = re.compile(r"[!-~]{1,300}")


@dataclass(frozen=True)
class Challenge:
    """Slack asks whether we live at this address; `text` is echoed. Not an event."""

    text: str


Found = Pressed | Sent | Refused


def parse_slack(body: bytes, tokens: Tokens) -> Found | Challenge:
    """A verified body; as `parse_payload`, and `payload` when it holds none."""
    challenge = _challenge(body)
    if challenge is not None:
        return challenge
    try:
        return parse_payload(_payload(body), tokens)
    except BadPayloadError as error:
        return ignored("slack", body, error.reason)


def parse_payload(payload: bytes, tokens: Tokens) -> Found:
    """The JSON of one interaction, from whom we know (its signature, or our own socket).

    Refusal reasons: `payload`, strictjson's, `event_type`, `not_a_button`, `token_*`.
    """
    try:
        data = loads_object(payload, max_keys=MAX_KEYS, any_text=True)
        if data.get("type") == "view_submission":
            return _form(data, payload, tokens)
        if data.get("type") != "block_actions":
            return ignored("slack", payload, "event_type")
        action = _only_action(data)
        if action.get("type") != "button":
            return ignored("slack", payload, "not_a_button")
        place, fact = _where(data, action)
    except BadPayloadError as error:
        return ignored("slack", payload, error.reason)
    try:
        meant = tokens.read(action.get("value"))
    except BadPayloadError as error:
        return Refused(fact, "ignored", error.reason, detail=place.detail)
    trigger = as_str(data.get("trigger_id"))
    return pressed(fact, place, meant, choice=_choice(data), trigger=trigger if _TRIGGER.fullmatch(trigger) else "")


def _form(data: dict[str, Json], payload: bytes, tokens: Tokens) -> Sent | Refused:
    """A form of another app is ignored. One of our name that we did not open for its sender is refused, and they are
    told: Slack closes it before them as if it had been taken."""
    view = as_dict(data.get("view"))
    name = view.get("callback_id")
    if name not in forms.NAMES:
        return ignored("slack", payload, "event_type")
    place = Place(_form_of(_SLACK_ID, as_dict(data.get("user")).get("id")), _team(data), "", "")
    values: dict[str, Json] = {}
    for block, fields in as_dict(as_dict(view.get("state")).get("values")).items():
        field = as_dict(as_dict(fields).get(block))  # a field's block and its action have the field's name
        values[block] = field.get("value") or as_dict(field.get("selected_option")).get("value")
    try:
        return sent(view.get("private_metadata"), name, place, values, tokens)
    except BadPayloadError as error:
        return ignored("slack", payload, error.reason, detail=place.detail)


def _challenge(body: bytes) -> Challenge | None:
    if not body.lstrip().startswith(b"{"):
        return None
    try:
        data = loads_object(body)
    except BadPayloadError:
        return None
    text = as_str(data.get("challenge"))
    return Challenge(text) if data.get("type") == "url_verification" and _CHALLENGE.fullmatch(text) else None


def _payload(body: bytes) -> bytes:
    try:
        fields = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=10
        )
    except ValueError:  # not a form, not ASCII, bad escapes, or too many fields
        raise _unusable() from None
    values = [value for name, value in fields if name == "payload"]
    if len(values) != 1:
        raise _unusable()
    return values[0].encode("utf-8")


def _unusable() -> BadPayloadError:
    return BadPayloadError("the body holds no payload we can read", "payload")


def _only_action(payload: dict[str, Json]) -> dict[str, Json]:
    actions = as_list(payload.get("actions"))
    if len(actions) != 1 or not isinstance(actions[0], dict):
        raise _unusable()
    return actions[0]


def _where(data: dict[str, Json], action: dict[str, Json]) -> tuple[Place, str]:
    """Who pressed, where; and the press's fact."""
    container = as_dict(data.get("container"))
    channel = as_dict(data.get("channel")).get("id") or container.get("channel_id")
    stamp = container.get("message_ts") or as_dict(data.get("message")).get("ts")
    user = _form_of(_SLACK_ID, as_dict(data.get("user")).get("id"))
    place = Place(user, _team(data), _form_of(_SLACK_ID, channel), _form_of(_STAMP, stamp))
    when, name = _form_of(_STAMP, action.get("action_ts")), _form_of(_ACTION, action.get("action_id"))
    return place, f"slack:{place.team}:{place.user}:{place.ts}:{when}:{name}"


def _team(data: dict[str, Json]) -> str:
    return _form_of(_SLACK_ID, as_dict(data.get("team")).get("id") or as_dict(data.get("user")).get("team_id"))


def _form_of(pattern: re.Pattern[str], value: Json) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _unusable()
    return value


def _choice(payload: dict[str, Json]) -> str:
    """The reason picked in the menu of a card of an older release, '' when none is."""
    for block in as_dict(as_dict(payload.get("state")).get("values")).values():
        select = as_dict(as_dict(block).get(REASON_SELECT))
        code = as_str(as_dict(select.get("selected_option")).get("value"))
        if _CHOICE.fullmatch(code):
            return code
    return ""
