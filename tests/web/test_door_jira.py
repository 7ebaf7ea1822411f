"""The J cases of bad-inputs.md that the door decides (J016, J017, J022) and every recorded JIRA body."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from doorkit import CANARY, NOW, FakeDesk, deliver, jira_headers, moved, set_clock
from flask import Flask
from flask.testing import FlaskClient

from app.events import IssueChanged

SPECS = Path(__file__).parents[3] / "shared" / "specs" / "jira" / "payloads"
ISSUE = moved()["issue"]


def issue(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**ISSUE, **changes}.items() if value is not ...}


def test_moved(client: FlaskClient, desk: FakeDesk) -> None:
    body = moved()
    for _ in range(2):
        answer = deliver(client, body, to="jira", headers={"X-Atlassian-Webhook-Identifier": str(time.time_ns())})
        assert (answer.status_code, answer.get_data()) == (200, b"")
    fact = f"jira:10040:{body['timestamp']}:jira:issue_updated"
    assert desk.rows == [IssueChanged(fact, "SUP-41", ("desk-c7",))]


@pytest.mark.parametrize("items", [[{"field": "Status"}], [{"field": "x"}, {"field": "resolution", "fieldId": None}]])
def test_names_differ(client: FlaskClient, desk: FakeDesk, items: list[dict[str, str]]) -> None:  # J44
    deliver(client, moved(changelog={"items": items}), to="jira")
    assert desk.kinds == ["IssueChanged"]


def test_created_and_deleted(client: FlaskClient, desk: FakeDesk) -> None:  # J25
    deliver(client, moved(webhookEvent="jira:issue_created", changelog=...), to="jira")
    deliver(client, moved(webhookEvent="jira:issue_deleted", changelog=...), to="jira")
    assert [getattr(row, "deleted", None) for row in desk.rows] == [False, True]


def test_our_project_without_our_label_is_taken(client: FlaskClient, desk: FakeDesk) -> None:
    deliver(client, moved(issue=issue(fields={"labels": []})), to="jira")  # somebody took the label off
    assert desk.kinds == ["IssueChanged"]
    assert desk.rows[0].labels == ()


@pytest.mark.parametrize(
    "headers",
    [{"X-Hub-Signature": None}, {"X-Hub-Signature": "sha256=00"}, jira_headers(b"{}"), {"X-Hub-Signature": "sha1=0"}],
)
def test_not_authentic(client: FlaskClient, desk: FakeDesk, headers: dict[str, str | None]) -> None:  # J016
    answer = deliver(client, moved(), to="jira", headers=headers)
    assert (answer.status_code, answer.get_data(), desk.rows) == (401, b'{"error":"signature"}', [])


HOUR = 3600 * 1000
NOW_MS = NOW * 1000
OTHERS: list[tuple[str, Any, str]] = [
    ("J017", moved(issue=issue(key="OPS-4", fields={"labels": ["other"]})), "ignored not_ours"),
    ("J017-no-fields", moved(issue=issue(key="OPS-4", fields=...)), "ignored not_ours"),
    (
        "J017-odd-label",
        moved(issue=issue(key="OPS-4", fields={"labels": ["desk-", "Desk-c7", "desk-c7 x", 5]})),
        "ignored not_ours",
    ),
    ("J017-no-issue", moved(issue=...), "ignored not_ours"),
    ("J022", moved(issue=issue(key="P-1/../../")), "dead range"),
    ("J022-lower", moved(issue=issue(key="sup-41")), "dead range"),
    ("J022-none", moved(issue=issue(key=...)), "dead missing:key"),
    ("id", moved(issue=issue(id="1 or 1")), "dead number"),
    ("J42-old", moved(timestamp=NOW_MS - 25 * HOUR), "ignored stale"),
    ("J42-future", moved(timestamp=NOW_MS + 25 * HOUR), "ignored stale"),
    ("J42-fine", moved(timestamp=NOW_MS - 23 * HOUR), "IssueChanged"),
    ("J42-none", moved(timestamp=...), "dead missing:timestamp"),
    ("J42-true", moved(timestamp=True), "dead number"),
    ("J44-no-changelog", moved(changelog=...), "IssueChanged"),
    ("J44-comment-only", moved(changelog=..., issue_event_type_name="issue_commented"), "ignored no_status_change"),
    ("J44-no-items", moved(changelog={"items": []}), "IssueChanged"),
    ("J44-odd-changelog", moved(changelog={"items": "status"}), "IssueChanged"),
    ("J44-other-item", moved(changelog={"items": [{"field": "summary"}]}), "ignored no_status_change"),
    ("J44-odd-item", moved(changelog={"items": [5]}), "ignored no_status_change"),
    ("J44-comment", moved(webhookEvent="comment_created"), "ignored event_type"),
    ("J47", {"id": 10040, "key": "SUP-41"}, "ignored event_type"),
    ("J47-wrapped", {"issue": {}}, "ignored event_type"),
    ("empty", b"", "dead empty"),
    ("array", b"[]", "dead not_object"),
    ("json", b"{", "dead json"),
    ("many-keys", moved(more={f"customfield_{i}": None for i in range(900)}), "IssueChanged"),
]


@pytest.mark.parametrize(("body", "row"), [case[1:] for case in OTHERS], ids=[case[0] for case in OTHERS])
def test_signed(client: FlaskClient, desk: FakeDesk, body: Any, row: str) -> None:
    assert (deliver(client, body, to="jira").status_code, desk.kinds) == (200, [row])


TAKEN = ("created", "deleted", "resolved", "reopened", "started-working", "closed", "in-progress", "empty-changelog")
# says nothing of what happened, so it may have been a move
UNSAID = ("webhook-server-old-issue-updated-no-event-type-comment-deleted",)


def wanted(stem: str) -> bool:
    """Whether this recorded body may be a move of its issue."""
    return stem in UNSAID or (any(word in stem for word in TAKEN) and "comment" not in stem)


@pytest.mark.skipif(not SPECS.exists(), reason="the vendors' recorded payloads are not beside this repository")
def test_recorded_bodies(flask_app: Flask, client: FlaskClient, desk: FakeDesk) -> None:
    """As they are, years later, and of nobody's issue; then with a label of ours, at the time that each was sent."""
    paths = sorted(SPECS.glob("*.json"))
    assert len(paths) == 55
    came: Counter[str] = Counter()
    for path in paths:
        desk.clear()
        set_clock(flask_app)
        assert deliver(client, path.read_bytes(), to="jira").status_code == 200
        assert desk.kinds in (["ignored stale"], ["ignored event_type"])
        body = json.loads(path.read_text())
        desk.clear()
        set_clock(flask_app, body["timestamp"] / 1000)
        assert deliver(client, _ours(body), to="jira").status_code == 200
        assert (desk.kinds == ["IssueChanged"]) is wanted(path.stem), (path.stem, desk.kinds)
        came[desk.kinds[0]] += 1
        assert CANARY not in repr(desk.rows)
    assert came == {"IssueChanged": 18, "ignored no_status_change": 30, "ignored event_type": 7}


def _ours(body: dict[str, Any]) -> dict[str, Any]:
    if isinstance(body.get("issue", {}).get("fields"), dict):
        body["issue"]["fields"]["labels"] = ["desk-c7"]
    return body
