"""Mattermost's calls: a pressed button of an attachment, and a form (dialog) that was sent. Neither is signed.

So nothing in them is believed but what our token says, and what Mattermost itself confirms when it is asked (app.web.
mattermost). `user_id` is set by the server from the login; `user_name` and `selected_option` are not looked at.
Source: facts M6-M17, bad-inputs M002-M017.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from app.errors import BadPayloadError
from app.events import Json, Refused
from app.parse.common import as_dict, digest
from app.parse.press import Place, Pressed, Sent, pressed, sent
from app.strictjson import loads_object
from app.tokens import Tokens

_ID = re.compile(r"[a-z0-9]{26}")
_TRIGGER = re.compile(r"[!-~]{1,2000}")


def parse_action(body: bytes, tokens: Tokens) -> Pressed | Refused:
    """A pressed button. Refused: `token_forged`, `token_expired`, `wrong_channel`; its detail says who pressed, where.

    Raises BadPayloadError for what is no press at all: strictjson's reasons, `payload`.
    """
    data = loads_object(body)
    place = Place(_id(data, "user_id"), "", _id(data, "channel_id"), _id(data, "post_id"))
    trigger = data.get("trigger_id")
    if not isinstance(trigger, str) or not _TRIGGER.fullmatch(trigger):
        raise _unusable()
    try:
        meant = tokens.read(as_dict(data.get("context")).get("token"))
    except BadPayloadError as error:
        return refused(body, error.reason, place)
    if meant.channel != place.channel:
        return refused(body, "wrong_channel", place)
    once = hashlib.sha256(trigger.encode()).hexdigest()[:16]
    fact = f"mm:{place.channel}:{place.ts}:{place.user}:{meant.action}:{once}"
    return pressed(fact, place, meant, trigger=trigger)


def parse_form(body: bytes, tokens: Tokens) -> Sent | Refused | None:
    """A form that was sent; None when it was cancelled. Refused: `token_forged`. Raises as `parse_action`.

    `channel_id` is the channel that was on the screen, not the card's (the web app's submitInteractiveDialog): it is
    not looked at. The form's token says which card it belongs to.
    """
    data = loads_object(body)
    place = Place(_id(data, "user_id"), "", "", "")
    if data.get("type") != "dialog_submission":
        raise _unusable()
    if data.get("cancelled") is True:
        return None
    try:
        return sent(data.get("state"), data.get("callback_id"), place, as_dict(data.get("submission")), tokens)
    except BadPayloadError as error:
        return refused(body, error.reason, place)


def refused(body: bytes, reason: str, place: Place) -> Refused:
    """Kept as what came in and was answered; its fact is the body's own, so that it can never shadow another."""
    return Refused(f"mm:refused:{digest(body)}", "ignored", reason, detail=place.detail)


def _id(data: Mapping[str, Json], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise _unusable()
    return value


def _unusable() -> BadPayloadError:
    return BadPayloadError("no press and no form that we can read", "payload")
