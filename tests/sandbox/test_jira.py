"""The stand-in for JIRA answers as the REST documents say and sends its webhooks; met with the real jira library."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import urllib3
from jira import JIRA, JIRAError

from sandbox.listener import Listener
from sandbox.server import Config, Sandbox

http = urllib3.PoolManager(retries=False)
BASIC = urllib3.make_headers(basic_auth="desk@example.com:stand-in-jira-token")
LABEL = 'project = SUP AND labels = "ban-1" ORDER BY key ASC'


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with Listener() as desk:
        yield desk


@pytest.fixture(scope="module")
def server(listener: Listener) -> Iterator[Sandbox]:
    with Sandbox(Config(desk=listener.url, seed=False)) as box:
        yield box


@pytest.fixture
def box(server: Sandbox, listener: Listener) -> Sandbox:
    server.world.hooks.quiet()
    server.config.update(
        {"limits": False, "jira_index_lag": (0.0, 0.0), "jira_deployment": "Cloud", "jira_retry_seconds": 0.05}
    )
    server.world.reset()
    listener.requests.clear()
    listener.answers.clear()
    listener.status = 200
    return server


@pytest.fixture
def jira(box: Sandbox) -> JIRA:
    return JIRA(server=box.url, basic_auth=("desk@example.com", "stand-in-jira-token"), max_retries=0, timeout=(5, 5))


def fields(**more: Any) -> dict[str, Any]:
    base = {"project": {"key": "SUP"}, "issuetype": {"name": "Task"}, "summary": "Ban", "description": "{noformat}x"}
    return {**base, "labels": ["ban-1"], **more}


def call(box: Sandbox, verb: str, path: str, json: Any = None, headers: Any = BASIC) -> tuple[int, Any]:
    answer = http.request(verb, f"{box.url}/rest/api/{path}", json=json, headers=headers)
    return answer.status, answer.json() if answer.data else None


def refused(box: Sandbox, **more: Any) -> dict[str, str]:
    """The errors by field of a create that must not happen."""
    status, answer = call(box, "POST", "2/issue", {"fields": fields(**more)})
    assert (status, box.world.effects()) == (400, [])
    errors = answer["errors"]
    assert isinstance(errors, dict)
    return errors


# --- Issues ---------------------------------------------------------------------------------------------------------


def test_create_read_comment_move(box: Sandbox, jira: JIRA) -> None:
    created = jira.create_issue(fields=fields(), prefetch=False)
    assert created.key == "SUP-1"
    issue = jira.issue("SUP-1")
    assert (issue.fields.summary, issue.fields.status.name, issue.fields.labels) == ("Ban", "To Do", ["ban-1"])
    assert issue.fields.status.statusCategory.key == "new"
    assert jira.issue(issue.id).key == jira.issue("sup-1").key == "SUP-1"
    comment = jira.add_comment("SUP-1", "done\n\ndesk-op: op-2")
    assert [c.body for c in jira.comments("SUP-1")] == ["done\n\ndesk-op: op-2"]
    jira.transition_issue("SUP-1", "31")
    issue = jira.issue("SUP-1")
    assert (issue.fields.status.statusCategory.key, issue.fields.resolution.name) == ("done", "Done")
    jira.transition_issue("SUP-1", "21")
    assert jira.issue("SUP-1").fields.resolution is None
    assert [(e["kind"], e["target"], e["op"]) for e in box.world.effects("jira")] == [
        ("create", "SUP-1", "ban-1"),
        ("comment", "SUP-1", "op-2"),
        ("transition", "SUP-1", None),
        ("transition", "SUP-1", None),
    ]
    assert box.world.effects("jira", "comment")[0]["id"] == int(comment.id)


def test_transitions_are_to_the_other_columns(box: Sandbox, jira: JIRA) -> None:
    jira.create_issue(fields=fields(), prefetch=False)
    assert {t["id"]: t["name"] for t in jira.transitions("SUP-1")} == {
        "21": "In Progress",
        "31": "Done",
        "41": "Won't do",
    }
    assert call(box, "POST", "2/issue/SUP-1/transitions", {"transition": {"id": "11"}})[0] == 400
    assert call(box, "POST", "2/issue/SUP-1/transitions", {})[0] == 400
    assert box.world.effects("jira", "transition") == []


def test_create_refuses_by_field(box: Sandbox) -> None:
    assert "spaces" in refused(box, labels=["two words"])["labels"]
    assert "newline" in refused(box, summary="two\nlines")["summary"]
    assert "255" in refused(box, summary="x" * 256)["summary"]
    assert "summary" in refused(box, summary="")["summary"]
    assert "project" in refused(box, project={"key": "NOPE"})["project"]
    assert "issue type" in refused(box, issuetype={"name": "Wish"})["issuetype"]
    assert "too long" in refused(box, description="x" * 32_768)["description"]
    assert "string" in refused(box, description={"type": "doc"})["description"]
    assert "screen" in refused(box, customfield_1="x")["customfield_1"]
    assert "priority" in refused(box, priority={"name": "Now"})["priority"]
    assert "date" in refused(box, duedate="tomorrow")["duedate"]
    with box.world.lock:
        box.world.jira.hidden_fields = {"labels"}
    assert "screen" in refused(box)["labels"]
    assert call(box, "POST", "2/issue", [])[0] == 400


def test_limits_of_texts_are_taken(box: Sandbox, jira: JIRA) -> None:
    jira.create_issue(fields=fields(summary="x" * 255, description="y" * 32_767, labels=["z" * 255]), prefetch=False)
    assert len(jira.issue("SUP-1").fields.description) == 32_767
    assert call(box, "POST", "2/issue/SUP-1/comment", {"body": "x" * 32_768})[0] == 400
    assert call(box, "POST", "2/issue/SUP-1/comment", {"body": " "})[0] == 400
    assert box.world.effects("jira", "comment") == []


def test_version_3_speaks_documents(box: Sandbox) -> None:
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": "first"}, {"type": "text", "text": "!"}]}
    document = {"type": "doc", "version": 1, "content": [paragraph, {"type": "paragraph", "content": []}]}
    assert call(box, "POST", "3/issue", {"fields": fields(description="plain")})[0] == 400
    assert call(box, "POST", "3/issue", {"fields": fields(description=document)})[0] == 201
    assert call(box, "GET", "2/issue/SUP-1")[1]["fields"]["description"] == "first!\n"
    assert call(box, "GET", "3/issue/SUP-1")[1]["fields"]["description"]["type"] == "doc"
    assert call(box, "POST", "3/issue/SUP-1/comment", {"body": document})[1]["body"]["version"] == 1
    assert call(box, "POST", "3/issue/SUP-1/comment", {"body": "plain"})[0] == 400


def test_edit_and_delete(box: Sandbox, jira: JIRA) -> None:
    jira.create_issue(fields=fields(), prefetch=False)
    edit = {"fields": {"summary": "New"}, "update": {"labels": [{"add": "more"}, {"remove": "ban-1"}]}}
    assert call(box, "PUT", "2/issue/SUP-1", edit) == (204, None)
    assert call(box, "PUT", "2/issue/SUP-1", {"fields": {"labels": ["a b"]}})[0] == 400
    assert call(box, "PUT", "2/issue/SUP-1", {})[0] == 400
    issue = jira.issue("SUP-1")
    assert (issue.fields.summary, issue.fields.labels) == ("New", ["more"])
    assert call(box, "DELETE", "2/issue/SUP-1") == (204, None)
    status, gone = call(box, "GET", "2/issue/SUP-1")
    assert (status, gone["errors"]) == (404, {})
    assert jira.create_issue(fields=fields(), prefetch=False).key == "SUP-2"


def test_remote_link_is_an_upsert(box: Sandbox, jira: JIRA) -> None:
    jira.create_issue(fields=fields(), prefetch=False)
    given = {"globalId": "desk=op-1&x", "object": {"url": "https://x.example.com/1", "title": "one"}}
    first, second = (call(box, "POST", "2/issue/SUP-1/remotelink", given) for _ in range(2))
    assert (first[0], second[0], first[1]["id"]) == (201, 200, second[1]["id"])
    status, found = call(box, "GET", "2/issue/SUP-1/remotelink?globalId=desk%3Dop-1%26x")
    assert (status, found["object"]["title"]) == (200, "one")
    assert len(call(box, "GET", "2/issue/SUP-1/remotelink")[1]) == 1
    assert call(box, "GET", "2/issue/SUP-1/remotelink?globalId=other")[0] == 404
    assert call(box, "POST", "2/issue/SUP-1/remotelink", {**given, "globalId": "x" * 256})[0] == 400
    assert call(box, "POST", "2/issue/SUP-1/remotelink", {"object": {"title": "no url"}})[0] == 400
    assert [e["created"] for e in box.world.effects("jira", "link")] == [True, False]


# --- Who asks -------------------------------------------------------------------------------------------------------


def test_credentials(box: Sandbox) -> None:
    bearer = {"Authorization": "Bearer stand-in-jira-token"}
    wrong = urllib3.make_headers(basic_auth="desk@example.com:old")
    for headers in ({}, wrong, bearer):
        status, answer = call(box, "POST", "2/issue", {"fields": fields()}, headers=headers)
        assert (status, answer["errors"]) == (401, {})
    assert call(box, "GET", "2/serverInfo", headers={})[1]["deploymentType"] == "Cloud"
    box.config.update({"jira_deployment": "Server"})
    assert call(box, "GET", "2/myself", headers=bearer)[1]["name"] == "deletion-desk"
    assert box.world.effects() == []


def test_data_center_keeps_the_old_search(box: Sandbox) -> None:
    box.config.update({"jira_deployment": "Server"})
    center = JIRA(server=box.url, token_auth="stand-in-jira-token", max_retries=0, timeout=(5, 5))
    center.create_issue(fields=fields(), prefetch=False)
    assert [issue.key for issue in center.search_issues(LABEL)] == ["SUP-1"]
    assert call(box, "GET", "2/search/jql?jql=project%3DSUP")[0] == 404
    assert box.world.arrived("jira", "old_search")[0]["status"] == 200


# --- Search ---------------------------------------------------------------------------------------------------------


def test_search_lags_behind_but_the_key_does_not(box: Sandbox, jira: JIRA) -> None:
    box.config.update({"jira_index_lag": (0.3, 0.4)})
    created = jira.create_issue(fields=fields(), prefetch=False)
    assert jira.issue("SUP-1").fields.labels == ["ban-1"]
    assert list(jira.search_issues(LABEL)) == []
    fresh = call(box, "GET", f"3/search/jql?jql=project%3DSUP&reconcileIssues={created.id}")[1]
    assert fresh["issues"] == [{"id": created.id}]
    found = box.world.wait_until(lambda: list(jira.search_issues(LABEL)), 2.0)
    assert [issue.fields.status.name for issue in found] == ["To Do"]
    jira.transition_issue("SUP-1", "31")
    assert jira.search_issues(LABEL)[0].fields.status.name == "To Do"
    assert box.world.wait_until(lambda: jira.search_issues(LABEL)[0].fields.status.name == "Done", 2.0)


def test_search_pages_by_token_and_gives_ids_only(box: Sandbox, jira: JIRA) -> None:
    for _ in range(5):
        jira.create_issue(fields=fields(), prefetch=False)
    path = "3/search/jql?jql=project%20%3D%20SUP%20ORDER%20BY%20key&maxResults=2"
    page = call(box, "GET", path)[1]
    seen = list(page["issues"])
    assert set(seen[0]) == {"id"}
    while not page["isLast"]:
        page = call(box, "GET", f"{path}&nextPageToken={page['nextPageToken']}")[1]
        seen += page["issues"]
    assert len({issue["id"] for issue in seen}) == 5
    assert "nextPageToken" not in page
    assert call(box, "GET", f"{path}&nextPageToken=bad")[0] == 400
    by_post = call(box, "POST", "3/search/jql", {"jql": "project = SUP", "fields": ["labels"], "maxResults": 1})[1]
    assert by_post["issues"][0]["fields"] == {"labels": ["ban-1"]}
    assert {issue.key for issue in jira.search_issues("project = SUP", maxResults=False)} == {
        f"SUP-{n}" for n in range(1, 6)
    }


def test_old_search_is_gone_on_cloud(box: Sandbox) -> None:
    status, answer = call(box, "GET", "2/search?jql=project%3DSUP")
    assert status == 410
    assert "CHANGE-2046" in answer["errorMessages"][0]


@pytest.mark.parametrize(
    "jql",
    [
        "",
        "ORDER BY created",
        "project =",
        "project = NOPE",
        "colour = red",
        "project SUP",
        "project = SUP AND",
        "(project = SUP",
        "labels > 3",
        "project = SUP ORDER BY colour",
        "project = SUP extra",
        'status = "Nearly"',
    ],
)
def test_queries_that_jira_refuses(jql: str, box: Sandbox) -> None:
    status, answer = call(box, "POST", "3/search/jql", {"jql": jql})
    assert status == 400
    assert answer["errorMessages"][0]


@pytest.mark.parametrize(
    ("jql", "keys"),
    [
        ("project = SUP AND labels = 'ban-2'", [2]),
        ('labels in (ban-1, "ban-2") ORDER BY key DESC', [2, 1]),
        ("project = SUP AND labels not in (ban-1) ORDER BY key", [2]),
        ("labels is EMPTY AND project = sup", [3]),
        ("labels != ban-1", [2]),
        ("key = SUP-3 OR labels = ban-1 ORDER BY key ASC", [1, 3]),
        ("project = SUP AND NOT (labels = ban-1 OR labels is empty)", [2]),
        ("statusCategory = Done", [2]),
        ("statusCategory != done AND resolution is EMPTY ORDER BY key", [1, 3]),
        ('resolution = "Won\'t Do"', [2]),
        ("project = SUP AND created >= -5m ORDER BY created", [1, 2, 3]),
        ("project = SUP AND updated < 2020-01-01", []),
        ('summary ~ "ban" order by id desc', [3, 2, 1]),
        ("labels = ban", []),
    ],
)
def test_queries_that_find(jql: str, keys: list[int], box: Sandbox, jira: JIRA) -> None:
    for labels in (["ban-1"], ["ban-2", "x"], []):
        jira.create_issue(fields=fields(labels=labels), prefetch=False)
    jira.transition_issue("SUP-2", "41")
    assert [issue.key for issue in jira.search_issues(jql)] == [f"SUP-{n}" for n in keys]


# --- Limits and faults ----------------------------------------------------------------------------------------------


def test_writes_to_one_issue_are_limited(box: Sandbox, jira: JIRA) -> None:
    for _ in range(2):
        jira.create_issue(fields=fields(), prefetch=False)
    box.config.update({"limits": True})
    for n in range(20):
        jira.add_comment("SUP-1", str(n))
    answer = http.request("POST", f"{box.url}/rest/api/2/issue/SUP-1/comment", json={"body": "x"}, headers=BASIC)
    assert answer.status == 429
    assert answer.headers["RateLimit-Reason"] == "jira-per-issue-on-write"
    assert (answer.headers["Retry-After"], answer.headers["X-RateLimit-Remaining"]) == ("2", "0")
    assert call(box, "POST", "2/issue/SUP-2/comment", {"body": "x"})[0] == 201
    assert len(box.world.effects("jira", "comment")) == 21


def test_a_create_whose_answer_is_lost_is_there(box: Sandbox, jira: JIRA) -> None:
    box.world.faults.add("jira", "create", "reset_after")
    with pytest.raises(requests.ConnectionError):
        jira.create_issue(fields=fields(), prefetch=False)
    assert len(box.world.arrived("jira", "create")) == 1
    assert [issue.key for issue in jira.search_issues(LABEL)] == ["SUP-1"]
    box.world.faults.add("jira", "search", "readback_stale", times=2)
    jira.create_issue(fields=fields(), prefetch=False)
    assert [issue.key for issue in jira.search_issues(LABEL)] == ["SUP-1"]
    box.world.faults.clear()
    assert [issue.key for issue in jira.search_issues(LABEL)] == ["SUP-1", "SUP-2"]


def test_library_errors_name_the_field(jira: JIRA) -> None:
    with pytest.raises(JIRAError) as caught:
        jira.create_issue(fields=fields(labels=["a b"]), prefetch=False)
    assert caught.value.status_code == 400
    assert "spaces" in caught.value.text


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
