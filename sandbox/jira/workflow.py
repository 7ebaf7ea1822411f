"""The support project's one workflow: four statuses, a transition to each from everywhere, two resolutions.

Ids are texts, as JIRA gives them. A transition sets or clears the resolution by itself (a post function).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

CATEGORIES: dict[str, tuple[int, str, str]] = {  # key -> id, colour, name
    "new": (2, "blue-gray", "To Do"),
    "indeterminate": (4, "yellow", "In Progress"),
    "done": (3, "green", "Done"),
}
RESOLUTIONS = {"10000": ("Done", "Work has been completed on this issue."), "10001": ("Won't Do", "Not to be done.")}
ISSUE_TYPES = {"10001": "Task", "10002": "Bug", "10003": "Story"}


@dataclass(frozen=True)
class Status:
    """A column of the board; `transition` is the id of the transition that leads there."""

    id: str
    name: str
    category: str
    transition: str
    resolution: str | None = None


STATUSES = (
    Status("10000", "To Do", "new", "11"),
    Status("3", "In Progress", "indeterminate", "21"),
    Status("10001", "Done", "done", "31", "10000"),
    Status("10002", "Won't do", "done", "41", "10001"),
)
BY_ID = {status.id: status for status in STATUSES}
BY_NAME = {status.name: status for status in STATUSES}
BY_TRANSITION = {status.transition: status for status in STATUSES}
COLUMNS = [status.name for status in STATUSES]


def status_shape(status: Status, api: str) -> dict[str, Any]:
    """The status object; `api` is the base of `self` links."""
    number, colour, name = CATEGORIES[status.category]
    return {
        "self": f"{api}/status/{status.id}",
        "description": "",
        "iconUrl": f"{api}/",
        "name": status.name,
        "id": status.id,
        "statusCategory": {
            "self": f"{api}/statuscategory/{number}",
            "id": number,
            "key": status.category,
            "colorName": colour,
            "name": name,
        },
    }


def resolution_shape(number: str | None, api: str) -> dict[str, Any] | None:
    """The resolution object, or None while unresolved."""
    if number is None:
        return None
    name, text = RESOLUTIONS[number]
    return {"self": f"{api}/resolution/{number}", "id": number, "description": text, "name": name}


def transition_shape(status: Status, api: str) -> dict[str, Any]:
    """One entry of GET transitions."""
    return {
        "id": status.transition,
        "name": status.name,
        "to": status_shape(status, api),
        "hasScreen": False,
        "isGlobal": True,
        "isInitial": False,
        "isAvailable": True,
        "isConditional": False,
        "isLooped": False,
    }
