"""Forms in Mattermost: one a press, and only the one that we opened for that person counts (M016, M017, S033)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import responses
from doorkit import AISYAH, BALA, CANARY, FakeDesk, button, deliver
from flask import Flask
from flask.testing import FlaskClient
from mattermostkit import (
    ACTION,
    CHANNEL,
    DIALOG,
    ELSEWHERE,
    MATTERMOST,
    POST,
    URL,
    Server,
    meant,
    metric,
    pressed,
    submitted,
    token,
)

from app.errors import StoreError
from app.events import ButtonPressed
from app.settings import Settings, load
from app.tokens import Opened, Tokens

ROOT = Path(__file__).parents[2]
PRESS = f"mm:{CHANNEL}:{POST}:{AISYAH}"


@pytest.fixture
def settings() -> Settings:
    return load(_env_file=ROOT / ".env.example", **MATTERMOST)


@pytest.fixture
def server() -> Iterator[Server]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield Server(mock)


def opened(client: FlaskClient, server: Server, settings: Settings, action: str = "decline") -> dict[str, Any]:
    """The call that opened the dialog."""
    answer = deliver(client, pressed(token(settings, action)), to=ACTION)
    assert (answer.status_code, answer.get_json()) == (200, {"skip_slack_parsing": True}), "the form speaks for itself"
    return server.calls("/actions/dialogs/open")[-1]


def submit(client: FlaskClient, state: object, **changes: Any) -> Any:
    answer = deliver(client, submitted(state, **changes), to=DIALOG)
    assert answer.status_code == 200
    return answer.get_json()


@pytest.mark.parametrize("action", ["decline", "ask"])
def test_the_form_opens_at_once_and_nothing_is_recorded(
    client: FlaskClient, desk: FakeDesk, settings: Settings, server: Server, action: str
) -> None:  # M016
    call = opened(client, server, settings, action)
    assert call["trigger_id"] == pressed("x")["trigger_id"]
    assert call["url"] == f"{settings.public_url}/webhooks/mattermost/dialog"
    assert call["dialog"]["callback_id"] == action
    held = Tokens(settings.secret_key.get_secret_value(), 60).read_form(call["dialog"]["state"])
    assert (held.button, held.user, held.ts) == (meant(action), AISYAH, POST)
    assert held.press.startswith(f"{PRESS}:{action}:")
    for _ in range(3):
        opened(client, server, settings, action)
    assert len(server.calls("/actions/dialogs/open")) == 1, "one dialog a press"
    assert desk.rows == []


def test_a_form_that_cannot_be_opened(client: FlaskClient, desk: FakeDesk, settings: Settings, server: Server) -> None:
    for status in (400, 403, 500):
        error = {"id": "api.dialog.open.app_error", "message": CANARY, "status_code": status}
        server.mock.upsert("POST", f"{URL}/api/v4/actions/dialogs/open", json=error, status=status)
        answer = deliver(client, pressed(token(settings, "decline")), to=ACTION)
        assert "could not be opened" in answer.get_json()["ephemeral_text"]
    assert len(server.calls("/actions/dialogs/open")) == 3, "and may be tried again"
    assert desk.rows == []


def test_decline(client: FlaskClient, desk: FakeDesk, settings: Settings, server: Server) -> None:
    state = opened(client, server, settings)["dialog"]["state"]
    for _ in range(2):
        assert submit(client, state) == {}
    # The web app sends the channel that is on the screen, which need not be the card's.
    assert submit(client, state, channel_id=ELSEWHERE) == {}
    assert submit(client, state, submission={"reason": "other"}) == {}
    (row,) = desk.rows
    assert isinstance(row, ButtonPressed)
    assert row.fact.startswith(f"{PRESS}:decline:")
    assert row.fact.endswith(":form")
    assert (row.user, row.team, row.channel, row.ts, row.seen) == (AISYAH, "", CHANNEL, POST, "5een")
    assert (row.action, row.choice, row.said) == ("decline", "wrong_details", {"note": f"Ask again {CANARY}"})
    assert CANARY not in repr(row)


def test_ask(client: FlaskClient, desk: FakeDesk, settings: Settings, server: Server) -> None:
    state = opened(client, server, settings, "ask")["dialog"]["state"]
    missing = submit(client, state, callback_id="ask", submission={"question": "  "})
    assert missing == {"errors": {"question": "Please write your question."}}
    assert desk.rows == []
    assert submit(client, state, callback_id="ask", submission={"question": "Which\nnumber?" + "x" * 2000}) == {}
    (row,) = desk.rows
    assert isinstance(row, ButtonPressed)
    assert row.said["question"].startswith("Which\nnumber?")
    assert len(row.said["question"]) == 1000


@pytest.mark.parametrize("submission", [{}, {"reason": None}, {"reason": ["other"]}, {"reason": "because"}, None, "x"])
def test_a_reason_is_needed(
    client: FlaskClient, desk: FakeDesk, settings: Settings, server: Server, submission: object
) -> None:
    state = opened(client, server, settings)["dialog"]["state"]
    assert submit(client, state, submission=submission) == {"errors": {"reason": "Please pick a reason."}}
    assert desk.rows == []


def test_cancelled(client: FlaskClient, desk: FakeDesk, settings: Settings, server: Server) -> None:
    state = opened(client, server, settings)["dialog"]["state"]
    assert submit(client, state, cancelled=True) == {}
    assert desk.rows == []


def forged(state: str, settings: Settings, case: str) -> dict[str, Any]:
    own = Tokens(settings.secret_key.get_secret_value(), 60)
    return {
        "another key": {"state": Tokens("another", 60).make_form(Opened(meant("decline"), AISYAH, POST, "p"))},
        "a button's": {"state": button(settings.secret_key.get_secret_value(), press=meant("decline"))},
        "edited": {"state": state[:5] + ("A" if state[5] != "A" else "B") + state[6:]},
        "for another": {"state": own.make_form(Opened(meant("decline"), BALA, POST, "p"))},
        "of another action": {"state": own.make_form(Opened(meant("approve"), AISYAH, POST, "p"))},
        "no form of ours": {"callback_id": "approve"},
        "another form": {"callback_id": "ask", "submission": {"question": "?"}},
        "odd name": {"callback_id": ["decline"]},
        "another person": {"user_id": BALA},
        "none": {"state": ...},
        "empty": {"state": ""},
    }[case]


@pytest.mark.parametrize(
    "case",
    [
        *("another key", "a button's", "edited", "for another", "of another action", "no form of ours"),
        *("another form", "odd name", "another person", "none", "empty"),
    ],
)
def test_changed(
    client: FlaskClient, desk: FakeDesk, settings: Settings, server: Server, flask_app: Flask, case: str
) -> None:  # M017
    state = opened(client, server, settings)["dialog"]["state"]
    answer = submit(client, **{"state": state, **forged(state, settings, case)})
    assert list(answer) == ["error"]
    assert "not made by Deletion Desk" in answer["error"]
    assert desk.kinds == ["ignored token_forged"]
    assert metric(flask_app, 'desk_alarms_total{reason="token_forged"} 1.0')


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("changes", [{"user_id": ...}, {"user_id": "U0"}, {"type": "other"}, {"type": ...}])
def test_no_submission(client: FlaskClient, desk: FakeDesk, changes: dict[str, Any]) -> None:
    assert deliver(client, submitted("x", **changes), to=DIALOG).status_code == 400
    assert desk.rows == []


def test_open_for_too_long(
    client: FlaskClient, desk: FakeDesk, settings: Settings, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = opened(client, server, settings)["dialog"]["state"]
    monkeypatch.setattr("app.tokens.FORM_LIFE", -1)
    assert "open for too long" in submit(client, state)["errors"]["reason"]
    assert desk.rows == []


@pytest.mark.parametrize(
    ("reason", "words"), [("store", "could not be recorded"), ("store_unclear", "could not be confirmed")]
)
def test_not_recorded(
    client: FlaskClient, desk: FakeDesk, settings: Settings, server: Server, reason: str, words: str
) -> None:
    state = opened(client, server, settings)["dialog"]["state"]
    desk.error = StoreError("away", reason)
    assert words in submit(client, state)["error"]
    desk.error = None
    assert submit(client, state) == {}
    assert desk.kinds == ["ButtonPressed"]


def test_no_worker(client: FlaskClient, desk: FakeDesk, settings: Settings, server: Server, flask_app: Flask) -> None:
    """A form has no place for it: the presser is told beside."""
    state = opened(client, server, settings)["dialog"]["state"]
    server.mock.post(f"{URL}/api/v4/posts", json={"id": POST, "channel_id": CHANNEL}, status=201)
    desk.alive = False
    assert submit(client, state) == {}
    flask_app.extensions["door"].tell._threads.shutdown(wait=True)
    (told,) = server.calls("/api/v4/posts")
    assert "nothing is decided yet" in told["message"]
