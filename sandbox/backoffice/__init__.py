"""The stand-in for the ban's own source, the BackOffice: who is banned from offers, on which channel."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from sandbox.backoffice.state import CHANNELS, State
from sandbox.core import endpoint, the_world

__all__ = ["State", "blueprint"]


def blueprint() -> Blueprint:
    """The source's one call, and the controls of the people who keep its lists."""
    made = Blueprint("backoffice", __name__)
    made.add_url_rule("/backoffice/bans/<path:customer>", "banned", endpoint("backoffice", "bans")(_banned))
    made.add_url_rule("/sandbox/bans/<path:customer>", "set", _set, methods=["POST"])
    made.add_url_rule("/sandbox/bans", "import", _import, methods=["POST"])
    return made


def _banned(customer: str) -> ResponseReturnValue:
    """GET: `?channel=` one channel, without it all of them. 404 for a customer nobody has heard of."""
    world = the_world()
    if request.headers.get("Authorization") != f"Bearer {world.config.ban_check_token}":
        return jsonify({"error": "who are you?"}), 401
    banned = world.backoffice.of(customer)
    if banned is None:
        return jsonify({"error": "no such customer"}), 404
    channel = request.args.get("channel")
    if channel is None:
        return jsonify({"channels": {name: name in banned for name in CHANNELS}})
    if channel not in CHANNELS:
        return jsonify({"error": "no such channel"}), 400
    return jsonify({"banned": channel in banned})


def _set(customer: str) -> ResponseReturnValue:
    """A person sets or lifts bans: {"calls": true, "sms": false}."""
    given = _given()
    wrong = sorted(set(given) - set(CHANNELS))
    if wrong or not all(isinstance(value, bool) for value in given.values()):
        return jsonify({"error": f"channels are {', '.join(CHANNELS)}, each true or false"}), 400
    world = the_world()
    with world.lock:
        world.backoffice.change(customer, given)
        world.act("backoffice", "ban", customer, **given)
        return jsonify({"customer": customer, "banned": world.backoffice.shown(customer)})


def _import() -> ResponseReturnValue:
    """A list comes back from somewhere: {"import": [customers…]} lifts every ban of theirs."""
    customers = _given().get("import")
    if not isinstance(customers, list):
        return jsonify({"error": "a list of customers is needed"}), 400
    world = the_world()
    with world.lock:
        for customer in map(str, customers):
            world.backoffice.change(customer, dict.fromkeys(CHANNELS, False))
        world.act("backoffice", "import", len(customers))
        return jsonify({"lifted": len(customers)})


def _given() -> dict[str, Any]:
    given = request.get_json(silent=True)
    return given if isinstance(given, dict) else {}
