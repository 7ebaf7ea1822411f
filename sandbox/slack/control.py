"""The controls of the people in the channel: press, pick, submit a dialog, say something, delete a message.

A press is sent to the desk at once, with three seconds for the answer and no second try, as Slack does; or by Socket
Mode, once the desk has had a connection (sandbox.slack.socket).
"""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from sandbox.controls import ControlError, control_body
from sandbox.core import World, the_world
from sandbox.slack.payloads import action_of, block_actions, elements, option_of, signed, view_submission
from sandbox.slack.state import Message

ANSWER_WITHIN = 3.0


def add_controls(blueprint: Blueprint) -> None:
    """Register the POST routes under /sandbox/slack/."""

    @blueprint.post("/sandbox/slack/press")
    def press() -> ResponseReturnValue:
        world = the_world()
        return jsonify(press_button(world, control_body()))

    @blueprint.post("/sandbox/slack/submit")
    def submit() -> ResponseReturnValue:
        world = the_world()
        return jsonify(submit_view(world, control_body()))

    @blueprint.post("/sandbox/slack/close")
    def close() -> ResponseReturnValue:
        world = the_world()
        with world.lock:
            view = world.slack.views.get(str(control_body().get("view_id")))
            if view is None:
                raise ControlError(404, "no such dialog")
            del world.slack.views[view["id"]]  # nobody is told: the desk asks for no view_closed
        world.changed()
        return jsonify({"status": 200, "closed": view["id"]})

    @blueprint.get("/link/", websocket=True)
    def link() -> ResponseReturnValue:
        world = the_world()
        return world.sockets.serve(request.environ, request.args.get("ticket", ""))

    @blueprint.post("/sandbox/slack/socket")
    def socket() -> ResponseReturnValue:
        world = the_world()
        return jsonify({"connections": world.sockets.disconnect(str(control_body().get("disconnect")))})

    @blueprint.post("/sandbox/slack/say")
    def say() -> ResponseReturnValue:
        world = the_world()
        body = control_body()
        with world.lock:
            state = world.slack
            person = state.people.get(str(body.get("user")))
            if person is None:
                raise ControlError(404, "no such person")
            message = Message(
                state.stamp(), str(body.get("channel") or state.channel), person.id, str(body.get("text"))
            )
            state.messages.append(message)
        world.changed()
        return jsonify({"ts": message.ts})

    @blueprint.post("/sandbox/slack/delete")
    def delete() -> ResponseReturnValue:
        world = the_world()
        with world.lock:
            message = world.slack.find(None, str(control_body().get("ts")))
            if message is None:
                raise ControlError(404, "no such message")
            world.slack.messages.remove(message)
            world.slack.deleted.append(message)
        world.changed()
        return jsonify({"deleted": message.ts})


def press_button(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Press a button (or pick an option) as `user`.

    `body`: ts, action_id, user; optional block_id, value (replaces the button's), state ({action_id: option value}),
    stale (true: the client still shows blocks that an update has replaced, or a message that was deleted), by ("http":
    not by a socket). Answers status (None: no answer), ms, body and `warning`, the triangle that Slack shows when the
    app did not answer 200 in time.
    """
    with world.lock:
        state = world.slack
        message = state.find(None, str(body.get("ts")))
        if message is None and body.get("stale"):
            message = next((one for one in state.deleted if one.ts == body.get("ts")), None)
        person = state.people.get(str(body.get("user")))
        if message is None or person is None:
            raise ControlError(404, "no such message" if message is None else "no such person")
        if message.ephemeral_to not in (None, person.id):
            raise ControlError(404, "that message is shown to somebody else")
        blocks, block_id, element = _pressed(message, body)
        picked = {str(name): str(value) for name, value in (body.get("state") or {}).items()}
        chosen = {**state.picked.get((message.ts, person.id), {}), **picked}
        value = None if body.get("value") is None else str(body["value"])
        if element["type"] == "static_select" and value is not None:
            chosen[element["action_id"]] = value
        _check_options(blocks, chosen)
        state.picked[(message.ts, person.id)] = chosen
        action = action_of(state, block_id, element, chosen, value)
        payload = block_actions(state, message, blocks, person, action, chosen)
    return _send(world, payload, by_http=body.get("by") == "http")


def submit_view(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Submit an open modal as `user` with `values` ({action_id: text or option value}); it closes on an empty 200."""
    with world.lock:
        state = world.slack
        view = state.views.get(str(body.get("view_id")))
        person = state.people.get(str(body.get("user")))
        if view is None or person is None:
            raise ControlError(404, "no such dialog" if view is None else "no such person")
        values = {str(name): str(value) for name, value in (body.get("values") or {}).items()}
        payload = view_submission(state, view, person, values)
    answer = _send(world, payload)
    if answer["status"] == 200 and (not answer["body"] or '"clear"' in answer["body"]):
        with world.lock:
            world.slack.views.pop(view["id"], None)
        world.changed()
    return answer


def _pressed(message: Message, body: dict[str, Any]) -> tuple[list[dict[str, Any]], str, dict[str, Any]]:
    shown = [message.blocks, *(reversed(message.past) if body.get("stale") else ())]
    for blocks in shown:
        for block_id, element in elements(blocks):
            if element["action_id"] == body.get("action_id") and body.get("block_id") in (None, block_id):
                return blocks, block_id, element
    raise ControlError(409, "the message has no such button now")


def _check_options(blocks: list[dict[str, Any]], chosen: dict[str, str]) -> None:
    for _, element in elements(blocks):
        picked = chosen.get(element["action_id"])
        if element["type"] == "static_select" and picked is not None and option_of(element, picked) is None:
            raise ControlError(409, "the menu has no such option")


def _send(world: World, payload: dict[str, Any], *, by_http: bool = False) -> dict[str, Any]:
    """To the desk, outside the world's lock (it may call back before it answers): by Socket Mode once it has had
    a connection, else as one signed POST."""
    if world.sockets.on and not by_http:
        return world.sockets.deliver(payload)
    body, headers = signed(world.config.slack_signing_secret, payload, int(time.time()))
    url = f"{world.config.desk.rstrip('/')}/webhooks/slack"
    attempt = world.hooks.post("slack", url, headers, body, payload["type"], timeout=ANSWER_WITHIN)
    return {
        "status": attempt.status,
        "ms": round(attempt.seconds * 1000),
        "warning": attempt.status != 200,
        "timed_out": attempt.timed_out,
        "body": attempt.body.decode("utf-8", "replace"),
    }
