"""How Slack's web API takes a call: token, JSON or form arguments, `{"ok": …}` inside HTTP 200 whatever happens.

Source: docs.slack.dev/apis/web-api (evaluating responses, post bodies). One function a method, registered by `method`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox.core import endpoint, the_world
from sandbox.slack.state import State

Args = dict[str, Any]
Method = Callable[[State, Args], dict[str, Any]]
METHODS: dict[str, tuple[Method, tuple[str, ...], bool]] = {}
OF_APP = {"apps.connections.open": "slack_app_token"}  # methods that take another token than the bot's


class SlackError(Exception):
    """Ends a method with `ok: false`. `error` is Slack's name; `messages` go to response_metadata."""

    def __init__(self, error: str, messages: list[str] | None = None, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.messages = messages or []
        self.more = more


def method(name: str, *required: str, takes_json: bool = True) -> Callable[[Method], Method]:
    """Register the function of one method. Methods without JSON support ignore a JSON body, as Slack does."""

    def register(function: Method) -> Method:
        METHODS[name] = (function, required, takes_json)
        return function

    return register


def register_all(blueprint: Blueprint) -> None:
    """Give every registered method its URL; anything else under /api/ is an unknown method."""
    for name in METHODS:
        view = endpoint("slack", name)(partial(_serve, name))
        blueprint.add_url_rule(f"/api/{name}", f"slack_{name.replace('.', '_')}", view, methods=["GET", "POST"])
    unknown = endpoint("slack", "unknown_method")(_unknown)
    blueprint.add_url_rule("/api/<name>", "slack_unknown", unknown, methods=["GET", "POST"])


def _serve(name: str) -> Response:
    function, required, takes_json = METHODS[name]
    state = the_world().slack
    try:
        args = _arguments(takes_json)
        _check_token(args, OF_APP.get(name, "slack_bot_token"))
        _check_required(args, required)
        answer = {"ok": True, **function(state, args)}
    except SlackError as error:
        answer = {"ok": False, "error": error.error, **error.more}
        if error.messages:
            answer["response_metadata"] = {"messages": error.messages}
    if request.mimetype == "application/json" and "charset" not in request.mimetype_params:
        answer["warning"] = "missing_charset"
        answer.setdefault("response_metadata", {})["warnings"] = ["missing_charset"]
    return jsonify(answer)


def _unknown(name: str) -> Response:
    return jsonify({"ok": False, "error": "unknown_method", "req_method": name})


def _arguments(takes_json: bool) -> Args:
    args: Args = request.args.to_dict()
    if request.mimetype != "application/json":
        return {**args, **request.form.to_dict()}
    if not takes_json:
        return args
    try:
        body = json.loads(request.get_data() or b"{}")  # slack_sdk sends the header without a body
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(body, dict):
        raise SlackError("json_not_object")
    return {**args, **{name: value for name, value in body.items() if value is not None}}


def _check_token(args: Args, of: str) -> None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        # A token inside a JSON body is not read, and one in the query has not been taken since 2021.
        token = request.form.get("token", "")
    args.pop("token", None)
    if not token:
        raise SlackError("not_authed")
    if token != getattr(the_world().config, of):
        raise SlackError("invalid_auth")


def _check_required(args: Args, required: tuple[str, ...]) -> None:
    missing = [name for name in required if args.get(name) in (None, "")]
    if missing:
        raise SlackError("invalid_arguments", [f"[ERROR] missing required field: {name}" for name in missing])


def flag(args: Args, name: str, default: bool = False) -> bool:
    """A boolean argument; forms and query strings carry it as text."""
    value = args.get(name, default)
    return value if isinstance(value, bool) else str(value).lower() in {"1", "true"}


def structure(args: Args, name: str, error: str) -> Any:
    """An argument that is JSON, given either as such or as JSON text; `error` names the refusal."""
    value = args.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value else None
    except ValueError:
        raise SlackError(error) from None
