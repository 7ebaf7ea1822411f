"""How each fault acts around the commit of one request: before it, after it, or instead of an answer."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from socket import SO_LINGER, SOL_SOCKET
from socket import close as close_fd
from typing import TYPE_CHECKING, Any

from flask import Response, request

from sandbox.faults import NAMES, Fault

if TYPE_CHECKING:
    from sandbox.core import World

Commit = Callable[[], Response]


class DropConnection(Response):
    """An answer that is none: the connection is closed, with RST when `reset`, and nothing is sent."""

    def __init__(self, reset: bool) -> None:
        super().__init__(status=599)
        self._reset = reset

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Close the socket under the server, which then takes the client for gone."""
        connection = environ.get("werkzeug.socket")
        if connection is not None:
            if self._reset:
                connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            close_fd(connection.detach())  # detach: the server's files still hold references that would delay a close
        raise ConnectionResetError("fault: connection dropped")


def run_with_fault(
    world: World, vendor: str, method: str, is_read: bool, arrival: dict[str, Any], commit: Commit
) -> Response:
    """Serve one request: `commit` runs the view once; the chosen fault decides when, and what the caller hears."""
    order = world.faults.take(vendor, method, is_read, request.is_secure)
    if order is None:
        return commit()
    arrival["fault"] = order.fault
    world.changed()
    return ACTIONS[order.fault](world, vendor, order, commit)


def _status(code: int, after: bool = False) -> Callable[[World, str, Fault, Commit], Response]:
    def act(world: World, vendor: str, order: Fault, commit: Commit) -> Response:
        if after or order.options.get("commit"):
            commit()
        return refusal(vendor, code, order.options)

    return act


def refusal(vendor: str, code: int, options: dict[str, Any]) -> Response:
    """An error answer in the vendor's own words."""
    bodies: dict[str, dict[int, Any]] = {
        "zendesk": {
            401: {
                "error": "invalid_token",
                "error_description": "The access token provided is expired, revoked, malformed",
            },
            403: {"error": "Forbidden", "description": "You do not have access to this page."},
            429: {"error": "APIRateLimitExceeded", "description": "Number of allowed API requests per minute exceeded"},
            503: {"error": "Service Unavailable", "description": "Please try again in a moment"},
        },
        "slack": {429: {"ok": False, "error": "ratelimited"}},
        "mattermost": {
            401: _mattermost(401, "api.context.session_expired.app_error"),
            403: _mattermost(403, "api.context.permissions.app_error"),
            429: "limit exceeded\n",
            500: _mattermost(500, "app.post.save.app_error"),
        },
        "jira": {
            401: {"errorMessages": ["Client must be authenticated to access this resource."], "errors": {}},
            403: {"errorMessages": ["You do not have permission to do this."], "errors": {}},
            429: {"errorMessages": ["Rate limit exceeded."], "errors": {}},
        },
    }
    body = bodies.get(vendor, {}).get(code)
    headers: dict[str, str] = {}
    after = options.get("retry_after")
    if after == "date":
        headers["Retry-After"] = format_datetime(
            datetime.now(UTC) + timedelta(seconds=float(options.get("seconds", 7))), usegmt=True
        )
    elif after is not None and after != "none":
        headers["Retry-After"] = str(after)
    if isinstance(body, str):
        return Response(body, code, headers, mimetype="text/plain")
    if body is None:
        return Response(f"<html><body><h1>{code}</h1></body></html>", code, headers, mimetype="text/html")
    return Response(json.dumps(body), code, headers, mimetype="application/json")


def _mattermost(code: int, error: str) -> dict[str, Any]:
    return {"id": error, "message": error, "detailed_error": "", "request_id": "x" * 26, "status_code": code}


def _redirect(world: World, vendor: str, order: Fault, commit: Commit) -> Response:
    if order.options.get("commit"):
        commit()
    port = request.environ.get("SERVER_PORT", "")
    to = order.options.get("to") or f"{request.scheme}://localhost:{port}/sandbox/elsewhere"
    return Response(status=int(order.options.get("status", 307)), headers={"Location": to})


