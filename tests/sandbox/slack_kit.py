"""The stand-in for Slack, met with slack_sdk itself: a card, a caller, the controls of people in the channel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

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
