"""JIRA's webhook: a hint that one of our issues moved. The issue itself is read again before anything is decided.

Taken: `jira:issue_updated` with a status, resolution or project item (or no changelog at all), `jira:issue_created`
(tells the key of a create whose answer was lost) and `jira:issue_deleted`, when the issue carries a label of ours or
is in our project. X-Atlassian-Webhook-Identifier is not signed and therefore not used. Source: facts J25, J36-J47,
bad-inputs J016-J022.
"""

from __future__ import annotations

import re
from typing import NoReturn

from app.errors import BadPayloadError
from app.events import IssueChanged, Json, Refused
from app.parse.common import as_dict, as_list, as_str, dead, ignored
from app.strictjson import identifier, loads_object

UPDATED, CREATED, DELETED = "jira:issue_updated", "jira:issue_created", "jira:issue_deleted"
MAX_KEYS = 5000  # a Cloud body with many custom fields has some hundreds
MAX_AGE = 24 * 3600  # seconds; JIRA gives up re-sending long before (J40), and nothing else stops a replay (J42)

_KEY = re.compile(r"[A-Z][A-Z0-9_]{1,9}-[0-9]{1,9}")
_OUR_LABEL = re.compile(r"desk-[A-Za-z0-9-]{1,100}")
_MOVES = frozenset({"status", "resolution", "project", "key"})  # the last two: moved to another project


def parse_jira(body: bytes, *, now: float, project: str = "") -> IssueChanged | Refused:
    """A verified body; `now` in epoch seconds, `project` ours. Ignored: `event_type`, `stale`, `no_status_change`,
    `not_ours`."""
    try:
        data = loads_object(body, max_keys=MAX_KEYS)
        event = data.get("webhookEvent")  # absent in Automation's bodies (J47)
        if event not in (UPDATED, CREATED, DELETED):
            return ignored("jira", body, "event_type")
        stamp = identifier(data.get("timestamp"), "timestamp")
        if abs(now * 1000 - stamp) > MAX_AGE * 1000:
            return ignored("jira", body, "stale")
        if event == UPDATED and not _moved(data):
            return ignored("jira", body, "no_status_change")
        issue = as_dict(data.get("issue"))
        labels = _our_labels(issue)
        if not labels and not (project and as_str(issue.get("key")).startswith(f"{project}-")):
            return ignored("jira", body, "not_ours")
        # An issue of our project without our label may be ours all the same: somebody took the label off.
        issue_id, key = identifier(issue.get("id"), "issue_id"), _key(issue)
    except BadPayloadError as error:
        return dead("jira", body, error.reason)
    return IssueChanged(f"jira:{issue_id}:{stamp}:{event}", key, labels, deleted=event == DELETED)


def _moved(data: dict[str, Json]) -> bool:
    """Server sends no `fieldId`, and field names differ in case (J44). A body without any item may be a move, unless it
    says that somebody commented."""
    items = [as_dict(item) for item in as_list(as_dict(data.get("changelog")).get("items"))]
    if not items:
        return "comment" not in data and not as_str(data.get("issue_event_type_name")).startswith("issue_comment")
    return any(as_str(item.get("fieldId") or item.get("field")).lower() in _MOVES for item in items)


def _our_labels(issue: dict[str, Json]) -> tuple[str, ...]:
    labels = as_list(as_dict(issue.get("fields")).get("labels"))
    return tuple(sorted({label for label in labels if isinstance(label, str) and _OUR_LABEL.fullmatch(label)}))


def _key(issue: dict[str, Json]) -> str:
    if issue.get("key") is None:
        _refuse("missing:key")
    key = issue["key"]
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        _refuse("range")
    return key


def _refuse(reason: str) -> NoReturn:
    raise BadPayloadError("the issue is not usable", reason)
