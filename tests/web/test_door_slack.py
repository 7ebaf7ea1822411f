"""The S cases of bad-inputs.md that the door decides. S010, S012-S020, S026, S031-S033 are the engine's."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import responses
from doorkit import CANARY, NOW, FakeDesk, button, deliver, form, moved, pressed, set_clock, slack_headers, stamp
from flask import Flask
from flask.testing import FlaskClient

from app.errors import StoreError
from app.events import ButtonPressed, Refused
from app.settings import Settings
from app.tokens import Press, Tokens
from app.web.guard import Presses
from app.web.tell import Teller

SPECS = Path(__file__).parents[3] / "shared" / "specs" / "slack" / "payloads"


@pytest.fixture
def token(settings: Settings) -> str:
    return button(settings.secret_key.get_secret_value())


def test_press(client: FlaskClient, desk: FakeDesk, token: str) -> None:  # S001, S005
    body = form(pressed(token))
    for _ in range(2):
        answer = deliver(client, body, to="slack")
        assert (answer.status_code, answer.get_data()) == (200, b"")
    fact = "slack:T111:U0AISYAH:111.222:1596530385.194939:approve"
    place = {"user": "U0AISYAH", "team": "T111", "channel": "C0SUPERVISE", "ts": "111.222"}
    assert desk.rows == [ButtonPressed(fact, 7, 1, "data_deletion", "approve", **place)]


@pytest.mark.parametrize(
    ("option", "choice"),
    [({"value": "wrong_details"}, "wrong_details"), ({"value": "<!channel>"}, ""), ({"value": 5}, ""), (None, "")],
)
def test_choice(client: FlaskClient, desk: FakeDesk, token: str, option: Any, choice: str) -> None:
    state = {"values": {"other": {"x": 1}, "b1": {"decline_reason": {"selected_option": option}}}}
    deliver(client, form(pressed(token, state=state)), to="slack")
    (row,) = desk.rows
    assert isinstance(row, ButtonPressed)
    assert row.choice == choice


MAC = "X-Slack-Signature"
WHEN = "X-Slack-Request-Timestamp"
BODY = form({"type": "block_actions"})


@pytest.mark.parametrize(
    "headers",
    [
        {MAC: None},
        {WHEN: None},
        {MAC: "v0=00"},
        {MAC: slack_headers(BODY)[MAC].replace("v0=", "v1=")},
        {MAC: slack_headers(BODY)[MAC].upper().replace("V0", "v0")},
        {MAC: "v0=é"},
        *(slack_headers(BODY, when) for when in ("1e9", "1700000000.5", "-1700000000", "1" * 20, "1700000000")),
        slack_headers(BODY, secret="another"),
    ],
)
def test_not_authentic(client: FlaskClient, desk: FakeDesk, headers: dict[str, str | None]) -> None:  # S002, S004
    answer = deliver(client, BODY, to="slack", headers=headers)
    assert (answer.status_code, answer.get_data(), desk.rows) == (401, b'{"error":"signature"}', [])


PRESS = pressed("x")  # whole but for its token
BROKEN: list[tuple[str, Any, str]] = [
    ("S007-empty", b"", "payload"),
    ("S007-missing", b"a=b", "payload"),
    ("S007-twice", form(PRESS) + b"&" + form(PRESS), "payload"),
    ("S007-json", b"payload=%7B", "json"),
    ("S007-array", form([]), "not_object"),
    ("S007-utf8", b"payload=%FF", "payload"),
    ("S007-raw-bytes", b"payload=\xff", "payload"),
    ("S007-many-fields", b"&".join(b"a=1" for _ in range(2000)), "payload"),
    ("S007-depth", form("[" * 3000), "depth"),
    ("S007-duplicate", form('{"type":"x","type":"block_actions"}'), "duplicate_key"),
    ("S009-view", form({"type": "view_submission"}), "event_type"),
    ("S009-closed", form({"type": "view_closed"}), "event_type"),
    ("S009-shortcut", form({"type": "shortcut"}), "event_type"),
    ("S009-none", form({}), "event_type"),
    ("no-actions", form(pressed("x", actions=[])), "payload"),
    ("two-actions", form(pressed("x", actions=PRESS["actions"] * 2)), "payload"),
    ("odd-actions", form(pressed("x", actions=["x"])), "payload"),
    ("select", form(pressed("x", action={"type": "static_select", "action_id": "decline_reason"})), "not_a_button"),
    ("no-user", form(pressed("x", user=...)), "payload"),
    ("user-with-a-colon", form(pressed("x", user={"id": "U1:T1"})), "payload"),
    ("odd-channel", form(pressed("x", channel={"id": ["C"]})), "payload"),
    ("odd-action-ts", form(pressed("x", action={"action_ts": "soon"})), "payload"),
]


@pytest.mark.parametrize(("body", "reason"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_signed_but_not_a_press(client: FlaskClient, desk: FakeDesk, body: bytes, reason: str) -> None:
    answer = deliver(client, body, to="slack")
    assert (answer.status_code, answer.get_data(), desk.kinds) == (200, b"", [f"ignored {reason}"])
    assert CANARY not in repr(desk.rows)


def test_too_large(client: FlaskClient, desk: FakeDesk) -> None:  # S008
    assert deliver(client, b"payload=" + b"x" * 3_000_000, to="slack").status_code == 413
    assert desk.rows == []


@pytest.mark.parametrize("value", [None, "", "x", "é", "x" * 2001, 5, "W10.a.b"])  # S022, S024
def test_forged(client: FlaskClient, desk: FakeDesk, token: str, value: object) -> None:
    expect_answerable(client, desk, value, "token_forged")


def test_forged_by_another_key_or_edited(client: FlaskClient, desk: FakeDesk, token: str) -> None:
    expect_answerable(client, desk, button("another-key"), "token_forged")
    desk.clear()
    expect_answerable(client, desk, token.replace(token[2], "A" if token[2] != "A" else "B", 1), "token_forged")


def test_expired(client: FlaskClient, desk: FakeDesk, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    import itsdangerous.timed

    key = settings.secret_key.get_secret_value()
    now = itsdangerous.timed.time.time()
    with monkeypatch.context() as patch:
        patch.setattr("itsdangerous.timed.time.time", lambda: now - settings.approval_life - 2)
        old = Tokens(key, settings.approval_life).make(Press(7, 1, "data_deletion", "approve"))
    expect_answerable(client, desk, old, "token_expired")


def expect_answerable(client: FlaskClient, desk: FakeDesk, value: object, reason: str) -> None:
    """0 effects, yet the presser can be told (S020)."""
    assert deliver(client, form(pressed(value)), to="slack").status_code == 200
    (row,) = desk.rows
    assert isinstance(row, Refused)
    assert (row.outcome, row.reason, row.body) == ("ignored", reason, None)
    assert row.detail == {"user": "U0AISYAH", "team": "T111", "channel": "C0SUPERVISE", "ts": "111.222"}


class TestNothingRecorded:
    """S027: the presser is told to press again; only when that fails too is Slack answered 503."""

    @pytest.fixture
    def told(self, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Whom the door told what."""
        desk.error = StoreError("locked", "store")
        said: list[str] = []
        monkeypatch.setattr(Teller, "__call__", lambda _, user, key, procedure="": not said.append(f"{user} {key}"))
        return said

    def test_said_to_the_presser(self, client: FlaskClient, desk: FakeDesk, token: str, told: list[str]) -> None:
        for value in (token, "forged"):
            answer = deliver(client, form(pressed(value)), to="slack")
            assert (answer.status_code, answer.get_data()) == (200, b"")
        assert (told, desk.rows) == (["U0AISYAH try_again"] * 2, [])

    def test_nobody_knows_whether_it_is_recorded(
        self, client: FlaskClient, desk: FakeDesk, token: str, told: list[str]
    ) -> None:
        desk.error = StoreError("cut off", "store_unclear")
        assert deliver(client, form(pressed(token)), to="slack").status_code == 200
        assert told == ["U0AISYAH not_confirmed"]

    def test_others_come_again_by_themselves(self, client: FlaskClient, told: list[str]) -> None:
        assert deliver(client, form({"type": "shortcut"}), to="slack").status_code == 503
        assert deliver(client, moved(), to="jira").status_code == 503
        assert told == []

    @pytest.mark.usefixtures("told")
    def test_neither_recorded_nor_said(self, client: FlaskClient, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Teller, "__call__", lambda *_, **__: False)
        answer = deliver(client, form(pressed(token)), to="slack")
        assert (answer.status_code, answer.get_json()) == (503, {"error": "try_again"})

    def test_the_real_way_to_slack(self, flask_app: Flask, desk: FakeDesk, token: str, settings: Settings) -> None:
        desk.error = StoreError("locked", "store")
        with responses.RequestsMock() as mock:
            sent = mock.post(f"{settings.slack_url}/chat.postEphemeral", json={"ok": True, "message_ts": "1.1"})
            assert deliver(flask_app.test_client(), form(pressed(token)), to="slack").status_code == 200
            fields = json.loads(sent.calls[0].request.body or b"")
            assert (fields["channel"], fields["user"]) == ("C0SUPERVISE", "U0AISYAH")
            assert "press again" in fields["text"]
            mock.replace(
                "POST", f"{settings.slack_url}/chat.postEphemeral", json={"ok": False, "error": "not_in_channel"}
            )
            assert deliver(flask_app.test_client(), form(pressed(token)), to="slack").status_code == 503

    @pytest.mark.parametrize("drips", [0, 30])
    def test_a_slow_slack_is_not_waited_for(self, settings: Settings, drips: int) -> None:
        """It never answers, or a letter at a time."""
        with socket.create_server(("127.0.0.1", 0)) as slow:
            thread = threading.Thread(target=drip, args=(slow, drips))
            thread.start()
            url = f"http://127.0.0.1:{slow.getsockname()[1]}/api"
            began = time.monotonic()
            assert Teller(settings.model_copy(update={"slack_url": url}))("U0AISYAH", "try_again") is False
            assert time.monotonic() - began < 2
            thread.join(5)


