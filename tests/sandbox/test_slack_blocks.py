"""The stand-in for Slack refuses broken blocks as Slack does, with the place, and takes what is at its limits."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from sandbox.server import Sandbox
from tests.sandbox.slack_kit import CHANNEL, box, button, option, server, slack

__all__ = ["box", "server", "slack"]  # fixtures

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
