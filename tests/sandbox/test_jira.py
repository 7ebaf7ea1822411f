"""The stand-in for JIRA answers as the REST documents say; met with the real jira library."""

from __future__ import annotations

import pytest
import requests
import urllib3
from jira import JIRA, JIRAError

from sandbox.server import Sandbox
from tests.sandbox.jira_kit import BASIC, LABEL, box, call, fields, http, jira, refused, server

__all__ = ["box", "jira", "server"]  # fixtures

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
