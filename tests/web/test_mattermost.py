"""The M cases of bad-inputs.md that the door decides: who may call, what a call must carry, what it is answered."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from doorkit import AISYAH, CANARY, CHEN, FakeDesk, button, deliver, set_clock
from flask import Flask
from flask.testing import FlaskClient
from mattermostkit import ACTION, CHANNEL, ELSEWHERE, MATTERMOST, POST, Server, card, metric, pressed, token
from werkzeug.test import TestResponse

from app import create_app
from app.errors import StoreError
from app.events import ButtonPressed, Refused
from app.settings import Settings, load

ROOT = Path(__file__).parents[2]
SPECS = ROOT.parent / "shared" / "specs" / "mattermost" / "payloads"


@pytest.fixture
def settings() -> Settings:
    return load(_env_file=ROOT / ".env.example", **MATTERMOST)


@pytest.fixture
def server() -> Iterator[Server]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Server(mock)


def act(client: FlaskClient, body: Any, **more: Any) -> TestResponse:
    return deliver(client, body, to=ACTION, **more)


def said(answer: TestResponse) -> str:
    """What the presser alone is told; the answer is well-formed."""
    body = answer.get_json()
    assert (answer.status_code, answer.mimetype, body["skip_slack_parsing"]) == (200, "application/json", True)
    assert set(body) <= {"skip_slack_parsing", "ephemeral_text", "update"}
    assert "props" not in body.get("update", {}), "they stay (M14)"
    return str(body.get("ephemeral_text", ""))


@pytest.mark.usefixtures("server")
def test_press(client: FlaskClient, desk: FakeDesk, settings: Settings) -> None:  # M001, M012, M015
    body = pressed(token(settings))
    body["context"]["selected_option"] = "decline"
    for _ in range(2):
        answer = act(client, body)
        assert said(answer).startswith("Recorded; it is being checked")
        assert answer.get_json()["update"]["message"].startswith("“Approve” was pressed, 2026-11-21 18:00: recorded.")
    (row,) = desk.rows
    assert isinstance(row, ButtonPressed)
    assert row.fact.startswith(f"mm:{CHANNEL}:{POST}:{AISYAH}:approve:")
    place = {"user": AISYAH, "team": "", "channel": CHANNEL, "ts": POST}
    assert row == ButtonPressed(row.fact, 7, 1, "data_deletion", "approve", **place, seen="5een")
    assert desk.within == [1.0, 1.0]


@pytest.mark.usefixtures("server")
def test_another_press_of_theirs_is_another_event(client: FlaskClient, desk: FakeDesk, settings: Settings) -> None:
    for trigger in ("first", "second"):
        act(client, pressed(token(settings), trigger_id=trigger))
    act(client, pressed(token(settings), trigger_id="first", user_id=CHEN))
    assert len({row.fact for row in desk.rows}) == 3


@pytest.mark.usefixtures("server")
def test_who_may_not_decide_writes_nothing_on_the_card(client: FlaskClient, desk: FakeDesk, settings: Settings) -> None:
    for action in ("approve", "decline", "ask"):
        answer = act(client, pressed(token(settings, action), user_id=CHEN))
        assert said(answer)
        assert "update" not in answer.get_json()
    assert desk.kinds == ["ButtonPressed"] * 3, "the worker says why not"


def test_no_other_peer(client: FlaskClient, desk: FakeDesk, settings: Settings, flask_app: Flask) -> None:  # M002, M006
    bodies = [pressed(token(settings)), pressed("forged"), {}, b"", b"{", b"x" * 300_000]
    for body, to in itertools.product(bodies, (ACTION, "mattermost/dialog")):
        headers = {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"}
        answer = deliver(client, body, to=to, peer="203.0.113.9", headers=headers)
        assert (answer.status_code, answer.get_data()) == (403, b'{"error":"forbidden"}')
    assert desk.rows == []
    assert metric(flask_app, 'desk_door_refused_total{reason="peer",sender="mattermost"} 12.0')


DENIED: dict[str, Any] = {
    "M002-no-context": {"context": ...},
    "M002-null": {"context": None},
    "M002-list": {"context": ["token"]},
    "M002-no-token": {"context": {}},
    "M002-odd-token": {"context": {"token": 5}},
    "M002-forged": {"context": {"token": "W10.a.b"}},
    "M003-empty": {"context": {"token": ""}},
}


@pytest.mark.parametrize("changes", DENIED.values(), ids=DENIED)
def test_no_token_of_ours(
    client: FlaskClient, desk: FakeDesk, flask_app: Flask, server: Server, changes: dict[str, Any]
) -> None:
    answer = act(client, pressed("x", **changes))
    assert "not made by Deletion Desk" in said(answer)
    assert "update" not in answer.get_json()
    expect_denied(desk, flask_app, "token_forged")
    assert server.calls(POST) == [], "Mattermost is not even asked"


def expect_denied(desk: FakeDesk, app: Flask, reason: str) -> None:
    """Kept for the audit, 0 effects, an alarm."""
    (row,) = desk.rows
    assert isinstance(row, Refused)
    assert (row.outcome, row.reason, row.body) == ("ignored", reason, None)
    assert row.detail == {"user": AISYAH, "team": "", "channel": CHANNEL, "ts": POST}
    assert metric(app, f'desk_alarms_total{{reason="{reason}"}} 1.0')


def test_token_of_another_key_or_edited(
    client: FlaskClient, desk: FakeDesk, flask_app: Flask, settings: Settings
) -> None:  # M003
    good = token(settings)
    edited = good[:5] + ("A" if good[5] != "A" else "B") + good[6:]
    for number, value in enumerate((button("another-key"), edited)):
        assert "not made by" in said(act(client, pressed(value, trigger_id=str(number))))
    assert desk.kinds == ["ignored token_forged"] * 2
    assert metric(flask_app, 'desk_alarms_total{reason="token_forged"} 2.0')


@pytest.mark.usefixtures("server")
def test_token_of_another_channel(client: FlaskClient, desk: FakeDesk, flask_app: Flask, settings: Settings) -> None:
    for channel in (ELSEWHERE, ""):  # M003, M008; an unbound one is none of Mattermost's
        desk.clear()
        assert "not made by" in said(act(client, pressed(token(settings, channel=channel))))
        (row,) = desk.rows
        assert isinstance(row, Refused)
        assert row.reason == "wrong_channel"
    assert metric(flask_app, 'desk_alarms_total{reason="wrong_channel"} 2.0')


FOREIGN: dict[str, dict[str, Any] | None] = {
    "M007-somebody-elses": card(user_id=CHEN),
    "M008-in-another-channel": card(channel_id=ELSEWHERE),
    "M007-deleted": None,
    "M007-without-that-button": card("decline"),
    "M003-of-another-case": card(props={**card()["props"], "desk_case": "case-8-1"}),
    "M003-of-another-round": card(props={**card()["props"], "desk_case": "case-7-2"}),
    "M007-no-card-of-ours": card(props={}),
}


@pytest.mark.parametrize("post", FOREIGN.values(), ids=FOREIGN)
def test_post_is_not_ours(
    client: FlaskClient, desk: FakeDesk, flask_app: Flask, settings: Settings, server: Server, post: Any
) -> None:
    server.shows(post, 200 if post else 404)
    assert "not made by" in said(act(client, pressed(token(settings))))
    expect_denied(desk, flask_app, "not_our_post")


def test_a_press_that_crossed_the_closing_of_its_card_is_no_forgery(
    client: FlaskClient, desk: FakeDesk, settings: Settings, server: Server
) -> None:
    """Two supervisors at once: the worker tells the later one who was first, and when."""
    closed = card()["props"]
    closed["attachments"] = [{"text": "Approved"}]
    server.shows(card(props=closed))
    assert said(act(client, pressed(token(settings)))).startswith("Recorded")
    assert desk.kinds == ["ButtonPressed"]


@pytest.mark.parametrize(
    "failure",
    [
        {"status": 503},
        {"status": 401},
        {"status": 403},
        {"status": 429},
        {"body": "<html>"},
        {"body": requests.ReadTimeout()},
    ],
)
def test_mattermost_cannot_be_asked(  # M019
    client: FlaskClient, desk: FakeDesk, settings: Settings, server: Server, failure: dict[str, Any]
) -> None:
    server.mock.upsert("GET", f"{MATTERMOST['mattermost_url']}/api/v4/posts/{POST}", **failure)
    for action in ("approve", "decline"):
        answer = act(client, pressed(token(settings, action)))
        assert "cannot be verified at this moment" in said(answer)
        assert "update" not in answer.get_json()
    assert desk.rows == []
    assert server.calls("/actions/dialogs/open") == []


@pytest.mark.usefixtures("server")
def test_too_fast(client: FlaskClient, flask_app: Flask, desk: FakeDesk, settings: Settings) -> None:  # S031
    texts = [said(act(client, pressed(token(settings), trigger_id=f"t{n}"))) for n in range(20)]
    assert [text[:8] for text in texts] == ["Recorded"] * 5 + ["Too many"] + [""] * 14
    assert desk.kinds.count("ButtonPressed") == 5
    set_clock(flask_app, 1_800_000_000)
    assert said(act(client, pressed(token(settings), trigger_id="later"))).startswith("Recorded")


@pytest.mark.usefixtures("server")
def test_expired(
    client: FlaskClient, desk: FakeDesk, settings: Settings, monkeypatch: pytest.MonkeyPatch, flask_app: Flask
) -> None:
    import itsdangerous.timed

    now = itsdangerous.timed.time.time()
    with monkeypatch.context() as patch:
        patch.setattr("itsdangerous.timed.time.time", lambda: now - settings.approval_life - 2)
        old = token(settings)
    assert "too old" in said(act(client, pressed(old)))
    assert desk.kinds == ["ignored token_expired"]
    assert not metric(flask_app, "desk_alarms_total{"), "old is not forged"


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("reason", "words"), [("store", "could not be recorded"), ("store_unclear", "could not be confirmed")]
)
def test_not_recorded(client: FlaskClient, desk: FakeDesk, settings: Settings, reason: str, words: str) -> None:
    desk.error = StoreError("away", reason)  # M020, S027
    answer = act(client, pressed(token(settings)))
    assert words in said(answer)
    assert "pproved" not in answer.text
    assert "update" not in answer.get_json()
    assert "not made by" in said(act(client, pressed("forged"))), "what is refused is refused, recorded or not"


@pytest.mark.usefixtures("server")
def test_no_worker(client: FlaskClient, desk: FakeDesk, settings: Settings) -> None:
    desk.alive = False
    answer = act(client, pressed(token(settings)))
    assert "nothing is decided yet" in said(answer)
    assert "was pressed" in answer.get_json()["update"]["message"]


def test_not_open_where_the_chat_is_slack(desk: FakeDesk) -> None:
    app = create_app(load(_env_file=ROOT / ".env.example"), desk)
    assert deliver(app.test_client(), pressed("x"), to=ACTION).status_code == 404


@pytest.mark.usefixtures("server")
@pytest.mark.skipif(not SPECS.exists(), reason="the vendor's recorded payloads are not beside this repository")
def test_documented_payloads(client: FlaskClient, desk: FakeDesk) -> None:
    for path in sorted(SPECS.glob("*action-request*.json")):
        body = json.loads(path.read_text())
        answer = act(client, {**body, "trigger_id": "abc"})
        assert "not made by" in said(answer), path.name
    assert desk.kinds == ["ignored token_forged"] * len(desk.rows)
    assert len(desk.rows) >= 2
    assert CANARY not in repr(desk.rows)
