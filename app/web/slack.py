"""POST /webhooks/slack: a button was pressed. Answered at once with an empty 200; the card changes later (S11, S13)."""

from __future__ import annotations

from flask import Blueprint, Request, Response

from app import verify
from app.events import ButtonPressed, Refused
from app.parse import Challenge, parse_slack
from app.tokens import Tokens
from app.web.door import Door


def blueprint(door: Door) -> Blueprint:
    settings = door.settings
    secrets = [secret.get_secret_value() for secret in settings.slack_signing_secrets]
    tokens = Tokens(settings.secret_key.get_secret_value(), settings.approval_life)

    def check(body: bytes, request: Request, now: float) -> int:
        return verify.slack(body, request.headers, secrets, now, settings.signature_window)

    def parse(body: bytes, _: Request, __: float) -> ButtonPressed | Refused | Challenge:
        return parse_slack(body, tokens)

    routes = Blueprint("slack", __name__)

    @routes.route("/webhooks/slack", methods=["POST"], provide_automatic_options=False)
    def slack() -> Response:
        return door.receive("slack", check, parse)

    return routes
