"""What the tests of the stand-in for Mattermost share: plain HTTP as our bot, a button, a post."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from sandbox.mattermost.people import stable
from sandbox.server import Config, Sandbox

BOT = {"Authorization": "Bearer stand-in-mattermost"}
CHANNEL = stable("supervisors")
AISYAH, BALA, CHEN = stable("aisyah"), stable("bala"), stable("chen")
http = urllib3.PoolManager(retries=False)


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox(Config(chat="mattermost", seed=False)) as box:
        yield box


@pytest.fixture
def box(server: Sandbox) -> Sandbox:
    server.config.update({"mattermost_rate": 0.0, "mattermost_groups": "readable", "mattermost_emails": True})
    server.world.reset()
    return server


def call(box: Sandbox, verb: str, path: str, body: Any = None, headers: dict[str, str] = BOT) -> Any:
    """(status, answer)."""
    answer = http.request(verb, f"{box.url}/api/v4/{path}", json=body, headers=headers, timeout=10)
    return answer.status, answer.json()


def button(action: str = "approve", **more: Any) -> dict[str, Any]:
    integration = {"url": "http://127.0.0.1:9/", "context": {"token": "secret"}}
    return {"id": action, "name": action.title(), "type": "button", "integration": integration, **more}


def attached(*actions: dict[str, Any], text: str = "Ban?") -> list[dict[str, Any]]:
    return [{"fallback": text, "text": text, "actions": list(actions)}]


def made(box: Sandbox, **body: Any) -> dict[str, Any]:
    status, post = call(box, "POST", "posts", {"channel_id": CHANNEL, "message": "card", **body})
    assert status == 201
    assert isinstance(post, dict)
    return post


def refusal(box: Sandbox, verb: str, path: str, body: Any = None, headers: dict[str, str] = BOT) -> tuple[int, str]:
    status, answer = call(box, verb, path, body, headers)
    assert set(answer) == {"id", "message", "detailed_error", "request_id", "status_code"}
    assert answer["status_code"] == status
    return status, answer["id"]
