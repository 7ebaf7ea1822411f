"""What the stand-in for JIRA answers and sends, held against Atlassian's document and recorded webhooks."""

from __future__ import annotations

import json
from typing import Any

import pytest
import urllib3
from jsonschema import Draft4Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from sandbox.jira import ROUTES
from sandbox.listener import Listener
from sandbox.server import Sandbox
from tests.sandbox.specs_kit import NEEDED, SPECS, box, http, read

__all__ = ["box"]  # a fixture

BASIC = urllib3.make_headers(basic_auth="desk@example.com:stand-in-jira-token")
pytestmark = NEEDED


@pytest.fixture(scope="module")
def document() -> Any:
    return read(SPECS / "jira" / "jira-cloud-platform-v3-2025-12.json")


class Rest:
    """Calls REST v3 and holds each answer against the operation's own schema and list of statuses."""

    def __init__(self, box: Sandbox, document: Any) -> None:
        self._url = box.url
        self._paths = document["paths"]
        resource = Resource.from_contents(document, default_specification=DRAFT4)
        self._registry: Registry[Any] = Registry().with_resource("urn:jira", resource)
        self.seen: set[tuple[str, str]] = set()

    def __call__(self, verb: str, template: str, status: int, body: Any = None, query: str = "", **parts: str) -> Any:
        operation = self._paths[f"/rest/api/3{template}"][verb.lower()]
        url = f"{self._url}/rest/api/3{template.format(**parts)}{query}"
        answer = http.request(verb, url, json=body, headers=BASIC)
        assert answer.status == status, answer.data
        assert str(status) in operation["responses"], f"{verb} {template} never answers {status}"
        self.seen.add((verb, template))
        found = answer.json() if answer.data else None
        content = operation["responses"][str(status)].get("content", {}).get("application/json", {})
        if "schema" in content:
            self.check(found, content["schema"])
        elif status >= 400:
            self.check(found, {"$ref": "#/components/schemas/ErrorCollection"})
        return found

    def check(self, value: Any, schema: Any) -> None:
        absolute = json.loads(json.dumps(schema).replace('"#/', '"urn:jira#/'))
        Draft4Validator(absolute, registry=self._registry).validate(value)


DOCUMENT = {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "text", "text": "x"}]}]}
NEW = {
    "project": {"key": "SUP"},
    "issuetype": {"name": "Task"},
    "summary": "Ban",
    "description": DOCUMENT,
    "labels": ["ban-1"],
}


def test_jira_answers_fit_the_openapi_document(box: Sandbox, document: Any) -> None:
    rest = Rest(box, document)
    issue, one = "/issue/{issueIdOrKey}", {"issueIdOrKey": "SUP-1"}
    rest("POST", "/issue", 201, {"fields": NEW})
    rest("POST", "/issue", 400, {"fields": {**NEW, "labels": ["a b"]}})
    rest("GET", issue, 200, **one)
    rest("GET", issue, 404, issueIdOrKey="SUP-9")
    rest("PUT", issue, 204, {"fields": {"summary": "New"}}, **one)
    rest("PUT", issue, 400, {"fields": {"summary": "two\nlines"}}, **one)
    rest("POST", f"{issue}/comment", 201, {"body": DOCUMENT}, **one)
    rest("POST", f"{issue}/comment", 400, {"body": "text"}, **one)
    rest("GET", f"{issue}/comment", 200, **one)
    rest("GET", f"{issue}/transitions", 200, **one)
    rest("POST", f"{issue}/transitions", 204, {"transition": {"id": "31"}}, **one)
    rest("POST", f"{issue}/transitions", 400, {"transition": {"id": "31"}}, **one)
    link = {"globalId": "g", "object": {"url": "https://x.example.com", "title": "t"}}
    rest("POST", f"{issue}/remotelink", 201, link, **one)
    rest("POST", f"{issue}/remotelink", 200, link, **one)
    found = rest("GET", f"{issue}/remotelink", 200, query="?globalId=g", **one)
    assert found["globalId"] == "g"
    rest("GET", f"{issue}/remotelink", 404, query="?globalId=h", **one)
    for fields in ("", "&fields=*all", "&fields=labels,status"):
        rest("GET", "/search/jql", 200, query=f"?jql=project%3DSUP{fields}")
    rest("POST", "/search/jql", 200, {"jql": "project = SUP", "fields": ["*navigable"]})
    rest("GET", "/search/jql", 400, query="?jql=")
    rest("GET", "/myself", 200)
    rest("GET", "/serverInfo", 200)
    rest("GET", "/field", 200)
    rest("GET", "/project/{projectIdOrKey}", 200, projectIdOrKey="SUP")
    rest("GET", "/project/{projectIdOrKey}", 404, projectIdOrKey="NOPE")
    rest("GET", "/issue/createmeta/{projectIdOrKey}/issuetypes", 200, projectIdOrKey="SUP")
    rest("DELETE", issue, 204, **one)
    served = {(verb, path.replace("<key>", "{key}")) for name, verb, path, _ in ROUTES if name != "old_search"}
    named = {(v, p.replace("{issueIdOrKey}", "{key}").replace("{projectIdOrKey}", "{key}")) for v, p in rest.seen}
    assert served <= named, f"not held against the document: {served - named}"


