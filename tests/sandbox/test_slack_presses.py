"""What the stand-in for Slack sends: presses, choices, dialogs; signed, within three seconds, never twice."""

from __future__ import annotations

import time
from typing import Any

from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier

from sandbox.listener import Listener
from sandbox.server import Sandbox
from tests.sandbox.slack_kit import (
    CHANNEL,
    METADATA,
    box,
    card,
    control,
    http,
    option,
    refused,
    server,
    slack,
)

__all__ = ["box", "server", "slack"]  # fixtures

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
