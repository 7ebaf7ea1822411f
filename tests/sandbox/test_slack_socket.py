"""Slack's end of Socket Mode in the stand-in, met with slack_sdk's own client."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import urllib3
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode import SocketModeClient

from sandbox.server import Config, Sandbox
from sandbox.slack import socket

PRESS = {"type": "block_actions", "actions": []}
http = urllib3.PoolManager(retries=False)
FORM = {"type": "view_submission", "view": {}}


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with Sandbox(Config(seed=False, limits=False)) as box:
        yield box


@pytest.fixture
def box(server: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    server.world.reset()
    monkeypatch.setattr(server.config, "socket_redelivers", True)
    monkeypatch.setattr(socket, "ACK_WITHIN", 0.3)
    monkeypatch.setattr(socket, "ANOTHER_WITHIN", 0.3)
    return server


@contextmanager
def app(box: Sandbox, *answers: dict[str, Any] | None) -> Iterator[list[dict[str, Any]]]:
    """A connected app that answers its n-th envelope with `answers[n]` (None: not at all); yields what it was sent."""
    heard: list[dict[str, Any]] = []
    ready = threading.Event()
    left = list(answers)

    def listen(client: Any, message: dict[str, Any], raw: str | None) -> None:
        heard.append(message)
        ready.set()
        answer = left.pop(0) if message["type"] == "interactive" and left else None
        if answer is not None:
            client.send_socket_mode_response({"envelope_id": message["envelope_id"], **answer})

    client = SocketModeClient("xapp-stand-in", web_client=WebClient(base_url=f"{box.url}/api/"), ping_interval=0.2)
    client.message_listeners.append(listen)
    client.connect()
    assert ready.wait(5)
    try:
        yield heard
    finally:
        client.auto_reconnect_enabled = False
        box.world.sockets.disconnect("drop")  # the client would wait for its own read to time out
        client.close()
        box.world.wait_until(lambda: not box.world.sockets.links())


def test_hello_then_an_envelope_that_is_acknowledged(box: Sandbox) -> None:
    with app(box, {}) as heard:
        answer = box.world.sockets.deliver(PRESS)
        assert (answer["status"], answer["warning"], answer["body"], answer["attempts"]) == (200, False, "", 1)
    assert (heard[0]["type"], heard[0]["num_connections"]) == ("hello", 1)
    assert heard[1] == {**heard[1], "type": "interactive", "accepts_response_payload": False, "payload": PRESS}


def test_a_forms_answer_goes_with_the_acknowledgement(box: Sandbox) -> None:
    with app(box, {"payload": {"response_action": "clear"}}) as heard:
        assert box.world.sockets.deliver(FORM)["body"] == '{"response_action": "clear"}'
    assert heard[1]["accepts_response_payload"] is True


def test_without_acknowledgement_it_comes_again_or_is_lost(box: Sandbox) -> None:
    with app(box, None, {}) as heard:
        answer = box.world.sockets.deliver(PRESS)
        assert (answer["status"], answer["attempts"]) == (200, 2)
        assert heard[1]["envelope_id"] == heard[2]["envelope_id"]
    box.config.update({"socket_redelivers": False})
    with app(box, None, {}):
        answer = box.world.sockets.deliver(PRESS)
        assert (answer["status"], answer["warning"], answer["attempts"]) == (None, True, 1)


def test_nobody_is_connected(box: Sandbox) -> None:
    answer = box.world.sockets.deliver(PRESS)
    assert (answer["status"], answer["warning"], answer["timed_out"], answer["attempts"]) == (None, True, True, 0)


def test_an_address_is_for_an_app_token_by_post_and_good_once(box: Sandbox) -> None:
    web = WebClient(base_url=f"{box.url}/api/")
    for token in ("xoxb-stand-in", "xapp-other"):
        with pytest.raises(SlackApiError, match="invalid_auth"):
            web.apps_connections_open(app_token=token)
    token = {"Authorization": "Bearer xapp-stand-in"}
    refused = http.request("GET", f"{box.url}/api/apps.connections.open", headers=token)
    assert refused.json() == {"ok": False, "error": "insecure_request"}
    url = web.apps_connections_open(app_token="xapp-stand-in")["url"]
    assert url.startswith("ws://127.0.0.1:")
    ticket = url.partition("ticket=")[2].partition("&")[0]
    with pytest.raises(RuntimeError, match="socket"):  # the ticket is taken, then there is no connection to take over
        box.world.sockets.serve({}, ticket)
    assert box.world.sockets.serve({}, ticket).status_code == 403
