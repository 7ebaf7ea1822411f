"""POST /webhooks/jira: an issue moved. Recorded and answered; the issue is read again later."""

from __future__ import annotations

from flask import Blueprint, Request, Response

from app import verify
from app.events import IssueChanged, Refused
from app.parse import parse_jira
from app.web.door import Door


def blueprint(door: Door) -> Blueprint:
    secrets = [secret.get_secret_value() for secret in door.settings.jira_webhook_secrets]

    def check(body: bytes, request: Request, _: float) -> int:
        return verify.jira(body, request.headers, secrets)

    def parse(body: bytes, _: Request, now: float) -> IssueChanged | Refused:
        return parse_jira(body, now=now, project=door.settings.jira_project)

    routes = Blueprint("jira", __name__)

    @routes.route("/webhooks/jira", methods=["POST"], provide_automatic_options=False)
    def jira() -> Response:
        return door.receive("jira", check, parse)

    return routes
