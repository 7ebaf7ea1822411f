"""The controls of the people at the board: to a column, a comment, to another project, a clone, away with it."""

from __future__ import annotations

import re

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from sandbox.core import the_world
from sandbox.jira import actions
from sandbox.jira.people import SUPPORT
from sandbox.jira.workflow import BY_NAME, COLUMNS


def add_controls(blueprint: Blueprint) -> None:
    """Register the POST routes under /sandbox/jira/."""

    @blueprint.post("/sandbox/jira/<key>/transition")
    def transition(key: str) -> ResponseReturnValue:
        world = the_world()
        given = request.get_json(silent=True)
        to = BY_NAME.get(str(given.get("to"))) if isinstance(given, dict) else None
        if to is None:
            return jsonify({"error": f"'to' must be one of {', '.join(COLUMNS)}"}), 400
        with world.lock:
            issue = world.jira.find(key)
            if issue is None:
                return jsonify({"error": "no such issue"}), 404
            if issue.status != to.id:
                actions.move(world, issue, to, SUPPORT)
            return jsonify({"key": issue.key, "status": to.name})

    @blueprint.post("/sandbox/jira/<key>/comment")
    def comment(key: str) -> ResponseReturnValue:
        world = the_world()
        given = request.get_json(silent=True)
        body = str(given.get("body") or "") if isinstance(given, dict) else ""
        with world.lock:
            issue = world.jira.find(key)
            if issue is None:
                return jsonify({"error": "no such issue"}), 404
            if not body:
                return jsonify({"error": "no text"}), 400
            made = actions.comment(world, issue, body, SUPPORT)
            return jsonify({"key": issue.key, "id": made.id})

    @blueprint.post("/sandbox/jira/<key>/move")
    def move(key: str) -> ResponseReturnValue:
        world = the_world()
        given = request.get_json(silent=True)
        project = str(given.get("to") or "") if isinstance(given, dict) else ""
        if not re.fullmatch(r"[A-Z][A-Z0-9]{1,9}", project):
            return jsonify({"error": "'to' must be a project's key"}), 400
        with world.lock:
            issue = world.jira.find(key)
            if issue is None:
                return jsonify({"error": "no such issue"}), 404
            actions.to_project(world, issue, project, SUPPORT)
            return jsonify({"key": issue.key})

    @blueprint.post("/sandbox/jira/<key>/clone")
    def clone(key: str) -> ResponseReturnValue:
        world = the_world()
        with world.lock:
            issue = world.jira.find(key)
            if issue is None:
                return jsonify({"error": "no such issue"}), 404
            return jsonify({"key": actions.clone(world, issue, SUPPORT).key})

    @blueprint.post("/sandbox/jira/<key>/delete")
    def delete(key: str) -> ResponseReturnValue:
        world = the_world()
        with world.lock:
            issue = world.jira.find(key)
            if issue is None:
                return jsonify({"error": "no such issue"}), 404
            actions.delete(world, issue, SUPPORT)
            return jsonify({"key": issue.key})
