"""The sandbox's own interface under `/sandbox/`: the whole state for the page, a live stream, faults and settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from flask import Blueprint, Response, jsonify, request

from sandbox.controls import control_body
from sandbox.core import stamp, the_world

HEARTBEAT = 15.0
SETTINGS = ("drop_webhooks", "bans_follow_jira")  # those that the page can change
SHOWN = 200  # newest records in the state; the full lists have endpoints of their own

bp = Blueprint("control", __name__, url_prefix="/sandbox")


def blueprint() -> Blueprint:
    """The control interface (all routes reach the world through the app)."""
    return bp


@bp.errorhandler(ValueError)
def refused(error: ValueError) -> tuple[Response, int]:
    """A wrong request says what is wrong."""
    return jsonify({"error": str(error)}), 400


@bp.get("/state")
def state() -> Response:
    """Everything the page shows."""
    world = the_world()
    with world.lock:
        return jsonify(
            {
                "desk": world.config.desk,
                **world.zendesk.public(),
                "chat": world.config.chat,
                "slack": world.slack.public(),
                "mattermost": world.mattermost.public(),
                "jira": world.jira.public(),
                "bans": world.backoffice.public(),
                "webhooks": list(world.hooks.log)[-SHOWN:],
                "log": world.timeline(SHOWN),
                "faults": world.faults.list(),
                "settings": {name: getattr(world.config, name) for name in SETTINGS},
            }
        )


@bp.get("/stream")
def stream() -> Response:
    """One `data: changed` per change (server-sent events), and a comment line as heartbeat."""
    world = the_world()

    def lines() -> Iterator[bytes]:
        seen = world.wait_change(-1, 0)
        yield b"retry: 1000\n\n"
        while not world.closing.is_set():
            now = world.wait_change(seen, HEARTBEAT)
            yield b": still here\n\n" if now == seen else b"data: changed\n\n"
            seen = now
            world.pause(0.03)  # a burst of changes is one message

    return Response(lines(), mimetype="text/event-stream", headers={"Cache-Control": "no-store"})


@bp.get("/applied")
def applied() -> Response:
    """Every effect really applied, oldest first; `?vendor=` and `?kind=` narrow it down."""
    args = request.args
    return jsonify(the_world().effects(args.get("vendor"), args.get("kind")))


@bp.get("/arrivals")
def arrivals() -> Response:
    """Every request that reached a vendor, oldest first."""
    world = the_world()
    with world.lock:
        return jsonify(list(world.arrivals))


@bp.get("/faults")
def faults() -> Response:
    """The ordered faults with their counts."""
    world = the_world()
    return jsonify({"faults": world.faults.list(), "fired": dict(world.faults.fired)})


@bp.post("/faults")
def add_fault() -> Response:
    """Order a fault: {"vendor", "method", "fault", "times", "skip", ...options}."""
    given = control_body()
    if not {"vendor", "fault"} <= set(given):
        raise ValueError("vendor and fault are needed")
    order = the_world().faults.add(given.pop("vendor"), given.pop("method", "*"), given.pop("fault"), **given)
    the_world().changed()
    return jsonify(order.public())


@bp.delete("/faults")
def clear_faults() -> Response:
    """Take all faults back; with `?id=` one."""
    world = the_world()
    number = request.args.get("id", type=int)
    if number is None:
        world.faults.clear()
    else:
        world.faults.remove(number)
    world.changed()
    return jsonify({"ok": True})


@bp.post("/config")
def configure() -> Response:
    """Change settings while running; answers all of them, secrets left out."""
    world = the_world()
    world.config.update(control_body())
    world.changed()
    shown = {k: v for k, v in asdict(world.config).items() if "secret" not in k and "token" not in k}
    return jsonify({**shown, "token_life": world.config.token_life})


@bp.post("/reset")
def reset() -> Response:
    """Start anew, with the seed."""
    the_world().reset()
    return jsonify({"ok": True, "at": stamp(the_world().now())})


@bp.route("/elsewhere", methods=["GET", "POST", "PUT", "DELETE"])
def elsewhere() -> tuple[Response, int]:
    """Where the fault `redirect` points: another host. What arrives here (with a credential?) should not have."""
    the_world().note_arrival("elsewhere", "redirected")
    return jsonify({"error": "you were led astray"}), 404
