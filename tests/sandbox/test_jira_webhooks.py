"""What the stand-in for JIRA sends: signed, with our label, again by the documented table."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

from jira import JIRA

from sandbox.listener import Listener
from sandbox.server import Sandbox
from tests.sandbox.jira_kit import box, call, fields, http, jira, server

__all__ = ["box", "jira", "server"]  # fixtures

# --- Webhooks -------------------------------------------------------------------------------------------------------


def sent(box: Sandbox, listener: Listener, number: int) -> list[dict[str, Any]]:
    """The first `number` bodies; there must not be more. Deliveries run side by side, so they are put in order."""
    assert box.world.wait_until(lambda: len(listener.requests) >= number)
    box.world.hooks.quiet()
    assert len(listener.requests) == number
    return sorted((request.json for request in listener.requests), key=lambda body: float(body["timestamp"]))


def test_create_sends_a_signed_webhook_with_our_label(box: Sandbox, jira: JIRA, listener: Listener) -> None:
    jira.create_issue(fields=fields(), prefetch=False)
    [body] = sent(box, listener, 1)
    [request] = listener.requests
    digest = hmac.new(b"stand-in-jira-webhook", request.body, hashlib.sha256).hexdigest()
    assert request.path == "/webhooks/jira"
    assert request.headers["X-Hub-Signature"] == f"sha256={digest}"
    assert request.headers["X-Atlassian-Webhook-Identifier"]
    assert request.headers["X-Atlassian-Webhook-Retry"] is None
    assert (body["webhookEvent"], body["issue_event_type_name"]) == ("jira:issue_created", "issue_created")
    assert body["issue"]["fields"]["labels"] == ["ban-1"]
    assert abs(body["timestamp"] / 1000 - time.time()) < 30
    assert body["user"]["accountId"] == "5c0000000000000000000001"


def test_board_moves_send_status_and_resolution(box: Sandbox, jira: JIRA, listener: Listener) -> None:
    jira.create_issue(fields=fields(), prefetch=False)
    for to in ("In Progress", "Done", "Won't do", "Won't do"):
        answer = http.request("POST", f"{box.url}/sandbox/jira/SUP-1/transition", json={"to": to})
        assert answer.json() == {"key": "SUP-1", "status": to}
        box.world.hooks.quiet()
        time.sleep(0.002)
    bodies = sent(box, listener, 4)[1:]
    changes = [[(i["field"], i["fromString"], i["toString"]) for i in b["changelog"]["items"]] for b in bodies]
    assert changes == [
        [("status", "To Do", "In Progress")],
        [("resolution", None, "Done"), ("status", "In Progress", "Done")],
        [("resolution", "Done", "Won't Do"), ("status", "Done", "Won't do")],
    ]
    assert {b["user"]["displayName"] for b in bodies} == {"Support Team"}
    assert bodies[2]["issue"]["fields"]["resolution"]["name"] == "Won't Do"
    assert box.world.effects("jira", "transition") == []


def test_comment_link_edit_and_delete_send_theirs(box: Sandbox, jira: JIRA, listener: Listener) -> None:
    jira.create_issue(fields=fields(), prefetch=False)
    steps: list[tuple[str, str, Any]] = [
        ("POST", "2/issue/SUP-1/comment", {"body": "hello"}),
        (
            "POST",
            "2/issue/SUP-1/remotelink",
            {"globalId": "g", "object": {"url": "https://x.example.com", "title": "t"}},
        ),
        ("PUT", "2/issue/SUP-1", {"fields": {"summary": "New"}}),
        ("DELETE", "2/issue/SUP-1", None),
    ]
    for verb, path, json in steps:
        assert call(box, verb, path, json)[0] in {200, 201, 204}
        time.sleep(0.002)
    bodies = sent(box, listener, 5)[1:]
    assert [b["webhookEvent"] for b in bodies] == [
        "comment_created",
        "jira:issue_updated",
        "jira:issue_updated",
        "jira:issue_deleted",
    ]
    comment = bodies[0]
    assert {"user", "changelog"}.isdisjoint(comment)
    assert (comment["comment"]["body"], "labels" in comment["issue"]["fields"]) == ("hello", False)
    assert "changelog" not in bodies[3]


def test_retries_keep_the_identifier_and_end(box: Sandbox, jira: JIRA, listener: Listener) -> None:
    listener.answers.extend([503, 429, 200])
    jira.create_issue(fields=fields(), prefetch=False)
    assert len(sent(box, listener, 3)) == 3
    assert len({r.headers["X-Atlassian-Webhook-Identifier"] for r in listener.requests}) == 1
    assert [r.headers["X-Atlassian-Webhook-Retry"] for r in listener.requests] == [None, "1", "2"]
    listener.requests.clear()
    listener.status = 401
    jira.create_issue(fields=fields(), prefetch=False)
    assert box.world.wait_until(lambda: len(listener.requests) == 1)
    time.sleep(0.2)
    assert len(listener.requests) == 1
    listener.requests.clear()
    listener.status = 500
    jira.create_issue(fields=fields(), prefetch=False)
    assert box.world.wait_until(lambda: len(listener.requests) == 6)
    time.sleep(0.2)
    assert len(listener.requests) == 6


def test_duplicates_share_the_identifier(box: Sandbox, jira: JIRA, listener: Listener) -> None:
    box.config.update({"duplicate_webhooks": 2})
    try:
        jira.create_issue(fields=fields(), prefetch=False)
        assert len(sent(box, listener, 3)) == 3
    finally:
        box.config.update({"duplicate_webhooks": 0})
    assert len({r.headers["X-Atlassian-Webhook-Identifier"] for r in listener.requests}) == 1


def test_deleting_and_commenting_at_the_board(box: Sandbox, jira: JIRA, listener: Listener) -> None:
    jira.create_issue(fields=fields(), prefetch=False)
    made = http.request("POST", f"{box.url}/sandbox/jira/SUP-1/comment", json={"body": "which customer?"})
    assert made.status == 200
    assert http.request("POST", f"{box.url}/sandbox/jira/SUP-1/transition", json={"to": "Nowhere"}).status == 400
    assert http.request("POST", f"{box.url}/sandbox/jira/SUP-9/transition", json={"to": "Done"}).status == 404
    [shown] = http.request("GET", f"{box.url}/sandbox/state").json()["jira"]["issues"]
    assert (shown["comments"][0]["author"], shown["status"], shown["category"]) == ("Support Team", "To Do", "new")
    assert http.request("POST", f"{box.url}/sandbox/jira/SUP-1/delete", json={}).status == 200
    assert call(box, "GET", "2/issue/SUP-1")[0] == 404
    assert [b["webhookEvent"] for b in sent(box, listener, 3)][-1] == "jira:issue_deleted"
    assert [e["kind"] for e in box.world.effects("jira")] == ["create"]