def _garbage(world: World, vendor: str, order: Fault, commit: Commit) -> Response:
    answer = commit()
    form = order.options.get("form", "html")
    body = answer.get_data()
    forms: dict[str, Callable[[], Response]] = {
        "html": lambda: Response("<html><title>Just a moment…</title></html>", 200, mimetype="text/html"),
        "truncated": lambda: Response(body[: max(1, len(body) // 2)], answer.status_code, mimetype="application/json"),
        "empty": lambda: Response(b"", answer.status_code, mimetype="application/json"),
        "wrong_id": lambda: Response(
            json.dumps(_other_ids(json.loads(body or b"{}"))), answer.status_code, mimetype="application/json"
        ),
    }
    return forms[form]()


def _other_ids(value: Any) -> Any:
    """The same answer about something else: every id, key and ts is another one."""
    if isinstance(value, list):
        return [_other_ids(v) for v in value]
    if not isinstance(value, dict):
        return value
    return {k: _other(v) if k in {"id", "key", "ts", "ticket_id"} else _other_ids(v) for k, v in value.items()}


def _other(value: Any) -> Any:
    return value + 900_000 if isinstance(value, int) else f"{value}9" if isinstance(value, str) else value


def _huge(world: World, vendor: str, order: Fault, commit: Commit) -> Response:
    answer = commit()
    size = int(order.options.get("size", 20_000_000))

    def chunks() -> Iterator[bytes]:
        yield b'{"padding": "'
        for _ in range(size // 65_536 + 1):
            yield b"x" * 65_536
        yield b'"}'

    return Response(chunks(), answer.status_code, mimetype="application/json")


def _reset(after: bool) -> Callable[[World, str, Fault, Commit], Response]:
    def act(world: World, vendor: str, order: Fault, commit: Commit) -> Response:
        if after:
            commit()
        return DropConnection(reset=True)

    return act


def _hang(world: World, vendor: str, order: Fault, commit: Commit) -> Response:
    commit()
    world.pause(float(order.options.get("seconds", 60)))
    return DropConnection(reset=False)


def _late(world: World, vendor: str, order: Fault, commit: Commit) -> Response:
    world.pause(float(order.options.get("seconds", 5)))
    if not world.closing.is_set():
        commit()
    return DropConnection(reset=False)


def _slow(world: World, vendor: str, order: Fault, commit: Commit) -> Response:
    world.pause(float(order.options.get("seconds", 2)))
    return commit()


def _drip(world: World, vendor: str, order: Fault, commit: Commit) -> Response:
    answer = commit()
    body = answer.get_data()
    each = float(order.options.get("seconds", 5)) / max(1, len(body))

    def drops() -> Iterator[bytes]:
        for byte in body:
            world.pause(each)
            yield bytes([byte])

    headers = {"Content-Length": str(len(body))}
    return Response(drops(), answer.status_code, headers, mimetype="application/json")


def _stale(world: World, vendor: str, order: Fault, commit: Commit) -> Response:
    with world.lock:
        live = getattr(world, vendor)
        setattr(world, vendor, order.snapshot)
        try:
            return commit()
        finally:
            setattr(world, vendor, live)


def _ok_false(world: World, vendor: str, order: Fault, commit: Commit) -> Response:
    if order.options.get("commit"):
        commit()
    return Response(
        json.dumps({"ok": False, "error": order.options.get("error", "internal_error")}),
        200,
        mimetype="application/json",
    )


ACTIONS: dict[str, Callable[[World, str, Fault, Commit], Response]] = {
    "429": _status(429),
    "503_before": _status(503),
    "503_after": _status(503, after=True),
    "502": _status(502),
    "500": _status(500),
    "401": _status(401),
    "403": _status(403),
    "redirect": _redirect,
    "garbage_after": _garbage,
    "huge_body": _huge,
    "reset_before": _reset(after=False),
    "reset_after": _reset(after=True),
    "hang_after": _hang,
    "late_commit": _late,
    "slow": _slow,
    "slow_drip": _drip,
    "tls_failure": _reset(after=False),  # over plain HTTP; over TLS the handshake fails, see server.py
    "outage": _reset(after=False),
    "readback_fails": _status(500),
    "readback_stale": _stale,
    "ok_false": _ok_false,
}
assert set(ACTIONS) == NAMES