def drip(server: socket.socket, letters: int) -> None:
    """Take one connection, send that many letters of a header, wait for the other end to go."""
    conn, _ = server.accept()
    with conn, contextlib.suppress(OSError):
        for part in (b"HTTP/1.1 200 OK\r\nX-Long: ", *[b"x"] * letters):
            if letters:
                conn.sendall(part)
                time.sleep(0.2)
        while conn.recv(65536):
            pass


class TestTooFast:
    """S031: five presses of one card by one person in ten seconds; the next is answered, the others are not."""

    def press(self, client: FlaskClient, number: int, value: object, **more: Any) -> None:
        stamp = {"action_ts": f"1596530385.{number:06d}"}
        assert deliver(client, form(pressed(value, action=stamp, **more)), to="slack").status_code == 200

    def test_many(self, client: FlaskClient, flask_app: Flask, desk: FakeDesk, token: str) -> None:
        for number in range(100):
            self.press(client, number, token)
        assert desk.kinds == ["ButtonPressed"] * 5 + ["ignored slow_down"] + ["ignored slow_down_silent"] * 94
        refused = desk.rows[5]
        assert isinstance(refused, Refused)
        assert refused.detail == {"user": "U0AISYAH", "team": "T111", "channel": "C0SUPERVISE", "ts": "111.222"}
        desk.clear()
        set_clock(flask_app, NOW + 9)
        self.press(client, 200, token)
        set_clock(flask_app, NOW + 10)
        self.press(client, 201, token)
        assert desk.kinds == ["ignored slow_down_silent", "ButtonPressed"]
        desk.clear()
        for number in range(300, 306):
            self.press(client, number, token)
        assert desk.kinds == ["ButtonPressed"] * 4 + ["ignored slow_down", "ignored slow_down_silent"], "told once more"

    def test_by_person_and_card(self, client: FlaskClient, desk: FakeDesk, token: str) -> None:
        for number in range(6):
            self.press(client, number, token)
        self.press(client, 7, token, user={"id": "U0BALA"})
        for card in range(20):
            container = {"type": "message", "message_ts": f"{card}.333", "channel_id": "C0SUPERVISE"}
            self.press(client, 100 + card, token, container=container)
        assert desk.kinds == ["ButtonPressed"] * 5 + ["ignored slow_down"] + ["ButtonPressed"] * 21

    def test_the_same_press_again_is_no_other(self, client: FlaskClient, desk: FakeDesk, token: str) -> None:
        for _ in range(50):
            self.press(client, 1, token)
        self.press(client, 2, token)
        assert desk.kinds == ["ButtonPressed"] * 2

    def test_forged_ones_count_and_unsigned_ones_do_not(self, client: FlaskClient, desk: FakeDesk, token: str) -> None:
        for number in range(20):
            body = form(pressed(token, action={"action_ts": f"1.{number}"}))
            assert deliver(client, body, to="slack", headers={MAC: "v0=00"}).status_code == 401
        assert desk.rows == []
        for number in range(7):
            self.press(client, number, "forged")
        assert desk.kinds == ["ignored token_forged"] * 5 + ["ignored slow_down", "ignored slow_down_silent"]

    def test_bounded_and_not_stopped_by_a_clock_that_goes_back(self) -> None:
        presses = Presses(size=10)
        for number in range(1000):
            assert presses.take(f"who{number}", "x", 0.0) == ""
        assert len(presses._seen) == 10
        assert [presses.take("a", str(number), 100.0) for number in range(6)] == [""] * 5 + ["slow_down"]
        assert presses.take("a", "7", 50.0) == ""


