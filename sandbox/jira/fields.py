"""What JIRA checks before it creates or edits an issue; every complaint is named by field, as its 400 answers do.

Source: REST v3 POST/PUT issue, and the wording of Cloud. Labels can't hold spaces, a summary is one line of at most 255
characters, long texts end at 32,767.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.jira.adf import from_adf
from sandbox.jira.shapes import PRIORITIES, PROJECT_ID
from sandbox.jira.state import State
from sandbox.jira.workflow import ISSUE_TYPES

SUMMARY = 255
TEXT = 32_767
LABEL = 255
SETTABLE = {"project", "issuetype", "summary", "description", "labels", "priority", "duedate"}


class FieldError(Exception):
    """400 with `errors` by field."""

    def __init__(self, errors: dict[str, str], messages: list[str] | None = None) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors
        self.messages = messages or []


def read_new(state: State, body: dict[str, Any], version: str) -> dict[str, Any]:
    """The checked values of a new issue: summary, description, labels, type, priority, duedate, properties."""
    given = body.get("fields")
    if not isinstance(given, dict):
        raise FieldError({}, ["Can not instantiate value of type [simple type, class IssueUpdateBean]"])
    errors: dict[str, str] = {}
    values = _read(state, given, version, errors)
    project = given.get("project")
    asked = project if isinstance(project, dict) else {}
    if asked.get("key") != state.project and str(asked.get("id")) != PROJECT_ID:
        errors["project"] = "Specify a valid project ID or key"
    kind = given.get("issuetype")
    number = _issuetype(kind if isinstance(kind, dict) else {})
    if number is None:
        errors["issuetype"] = "Specify a valid issue type" if kind else "Specify an issue type"
    if not values.get("summary"):
        errors.setdefault("summary", "You must specify a summary of the issue.")
    if errors:
        raise FieldError(errors)
    return {**values, "type": number, "properties": _properties(body)}


def read_edit(state: State, body: dict[str, Any], version: str, labels: list[str]) -> dict[str, Any]:
    """The checked values of an edit; `labels` are those of now, which `update` may add to or take from."""
    given, update = body.get("fields") or {}, body.get("update") or {}
    if not isinstance(given, dict) or not isinstance(update, dict) or not (given or update):
        raise FieldError({}, ["one of 'fields' or 'update' required"])
    errors: dict[str, str] = {}
    values = _read(state, {k: v for k, v in given.items() if k != "project"}, version, errors)
    for name, operations in update.items():
        if name != "labels":
            errors[name] = f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
            continue
        values["labels"] = _operate(labels, operations, errors)
    if "summary" in values and not values["summary"]:
        errors.setdefault("summary", "You must specify a summary of the issue.")
    if errors:
        raise FieldError(errors)
    return values


def read_text(value: Any, version: str, name: str) -> str:
    """A long text of a comment or description, as plain text."""
    if version == "3":
        try:
            text = from_adf(value)
        except ValueError:
            message = "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
            raise FieldError({name: message}) from None
    elif isinstance(value, str):
        text = value
    else:
        raise FieldError({name: "Operation value must be a string"})
    if len(text) > TEXT:
        limit = f"{TEXT:,}"
        raise FieldError({name: f"The entered text is too long. It exceeds the allowed limit of {limit} characters."})
    return text


def _read(state: State, given: dict[str, Any], version: str, errors: dict[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in SETTABLE or name in state.hidden_fields:
            errors[name] = f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
        elif name == "summary":
            values[name] = _summary(value, errors)
        elif name == "description":
            values[name] = _description(value, version, errors)
        elif name == "labels":
            values[name] = _labels(value, errors)
        elif name == "priority":
            values[name] = _priority(value, errors)
        elif name == "duedate":
            if value is not None and not re.fullmatch(r"\d{4}-\d\d-\d\d", str(value)):
                errors[name] = "Error parsing date string: " + str(value)
            values[name] = value
    return values


def _summary(value: Any, errors: dict[str, str]) -> str:
    if not isinstance(value, str):
        errors["summary"] = "Operation value must be a string"
        return ""
    if "\n" in value or "\r" in value:
        errors["summary"] = "The summary is invalid because it contains newline characters."
    elif len(value) > SUMMARY:
        errors["summary"] = f"Summary must be less than {SUMMARY} characters."
    return value.strip()


def _description(value: Any, version: str, errors: dict[str, str]) -> str | None:
    if value is None:
        return None
    try:
        return read_text(value, version, "description")
    except FieldError as error:
        errors.update(error.errors)
        return None


def _labels(value: Any, errors: dict[str, str]) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(label, str) for label in value):
        errors["labels"] = "Operation value must be an array of strings"
        return []
    for label in value:
        if re.search(r"\s", label):
            errors["labels"] = f"The label '{label}' contains spaces which is invalid."
        elif not 1 <= len(label) <= LABEL:
            errors["labels"] = f"The label '{label[:20]}…' is empty or exceeds {LABEL} characters."
    return list(dict.fromkeys(value))


def _operate(labels: list[str], operations: Any, errors: dict[str, str]) -> list[str]:
    now = list(labels)
    for operation in operations if isinstance(operations, list) else [None]:
        if not isinstance(operation, dict) or not set(operation) <= {"add", "remove", "set"}:
            errors["labels"] = "Unsupported operation on the field 'labels'."
            continue
        now = _labels(operation["set"], errors) if "set" in operation else now
        now += _labels([operation["add"]], errors) if "add" in operation else []
        now = [label for label in now if label != operation.get("remove")]
    return list(dict.fromkeys(now))


def _priority(value: Any, errors: dict[str, str]) -> str:
    asked = value if isinstance(value, dict) else {}
    for name, number in PRIORITIES.items():
        if asked.get("name") == name or asked.get("id") == number:
            return name
    errors["priority"] = "The priority selected is invalid."
    return "Medium"


def _issuetype(asked: dict[str, Any]) -> str | None:
    for number, name in ISSUE_TYPES.items():
        if asked.get("id") == number or str(asked.get("name", "")).lower() == name.lower():
            return number
    return None


def _properties(body: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for entry in body.get("properties") or []:
        if not isinstance(entry, dict) or not 1 <= len(str(entry.get("key", ""))) <= 255:
            raise FieldError({}, ["The property key is invalid."])
        if len(str(entry.get("value", ""))) > 32_768:
            raise FieldError({}, ["The property value is too long."])
        properties[str(entry["key"])] = entry.get("value")
    return properties
