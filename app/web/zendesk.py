"""POST /webhooks/zendesk: a tag was set. Verify, parse, submit, answer; the desk works later."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Request, Response

from app import verify
from app.events import Refused, TicketTagged
from app.parse import Envelope, parse_zendesk
from app.web.door import Door


def blueprint(door: Door) -> Blueprint:
    settings = door.settings
    secrets = [secret.get_secret_value() for secret in settings.zendesk_webhook_secrets]
    tags = frozenset(settings.tags.values())
    host = urlsplit(settings.zendesk_url).hostname or ""

    def check(body: bytes, request: Request, now: float) -> int:
        return verify.zendesk(body, request.headers, secrets, now, settings.signature_window)

    def parse(body: bytes, request: Request, _: float) -> TicketTagged | Refused:
        envelope = Envelope(
            request.headers.get("Content-Type", ""),
            request.headers.get("Content-Encoding", ""),
            request.headers.get("X-Zendesk-Account-Id", ""),
        )
        return parse_zendesk(body, envelope, tags=tags, account=settings.zendesk_account_id, host=host)

    routes = Blueprint("zendesk", __name__)

    @routes.route("/webhooks/zendesk", methods=["POST"], provide_automatic_options=False)
    def zendesk() -> Response:
        return door.receive("zendesk", check, parse)

    return routes
