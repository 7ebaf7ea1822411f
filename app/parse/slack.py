"""Slack's interactivity body: one form field `payload` that holds JSON; only a press of our own button counts.

A press that is forged or too old is still answerable: the refusal's detail says who pressed, where.
Source: facts S8-S12, bad-inputs S005-S029.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from app.errors import BadPayloadError
from app.events import ButtonPressed, Json, Refused
from app.parse.common import as_dict, as_list, as_str, ignored
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


@dataclass(frozen=True)
class Challenge:
    """Slack asks whether we live at this address; `text` is echoed. Not an event."""

    text: str


@dataclass(frozen=True)
class _Press:
    """Who pressed what, where and when; all fields checked."""

    user: str
    team: str
    channel: str
    ts: str
    action_ts: str
    action_id: str

    @property
    def fact(self) -> str:
        return f"slack:{self.team}:{self.user}:{self.ts}:{self.action_ts}:{self.action_id}"

    @property
    def detail(self) -> Mapping[str, Json]:
        return {"user": self.user, "team": self.team, "channel": self.channel, "ts": self.ts}


def parse_slack(body: bytes, tokens: Tokens) -> ButtonPressed | Refused | Challenge:
    """A verified body. Refusal reasons: `payload`, strictjson's, `event_type`, `not_a_button`, `token_*`."""
    challenge = _challenge(body)
    if challenge is not None:
        return challenge
    try:
        payload = loads_object(_payload(body), max_keys=MAX_KEYS)
        if payload.get("type") != "block_actions":
            return ignored("slack", body, "event_type")
        action = _only_action(payload)
        if action.get("type") != "button":
            return ignored("slack", body, "not_a_button")
        press = _press(payload, action)
    except BadPayloadError as error:
        return ignored("slack", body, error.reason)
    try:
        meant = tokens.read(action.get("value"))
    except BadPayloadError as error:
        return Refused(press.fact, "ignored", error.reason, detail=press.detail)
    return ButtonPressed(
        fact=press.fact,
        case_id=meant.case_id,
        generation=meant.generation,
        card=meant.card,
        action=meant.action,
        user=press.user,
        team=press.team,
        channel=press.channel,
        ts=press.ts,
        choice=_choice(payload),
        seen=meant.seen,
    )


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


def _press(payload: dict[str, Json], action: dict[str, Json]) -> _Press:
    user, container = as_dict(payload.get("user")), as_dict(payload.get("container"))
    team = as_dict(payload.get("team")).get("id") or user.get("team_id")
    channel = as_dict(payload.get("channel")).get("id") or container.get("channel_id")
    stamp = container.get("message_ts") or as_dict(payload.get("message")).get("ts")
    return _Press(
        user=_form(_SLACK_ID, user.get("id")),
        team=_form(_SLACK_ID, team),
        channel=_form(_SLACK_ID, channel),
        ts=_form(_STAMP, stamp),
        action_ts=_form(_STAMP, action.get("action_ts")),
        action_id=_form(_ACTION, action.get("action_id")),
    )


def _form(pattern: re.Pattern[str], value: Json) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise _unusable()
    return value


def _choice(payload: dict[str, Json]) -> str:
    """The reason picked in the card's own select, '' when none is."""
    for block in as_dict(as_dict(payload.get("state")).get("values")).values():
        select = as_dict(as_dict(block).get(REASON_SELECT))
        code = as_str(as_dict(select.get("selected_option")).get("value"))
        if _CHOICE.fullmatch(code):
            return code
    return ""
