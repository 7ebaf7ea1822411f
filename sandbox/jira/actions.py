"""The changes an issue can go through, each once: state, search index, record, webhook."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from sandbox.jira import webhooks
from sandbox.jira.state import Comment, Issue, Link
from sandbox.jira.workflow import Status

if TYPE_CHECKING:
    from sandbox.core import World


def create(world: World, values: dict[str, Any], actor: str) -> Issue:
    """A new issue in the first column. Its first label is taken for the caller's own mark."""
    state, now = world.jira, world.now()
    issue = Issue(
        id=state.new_id(),
        key=state.new_key(),
        summary=values["summary"],
        description=values.get("description"),
        labels=values.get("labels", []),
        type=values["type"],
        creator=actor,
        created=now,
        updated=now,
        duedate=values.get("duedate"),
        priority=values.get("priority", "Medium"),
        properties=values.get("properties", {}),
    )
    state.issues[issue.id] = issue
    state.index(issue)
    op = issue.labels[0] if issue.labels else None
    world.record("jira", "create", issue.key, op, id=issue.id, labels=list(issue.labels))
    webhooks.created(world, issue, actor)
    return issue


def move(world: World, issue: Issue, to: Status, actor: str) -> None:
    """Go to a column; its resolution comes and goes with it."""
    before = (issue.at, issue.resolution)
    issue.status, issue.resolution = to.id, to.resolution
    issue.resolved = world.now() if to.resolution else None
    _touched(world, issue)
    if to.name == "Done":
        world.backoffice.follow(issue)
    webhooks.moved(world, issue, actor, before)


def comment(world: World, issue: Issue, body: str, actor: str) -> Comment:
    """Add a comment."""
    made = Comment(world.jira.new_id(), actor, body, world.now())
    issue.comments.append(made)
    _touched(world, issue)
    webhooks.commented(world, issue, made)
    return made


def link(world: World, issue: Issue, global_id: str | None, given: dict[str, Any], actor: str) -> tuple[Link, bool]:
    """Add a remote link or, when the global id is known on this issue, replace it; the second says "created"."""
    old = next((x for x in issue.links if global_id is not None and x.global_id == global_id), None)
    made = old or Link(world.jira.new_id(), global_id, {})
    made.given = copy.deepcopy(given)
    if old is None:
        issue.links.append(made)
    _touched(world, issue)
    world.record("jira", "link", issue.key, global_id, id=made.id, created=old is None)
    if old is None:
        text = f'This issue links to "{given["object"]["title"]}"'
        change = {**webhooks.item("RemoteIssueLink", (None, None), (str(made.id), text)), "fieldId": "RemoteIssueLink"}
        webhooks.updated(world, issue, actor, [change])
    return made, old is None


def edit(world: World, issue: Issue, values: dict[str, Any], actor: str) -> None:
    """Change fields; a change of nothing is no change."""
    items = []
    for name, value in values.items():
        before = getattr(issue, name)
        if before == value:
            continue
        setattr(issue, name, value)
        items.append(webhooks.item(name, (None, _words(before)), (None, _words(value))))
    if items:
        _touched(world, issue)
        world.record("jira", "edit", issue.key, fields=[item["field"] for item in items])
        webhooks.updated(world, issue, actor, items)


def delete(world: World, issue: Issue, actor: str) -> None:
    """Delete for good; the key is not used again."""
    del world.jira.issues[issue.id]
    world.jira.index(issue, deleted=True)
    webhooks.deleted(world, issue, actor)
    world.changed()


def to_project(world: World, issue: Issue, project: str, actor: str) -> None:
    """Move to another project: a new key, the same id; the old key goes on leading here."""
    before = issue.key
    issue.former_keys.append(before)
    issue.key = world.jira.new_key(project)
    _touched(world, issue)
    items = [webhooks.item("project", (None, before.rpartition("-")[0]), (None, project))]
    webhooks.updated(world, issue, actor, [*items, webhooks.item("Key", (None, before), (None, issue.key))])


def clone(world: World, issue: Issue, actor: str) -> Issue:
    """JIRA's own clone: another id and key, all fields, the labels among them."""
    made = copy.deepcopy(issue)
    made.id, made.key = world.jira.new_id(), world.jira.new_key()
    made.summary, made.comments, made.links, made.former_keys = f"CLONE - {issue.summary}", [], [], []
    world.jira.issues[made.id] = made
    world.jira.index(made)
    webhooks.created(world, made, actor)
    return made


def _touched(world: World, issue: Issue) -> None:
    issue.updated = world.now()
    world.jira.index(issue)
    world.changed()


def _words(value: Any) -> str | None:
    return " ".join(value) if isinstance(value, list) else value
