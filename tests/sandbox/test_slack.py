"""The stand-in for Slack answers as docs.slack.dev says; met with slack_sdk itself."""

from __future__ import annotations

import json
import time

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from sandbox.server import Sandbox
from tests.sandbox.slack_kit import CHANNEL, METADATA, box, card, control, http, refused, server, slack

__all__ = ["box", "server", "slack"]  # fixtures

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
