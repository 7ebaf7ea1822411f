"""The controls of the people in the channel: press, submit or cancel a dialog, say something, delete a post.

Also the one route that is a client's alone, POST /posts/{id}/actions/{action_id}: it calls the desk, so it must not
hold the world's lock as the other routes do.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request
from flask.typing import ResponseReturnValue

from sandbox.controls import ControlError, control_body
from sandbox.core import World, the_world
from sandbox.mattermost.actions import action_in, pressed, reply_to_dialog, reply_to_press, send, submitted
from sandbox.mattermost.model import Post
from sandbox.mattermost.people import Person
from sandbox.mattermost.posts import readable, remove
from sandbox.mattermost.web import ApiError, refused, session


def add_controls(blueprint: Blueprint) -> None:
    """Register the POST routes under /sandbox/mattermost/, and the client's own press."""

    @blueprint.post("/sandbox/mattermost/press")
    def press() -> ResponseReturnValue:
        world = the_world()
        return jsonify(press_action(world, control_body()))

    @blueprint.post("/sandbox/mattermost/submit")
    def submit() -> ResponseReturnValue:
        world = the_world()
        return jsonify(submit_dialog(world, control_body()))

    @blueprint.post("/sandbox/mattermost/say")
    def say() -> ResponseReturnValue:
        world = the_world()
        body = control_body()
        with world.lock:
            state = world.mattermost
            person = _person(world, body)
            now = state.now()
            channel, root = str(body.get("channel") or state.channel), str(body.get("root_id") or "")
            post = Post(state.new_id(), channel, person.id, str(body.get("text")), {}, now, now, root_id=root)
            post.props = dict(body.get("props") or {})
            state.posts[post.id] = post
        world.changed()
        return jsonify({"id": post.id})

    @blueprint.post("/sandbox/mattermost/delete")
    def delete() -> ResponseReturnValue:
        world = the_world()
        body = control_body()
        with world.lock:
            post = world.mattermost.post(str(body.get("post_id")))
            if post is None:
                raise ControlError(404, "no such post")
            remove(world.mattermost, post, str(body.get("user") or ""))
        world.changed()
        return jsonify({"deleted": post.id})

    @blueprint.post("/api/v4/posts/<post_id>/actions/<action_id>")
    def act(post_id: str, action_id: str) -> Response:
        world = the_world()
        world.note_arrival("mattermost", "posts.action")
        try:
            with world.lock:
                caller = session(world.mattermost)
                readable(world.mattermost, caller, post_id)
            option = (request.get_json(silent=True) or {}).get("selected_option")
            seen = press_action(
                world, {"post_id": post_id, "action_id": action_id, "user": caller.id, "selected_option": option}
            )
        except ControlError:
            return refused(ApiError(404, "api.post.do_action.action_id.app_error", "Invalid action id."))
        except ApiError as error:
            return refused(error)
        if seen["problem"]:
            status = seen["status"] if seen["status"] in (429, 503) else 400
            return refused(ApiError(status, "api.post.do_action.action_integration.app_error", seen["problem"]))
        return jsonify({"status": "OK", "trigger_id": ""})


def press_action(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Press a button (or pick an option) as `user`.

    `body`: post_id, action_id, user; optional selected_option, context (replaces the button's: a forged one), payload
    (parts of the request to replace), stale (true: the client still shows a button that an update has taken away, or a
    post that was deleted). Membership is not asked: a press may cross somebody's leaving. Answers status (None: no
    answer), ms, body, `warning` and `problem`, what the client shows when the integration failed.
    """
    stale = bool(body.get("stale"))
    with world.lock:
        state, person = world.mattermost, _person(world, body)
        post = state.posts.get(str(body.get("post_id")))
        if post is None or (post.delete_at and not stale) or post.ephemeral_to not in (None, person.id):
            raise ControlError(404, "no such post")
        action = action_in(post, str(body.get("action_id")), stale=stale)
        if action is None:
            raise ControlError(409, "the post has no such button now")
        payload = pressed(state, post, action, person, body.get("selected_option"))
        if "context" in body:
            payload["context"] = body["context"]
        payload |= body.get("payload") or {}
        before = post.props
    attempt = send(world, action["integration"]["url"], payload, "action")
    return reply_to_press(world, attempt, post.id, before, person.id)


def submit_dialog(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Submit (or with `cancelled` close) an open dialog as `user`.

    `body`: dialog_id, user, values {element: text or option}; optional cancelled, payload (parts of the request to
    replace: state and callback_id pass through the client). Answers as a press, and `errors` {element: text}.
    """
    cancelled = bool(body.get("cancelled"))
    with world.lock:
        state, person = world.mattermost, _person(world, body)
        dialog = state.dialogs.get(str(body.get("dialog_id")))
        if dialog is None:
            raise ControlError(404, "no such dialog")
        values = {} if cancelled else dict(body.get("values") or {})
        payload = {**submitted(dialog, person, values, cancelled=cancelled), **(body.get("payload") or {})}
        if cancelled:
            del state.dialogs[dialog["id"]]
    if cancelled:
        world.changed()
        if not dialog.get("notify_on_cancel"):
            return {"status": 200, "ms": 0, "warning": False, "timed_out": False, "body": "", "problem": ""}
    attempt = send(world, dialog["url"], payload, "dialog")
    return reply_to_dialog(world, attempt, dialog["id"])


def _person(world: World, body: dict[str, Any]) -> Person:
    person = world.mattermost.people.get(str(body.get("user")))
    if person is None:
        raise ControlError(404, "no such person")
    return person
