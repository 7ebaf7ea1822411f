"""The admin webhook of JIRA Cloud: one signed POST for every change, whoever made it, also the desk itself.

Signature `X-Hub-Signature: sha256=<hex HMAC-SHA256 of the raw body>` (J36). The identifier is the same over retries
(J39); retries on 408, 409, 425, 429, 5xx and lost connections, at most five, `jira_retry_seconds` apart (J40).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from typing import TYPE_CHECKING, Any

from sandbox.hooks import Attempt
from sandbox.jira.shapes import Shapes
from sandbox.jira.state import Comment, Issue
from sandbox.jira.workflow import RESOLUTIONS, Status

if TYPE_CHECKING:
    from sandbox.core import World

RETRIES = 5
RETRIED = {408, 409, 425, 429}
ANSWER_WITHIN = 20.0

Item = dict[str, Any]


def item(field: str, before: tuple[str | None, str | None], after: tuple[str | None, str | None]) -> Item:
    """One change of a changelog: (value or id, name) before and after."""
    return {
        "field": field,
        "fieldtype": "jira",
        "fieldId": field.lower(),  # JIRA writes "Status" with a capital in issue_created, the id never
        "from": before[0],
        "fromString": before[1],
        "to": after[0],
        "toString": after[1],
    }


NONE = (None, None)


def created(world: World, issue: Issue, actor: str) -> None:
    """jira:issue_created."""
    items = [item("description", NONE, (None, issue.description))] if issue.description else []
    items += [
        item("priority", NONE, (Shapes(world).priority(issue.priority)["id"], issue.priority)),
        item("reporter", NONE, (issue.creator, Shapes(world).user(issue.creator)["displayName"])),
        item("Status", NONE, (issue.at.id, issue.at.name)),
        item("summary", NONE, (None, issue.summary)),
    ]
    if issue.labels:
        items.append(item("labels", NONE, (None, " ".join(issue.labels))))
    _about_issue(world, "jira:issue_created", "issue_created", issue, actor, items)


def updated(world: World, issue: Issue, actor: str, items: list[Item], name: str = "issue_updated") -> None:
    """jira:issue_updated with a changelog."""
    _about_issue(world, "jira:issue_updated", name, issue, actor, items)


def moved(world: World, issue: Issue, actor: str, before: tuple[Status, str | None]) -> None:
    """jira:issue_updated after a transition: resolution (when it changed) and status in one changelog."""
    status, resolution = before
    items = []
    if resolution != issue.resolution:
        items.append(item("resolution", _resolution(resolution), _resolution(issue.resolution)))
    items.append(item("status", (status.id, status.name), (issue.at.id, issue.at.name)))
    updated(world, issue, actor, items, "issue_generic")


def deleted(world: World, issue: Issue, actor: str) -> None:
    """jira:issue_deleted."""
    shapes = Shapes(world)
    _send(world, "jira:issue_deleted", {"user": shapes.user(actor), "issue": shapes.full(issue)})


def commented(world: World, issue: Issue, comment: Comment) -> None:
    """comment_created: no user, no changelog, a thin issue."""
    shapes = Shapes(world)
    _send(world, "comment_created", {"comment": shapes.comment(issue, comment), "issue": shapes.thin(issue)})


def _resolution(number: str | None) -> tuple[str | None, str | None]:
    return (number, RESOLUTIONS[number][0]) if number else NONE


def _about_issue(world: World, event: str, name: str, issue: Issue, actor: str, items: list[Item]) -> None:
    shapes = Shapes(world)
    changelog = {"id": str(world.jira.new_id()), "items": items}
    body = {
        "issue_event_type_name": name,
        "user": shapes.user(actor),
        "issue": shapes.full(issue),
        "changelog": changelog,
    }
    _send(world, event, body)


def _send(world: World, event: str, parts: dict[str, Any]) -> None:
    now = int(world.now().timestamp() * 1000)
    body = json.dumps({"timestamp": now, "webhookEvent": event, **parts}, ensure_ascii=False).encode()
    headers = {
        "Content-Type": "application/json; charset=UTF-8",
        "User-Agent": "Atlassian Webhook HTTP Client",
        "X-Atlassian-Webhook-Identifier": str(uuid.UUID(int=world.random.getrandbits(128), version=4)),
        "X-Atlassian-Webhook-Flow": "Primary",
    }

    def sign(raw: bytes, attempt: int) -> dict[str, str]:
        digest = hmac.new(world.config.jira_webhook_secret.encode(), raw, hashlib.sha256).hexdigest()
        retry = {"X-Atlassian-Webhook-Retry": str(attempt - 1)} if attempt > 1 else {}
        return {"X-Hub-Signature": f"sha256={digest}", **retry}

    def policy(attempt: Attempt) -> float | None:
        lost = attempt.status is None or attempt.status in RETRIED or attempt.status >= 500
        return world.config.jira_retry_seconds if lost and attempt.number <= RETRIES else None

    url = f"{world.config.desk.rstrip('/')}/webhooks/jira"
    for _ in range(1 + world.config.duplicate_webhooks):
        world.hooks.send("jira", url, headers, body, event, sign, policy, ANSWER_WITHIN)
