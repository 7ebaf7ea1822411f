"""The stand-in for Slack: a deleted message can still be pressed where it is on screen, and forms can be left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import urllib3

from sandbox.listener import Listener
from sandbox.server import Config, Sandbox

http = urllib3.PoolManager(retries=False)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Listener() as desk, Sandbox(Config(desk=desk.url, seed=False, limits=False)) as sandbox:
        yield sandbox


def post(box: Sandbox, path: str, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = http.request("POST", box.url + path, json=body, headers={"Authorization": "Bearer xoxb-stand-in"})
    return answer.status, answer.json()


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


def test_a_deleted_message_on_somebodys_screen(box: Sandbox) -> None:
    pressed = {"type": "button", "action_id": "approve", "text": plain("Approve"), "value": "t"}
    blocks = [{"type": "actions", "elements": [pressed]}]
    ts = post(box, "/api/chat.postMessage", channel="C0SUPERVISE", text="card", blocks=blocks)[1]["ts"]
    assert post(box, "/sandbox/slack/delete", ts=ts)[0] == 200
    press = {"ts": ts, "action_id": "approve", "user": "U0AISYAH"}
    assert post(box, "/sandbox/slack/press", **press)[0] == 404
    status, answer = post(box, "/sandbox/slack/press", **press, stale=True)
    assert (status, answer["status"]) == (200, 200)
    assert post(box, "/api/conversations.history", channel="C0SUPERVISE")[1]["messages"] == []


def test_a_form_that_is_left_is_gone(box: Sandbox) -> None:
    view = {"type": "modal", "title": plain("Why"), "blocks": [{"type": "divider"}]}
    with box.world.lock:
        trigger = box.world.slack.new_trigger("U0AISYAH")
    opened = post(box, "/api/views.open", trigger_id=trigger, view=view)[1]["view"]["id"]
    assert post(box, "/sandbox/slack/close", view_id=opened)[1]["status"] == 200
    assert box.world.slack.views == {}
    assert post(box, "/sandbox/slack/close", view_id=opened)[0] == 404
    assert post(box, "/sandbox/slack/submit", view_id=opened, user="U0AISYAH")[0] == 404
