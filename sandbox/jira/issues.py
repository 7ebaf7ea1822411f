"""The calls about one issue: create, read, edit, delete, comments, transitions, remote links."""

from __future__ import annotations

from flask import Response, jsonify, request
from flask.typing import ResponseReturnValue

from sandbox.core import the_world
from sandbox.jira import actions
from sandbox.jira.fields import FieldError, read_edit, read_new, read_text
from sandbox.jira.people import DESK
from sandbox.jira.shapes import Shapes
from sandbox.jira.web import JiraError, body, issue_of, listed, number
from sandbox.jira.workflow import BY_TRANSITION, STATUSES, transition_shape

GLOBAL_ID = 255


def version_of(shapes: Shapes) -> str:
    """ "2" or "3", which decides how long texts are written."""
    return shapes.api.rsplit("/", 1)[1]


def create(shapes: Shapes) -> ResponseReturnValue:
    """POST issue."""
    world = the_world()
    values = read_new(world.jira, body(), version_of(shapes))
    issue = actions.create(world, values, DESK)
    return jsonify({"id": str(issue.id), "key": issue.key, "self": f"{shapes.api}/issue/{issue.id}"}), 201


def read(shapes: Shapes, key: str) -> ResponseReturnValue:
    """GET issue: always as it is now."""
    return jsonify(shapes.chosen(issue_of(key), [f for f in listed("fields") if f not in {"id", "key"}] or ["*all"]))


def edit(shapes: Shapes, key: str) -> ResponseReturnValue:
    """PUT issue."""
    world, issue = the_world(), issue_of(key)
    values = read_edit(world.jira, body(), version_of(shapes), issue.labels)
    actions.edit(world, issue, {name: value for name, value in values.items() if hasattr(issue, name)}, DESK)
    return Response(status=204)


def delete(shapes: Shapes, key: str) -> ResponseReturnValue:
    """DELETE issue."""
    world, issue = the_world(), issue_of(key)
    actions.delete(world, issue, DESK)
    world.record("jira", "delete", issue.key)
    return Response(status=204)


def comments(shapes: Shapes, key: str) -> ResponseReturnValue:
    """GET comments, oldest first unless `orderBy=-created`."""
    issue = issue_of(key)
    order = request.args.get("orderBy", "created")
    if order.lstrip("+-") != "created":
        raise JiraError(400, "The orderBy value is not supported.")
    ordered = issue.comments[::-1] if order.startswith("-") else issue.comments
    start, most = number("startAt", 0, 10**9), number("maxResults", 100, 5000)
    return jsonify(shapes.comments(issue, ordered[start : start + most], start, most))


def comment(shapes: Shapes, key: str) -> ResponseReturnValue:
    """POST comment. Its last word is taken for the caller's own mark."""
    world, issue = the_world(), issue_of(key)
    text = read_text(body().get("body"), version_of(shapes), "comment")
    if not text.strip():
        raise FieldError({"comment": "Comment body can not be empty!"})
    made = actions.comment(world, issue, text, DESK)
    world.record("jira", "comment", issue.key, text.split()[-1], id=made.id)
    return jsonify(shapes.comment(issue, made)), 201


def transitions(shapes: Shapes, key: str) -> ResponseReturnValue:
    """GET transitions: to every status but the present one."""
    issue = issue_of(key)
    asked = request.args.get("transitionId")
    shown = [s for s in STATUSES if s.id != issue.status and asked in (None, s.transition)]
    return jsonify({"expand": "transitions", "transitions": [transition_shape(s, shapes.api) for s in shown]})


def transition(shapes: Shapes, key: str) -> ResponseReturnValue:
    """POST transitions."""
    world, issue = the_world(), issue_of(key)
    asked = body().get("transition")
    if not isinstance(asked, dict) or "id" not in asked:
        raise JiraError(400, "Missing 'transition' identifier")
    to = BY_TRANSITION.get(str(asked["id"]))
    if to is None or to.id == issue.status:
        raise JiraError(400, f"Transition id '{asked['id']}' is not valid for this issue.")
    actions.move(world, issue, to, DESK)
    world.record("jira", "transition", issue.key, to=to.name)
    return Response(status=204)


def links(shapes: Shapes, key: str) -> ResponseReturnValue:
    """GET remotelink: all, or the one with `globalId`."""
    issue = issue_of(key)
    wanted = request.args.get("globalId")
    if wanted is None:
        return jsonify([shapes.link(issue, link) for link in issue.links])
    for link in issue.links:
        if link.global_id == wanted:
            return jsonify(shapes.link(issue, link))
    raise JiraError(404, "Could not find remote issue link with the given global id")


def link(shapes: Shapes, key: str) -> ResponseReturnValue:
    """POST remotelink: 201 when new, 200 when the global id was known on this issue."""
    world, issue = the_world(), issue_of(key)
    given = body()
    target = given.get("object")
    errors: dict[str, str] = {}
    if not isinstance(target, dict) or not target.get("title"):
        errors["title"] = "'title' is required."
    if not isinstance(target, dict) or not str(target.get("url", "")).startswith(("http://", "https://")):
        errors["url"] = "'url' is required and must be valid."
    if len(str(given.get("globalId") or "")) > GLOBAL_ID:
        errors["globalId"] = f"'globalId' must be at most {GLOBAL_ID} characters."
    if errors:
        raise FieldError(errors)
    kept = {name: given[name] for name in ("application", "relationship", "object") if given.get(name) is not None}
    made, new = actions.link(world, issue, given.get("globalId"), kept, DESK)
    return jsonify({"id": made.id, "self": shapes.link_self(issue, made)}), 201 if new else 200