def test_challenge(client: FlaskClient, desk: FakeDesk) -> None:  # S029
    asked = {"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}
    answer = deliver(client, asked, to="slack")
    assert (answer.status_code, answer.mimetype, answer.text) == (200, "text/plain", asked["challenge"])
    assert deliver(client, asked, to="slack", headers={MAC: "v0=1"}).status_code == 401
    for odd in ("x" * 201, "<b>x</b> y", 5, None):
        answer = deliver(client, {**asked, "challenge": odd}, to="slack")
        assert (answer.status_code, answer.text) == (200, "")
    assert all(isinstance(row, Refused) for row in desk.rows)


@pytest.mark.skipif(not SPECS.exists(), reason="the vendors' recorded payloads are not beside this repository")
def test_recorded_payloads(client: FlaskClient, desk: FakeDesk) -> None:
    seen = {}
    for path in sorted(SPECS.glob("*Payload.json")) + sorted(SPECS.glob("*body.json")):
        desk.clear()
        assert deliver(client, form(json.loads(path.read_text())), to="slack").status_code == 200
        seen[path.stem] = desk.kinds
    assert seen.pop("bolt-python-block_actions-body") == ["ignored token_forged"]  # not our button
    assert len(seen) >= 5
    assert all(kinds and kinds[0].startswith("ignored ") for kinds in seen.values())


def test_stamp_is_not_a_slack_time(client: FlaskClient, desk: FakeDesk) -> None:
    assert deliver(client, BODY, to="slack", headers=slack_headers(BODY, stamp())).status_code == 401
    assert desk.rows == []
