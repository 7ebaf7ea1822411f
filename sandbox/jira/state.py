"""What the stand-in for JIRA remembers: one project, its issues, and the search index that lags behind them.

An issue is consistent by id and key at once; JQL sees each change only after a lag drawn from `jira_index_lag` (J22).
Every use is under the world's lock; times of the index are monotonic seconds.
"""

from __future__ import annotations

import copy
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Response, jsonify, request

from sandbox.jira.people import NAMES
from sandbox.jira.workflow import BY_ID, COLUMNS, RESOLUTIONS, STATUSES, Status

if TYPE_CHECKING:
    from sandbox.core import World

BURST = {"GET": 100, "POST": 100, "PUT": 50, "DELETE": 50}  # a second, per endpoint and method (J33)
WRITES = ((20, 2.0), (100, 30.0))  # per issue: number within seconds (J33)
WRITE_METHODS = {"comment", "transition", "remotelink", "edit", "delete"}


@dataclass
class Comment:
    """A comment; `author` is an account id."""

    id: int
    author: str
    body: str
    created: datetime


@dataclass
class Link:
    """A remote link; `given` holds what was sent (object, relationship, application)."""

    id: int
    global_id: str | None
    given: dict[str, Any]


@dataclass
class Issue:
    """An issue as it is now. `status`, `resolution` and `type` are ids; `description` is plain text (v2)."""

    id: int
    key: str
    summary: str
    description: str | None
    labels: list[str]
    type: str
    creator: str
    created: datetime
    updated: datetime
    status: str = STATUSES[0].id
    resolution: str | None = None
    resolved: datetime | None = None
    duedate: str | None = None
    priority: str = "Medium"
    comments: list[Comment] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)
    former_keys: list[str] = field(default_factory=list)  # before it was moved to another project

    @property
    def at(self) -> Status:
        """The status with its name and category."""
        return BY_ID[self.status]


class State:
    """One JIRA site with one project."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.project = world.config.jira_project
        self.issues: dict[int, Issue] = {}
        self.hidden_fields: set[str] = set()  # fields that are not on the create screen (JT9)
        self._index: dict[int, list[tuple[float, Issue | None]]] = defaultdict(list)
        self._last_issue = 0
        self._last_id = 10_000
        self._calls: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._writes: dict[int, deque[float]] = defaultdict(deque)

    def public(self) -> dict[str, Any]:
        """The `jira` part of GET /sandbox/state."""
        return {
            "project": self.project,
            "columns": COLUMNS,
            "issues": [self._shown(issue) for issue in self.issues.values()],
        }

    def _shown(self, issue: Issue) -> dict[str, Any]:
        return {
            "key": issue.key,
            "summary": issue.summary,
            "description": issue.description or "",
            "status": issue.at.name,
            "category": issue.at.category,
            "resolution": RESOLUTIONS[issue.resolution][0] if issue.resolution else "",
            "labels": issue.labels,
            "comments": [
                {"id": c.id, "author": NAMES[c.author], "at": stamp(c.created), "body": c.body} for c in issue.comments
            ],
            "links": [
                {"title": x.given["object"].get("title", ""), "url": x.given["object"].get("url", "")}
                for x in issue.links
            ],
        }

    def new_key(self, project: str = "") -> str:
        """The next key of the project; a key is never given twice."""
        self._last_issue += 1
        return f"{project or self.project}-{self._last_issue}"

    def new_id(self) -> int:
        """The next id of anything."""
        self._last_id += 1
        return self._last_id

    def find(self, id_or_key: str) -> Issue | None:
        """The issue by number or key, as it is now."""
        if id_or_key.isdigit():
            return self.issues.get(int(id_or_key))
        key = id_or_key.upper()
        return next((issue for issue in self.issues.values() if key in (issue.key, *issue.former_keys)), None)

    def index(self, issue: Issue, *, deleted: bool = False) -> None:
        """Let the search index learn of a change, after its lag."""
        low, high = self.world.config.jira_index_lag
        due = time.monotonic() + self.world.random.uniform(low, high)
        entries = self._index[issue.id]
        if entries:  # an older change never overtakes a newer one
            due = max(due, entries[-1][0])
        entries.append((due, None if deleted else copy.deepcopy(issue)))

    def indexed(self, fresh: set[int]) -> list[Issue]:
        """What a search sees now: of every issue the last indexed version; those in `fresh` (reconcileIssues) as is."""
        now = time.monotonic()
        seen: list[Issue] = []
        for number, entries in self._index.items():
            while len(entries) > 1 and entries[1][0] <= now:
                entries.pop(0)
            known = entries[0][1] if entries and entries[0][0] <= now else None
            issue = self.issues.get(number) if number in fresh else known
            if issue is not None:
                seen.append(issue)
        return seen

    def throttle(self, method: str) -> Response | None:
        """JIRA Cloud's caps: a burst per endpoint and method, and writes per issue."""
        now = time.monotonic()
        calls = self._calls[(method, request.method)]
        if _over(calls, BURST.get(request.method, 100), 1.0, now):
            return self.too_many("jira-burst-based", 1, BURST.get(request.method, 100))
        issue = self.find(str((request.view_args or {}).get("key", ""))) if method in WRITE_METHODS else None
        if issue is not None:
            writes = self._writes[issue.id]
            for most, seconds in WRITES:
                if sum(1 for at in writes if now - at < seconds) >= most:
                    return self.too_many("jira-per-issue-on-write", int(seconds), most)
            writes.append(now)
            while now - writes[0] > WRITES[-1][1]:
                writes.popleft()
        calls.append(now)
        return None

    def too_many(self, reason: str, seconds: int, limit: int) -> Response:
        """429 with the headers of J34."""
        response = jsonify({"errorMessages": ["Rate limit exceeded."], "errors": {}})
        response.status_code = 429
        reset = (self.world.now() + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%MZ")
        response.headers["Retry-After"] = str(seconds)
        response.headers["X-RateLimit-Limit"] = str(limit)
        response.headers["X-RateLimit-Remaining"] = "0"
        response.headers["X-RateLimit-Reset"] = reset
        response.headers["RateLimit-Reason"] = reason
        return response


def _over(calls: deque[float], most: int, seconds: float, now: float) -> bool:
    while calls and now - calls[0] >= seconds:
        calls.popleft()
    return len(calls) >= most


def stamp(moment: datetime) -> str:
    """JIRA's way to write a time: milliseconds and an offset without a colon."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"
