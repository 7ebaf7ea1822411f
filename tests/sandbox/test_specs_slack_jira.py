"""What the stand-ins for Slack and JIRA answer and send, held against the vendors' own documents and recordings.

The documents lie beside the repository (`../shared/specs`) on some machines only, and are not ours to ship.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from jsonschema import Draft4Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from sandbox.jira import ROUTES
from sandbox.listener import Listener
from sandbox.server import Config, Sandbox
from sandbox.slack.state import PER_MINUTE
from sandbox.slack.web import METHODS, OF_APP

SPECS = Path(__file__).resolve().parents[3] / "shared" / "specs"
METHOD_DOCS = SPECS / "slack" / "docs-slack-dev-methods"
CHANNEL = "C0SUPERVISE"
COMMON = {"not_authed", "invalid_auth", "invalid_arguments"}  # every method may answer these; the pages leave them out
TIERS = {"t2": 20, "t3": 50, "t4": 100}
BASIC = urllib3.make_headers(basic_auth="desk@example.com:stand-in-jira-token")
http = urllib3.PoolManager(retries=False)

pytestmark = pytest.mark.skipif(not SPECS.is_dir(), reason="needs ../shared/specs, the vendors' documents")


@pytest.fixture
def box(listener: Listener) -> Iterator[Sandbox]:
    listener.requests.clear()
    with Sandbox(Config(desk=listener.url, seed=False, limits=False, jira_index_lag=(0.0, 0.0))) as sandbox:
        yield sandbox


def read(path: Path) -> Any:
    return json.loads(path.read_text())


# --- Slack ----------------------------------------------------------------------------------------------------------


def api(box: Sandbox, method: str, **args: Any) -> dict[str, Any]:
    token = getattr(box.config, OF_APP.get(method, "slack_bot_token"))
    bearer = {"Authorization": f"Bearer {token}"}
    answer = http.request("POST", f"{box.url}/api/{method}", fields=args, encode_multipart=False, headers=bearer)
    assert answer.status == 200
    found = answer.json()
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", METHODS)
def test_slack_methods_take_what_the_page_says(name: str) -> None:
    page = read(METHOD_DOCS / f"{name}.json")
    _, required, takes_json = METHODS[name]
    assert {*required, "token"} == set(page["args"]["required"])
    assert takes_json == bool(page.get("json_input_supported"))
    if page["rate_limits"] in TIERS:
        assert PER_MINUTE[name] == TIERS[page["rate_limits"]]
    else:
        assert name not in PER_MINUTE


CARD = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "*Ban?*"}, "accessory": None},
    {
        "type": "actions",
        "elements": [
            {"type": "button", "action_id": "yes", "text": {"type": "plain_text", "text": "Yes"}, "style": "primary"},
            {
                "type": "static_select",
                "action_id": "why",
                "placeholder": {"type": "plain_text", "text": "Why"},
                "options": [{"text": {"type": "plain_text", "text": "A"}, "value": "a"}],
            },
        ],
    },
]
del CARD[0]["accessory"]
METADATA = {"event_type": "desk_card", "event_payload": {"op_id": "op-1"}}


def posted(box: Sandbox) -> str:
    answer = api(
        box, "chat.postMessage", channel=CHANNEL, text="a", blocks=json.dumps(CARD), metadata=json.dumps(METADATA)
    )
    return str(answer["ts"])


def test_slack_answers_have_the_fields_of_the_page(box: Sandbox) -> None:
    ts = posted(box)
    calls: dict[str, dict[str, Any]] = {
        "apps.connections.open": {},
        "auth.test": {},
        "chat.postMessage": {"channel": CHANNEL, "text": "x"},
        "chat.postEphemeral": {"channel": CHANNEL, "user": "U0CHEN", "text": "x"},
        "conversations.history": {"channel": CHANNEL},
        "conversations.replies": {"channel": CHANNEL, "ts": ts},
        "users.info": {"user": "U0CHEN"},
        "users.lookupByEmail": {"email": "chen@example.com"},
        "usergroups.users.list": {"usergroup": "S0SUPERVISE"},
        "chat.update": {"channel": CHANNEL, "ts": ts, "text": "y"},
        "chat.delete": {"channel": CHANNEL, "ts": ts},
    }
    assert set(calls) == set(METHODS) - {"views.open"}  # that one needs a press: see below
    for name, args in calls.items():
        page = read(METHOD_DOCS / f"{name}.json")
        answer = api(box, name, **args)
        assert answer["ok"] is True, name
        assert set(page["output"].get("required", [])) <= set(answer), name
        known = set(page["output"]["properties"]) | {"ok", "response_metadata"}
        for example in page["examples"].values():
            known |= set(example.get("example", {}))
        assert set(answer) <= known, name


def test_slack_person_has_the_fields_of_the_example(box: Sandbox) -> None:
    example = read(METHOD_DOCS / "users.info.json")["examples"]["success"]["example"]["user"]
    for person in box.world.slack.people:
        user = api(box, "users.info", user=person)["user"]
        assert set(user) <= set(example)
        assert set(user["profile"]) <= set(example["profile"])


def test_slack_errors_are_named_on_the_page(box: Sandbox) -> None:
    ts = posted(box)
    here, gone = {"channel": CHANNEL}, {"channel": "C0NOWHERE"}
    calls: list[tuple[str, dict[str, Any], str]] = [
        ("chat.postMessage", {**gone, "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": "C0ARCHIVED", "text": "x"}, "is_archived"),
        ("chat.postMessage", {"channel": "C0ELSEWHERE", "text": "x"}, "not_in_channel"),
        ("chat.postMessage", here, "no_text"),
        ("chat.postMessage", {**here, "blocks": '[{"type":"x"}]'}, "invalid_blocks"),
        ("chat.postMessage", {**here, "blocks": "["}, "invalid_blocks_format"),
        ("chat.postMessage", {**here, "text": "x", "metadata": "["}, "invalid_metadata_format"),
        ("chat.postMessage", {**here, "text": "x", "metadata": '{"a":1}'}, "invalid_metadata_schema"),
        ("chat.postMessage", {**here, "text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
        ("chat.postMessage", {**here, "text": "x", "thread_ts": "1.0"}, "cannot_reply_to_message"),
        ("chat.update", {**here, "ts": "1.0", "text": "x"}, "message_not_found"),
        ("chat.update", {**here, "ts": ts, "text": "x" * 4001}, "msg_too_long"),
        ("chat.update", {**gone, "ts": ts, "text": "x"}, "channel_not_found"),
        ("chat.delete", {**here, "ts": "1.0"}, "message_not_found"),
        ("chat.postEphemeral", {**here, "user": "U0GONE", "text": "x"}, "user_not_in_channel"),
        ("conversations.history", gone, "channel_not_found"),
        ("conversations.history", {**here, "latest": "x"}, "invalid_ts_latest"),
        ("conversations.history", {**here, "cursor": "x"}, "invalid_cursor"),
        ("conversations.history", {"channel": "C0ELSEWHERE"}, "not_in_channel"),
        ("conversations.replies", {**here, "ts": "1.0"}, "thread_not_found"),
        ("users.info", {"user": "U9"}, "user_not_found"),
        ("users.lookupByEmail", {"email": "no@example.com"}, "users_not_found"),
        ("usergroups.users.list", {"usergroup": "S9"}, "no_such_subteam"),
        ("views.open", {"view": "{}"}, "invalid_arguments"),
        ("users.info", {}, "invalid_arguments"),
    ]
    for name, args, error in calls:
        assert api(box, name, **args)["error"] == error
        assert error in {*read(METHOD_DOCS / f"{name}.json")["errors"], *COMMON}, f"{name}: {error}"


def fits(value: Any, sample: Any, where: str) -> None:
    """Every field of `value` is one that Slack has sent, with a value of the same kind. Null is always possible."""
    if value is None or sample in ({}, []):
        return
    assert type(value) is type(sample), f"{where}: {value!r} is not like {sample!r}"
    if isinstance(value, dict):
        # The sample's selects lack their options, which Block Kit requires; all else must be in the sample.
        missing = {"options"} if value.get("type") == "static_select" else set()
        assert set(value) - missing <= set(sample), f"{where}: {set(value) - set(sample)}"
        for name in set(value) - missing:
            fits(value[name], sample[name], f"{where}.{name}")
    elif isinstance(value, list):
        for number, part in enumerate(value):
            kind = part.get("type") if isinstance(part, dict) else None
            same = [s for s in sample if isinstance(s, dict) and s.get("type") == kind] if kind else []
            fits(part, same[0] if same else sample[0], f"{where}.{number}")


def press(box: Sandbox, listener: Listener, ts: str) -> dict[str, Any]:
    body = {"ts": ts, "action_id": "yes", "user": "U0BALA", "state": {"why": "a"}}
    assert http.request("POST", f"{box.url}/sandbox/slack/press", json=body).status == 200
    return listener.requests[-1].json


def test_slack_press_looks_like_a_recorded_one(box: Sandbox, listener: Listener) -> None:
    payload = press(box, listener, posted(box))
    folder = SPECS / "slack" / "payloads"
    recorded = read(folder / "bolt-python-block_actions-body.json")
    assert set(recorded) <= set(payload)
    assert set(recorded["container"]) == set(payload["container"])
    assert set(recorded["actions"][0]) - {"value"} <= set(payload["actions"][0])
    known = read(folder / "java-sdk-schema-BlockActionPayload.json")
    fits({**payload, "state": {}}, known, "payload")
    [values] = payload["state"]["values"].values()
    assert set(values) == {"why"}


def test_slack_submission_looks_like_a_recorded_one(box: Sandbox, listener: Listener) -> None:
    trigger = press(box, listener, posted(box))["trigger_id"]
    folder = SPECS / "slack" / "payloads"
    recorded = read(folder / "bolt-python-view_submission-body.json")
    sent = ("type", "blocks", "private_metadata", "callback_id", "title", "submit", "close")
    opened = api(
        box, "views.open", trigger_id=trigger, view=json.dumps({name: recorded["view"][name] for name in sent})
    )
    assert opened["ok"] is True, opened
    shown = read(METHOD_DOCS / "views.open.json")["examples"]["success"]["example"]["view"]
    assert set(shown) <= set(opened["view"])
    body = {"view_id": opened["view"]["id"], "user": "U0BALA", "values": {"maBWU": "test"}}
    assert http.request("POST", f"{box.url}/sandbox/slack/submit", json=body).status == 200
    payload = listener.requests[-1].json
    assert set(recorded) <= set(payload)
    assert set(recorded["view"]) == set(payload["view"])
    assert payload["view"]["state"] == recorded["view"]["state"]


# --- JIRA -----------------------------------------------------------------------------------------------------------


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
