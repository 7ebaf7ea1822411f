"""How JIRA's REST API takes a call: who asks, JSON bodies, `{"errorMessages": [], "errors": {}}` for every refusal.

Cloud takes basic auth of mail and API token; Data Center ("Server") a personal access token as bearer, and basic auth.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue

from sandbox.core import World, the_world
from sandbox.jira.fields import FieldError
from sandbox.jira.jql import JqlError
from sandbox.jira.shapes import Shapes
from sandbox.jira.state import Issue

NOT_FOUND = "Issue does not exist or you do not have permission to see it."
VERSIONS = {"2", "3", "latest"}

View = Callable[..., ResponseReturnValue]


class JiraError(Exception):
    """Ends a call with `status` and one message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def answered(view: View) -> View:
    """Check version and credentials, give the view its `Shapes`, turn our errors into JIRA's answers."""

    @wraps(view)
    def served(version: str = "2", **kwargs: Any) -> ResponseReturnValue:
        world = the_world()
        try:
            _admit(world, version)
            return view(Shapes(world, "2" if version == "latest" else version), **kwargs)
        except JiraError as error:
            return refusal(error.status, [str(error)])
        except JqlError as error:
            return refusal(400, [str(error)])
        except FieldError as error:
            return refusal(400, error.messages, error.errors)

    return served


def refusal(status: int, messages: list[str], errors: dict[str, str] | None = None) -> Response:
    """JIRA's error collection."""
    response = jsonify({"errorMessages": messages, "errors": errors or {}})
    response.status_code = status
    if status == 401:
        response.headers["WWW-Authenticate"] = 'OAuth realm="sandbox"'
        response.headers["X-Seraph-LoginReason"] = "AUTHENTICATED_FAILED"
    return response


def is_cloud(world: World) -> bool:
    """Whether the site is Cloud and not Data Center."""
    return world.config.jira_deployment == "Cloud"


def _admit(world: World, version: str) -> None:
    if version not in VERSIONS:
        raise JiraError(404, "null for uri: " + request.path)
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    config = world.config
    if scheme.lower() == "basic":
        try:
            given = b64decode(value, validate=True).decode()
        except ValueError:
            given = ""
        if config.jira_user and given == f"{config.jira_user}:{config.jira_token}":
            return
    if scheme.lower() == "bearer" and value == config.jira_token and not (is_cloud(world) and config.jira_user):
        return
    raise JiraError(401, "Client must be authenticated to access this resource.")


def body() -> dict[str, Any]:
    """The JSON object sent."""
    try:
        given = json.loads(request.get_data() or b"null")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise JiraError(400, "There was an error parsing JSON. Check that your request body is valid.")
    return given


def issue_of(key: str) -> Issue:
    """The issue in the URL, by id or key."""
    issue = the_world().jira.find(key)
    if issue is None:
        raise JiraError(404, NOT_FOUND)
    return issue


def number(name: str, default: int, most: int, given: dict[str, Any] | None = None) -> int:
    """A whole-number parameter of the query, or of `given`."""
    value = (given if given is not None else request.args).get(name, default)
    try:
        return max(0, min(most, int(value)))
    except (TypeError, ValueError):
        raise JiraError(400, f"Invalid value for parameter '{name}'.") from None


def listed(name: str, given: dict[str, Any] | None = None) -> list[str]:
    """A list parameter: repeated, or with commas."""
    if given is not None:
        value = given.get(name) or []
        return [str(v) for v in value] if isinstance(value, list) else str(value).split(",")
    return [part.strip() for value in request.args.getlist(name) for part in value.split(",") if part.strip()]
