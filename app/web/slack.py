"""POST /webhooks/slack: a button was pressed or a form sent. Answered at once; the card changes later (S11, S13).

A press is answered with an empty 200, and whatever must be said before a worker can say it goes to the presser alone.
A form that lacks something is answered with what it lacks, and stays open (S10). What comes by Socket Mode takes the
same way from `SlackDoor.take` on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Request, Response, jsonify

from app import forms, verify
from app.events import Refused
from app.parse import Challenge, Sent, parse_payload, parse_slack
from app.web.door import Door
from app.web.press import Found, Heard, Pressing, place


@dataclass(frozen=True)
class Answer:
    """`status` 200: Slack may forget about it; 503: nothing is recorded, and nobody could be told. `body`: what a form
    is answered; None: nothing. `recorded`: False when the presser was told to try again, so that a chat which would
    bring it again by itself (Socket Mode) may."""

    status: int = 200
    body: Mapping[str, object] | None = None
    recorded: bool = True


class SlackDoor:
    """What happens to an interaction once it is known to be Slack's; no request of Flask's is needed."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._pressing = Pressing(door, "slack")
        self.tokens = self._pressing.tokens

    def take(self, payload: bytes, now: float) -> Answer:
        """`payload`: the JSON of one interaction; `now`: epoch seconds. Never raises."""
        return self.act(self._door.parsed("slack", payload, lambda: parse_payload(payload, self.tokens)), now)

    def act(self, found: Found, now: float) -> Answer:
        """Take what was parsed, and tell the presser what nobody else can tell."""
        heard = self._pressing.take(found, now)
        self._look_at_the_team(found)
        if isinstance(found, Sent):
            return self._on_the_form(found, heard)
        user = place(found).get("user", "")
        card = "" if isinstance(found, Refused) else found.event.card
        if not heard.recorded:
            key = heard.outcome if heard.outcome == "not_confirmed" else "try_again"
            told = self._told(user if heard.outcome != "ignored" else "", key, card)
            return Answer(200 if told else 503, recorded=False)
        self._say_later(user, heard, card)
        return Answer()

    def _on_the_form(self, form: Sent, heard: Heard) -> Answer:
        """What is wrong stands at its field; what is wrong with all of it at the first one."""
        tell, name = self._door.tell, form.event.action
        if heard.wrong or not heard.recorded:
            wrong = {field: f"forms.{key}" for field, key in heard.wrong.items()}
            wrong = wrong or {forms.first_field(name): f"answers.{heard.outcome}"}
            if tell is None:
                return Answer(503)
            return Answer(
                200, {"response_action": "errors", "errors": {at: tell.text(key) for at, key in wrong.items()}}
            )
        self._say_later(form.event.user, heard, form.event.card)
        return Answer()

    def _told(self, user: str, key: str, card: str) -> bool:
        tell = self._door.tell
        return bool(user) and tell is not None and tell(user, key, procedure=card)

    def _say_later(self, user: str, heard: Heard, card: str) -> None:
        if self._door.tell is not None and heard.outcome in ("recorded_waiting", "form_failed"):
            self._door.tell.later(user, heard.outcome, procedure=card)

    def _look_at_the_team(self, found: Found) -> None:
        """A press of another workspace is refused by the worker; that somebody tries is an alarm (S010)."""
        door, team = self._door, place(found).get("team", "")
        if door.tell is None or not team:
            return

        def look() -> None:
            ours = door.tell.team() if door.tell else ""
            if ours and team != ours:
                door.alarm("slack", "foreign_team")

        door.tell.soon(look)


def blueprint(door: Door) -> Blueprint:
    settings = door.settings
    secrets = [secret.get_secret_value() for secret in settings.slack_signing_secrets]
    ours = SlackDoor(door)

    def check(body: bytes, request: Request, now: float) -> int:
        return verify.slack(body, request.headers, secrets, now, settings.signature_window)

    def work() -> Response:
        body = door.authentic("slack", check)
        found = door.parsed("slack", body, lambda: parse_slack(body, ours.tokens))
        if isinstance(found, Challenge):
            return Response(found.text, mimetype="text/plain")
        answer = ours.act(found, door.clock())
        if answer.status != 200:
            return door.try_again()
        return Response(status=200) if answer.body is None else jsonify(answer.body)

    routes = Blueprint("slack", __name__)

    @routes.route("/webhooks/slack", methods=["POST"], provide_automatic_options=False)
    def slack() -> Response:
        return door.answer("slack", work)

    return routes
