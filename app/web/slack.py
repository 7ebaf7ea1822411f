"""POST /webhooks/slack: a button was pressed. Answered at once with an empty 200; the card changes later (S11, S13).

More than a few presses of one card by one person are not recorded as decisions: see app.web.guard.Presses.
"""

from __future__ import annotations

from flask import Blueprint, Request, Response

from app import verify
from app.events import ButtonPressed, Refused
from app.parse import Challenge, parse_slack
from app.tokens import Tokens
from app.web.door import Door
from app.web.guard import Presses


def blueprint(door: Door) -> Blueprint:
    settings = door.settings
    secrets = [secret.get_secret_value() for secret in settings.slack_signing_secrets]
    presses = Presses()
    tokens = Tokens(settings.secret_key.get_secret_value(), settings.approval_life)

    def check(body: bytes, request: Request, now: float) -> int:
        return verify.slack(body, request.headers, secrets, now, settings.signature_window)

    def parse(body: bytes, _: Request, now: float) -> ButtonPressed | Refused | Challenge:
        event = parse_slack(body, tokens)
        place = _place(event)
        if isinstance(event, Challenge) or not place:
            return event
        slow = presses.take(":".join(place.values()), event.fact, now)
        return Refused(event.fact, "ignored", slow, detail=place) if slow else event

    routes = Blueprint("slack", __name__)

    @routes.route("/webhooks/slack", methods=["POST"], provide_automatic_options=False)
    def slack() -> Response:
        return door.receive("slack", check, parse)

    return routes


def _place(event: ButtonPressed | Refused | Challenge) -> dict[str, str]:
    """Who pressed which card; {} when it was no press that we could read."""
    names = ("user", "team", "channel", "ts")
    if isinstance(event, ButtonPressed):
        return {name: getattr(event, name) for name in names}
    detail = (event.detail or {}) if isinstance(event, Refused) else {}
    return {name: str(detail[name]) for name in names} if set(names) <= detail.keys() else {}
