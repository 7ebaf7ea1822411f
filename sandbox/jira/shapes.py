"""JIRA's JSON for issues, comments, people and links, in the words of REST v2 and v3 and of the webhooks."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from sandbox.jira.adf import to_adf
from sandbox.jira.people import NAMES
from sandbox.jira.state import Comment, Issue, Link, stamp
from sandbox.jira.workflow import ISSUE_TYPES, resolution_shape, status_shape

if TYPE_CHECKING:
    from sandbox.core import World

PROJECT_ID = "10000"
PRIORITIES = {"Highest": "1", "High": "2", "Medium": "3", "Low": "4", "Lowest": "5"}
THIN = ("summary", "issuetype", "project", "assignee", "priority", "status")  # an issue in comment webhooks


class Shapes:
    """Writes JSON for one REST version ("2" or "3"); webhooks are always v2."""

    def __init__(self, world: World, version: str = "2") -> None:
        self._world = world
        self._version = version
        self.api = f"{world.url}/rest/api/{version}"

    def text(self, text: str | None) -> Any:
        """A long text: wiki markup in v2, a document in v3."""
        return to_adf(text) if self._version == "3" and text is not None else text

    def user(self, account: str) -> dict[str, Any]:
        """A person as Cloud shows one since 2019: no name, no key."""
        return {
            "self": f"{self.api}/user?accountId={account}",
            "accountId": account,
            "avatarUrls": {size: f"{self._world.url}/avatar?size={size[:2]}" for size in AVATARS},
            "displayName": NAMES[account],
            "active": True,
            "timeZone": "Asia/Kuala_Lumpur",
            "accountType": "atlassian",
        }

    def issuetype(self, number: str) -> dict[str, Any]:
        return {
            "self": f"{self.api}/issuetype/{number}",
            "id": number,
            "description": "A task that needs to be done.",
            "iconUrl": f"{self._world.url}/icon",
            "name": ISSUE_TYPES[number],
            "subtask": False,
            "avatarId": 10318,
        }

    def project(self) -> dict[str, Any]:
        key = self._world.jira.project
        return {
            "self": f"{self.api}/project/{PROJECT_ID}",
            "id": PROJECT_ID,
            "key": key,
            "name": f"Support ({key})",
            "projectTypeKey": "software",
            "simplified": False,
            "avatarUrls": {size: f"{self._world.url}/avatar?size={size[:2]}" for size in AVATARS},
        }

    def fields(self, issue: Issue) -> dict[str, Any]:
        """All fields of an issue but its comments."""
        return {
            "statuscategorychangedate": stamp(issue.updated),
            "issuetype": self.issuetype(issue.type),
            "project": self.project(),
            "fixVersions": [],
            "resolution": resolution_shape(issue.resolution, self.api),
            "resolutiondate": stamp(issue.resolved) if issue.resolved else None,
            "workratio": -1,
            "watches": {"self": f"{self.api}/issue/{issue.key}/watchers", "watchCount": 0, "isWatching": False},
            "created": stamp(issue.created),
            "updated": stamp(issue.updated),
            "priority": self.priority(issue.priority),
            "labels": list(issue.labels),
            "versions": [],
            "issuelinks": [],
            "assignee": None,
            "status": status_shape(issue.at, self.api),
            "components": [],
            "description": self.text(issue.description),
            "attachment": [],
            "security": None,
            "summary": issue.summary,
            "creator": self.user(issue.creator),
            "reporter": self.user(issue.creator),
            "subtasks": [],
            "environment": None,
            "duedate": issue.duedate,
            "votes": {"self": f"{self.api}/issue/{issue.key}/votes", "votes": 0, "hasVoted": False},
        }

    def priority(self, name: str) -> dict[str, Any]:
        number = PRIORITIES[name]
        return {"self": f"{self.api}/priority/{number}", "iconUrl": f"{self.api}/", "name": name, "id": number}

    def issue(self, issue: Issue, fields: dict[str, Any]) -> dict[str, Any]:
        """An issue with these fields."""
        return {"id": str(issue.id), "self": f"{self.api}/issue/{issue.id}", "key": issue.key, "fields": fields}

    def full(self, issue: Issue) -> dict[str, Any]:
        """An issue with all fields, as webhooks about issues carry it."""
        return self.issue(issue, self.fields(issue))

    def thin(self, issue: Issue) -> dict[str, Any]:
        """An issue as webhooks about comments carry it."""
        every = self.fields(issue)
        return self.issue(issue, {name: every[name] for name in THIN})

    def chosen(self, issue: Issue, wanted: list[str]) -> dict[str, Any]:
        """An issue with the asked fields (`*all`, `*navigable`, names, `-name`); only `id` gives the id alone."""
        names = {name for name in wanted if not name.startswith("-")}
        if names == {"id"}:
            return {"id": str(issue.id)}
        every = self.fields(issue)
        if "*all" in names or "comment" in names:
            every["comment"] = self.comments(issue, issue.comments, 0, len(issue.comments))
        everything = bool(names & {"*all", "*navigable"})
        kept = {
            name: value for name, value in every.items() if (everything or name in names) and f"-{name}" not in wanted
        }
        return {"expand": "renderedFields,names,schema,operations,editmeta,changelog", **self.issue(issue, kept)}

    def comment(self, issue: Issue, comment: Comment) -> dict[str, Any]:
        """A comment."""
        return {
            "self": f"{self.api}/issue/{issue.id}/comment/{comment.id}",
            "id": str(comment.id),
            "author": self.user(comment.author),
            "body": self.text(comment.body),
            "updateAuthor": self.user(comment.author),
            "created": stamp(comment.created),
            "updated": stamp(comment.created),
            "jsdPublic": True,
        }

    def comments(self, issue: Issue, chosen: list[Comment], start: int, most: int) -> dict[str, Any]:
        """A page of comments."""
        return {
            "startAt": start,
            "maxResults": most,
            "total": len(issue.comments),
            "comments": [self.comment(issue, comment) for comment in chosen],
        }

    def link(self, issue: Issue, link: Link) -> dict[str, Any]:
        """A remote link as GET shows it; fields that were not given are left out."""
        shape: dict[str, Any] = {"id": link.id, "self": self.link_self(issue, link)}
        if link.global_id is not None:
            shape["globalId"] = link.global_id
        return {**shape, **copy.deepcopy(link.given)}

    def link_self(self, issue: Issue, link: Link) -> str:
        return f"{self.api}/issue/{issue.key}/remotelink/{link.id}"


AVATARS = ("48x48", "24x24", "16x16", "32x32")