def webhooks(box: Sandbox, listener: Listener) -> dict[str, dict[str, Any]]:
    """The body of each kind of webhook, from the changes of one issue's life."""
    api2 = f"{box.url}/rest/api/2/issue"
    http.request("POST", api2, json={"fields": {**NEW, "description": "x"}}, headers=BASIC)
    http.request("POST", f"{api2}/SUP-1/comment", json={"body": "x"}, headers=BASIC)
    http.request("POST", f"{api2}/SUP-1/transitions", json={"transition": {"id": "31"}}, headers=BASIC)
    http.request("DELETE", f"{api2}/SUP-1", headers=BASIC)
    assert box.world.wait_until(lambda: len(listener.requests) == 4)
    return {request.json["webhookEvent"]: request.json for request in listener.requests}


RECORDED = {
    "jira:issue_created": "webhook-cloud-issue-created-many-fields.json",
    "jira:issue_updated": "webhook-issue-updated-resolved.json",
    "jira:issue_deleted": "webhook-issue-deleted.json",
    "comment_created": "webhook-cloud-comment-created.json",
}
ADDED_SINCE = {"accountType", "statuscategorychangedate", "simplified"}  # by Cloud, after those recordings were made


def test_jira_webhooks_look_like_recorded_ones(box: Sandbox, listener: Listener) -> None:
    ours = webhooks(box, listener)
    assert set(ours) == set(RECORDED)
    for event, name in RECORDED.items():
        theirs = read(SPECS / "jira" / "payloads" / name)
        assert set(ours[event]) == set(theirs), event
        same_kind(ours[event], theirs, event)
    moved, recorded = ours["jira:issue_updated"], read(SPECS / "jira" / "payloads" / RECORDED["jira:issue_updated"])
    assert moved["issue_event_type_name"] == recorded["issue_event_type_name"]
    assert [i["field"] for i in moved["changelog"]["items"]] == [i["field"] for i in recorded["changelog"]["items"]]
    assert set(moved["changelog"]["items"][0]) == set(recorded["changelog"]["items"][0])
    created = [i for i in ours["jira:issue_created"]["changelog"]["items"] if i["fieldId"] == "status"]
    assert created[0]["field"] == "Status"
    assert set(ours["comment_created"]["issue"]["fields"]) == {
        "summary", "issuetype", "project", "assignee", "priority", "status"
    }  # fmt: skip


def same_kind(value: Any, recorded: Any, where: str) -> None:
    """No field that the recording does not have, and values of the same kind; null fits everything."""
    if value is None or recorded is None:
        return
    assert type(value) is type(recorded), f"{where}: {value!r}, recorded {recorded!r}"
    if isinstance(value, dict):
        assert set(value) - set(recorded) <= ADDED_SINCE, f"{where}: {set(value) - set(recorded)}"
        for name in set(value) & set(recorded):
            same_kind(value[name], recorded[name], f"{where}.{name}")
    elif isinstance(value, list) and recorded:
        for part in value:
            same_kind(part, recorded[0], f"{where}[]")
