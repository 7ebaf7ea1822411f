"""The stand-in for Mattermost calls an integration as its server does, and carries out what comes back."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.listener import Listener
from sandbox.mattermost.people import BOT_USER, TEAM_ID, TEAM_NAME, stable
from sandbox.server import Config, Sandbox
from tests.sandbox.mattermost_kit import AISYAH, BALA, CHANNEL, attached, button, call, http, made, refusal

ELEMENTS = [
    {"display_name": "Why", "name": "reason", "type": "select", "options": [{"text": "Other", "value": "other"}]},
    {"display_name": "Note", "name": "note", "type": "textarea", "optional": True, "max_length": 1000},
]
DIALOG = {"callback_id": "decline", "title": "Decline", "elements": ELEMENTS, "state": "signed"}


@pytest.fixture(scope="module")
def server(listener: Listener) -> Iterator[Sandbox]:
    with Sandbox(Config(desk=listener.url, chat="mattermost", seed=False)) as box:
        yield box


@pytest.fixture
def box(server: Sandbox, listener: Listener) -> Sandbox:
    listener.requests.clear()
    listener.status, listener.body = 200, b""
    server.world.reset()
    return server


@pytest.fixture
def post(box: Sandbox, listener: Listener) -> dict[str, Any]:
    integration = {"url": f"{listener.url}/webhooks/mattermost/action", "context": {"token": "tok-1"}}
    return made(box, props={"attachments": attached(button(integration=integration)), "desk_op": "op-1"})


def control(box: Sandbox, what: str, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = http.request("POST", f"{box.url}/sandbox/mattermost/{what}", json=body)
    return answer.status, answer.json()


def press(box: Sandbox, post: dict[str, Any], user: str = AISYAH, **more: Any) -> dict[str, Any]:
    status, answer = control(box, "press", post_id=post["id"], action_id="approve", user=user, **more)
    assert status == 200
    return answer


def shown(box: Sandbox) -> list[dict[str, Any]]:
    return list(http.request("GET", f"{box.url}/sandbox/state").json()["mattermost"]["posts"])


def test_a_press_is_sent_unsigned_with_its_context(box: Sandbox, listener: Listener, post: dict[str, Any]) -> None:
    answer = press(box, post)
    assert (answer["status"], answer["warning"], answer["problem"]) == (200, False, "")
    (request,) = listener.requests
    assert request.path == "/webhooks/mattermost/action"
    names = {name.lower() for name in request.headers}
    assert not names & {"authorization", "cookie"}
    assert not any("signature" in name for name in names)
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"] == "Mattermost-Bot/1.1"
    sent = request.json
    trigger = base64.b64decode(sent.pop("trigger_id")).decode().split(":")
    assert len(trigger) == 4
    assert trigger[1] == AISYAH
    assert sent == {
        "user_id": AISYAH,
        "user_name": "aisyah",
        "channel_id": CHANNEL,
        "channel_name": "supervisors",
        "team_id": TEAM_ID,
        "team_domain": TEAM_NAME,
        "post_id": post["id"],
        "type": "button",
        "data_source": "",
        "context": {"token": "tok-1"},
    }
    direct = call(box, "POST", "channels/direct", [BOT_USER, BALA])[1]["id"]
    integration = {"url": listener.url, "context": {}}
    press(box, made(box, channel_id=direct, props={"attachments": attached(button(integration=integration))}), BALA)
    assert (listener.requests[-1].json["team_id"], "context" in listener.requests[-1].json) == ("", False)


@pytest.mark.parametrize(
    ("update", "message", "attachments"),
    [
        ({"message": "new"}, "new", 1),
        ({"message": "new", "props": None}, "new", 1),
        ({"message": "new", "props": {}}, "new", 0),
        ({"props": {"attachments": [{"text": "Done"}, {"text": "and done"}]}}, "", 2),
    ],
)
def test_an_update_in_the_answer(
    box: Sandbox, listener: Listener, post: dict[str, Any], update: dict[str, Any], message: str, attachments: int
) -> None:
    listener.body = json.dumps({"update": update}).encode()
    press(box, post)
    (now,) = shown(box)
    assert (now["message"], len(now["props"].get("attachments", []))) == (message, attachments)
    assert now["edited"] is True
    assert [e["kind"] for e in box.world.effects("mattermost")] == ["post", "press_update"]


def test_an_update_without_props_brings_back_those_of_before_the_call(
    box: Sandbox, listener: Listener, post: dict[str, Any]
) -> None:
    """As the server does: what was patched while the integration was thinking is undone."""
    listener.body, listener.delay = json.dumps({"update": {"message": "new"}}).encode(), 0.5
    try:
        pressing = threading.Thread(target=press, args=(box, post))
        pressing.start()
        assert box.world.wait_until(lambda: listener.requests)
        call(box, "PUT", f"posts/{post['id']}/patch", {"props": {}})
        assert not shown(box)[0]["props"]
        pressing.join()
    finally:
        listener.delay = 0.0
    assert len(shown(box)[0]["props"]["attachments"][0]["actions"]) == 1


def test_an_ephemeral_text_is_for_one_person(box: Sandbox, listener: Listener, post: dict[str, Any]) -> None:
    listener.body = json.dumps({"ephemeral_text": "see <https://a.example|this>"}).encode()
    press(box, post)
    listener.body = json.dumps({"ephemeral_text": "<https://a.example|this>", "skip_slack_parsing": True}).encode()
    press(box, post, BALA)
    told = [(one["ephemeral_to"], one["message"]) for one in shown(box) if one["ephemeral_to"]]
    assert told == [(AISYAH, "see [this](https://a.example)"), (BALA, "<https://a.example|this>")]
    order = call(box, "GET", f"channels/{CHANNEL}/posts?since=1")[1]["order"]
    assert order == [post["id"]]  # no history has them


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (200, b"", ""),
        (200, b"{}", ""),
        (200, b"<html>", "Action integration error."),
        (503, b"{}", "Action integration error."),
        (302, b"", "Action integration error."),
        (200, b'{"error": {"message": "Not today."}}', "Not today."),
    ],
)
def test_what_the_person_sees_of_a_bad_answer(
    box: Sandbox, listener: Listener, post: dict[str, Any], status: int, body: bytes, problem: str
) -> None:
    listener.status, listener.body = status, body
    answer = press(box, post)
    assert (answer["status"], answer["problem"], answer["warning"]) == (status, problem, bool(problem))
    assert len(listener.requests) == 1  # and it is not sent again
    assert [e["kind"] for e in box.world.effects("mattermost")] == ["post"]


def test_buttons_that_are_there_no_more(box: Sandbox, listener: Listener, post: dict[str, Any]) -> None:
    call(box, "PUT", f"posts/{post['id']}/patch", {"props": {"attachments": [{"text": "Done"}]}})
    body = {"post_id": post["id"], "action_id": "approve", "user": AISYAH}
    assert control(box, "press", **body)[0] == 409
    assert press(box, post, stale=True)["status"] == 200  # a client that has not refreshed
    call(box, "DELETE", f"posts/{post['id']}")
    assert control(box, "press", **body)[0] == 404
    assert press(box, post, stale=True, context={"token": "other"})["status"] == 200
    assert [r.json["context"] for r in listener.requests] == [{"token": "tok-1"}, {"token": "other"}]
    assert control(box, "press", **{**body, "user": stable("nobody")})[0] == 404


def test_a_client_presses_by_the_servers_own_route(box: Sandbox, listener: Listener, post: dict[str, Any]) -> None:
    path = f"posts/{post['id']}/actions/approve"
    member = {"Authorization": f"Bearer session-{AISYAH}"}
    assert call(box, "POST", path, {}, member)[1]["status"] == "OK"
    assert listener.requests[-1].json["user_id"] == AISYAH
    outside = {"Authorization": f"Bearer session-{stable('left')}"}
    assert refusal(box, "POST", path, {}, outside) == (403, "api.context.permissions.app_error")
    unknown = f"posts/{post['id']}/actions/decline"
    assert refusal(box, "POST", unknown, {}, member) == (404, "api.post.do_action.action_id.app_error")
    assert refusal(box, "POST", path, {}, {}) == (401, "api.context.session_expired.app_error")
    failed = "api.post.do_action.action_integration.app_error"
    for status, passed_on in ((500, 400), (503, 503), (429, 429)):
        listener.status = status
        assert refusal(box, "POST", path, {}, member) == (passed_on, failed)
    assert len(listener.requests) == 4


def opened(box: Sandbox, listener: Listener, post: dict[str, Any]) -> dict[str, Any]:
    press(box, post)
    body = {"trigger_id": listener.requests[-1].json["trigger_id"], "url": f"{listener.url}/dialog", "dialog": DIALOG}
    assert call(box, "POST", "actions/dialogs/open", body, {}) == (200, {"status": "OK"})
    (dialog,) = http.request("GET", f"{box.url}/sandbox/state").json()["mattermost"]["dialogs"]
    listener.requests.clear()
    return dict(dialog)


def test_a_dialog_is_opened_sent_and_closed(box: Sandbox, listener: Listener, post: dict[str, Any]) -> None:
    dialog = opened(box, listener, post)
    assert (dialog["user"], dialog["title"]) == (AISYAH, "Decline")
    body = {"dialog_id": dialog["id"], "user": AISYAH, "values": {"reason": "other"}}
    listener.body = b'{"errors": {"reason": "Pick one."}}'
    assert control(box, "submit", **body)[1]["errors"] == {"reason": "Pick one."}
    listener.body = b'{"error": "Not now."}'
    assert control(box, "submit", **body)[1]["problem"] == "Not now."
    assert len(box.world.mattermost.dialogs) == 1
    listener.body = b""
    assert control(box, "submit", **body)[1]["problem"] == ""
    assert box.world.mattermost.dialogs == {}
    assert listener.requests[-1].path == "/dialog"
    assert listener.requests[-1].json == {
        "type": "dialog_submission",
        "callback_id": "decline",
        "state": "signed",
        "user_id": AISYAH,
        "channel_id": CHANNEL,
        "team_id": TEAM_ID,
        "submission": {"reason": "other"},
        "cancelled": False,
    }
    assert control(box, "submit", **body)[0] == 404


def test_a_dialog_that_is_cancelled_or_changed_on_its_way(
    box: Sandbox, listener: Listener, post: dict[str, Any]
) -> None:
    dialog = opened(box, listener, post)
    forged = {"state": "forged", "callback_id": "other"}
    control(box, "submit", dialog_id=dialog["id"], user=BALA, values={}, payload=forged)
    sent = listener.requests[-1].json
    assert (sent["state"], sent["callback_id"], sent["user_id"]) == ("forged", "other", BALA)
    listener.requests.clear()
    dialog = opened(box, listener, post)
    assert control(box, "submit", dialog_id=dialog["id"], user=AISYAH, cancelled=True)[0] == 200
    assert listener.requests == []  # nobody asked to be told
    assert box.world.mattermost.dialogs == {}


def test_dialogs_that_are_refused(box: Sandbox, listener: Listener, post: dict[str, Any]) -> None:
    press(box, post)
    trigger = listener.requests[-1].json["trigger_id"]

    def open_it(trigger: str = trigger, url: str = "http://127.0.0.1:9/", **dialog: Any) -> tuple[int, str]:
        return refusal(
            box, "POST", "actions/dialogs/open", {"trigger_id": trigger, "url": url, "dialog": {**DIALOG, **dialog}}
        )

    decoded = base64.b64decode(trigger).decode()
    other = base64.b64encode(decoded.replace(AISYAH, BALA).encode()).decode()
    start = "interactive_message.decode_trigger_id"
    assert open_it("no base64!") == (400, f"{start}.base64_decode_failed")
    assert open_it(base64.b64encode(b"a:b").decode()) == (400, f"{start}.missing_data")
    assert open_it(other) == (400, f"{start}.verify_signature_failed")
    wrong = (400, "api.context.invalid_body_param.app_error")
    assert open_it(url="") == wrong
    assert open_it(title="x" * 25) == wrong
    assert open_it(elements=[{**ELEMENTS[1], "display_name": "x" * 25}]) == wrong
    assert open_it(elements=[{**ELEMENTS[1], "type": "essay"}]) == wrong
    assert open_it(elements=[ELEMENTS[1], ELEMENTS[1]]) == wrong
    assert open_it(elements=[{**ELEMENTS[0], "options": []}]) == wrong
    box.config.update({"mattermost_integration_timeout": 0.0})
    try:
        assert open_it() == (400, f"{start}.expired")
    finally:
        box.config.update({"mattermost_integration_timeout": 30.0})
    assert box.world.mattermost.dialogs == {}
