"""The stand-in for JIRA: REST v2 and v3 under `/rest/`, the admin webhook, and the board's controls."""

from __future__ import annotations

from flask import Blueprint, redirect
from flask.typing import ResponseReturnValue

from sandbox.core import endpoint
from sandbox.jira import issues, site
from sandbox.jira.control import add_controls
from sandbox.jira.state import State
from sandbox.jira.web import answered, refusal

__all__ = ["State", "blueprint"]

ROUTES = (  # the name that faults and arrivals use, HTTP method, path under /rest/api/<version>, view
    ("create", "POST", "/issue", issues.create),
    ("issue", "GET", "/issue/<key>", issues.read),
    ("edit", "PUT", "/issue/<key>", issues.edit),
    ("delete", "DELETE", "/issue/<key>", issues.delete),
    ("comments", "GET", "/issue/<key>/comment", issues.comments),
    ("comment", "POST", "/issue/<key>/comment", issues.comment),
    ("transitions", "GET", "/issue/<key>/transitions", issues.transitions),
    ("transition", "POST", "/issue/<key>/transitions", issues.transition),
    ("remotelinks", "GET", "/issue/<key>/remotelink", issues.links),
    ("remotelink", "POST", "/issue/<key>/remotelink", issues.link),
    ("search", "GET", "/search/jql", site.search),
    ("search", "POST", "/search/jql", site.search),
    ("old_search", "GET", "/search", site.old_search),
    ("old_search", "POST", "/search", site.old_search),
    ("myself", "GET", "/myself", site.myself),
    ("field", "GET", "/field", site.fields),
    ("project", "GET", "/project/<key>", site.project),
    ("createmeta", "GET", "/issue/createmeta/<key>/issuetypes", site.issue_types),
)
READS = {"search", "old_search"}  # read-backs whatever their HTTP method


def blueprint() -> Blueprint:
    """JIRA's calls and the controls of people at the board."""
    made = Blueprint("jira", __name__)
    for name, verb, path, view in ROUTES:
        served = endpoint("jira", name, read=True if name in READS else None)(answered(view))
        made.add_url_rule(f"/rest/api/<version>{path}", f"{verb}_{name}", served, methods=[verb])
    info = endpoint("jira", "serverInfo")(site.server_info)
    for version in ("2", "3", "latest"):
        made.add_url_rule(f"/rest/api/{version}/serverInfo", f"serverInfo_{version}", info, methods=["GET"])
    made.add_url_rule("/rest/applinks/latest/listApplicationlinks", "applinks", endpoint("jira", "applinks")(_no_admin))
    made.add_url_rule("/browse/<key>", "browse", _browse)
    add_controls(made)
    return made


def _no_admin() -> ResponseReturnValue:
    """Application links are for administrators (J11)."""
    return refusal(403, ["You do not have permission to do this."])


def _browse(key: str) -> ResponseReturnValue:
    """An issue's page for people: the board."""
    return redirect(f"/#{key}")
