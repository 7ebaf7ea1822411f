"""The S cases of bad-inputs.md that the door decides. S010, S012-S020, S026, S031-S033 are the engine's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from doorkit import CANARY, FakeDesk, button, deliver, form, pressed, slack_headers, stamp
from flask.testing import FlaskClient

from app.errors import StoreError
from app.events import ButtonPressed, Refused
from app.settings import Settings
from app.tokens import Press, Tokens

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


def test_nothing_recorded_is_said(client: FlaskClient, desk: FakeDesk, token: str) -> None:  # S027
    desk.error = StoreError("locked", "store")
    answer = deliver(client, form(pressed(token)), to="slack")
    assert (answer.status_code, answer.get_json()) == (503, {"error": "try_again"})


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
