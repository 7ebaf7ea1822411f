"""The calls about the site: serverInfo, myself, fields, project, issue types, and search over the lagging index."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from sandbox.core import the_world
from sandbox.jira.jql import Query
from sandbox.jira.people import DESK
from sandbox.jira.shapes import PROJECT_ID, Shapes
from sandbox.jira.state import stamp
from sandbox.jira.web import JiraError, body, is_cloud, listed, number
from sandbox.jira.workflow import ISSUE_TYPES

UNBOUNDED = "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
REMOVED = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. "
    "A full migration guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)
RECONCILED = 50
FIELDS = (  # id, name, type
    ("summary", "Summary", "string"),
    ("description", "Description", "string"),
    ("issuetype", "Issue Type", "issuetype"),
    ("project", "Project", "project"),
    ("status", "Status", "status"),
    ("resolution", "Resolution", "resolution"),
    ("labels", "Labels", "array"),
    ("priority", "Priority", "priority"),
    ("duedate", "Due date", "date"),
    ("created", "Created", "datetime"),
    ("updated", "Updated", "datetime"),
    ("comment", "Comment", "comments-page"),
)


def server_info() -> ResponseReturnValue:
    """GET serverInfo, which needs no credentials."""
    world = the_world()
    info: dict[str, Any] = {
        "baseUrl": world.url,
        "version": "1001.0.0-SNAPSHOT" if is_cloud(world) else "10.3.2",
        "versionNumbers": [1001, 0, 0] if is_cloud(world) else [10, 3, 2],
        "deploymentType": world.config.jira_deployment,
        "buildNumber": 100_300,
        "buildDate": "2026-11-01T00:00:00.000+0000",
        "serverTime": stamp(world.now()),
        "scmInfo": "0" * 40,
        "serverTitle": "JIRA stand-in",
    }
    return jsonify(info)


def myself(shapes: Shapes) -> ResponseReturnValue:
    """GET myself."""
    me = {**shapes.user(DESK), "emailAddress": the_world().config.jira_user, "locale": "en_US"}
    if not is_cloud(the_world()):
        me |= {"name": "deletion-desk", "key": "JIRAUSER10001"}
        del me["accountId"], me["accountType"]
    return jsonify(me)


def fields(shapes: Shapes) -> ResponseReturnValue:
    """GET field."""
    return jsonify(
        [
            {
                "id": number,
                "key": number,
                "name": name,
                "custom": False,
                "orderable": True,
                "navigable": True,
                "searchable": True,
                "clauseNames": [number],
                "schema": {"type": kind, "system": number},
            }
            for number, name, kind in FIELDS
        ]
    )


def project(shapes: Shapes, key: str) -> ResponseReturnValue:
    """GET project."""
    if key not in {the_world().jira.project, PROJECT_ID}:
        raise JiraError(404, f"No project could be found with key '{key}'.")
    kinds = [shapes.issuetype(number) for number in ISSUE_TYPES]
    return jsonify({**shapes.project(), "issueTypes": kinds})


def issue_types(shapes: Shapes, key: str) -> ResponseReturnValue:
    """GET createmeta's issue types; the list's name differs between Cloud and Data Center."""
    if key not in {the_world().jira.project, PROJECT_ID}:
        raise JiraError(400, f"No project could be found with key '{key}'.")
    kinds = [shapes.issuetype(number) for number in ISSUE_TYPES]
    name = "issueTypes" if is_cloud(the_world()) else "values"
    return jsonify({"maxResults": 50, "startAt": 0, "total": len(kinds), name: kinds})


def search(shapes: Shapes) -> ResponseReturnValue:
    """GET or POST search/jql (Cloud): bounded queries, the id alone unless fields are asked for, pages by token."""
    world = the_world()
    if not is_cloud(world):
        raise JiraError(404, "null for uri: " + request.path)
    given = body() if request.method == "POST" else None
    text = str((given if given is not None else request.args).get("jql") or "")
    fresh = listed("reconcileIssues", given)
    if len(fresh) > RECONCILED or not all(number.isdigit() for number in fresh):
        raise JiraError(400, "reconcileIssues takes at most 50 issue ids.")
    query = Query(text, world.jira.project)
    if not query.bounded:
        raise JiraError(400, UNBOUNDED)
    found = query.order(issue for issue in world.jira.indexed({int(n) for n in fresh}) if query.matches(issue))
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    token = (given if given is not None else request.args).get("nextPageToken")
    start, most = _start(token, mark), number("maxResults", 50, 5000, given)
    wanted = listed("fields", given) or ["id"]
    page: dict[str, Any] = {"issues": [shapes.chosen(issue, wanted) for issue in found[start : start + most]]}
    page["isLast"] = start + most >= len(found)
    if not page["isLast"]:
        page["nextPageToken"] = base64.urlsafe_b64encode(f"{mark}:{start + most}".encode()).decode()
    return jsonify(page)


def old_search(shapes: Shapes) -> ResponseReturnValue:
    """GET or POST search: gone on Cloud since 2025; on Data Center pages by startAt."""
    world = the_world()
    if is_cloud(world):
        raise JiraError(410, REMOVED)
    given = body() if request.method == "POST" else None
    query = Query(str((given if given is not None else request.args).get("jql") or ""), world.jira.project)
    found = query.order(issue for issue in world.jira.indexed(set()) if query.matches(issue))
    start, most = number("startAt", 0, 10**9, given), number("maxResults", 50, 1000, given)
    wanted = listed("fields", given) or ["*navigable"]
    issues = [shapes.chosen(issue, [*wanted, "key"]) for issue in found[start : start + most]]
    return jsonify({"startAt": start, "maxResults": most, "total": len(found), "issues": issues})


def _start(token: Any, mark: str) -> int:
    """Where the page begins; a token belongs to its query."""
    if not token:
        return 0
    try:
        made_for, _, start = base64.urlsafe_b64decode(str(token)).decode().partition(":")
        if made_for == mark:
            return int(start)
    except ValueError:
        pass
    raise JiraError(400, "The provided next page token is invalid or expired.")
