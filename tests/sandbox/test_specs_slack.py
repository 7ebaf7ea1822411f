"""What the stand-in for Slack answers and sends, held against Slack's own pages and recorded payloads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.listener import Listener
from sandbox.server import Sandbox
from sandbox.slack.state import PER_MINUTE
from sandbox.slack.web import METHODS, OF_APP
from tests.sandbox.specs_kit import NEEDED, SPECS, box, http, read

__all__ = ["box"]  # a fixture

METHOD_DOCS = SPECS / "slack" / "docs-slack-dev-methods"
CHANNEL = "C0SUPERVISE"
COMMON = {"not_authed", "invalid_auth", "invalid_arguments"}  # every method may answer these; the pages leave them out
TIERS = {"t2": 20, "t3": 50, "t4": 100}
pytestmark = NEEDED


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
