"""The stand-in for Slack answers as docs.slack.dev says and sends presses as Slack does; met with slack_sdk itself."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.signature import SignatureVerifier

from sandbox.listener import Listener
from sandbox.server import Config, Sandbox

CHANNEL = "C0SUPERVISE"
METADATA = {"event_type": "desk_card", "event_payload": {"op_id": "op-1", "case": "7"}}
http = urllib3.PoolManager(retries=False)


def button(action: str, value: str = "v", **more: Any) -> dict[str, Any]:
    text = {"type": "plain_text", "text": action.title()}
    return {"type": "button", "action_id": action, "text": text, "value": value, **more}


def option(value: str) -> dict[str, Any]:
    return {"text": {"type": "plain_text", "text": value.upper()}, "value": value}


def card() -> list[dict[str, Any]]:
    select = {"type": "static_select", "action_id": "why", "options": [option("a"), option("b")]}
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": "*Ban?*"}},
        {
            "type": "actions",
            "block_id": "decide",
            "elements": [button("approve", "tok-1", style="primary"), button("decline"), select],
        },
    ]


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with Listener() as desk:
        yield desk


@pytest.fixture(scope="module")
def server(listener: Listener) -> Iterator[Sandbox]:
    with Sandbox(Config(desk=listener.url, seed=False, limits=False)) as box:
        yield box


@pytest.fixture
def box(server: Sandbox, listener: Listener) -> Sandbox:
    server.config.update({"limits": False})
    server.world.reset()
    listener.requests.clear()
    listener.answers.clear()
    listener.delay = 0.0
    return server


@pytest.fixture
def slack(box: Sandbox) -> WebClient:
    return WebClient(token="xoxb-stand-in", base_url=f"{box.url}/api/", retry_handlers=[], timeout=5)


def refused(call: Any, **args: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        call(**args)
    return str(caught.value.response["error"])


def control(box: Sandbox, action: str, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = http.request("POST", f"{box.url}/sandbox/slack/{action}", json=body)
    return answer.status, answer.json()


# --- Who asks -------------------------------------------------------------------------------------------------------


def test_tokens(box: Sandbox) -> None:
    wrong = WebClient(token="xoxb-other", base_url=f"{box.url}/api/", retry_handlers=[])
    assert refused(wrong.auth_test) == "invalid_auth"
    assert refused(wrong.chat_postMessage, channel=CHANNEL, text="x") == "invalid_auth"
    bare = http.request("POST", f"{box.url}/api/auth.test")
    assert (bare.status, bare.json()["error"]) == (200, "not_authed")
    assert box.world.effects() == []


def test_auth_test_names_bot_and_team(slack: WebClient) -> None:
    me = slack.auth_test()
    assert (me["team_id"], me["user_id"], me["bot_id"]) == ("T0DESK", "U0DESKBOT", "B0DESK")


def test_forms_json_and_unknown_methods(box: Sandbox) -> None:
    auth = {"Authorization": "Bearer xoxb-stand-in"}
    url = f"{box.url}/api/chat.postMessage"
    form = {"channel": CHANNEL, "text": "hi", "metadata": json.dumps(METADATA), "blocks": json.dumps(card())}
    posted = http.request("POST", url, fields=form, encode_multipart=False, headers=auth).json()
    assert posted["ok"]
    assert posted["message"]["metadata"] == METADATA
    bare = http.request(
        "POST", url, body=b'{"channel":"C0SUPERVISE","text":"hi"}', headers={**auth, "Content-Type": "application/json"}
    )
    assert bare.json()["warning"] == "missing_charset"
    broken = http.request("POST", url, body=b"{", headers={**auth, "Content-Type": "application/json"})
    assert broken.json()["error"] == "invalid_json"
    missing = http.request("POST", url, body=b"{}", headers={**auth, "Content-Type": "application/json"}).json()
    assert (missing["error"], len(missing["response_metadata"]["messages"])) == ("invalid_arguments", 1)
    unknown = http.request("POST", f"{box.url}/api/chat.postMesage", headers=auth).json()
    assert unknown == {"ok": False, "error": "unknown_method", "req_method": "chat.postMesage"}
    assert len(box.world.effects("slack", "post")) == 2


# --- Messages -------------------------------------------------------------------------------------------------------


def test_post_is_recorded_and_found_by_metadata(box: Sandbox, slack: WebClient) -> None:
    before = time.time()
    posted = slack.chat_postMessage(channel=CHANNEL, text="a card", blocks=card(), metadata=METADATA)
    [effect] = box.world.effects("slack")
    assert (effect["kind"], effect["target"], effect["op"]) == ("post", posted["ts"], "op-1")
    oldest = str(before - 60)
    found = slack.conversations_history(channel=CHANNEL, oldest=oldest, include_all_metadata=True)["messages"]
    assert [m["metadata"]["event_payload"]["op_id"] for m in found] == ["op-1"]
    assert found[0]["bot_id"] == "B0DESK"
    thin = slack.conversations_history(channel=CHANNEL, oldest=oldest)["messages"]
    assert thin[0]["metadata"] == {"event_type": "desk_card"}


def test_history_bounds_and_pages(slack: WebClient) -> None:
    stamps = [slack.chat_postMessage(channel=CHANNEL, text=str(n))["ts"] for n in range(5)]
    assert stamps == sorted(set(stamps))
    between = slack.conversations_history(channel=CHANNEL, oldest=stamps[1], latest=stamps[3])["messages"]
    assert [m["ts"] for m in between] == [stamps[2]]
    ends = slack.conversations_history(channel=CHANNEL, oldest=stamps[1], latest=stamps[3], inclusive=True)["messages"]
    assert [m["ts"] for m in ends] == stamps[3:0:-1]
    first = slack.conversations_history(channel=CHANNEL, limit=3)
    assert first["has_more"]
    rest = slack.conversations_history(channel=CHANNEL, limit=3, cursor=first["response_metadata"]["next_cursor"])
    assert [m["text"] for m in [*first["messages"], *rest["messages"]]] == ["4", "3", "2", "1", "0"]
    assert not rest["has_more"]
    assert refused(slack.conversations_history, channel=CHANNEL, oldest="yesterday") == "invalid_ts_oldest"
    assert refused(slack.conversations_history, channel=CHANNEL, cursor="%%") == "invalid_cursor"
    assert refused(slack.conversations_history, channel="C0ELSEWHERE") == "not_in_channel"


def test_update_text_alone_takes_the_blocks_away_and_keeps_metadata(box: Sandbox, slack: WebClient) -> None:
    ts = slack.chat_postMessage(channel=CHANNEL, text="a", blocks=card(), metadata=METADATA)["ts"]
    changed = slack.chat_update(channel=CHANNEL, ts=ts, text="b")
    assert "blocks" not in changed["message"]
    assert changed["message"]["metadata"] == METADATA
    assert changed["message"]["edited"]["user"] == "U0DESKBOT"
    cleared = slack.chat_update(channel=CHANNEL, ts=ts, text="c", blocks=card(), metadata={})
    assert "metadata" not in cleared["message"]
    assert len(cleared["message"]["blocks"]) == 2
    assert [e["kind"] for e in box.world.effects("slack")] == ["post", "update", "update"]


def test_update_and_delete_refusals(box: Sandbox, slack: WebClient) -> None:
    ts = slack.chat_postMessage(channel=CHANNEL, text="a")["ts"]
    theirs = control(box, "say", user="U0CHEN", text="hello")[1]["ts"]
    assert refused(slack.chat_update, channel=CHANNEL, ts="1.000000", text="x") == "message_not_found"
    assert refused(slack.chat_update, channel=CHANNEL, ts=theirs, text="x") == "cant_update_message"
    assert refused(slack.chat_update, channel=CHANNEL, ts=ts, text="x" * 4001) == "msg_too_long"
    assert refused(slack.chat_update, channel="C0NOWHERE", ts=ts, text="x") == "channel_not_found"
    assert refused(slack.chat_delete, channel=CHANNEL, ts=theirs) == "cant_delete_message"
    whisper = slack.chat_postEphemeral(channel=CHANNEL, user="U0CHEN", text="psst")["message_ts"]
    assert refused(slack.chat_update, channel=CHANNEL, ts=whisper, text="x") == "message_not_found"
    assert slack.chat_delete(channel=CHANNEL, ts=ts)["ok"]
    assert refused(slack.chat_delete, channel=CHANNEL, ts=ts) == "message_not_found"
    assert [e["kind"] for e in box.world.effects("slack")] == ["post", "ephemeral", "delete"]


def test_post_refusals_apply_nothing(box: Sandbox, slack: WebClient) -> None:
    assert refused(slack.chat_postMessage, channel="C0NOWHERE", text="x") == "channel_not_found"
    assert refused(slack.chat_postMessage, channel="C0ARCHIVED", text="x") == "is_archived"
    assert refused(slack.chat_postMessage, channel="C0ELSEWHERE", text="x") == "not_in_channel"
    assert refused(slack.api_call, api_method="chat.postMessage", json={"channel": CHANNEL}) == "no_text"
    assert (
        refused(slack.chat_postMessage, channel=CHANNEL, text="x", metadata={"event_type": "t"})
        == "invalid_metadata_schema"
    )
    huge = {"event_type": "t", "event_payload": {"x": "y" * 8000}}
    assert refused(slack.chat_postMessage, channel=CHANNEL, text="x", metadata=huge) == "metadata_too_large"
    assert refused(slack.chat_postMessage, channel=CHANNEL, text="x", markdown_text="y") == "markdown_text_conflict"
    assert refused(slack.chat_postMessage, channel=CHANNEL, text="x", thread_ts="1.000000") == "cannot_reply_to_message"
    assert box.world.effects() == []


def test_threads_and_long_texts(slack: WebClient) -> None:
    parent = slack.chat_postMessage(channel=CHANNEL, text="x" * 40_001)
    assert parent["warning"] == "message_truncated"
    assert len(parent["message"]["text"]) == 40_000
    slack.chat_postMessage(channel=CHANNEL, text="in the thread", thread_ts=parent["ts"])
    slack.chat_postMessage(channel=CHANNEL, text="for all", thread_ts=parent["ts"], reply_broadcast=True)
    replies = slack.conversations_replies(channel=CHANNEL, ts=parent["ts"])["messages"]
    assert [m["text"][:3] for m in replies] == ["xxx", "in ", "for"]
    shown = slack.conversations_history(channel=CHANNEL)["messages"]
    assert [m["text"][:3] for m in shown] == ["for", "xxx"]
    assert refused(slack.conversations_replies, channel=CHANNEL, ts="1.000000") == "thread_not_found"


def test_ephemeral_goes_to_members_only_and_in_no_history(box: Sandbox, slack: WebClient) -> None:
    slack.chat_postEphemeral(channel=CHANNEL, user="U0CHEN", text="only you")
    assert slack.conversations_history(channel=CHANNEL)["messages"] == []
    for stranger in ("U0GONE", "U0OTHERBOT", "U0NOBODY"):
        assert refused(slack.chat_postEphemeral, channel=CHANNEL, user=stranger, text="x") == "user_not_in_channel"
    [shown] = box.world.slack.public()["messages"]
    assert (shown["ephemeral_to"], shown["text"]) == ("U0CHEN", "only you")


def test_direct_messages(slack: WebClient) -> None:
    posted = slack.chat_postMessage(channel="U0CHEN", text="hello")
    assert posted["channel"] == "D00CHEN"
    assert slack.conversations_history(channel="D00CHEN")["messages"][0]["text"] == "hello"


BROKEN = {
    "unknown type": [{"type": "sections"}],
    "section without text": [{"type": "section"}],
    "text too long": [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}],
    "empty text": [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}],
    "emoji on mrkdwn": [{"type": "section", "text": {"type": "mrkdwn", "text": "x", "emoji": True}}],
    "eleven fields": [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x"}] * 11}],
    "field too long": [{"type": "section", "fields": [{"type": "mrkdwn", "text": "x" * 2001}]}],
    "header too long": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}],
    "header in mrkdwn": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
    "same action twice": [{"type": "actions", "elements": [button("a"), button("a")]}],
    "26 buttons": [{"type": "actions", "elements": [button(f"a{n}") for n in range(26)]}],
    "no elements": [{"type": "actions", "elements": []}],
    "button text too long": [{"type": "actions", "elements": [button("a" * 76)]}],
    "value too long": [{"type": "actions", "elements": [button("a", "v" * 2001)]}],
    "unknown style": [{"type": "actions", "elements": [button("a", style="green")]}],
    "extra property": [{"type": "divider", "colour": "red"}],
    "same block id": [{"type": "divider", "block_id": "x"}, {"type": "divider", "block_id": "x"}],
    "block id too long": [{"type": "divider", "block_id": "x" * 256}],
    "51 blocks": [{"type": "divider"}] * 51,
    "eleven in context": [{"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 11}],
    "button in context": [{"type": "context", "elements": [button("a")]}],
    "select without options": [{"type": "actions", "elements": [{"type": "static_select", "action_id": "s"}]}],
    "unknown initial option": [
        {
            "type": "actions",
            "elements": [{"type": "static_select", "options": [option("a")], "initial_option": option("b")}],
        }
    ],
    "long confirm": [
        {
            "type": "actions",
            "elements": [
                button(
                    "a",
                    confirm={
                        "title": {"type": "plain_text", "text": "x" * 101},
                        "text": {"type": "mrkdwn", "text": "y"},
                    },
                )
            ],
        }
    ],
    "not a list": {"type": "divider"},
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_blocks_are_refused_with_the_place(name: str, box: Sandbox, slack: WebClient) -> None:
    with pytest.raises(SlackApiError) as caught:
        slack.chat_postMessage(channel=CHANNEL, text="x", blocks=BROKEN[name])
    answer = caught.value.response
    if name == "not a list":
        assert answer["error"] == "invalid_blocks_format"
    else:
        assert answer["error"] == "invalid_blocks"
        assert all("[json-pointer:/blocks" in line for line in answer["response_metadata"]["messages"])
    assert box.world.effects() == []


def test_blocks_at_their_limits_are_taken(slack: WebClient) -> None:
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": "x" * 150, "emoji": True}},
        {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3000, "verbatim": True}, "accessory": button("z")},
        {"type": "section", "fields": [{"type": "plain_text", "text": "x" * 2000}] * 10},
        {"type": "context", "elements": [{"type": "mrkdwn", "text": "x"}] * 10},
        {"type": "actions", "elements": [button(f"a{n}", "v" * 2000) for n in range(25)]},
        *[{"type": "divider"}] * 45,
    ]
    stored = slack.chat_postMessage(channel=CHANNEL, text="x", blocks=blocks)["message"]["blocks"]
    assert len({block["block_id"] for block in stored}) == 50


# --- People ---------------------------------------------------------------------------------------------------------


def test_people(slack: WebClient) -> None:
    assert slack.users_info(user="U0AISYAH")["user"]["real_name"] == "Aisyah"
    assert slack.users_info(user="U0GUEST")["user"]["is_restricted"] is True
    assert slack.users_info(user="U0GONE")["user"]["deleted"] is True
    assert slack.users_info(user="U0OTHERBOT")["user"]["is_bot"] is True
    assert slack.users_info(user="U0CHEN")["user"]["team_id"] == "T0DESK"
    assert refused(slack.users_info, user="U0NOBODY") == "user_not_found"
    assert slack.users_lookupByEmail(email="BALA@example.com")["user"]["id"] == "U0BALA"
    assert refused(slack.users_lookupByEmail, email="siti@example.com") == "users_not_found"
    assert slack.usergroups_users_list(usergroup="S0SUPERVISE")["users"] == ["U0AISYAH", "U0BALA"]
    assert refused(slack.usergroups_users_list, usergroup="S0OTHER") == "no_such_subteam"


# --- Limits ---------------------------------------------------------------------------------------------------------


def test_one_message_a_second_and_channel(box: Sandbox, slack: WebClient) -> None:
    box.config.update({"limits": True})
    slack.chat_postMessage(channel=CHANNEL, text="1")
    with pytest.raises(SlackApiError) as caught:
        slack.chat_postMessage(channel=CHANNEL, text="2")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "1"
    slack.chat_postMessage(channel="U0CHEN", text="another channel")
    time.sleep(1.0)
    slack.chat_postMessage(channel=CHANNEL, text="2")
    assert len(box.world.effects("slack", "post")) == 3


def test_a_method_has_its_number_a_minute(box: Sandbox, slack: WebClient) -> None:
    box.config.update({"limits": True})
    for _ in range(20):
        slack.usergroups_users_list(usergroup="S0SUPERVISE")
    with pytest.raises(SlackApiError) as caught:
        slack.usergroups_users_list(usergroup="S0SUPERVISE")
    assert 1 <= int(caught.value.response.headers["Retry-After"]) <= 61
    assert slack.users_info(user="U0CHEN")["ok"]


def test_a_fault_after_the_commit_leaves_the_message_there(box: Sandbox, slack: WebClient) -> None:
    box.world.faults.add("slack", "chat.postMessage", "reset_after")
    with pytest.raises(ConnectionResetError):
        slack.chat_postMessage(channel=CHANNEL, text="lost", metadata=METADATA)
    assert len(box.world.arrived("slack", "chat.postMessage")) == 1
    box.world.faults.add("slack", "chat.postMessage", "ok_false", error="internal_error", commit=True)
    assert refused(slack.chat_postMessage, channel=CHANNEL, text="lost too") == "internal_error"
    found = slack.conversations_history(channel=CHANNEL)["messages"]
    assert [m["text"] for m in found] == ["lost too", "lost"]


# --- Presses --------------------------------------------------------------------------------------------------------


def test_press_is_signed_and_says_who_pressed_what(box: Sandbox, slack: WebClient, listener: Listener) -> None:
    ts = slack.chat_postMessage(channel=CHANNEL, text="a", blocks=card(), metadata=METADATA)["ts"]
    status, answer = control(box, "press", ts=ts, action_id="approve", user="U0AISYAH", state={"why": "b"})
    assert (status, answer["status"], answer["warning"]) == (200, 200, False)
    [sent] = listener.requests
    assert sent.path == "/webhooks/slack"
    headers = dict(sent.headers.items())
    assert SignatureVerifier("stand-in-slack-signing").is_valid_request(sent.body, headers)
    assert not SignatureVerifier("another").is_valid_request(sent.body, headers)
    payload = sent.json
    assert payload["type"] == "block_actions"
    assert payload["user"] == {"id": "U0AISYAH", "username": "aisyah", "name": "aisyah", "team_id": "T0DESK"}
    assert payload["container"] == {"type": "message", "message_ts": ts, "channel_id": CHANNEL, "is_ephemeral": False}
    assert payload["channel"]["id"] == CHANNEL
    assert payload["message"]["metadata"] == METADATA
    assert payload["response_url"].startswith("https://hooks.slack.com/actions/")
    [action] = payload["actions"]
    assert (action["action_id"], action["block_id"], action["value"]) == ("approve", "decide", "tok-1")
    assert payload["state"]["values"]["decide"]["why"]["selected_option"] == option("b")


def test_choices_are_kept_per_person_and_message(box: Sandbox, slack: WebClient, listener: Listener) -> None:
    ts = slack.chat_postMessage(channel=CHANNEL, text="a", blocks=card())["ts"]
    control(box, "press", ts=ts, action_id="why", user="U0BALA", value="a")
    assert listener.requests[-1].json["actions"][0]["selected_option"] == option("a")
    control(box, "press", ts=ts, action_id="decline", user="U0BALA")
    assert listener.requests[-1].json["state"]["values"]["decide"]["why"]["selected_option"] == option("a")
    control(box, "press", ts=ts, action_id="decline", user="U0AISYAH")
    assert listener.requests[-1].json["state"]["values"]["decide"]["why"]["selected_option"] is None
    assert control(box, "press", ts=ts, action_id="why", user="U0BALA", value="z")[0] == 409
    assert len(listener.requests) == 3


def test_presses_that_cannot_be(box: Sandbox, slack: WebClient, listener: Listener) -> None:
    ts = slack.chat_postMessage(channel=CHANNEL, text="a", blocks=card())["ts"]
    assert control(box, "press", ts="1.0", action_id="approve", user="U0BALA")[0] == 404
    assert control(box, "press", ts=ts, action_id="approve", user="U0NOBODY")[0] == 404
    slack.chat_update(channel=CHANNEL, ts=ts, text="decided")
    assert control(box, "press", ts=ts, action_id="approve", user="U0BALA")[0] == 409
    assert listener.requests == []
    assert control(box, "press", ts=ts, action_id="approve", user="U0BALA", stale=True)[0] == 200
    [sent] = listener.requests
    assert sent.json["actions"][0]["value"] == "tok-1"
    assert "blocks" not in sent.json["message"]


def test_forged_value_and_ephemeral_source(box: Sandbox, slack: WebClient, listener: Listener) -> None:
    ts = slack.chat_postEphemeral(channel=CHANNEL, user="U0BALA", text="a", blocks=card())["message_ts"]
    assert control(box, "press", ts=ts, action_id="approve", user="U0CHEN")[0] == 404
    control(box, "press", ts=ts, action_id="approve", user="U0BALA", value="forged")
    payload = listener.requests[0].json
    assert payload["actions"][0]["value"] == "forged"
    assert payload["container"]["is_ephemeral"] is True
    assert "message" not in payload


def test_a_press_waits_three_seconds_and_never_repeats(box: Sandbox, slack: WebClient, listener: Listener) -> None:
    ts = slack.chat_postMessage(channel=CHANNEL, text="a", blocks=card())["ts"]
    listener.delay = 3.4
    started = time.monotonic()
    answer = control(box, "press", ts=ts, action_id="approve", user="U0BALA")[1]
    assert 2.9 < time.monotonic() - started < 3.4
    assert (answer["status"], answer["timed_out"], answer["warning"]) == (None, True, True)
    listener.delay = 0.0
    listener.answers.append(503)
    assert control(box, "press", ts=ts, action_id="approve", user="U0BALA")[1]["warning"] is True
    assert len(listener.requests) == 2
    assert [entry["vendor"] for entry in box.world.hooks.log] == ["slack", "slack"]


def modal() -> dict[str, Any]:
    return {
        "type": "modal",
        "callback_id": "reason",
        "private_metadata": "case-7",
        "title": {"type": "plain_text", "text": "Decline"},
        "submit": {"type": "plain_text", "text": "Send"},
        "blocks": [
            {
                "type": "input",
                "block_id": "why",
                "label": {"type": "plain_text", "text": "Why"},
                "element": {"type": "plain_text_input", "action_id": "text"},
            }
        ],
    }


def test_dialog_opens_once_per_trigger_and_is_submitted(box: Sandbox, slack: WebClient, listener: Listener) -> None:
    ts = slack.chat_postMessage(channel=CHANNEL, text="a", blocks=card())["ts"]
    control(box, "press", ts=ts, action_id="decline", user="U0BALA")
    trigger = listener.requests[0].json["trigger_id"]
    view = slack.views_open(trigger_id=trigger, view=modal())["view"]
    assert refused(slack.views_open, trigger_id=trigger, view=modal()) == "exchanged_trigger_id"
    assert refused(slack.views_open, trigger_id="1.2.3", view=modal()) == "invalid_trigger_id"
    assert refused(slack.views_open, trigger_id=trigger, view={**modal(), "extra": 1}) == "invalid_arguments"
    control(box, "submit", view_id=view["id"], user="U0BALA", values={"text": "not our customer"})
    payload = listener.requests[1].json
    assert payload["type"] == "view_submission"
    assert payload["view"]["private_metadata"] == "case-7"
    assert payload["view"]["state"]["values"]["why"]["text"]["value"] == "not our customer"
    assert box.world.slack.views == {}


def test_trigger_expires(box: Sandbox, slack: WebClient) -> None:
    with box.world.lock:
        trigger = box.world.slack.new_trigger("U0BALA")
        box.world.slack.triggers[trigger] = (time.monotonic() - 3.1, "U0BALA")
    assert refused(slack.views_open, trigger_id=trigger, view=modal()) == "expired_trigger_id"


def test_state_shows_people_and_messages(box: Sandbox, slack: WebClient) -> None:
    ts = slack.chat_postMessage(channel=CHANNEL, text="a", blocks=card(), metadata=METADATA)["ts"]
    shown = http.request("GET", f"{box.url}/sandbox/state").json()["slack"]
    assert shown["channel"] == CHANNEL
    assert {p["id"]: p["approver"] for p in shown["people"]} == {
        "U0AISYAH": True, "U0BALA": True, "U0CHEN": False, "U0GUEST": False
    }  # fmt: skip
    assert shown["messages"][0]["metadata"] == METADATA
    assert control(box, "delete", ts=ts)[0] == 200
    assert box.world.slack.messages == []
    assert refused(slack.chat_update, channel=CHANNEL, ts=ts, text="x") == "message_not_found"
