"""How Mattermost's REST interface takes a call: bearer token, JSON, errors as {"id", "message", …} with their status.

Source: api.mattermost.com (OpenAPI v4) and the server's own handlers. One function a route, registered by `route`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, g, jsonify, request

from sandbox.core import endpoint, the_world
from sandbox.mattermost.state import PENDING_LIFE, State

if TYPE_CHECKING:
    from sandbox.mattermost.people import Person

ID = re.compile(r"[a-z0-9]{26}")
Action = Callable[..., Any]


@dataclass(frozen=True)
class Route:
    """One documented operation; `name` is what faults and arrivals call it."""

    verb: str
    rule: str
    name: str
    function: Action
    read: bool
    open: bool  # works without a session


ROUTES: list[Route] = []


class ApiError(Exception):
    """Ends a call with the server's own error object. `error` is its `id`."""

    def __init__(self, status: int, error: str, message: str = "") -> None:
        super().__init__(error)
        self.status, self.error, self.message = status, error, message


def route(verb: str, rule: str, name: str, *, read: bool = False, open: bool = False) -> Callable[[Action], Action]:
    """Register the function of one operation: called with the state, the caller and the path's parts by name."""

    def register(function: Action) -> Action:
        ROUTES.append(Route(verb, rule, name, function, read or verb == "GET", open))
        return function

    return register


def register_all(blueprint: Blueprint) -> None:
    """Give every registered operation its URL; anything else below /api/v4/ is not found."""
    for one in ROUTES:
        view = endpoint("mattermost", one.name, read=one.read)(_serve(one))
        if one.name == "posts.create":
            view = _while_saving(view)
        url = "/api/v4" + one.rule
        blueprint.add_url_rule(url, f"mattermost_{one.name.replace('.', '_')}", view, methods=[one.verb])
    unknown = endpoint("mattermost", "unknown")(lambda rest: refused(ApiError(404, "api.context.404.app_error")))
    verbs = ["GET", "POST", "PUT", "DELETE"]
    blueprint.add_url_rule("/api/v4/<path:rest>", "mattermost_unknown", unknown, methods=verbs)


def refused(error: ApiError) -> Response:
    """The error object of every refusal but the 429."""
    state = the_world().mattermost
    body = {
        "id": error.error,
        "message": error.message or error.error,
        "detailed_error": "",
        "request_id": state.new_id(),
        "status_code": error.status,
    }
    response = jsonify(body)
    response.status_code = error.status
    return response


def _serve(one: Route) -> Action:
    def serve(**parts: str) -> Response:
        state = the_world().mattermost
        try:
            caller = None if one.open else session(state)
            for name, value in parts.items():
                if name.endswith("_id") and name != "action_id" and not ID.fullmatch(value):
                    raise invalid(name, "url")
            given = one.function(state, caller, **parts)
        except ApiError as error:
            return refused(error)
        body, status = given if isinstance(given, tuple) else (given, 200)
        response = jsonify(body)
        response.status_code = status
        return response

    return serve


def session(state: State) -> Person:
    """Whoever calls."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    user = state.session(token) if scheme.lower() == "bearer" else None
    if user is None:
        words = "Invalid or expired session, please login again."
        raise ApiError(401, "api.context.session_expired.app_error", words)
    return state.people[user]


def body_of() -> dict[str, Any]:
    """The JSON object of the request."""
    body = request.get_json(silent=True, force=True)  # the server does not look at the content type
    if not isinstance(body, dict):
        raise invalid("body")
    return body


def invalid(name: str, where: str = "body") -> ApiError:
    """A parameter that cannot be."""
    words = f"Invalid or missing {name} in request {where}."
    return ApiError(400, f"api.context.invalid_{'url' if where == 'url' else 'body'}_param.app_error", words)


def forbidden() -> ApiError:
    """No permission, or nothing there that one could have a permission for."""
    return ApiError(403, "api.context.permissions.app_error", "You do not have the appropriate permissions.")


def number(name: str, default: int, most: int | None = None) -> int:
    """A number of the query; what is none counts as not given."""
    value = request.args.get(name, "")
    found = int(value) if value.isdigit() else default
    return min(found, most) if most is not None else found


def _while_saving(view: Action) -> Action:
    """Keep the post's pending id claimed from before the save until it has ended, as the server does (facts M26)."""

    def serve(**parts: str) -> Response:
        with _claimed():
            response: Response = view(**parts)
            return response

    return serve


@contextmanager
def _claimed() -> Iterator[None]:
    world = the_world()
    body = request.get_json(silent=True, force=True)
    given = str(body.get("pending_post_id") or "") if isinstance(body, dict) else ""
    pending = given if world.config.mattermost_dedupe else ""
    with world.lock:
        g.first = _claim(world.mattermost, pending)
    try:
        yield
    finally:
        with world.lock:
            if pending and g.first and world.mattermost.pending.get(pending, (0.0, "-"))[1] == "":
                del world.mattermost.pending[pending]  # it came to nothing: the next one may try


def _claim(state: State, pending: str) -> bool:
    """Whether this is the first that is heard of this pending id."""
    now = time.monotonic()
    known = state.pending.get(pending)
    if not pending or (known and now - known[0] < PENDING_LIFE):
        return not pending
    state.pending[pending] = (now, "")
    return True
