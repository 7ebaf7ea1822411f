"""POST /webhooks/mattermost/action (a button was pressed) and /dialog (a form was sent).

Mattermost signs nothing. What is believed instead: the peer's address, then our own token in the button's context or
the form's state, bound to case, round, action and channel; then Mattermost itself is asked whether the message is our
bot's, in that channel, with that button. Who pressed is what the server says, as is whether they may. When it cannot be
asked, nothing happens. Every call that we understand is answered 200 with JSON: all else is an error on the presser's
screen. Source: facts M6-M17; bad-inputs M001-M020.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, jsonify, request

from app import forms
from app.clients.chat import Posted
from app.clients.mattermost import MattermostClient
from app.errors import BadPayloadError, VendorError
from app.parse import Pressed, Sent, parse_action, parse_form
from app.web.door import Door
from app.web.guard import RefusedRequest, read_body
from app.web.peers import Peers
from app.web.press import Pressing

log = logging.getLogger(__name__)
T = TypeVar("T")

SILENT = ("form", "ignored")  # the form speaks for itself; and who presses far too fast was told once


class MattermostDoor:
    def __init__(self, door: Door) -> None:
        self._door = door
        self._peers = Peers(door.settings)
        self._pressing = Pressing(door, "mattermost")
        self._zone = ZoneInfo(door.settings.desk_time_zone)

    def action(self) -> Response:
        """A press. `update` says at once in the channel that it is recorded; it says nothing that could prove wrong."""
        found = self._read(lambda body: parse_action(body, self._pressing.tokens))
        heard = self._pressing.take(found, self._door.clock(), self._is_not_ours)
        answer: dict[str, object] = {"skip_slack_parsing": True}
        if heard.outcome not in SILENT:
            answer["ephemeral_text"] = self._text(f"answers.{heard.outcome}")
        if isinstance(found, Pressed) and heard.outcome in ("recorded", "recorded_waiting"):
            answer |= self._update(found)
        return jsonify(answer)

    def dialog(self) -> Response:
        """A form: {} closes it, `errors` stand at their fields, `error` above all of it."""
        found = self._read(lambda body: parse_form(body, self._pressing.tokens))
        if found is None:  # cancelled
            return jsonify({})
        heard = self._pressing.take(found, self._door.clock())
        if heard.wrong:
            return jsonify({"errors": {field: self._text(f"forms.{key}") for field, key in heard.wrong.items()}})
        if not isinstance(found, Sent) or not heard.recorded:
            outcome = "slow_down" if heard.outcome == "ignored" else heard.outcome  # a form always waits for words
            return jsonify({"error": self._text(f"answers.{outcome}")})
        if heard.outcome == "recorded_waiting" and self._door.tell:
            event = found.event
            self._door.tell.later(event.user, heard.outcome, procedure=event.card, about=event.fact)
        return jsonify({})

    def _read(self, parse: Callable[[bytes], T]) -> T:
        """The call, once its peer, framing, type and JSON are right. Raises RefusedRequest."""
        if not self._peers.allowed(request.remote_addr):
            log.warning("door.refused_peer", extra={"sender": "mattermost"})
            raise RefusedRequest(403, "forbidden", "peer", {"Connection": "close"})
        body = read_body(request, self._door.settings.max_body)
        if request.mimetype != "application/json":
            raise RefusedRequest(415, "content_type", "content_type")
        try:
            return parse(body)
        except BadPayloadError as bad:
            raise RefusedRequest(400, "bad_request", bad.reason) from None

    def _is_not_ours(self, press: Pressed) -> str:
        """Mattermost's own word on the message: '' when it is our bot's card of this case, with this button."""
        event, chat = press.event, self._door.tell.chat if self._door.tell else None
        if not isinstance(chat, MattermostClient):
            return "cannot_verify"
        case = f"case-{event.case_id}-{event.generation}"
        try:
            ours = chat.press_is_ours(Posted(event.channel, event.ts), event.action, case)
        except VendorError as failed:
            log.warning("door.not_verified", extra={"reason": failed.reason})
            return "cannot_verify"
        return "" if ours else "not_our_post"

    def _update(self, press: Pressed) -> dict[str, object]:
        """Only for whoever may decide: nobody else writes on the card. Without props, which then stay (M14).

        Mattermost applies it with the props that it read before it called us (its DoPostActionWithCookie): over a card
        that was closed in between, too. Such a card is closed once more (app.steps.close). A threat's card grows while
        it is open: words that came in between would be gone from it, and it would be decided unread. So it has no such
        line.
        """
        event = press.event
        threat = event.card == "regulatory_threat"
        if threat or event.action in forms.NAMES or not self._pressing.may_try(event):
            return {}
        when = datetime.fromtimestamp(self._door.clock(), self._zone).strftime("%Y-%m-%d %H:%M")
        button = self._text(f"cards.button.{event.action}")
        return {"update": {"message": self._text("answers.pressed", button=button, when=when)}}

    def _text(self, key: str, **values: str) -> str:
        return self._door.tell.text(key, **values) if self._door.tell else ""


def blueprint(door: Door) -> Blueprint:
    ours = MattermostDoor(door)
    routes = Blueprint("mattermost", __name__)

    @routes.route("/webhooks/mattermost/action", methods=["POST"], provide_automatic_options=False)
    def action() -> Response:
        return door.answer("mattermost", ours.action)

    @routes.route("/webhooks/mattermost/dialog", methods=["POST"], provide_automatic_options=False)
    def dialog() -> Response:
        return door.answer("mattermost", ours.dialog)

    return routes
