"""Forms in Slack: a press that may be a decision opens one, and only the form that we opened, sent by that person,
counts (bad-inputs S009, S033; facts S10, S16)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import responses
from doorkit import CANARY, FakeDesk, button, deliver, form, pressed
from flask import Flask
from flask.testing import FlaskClient

from app import forms
from app.cards import REASONS
from app.errors import StoreError
from app.events import ButtonPressed, Refused
from app.settings import Settings
from app.texts import LANGUAGES, Texts
from app.tokens import Opened, Press, Tokens

PLACE = {"user": "U0AISYAH", "team": "T111", "channel": "C0SUPERVISE", "ts": "111.222"}
PRESS = "slack:T111:U0AISYAH:111.222:1596530385.194939"


@pytest.fixture
def slack(settings: Settings) -> Iterator[responses.RequestsMock]:
    """Slack itself: what the door calls before it answers."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.post(f"{settings.slack_url}/auth.test", json={"ok": True, "team_id": "T111", "user_id": "U0BOT"})
        mock.post(f"{settings.slack_url}/chat.postEphemeral", json={"ok": True, "message_ts": "1.1"})
        yield mock


def key(settings: Settings) -> str:
    return settings.secret_key.get_secret_value()


def meant(action: str, seen: str = "5een") -> Press:
    return Press(7, 1, "data_deletion", action, "C0SUPERVISE", seen)


def press_of(settings: Settings, action: str, **changes: Any) -> bytes:
    token = button(key(settings), press=meant(action))
    return form(pressed(token, action={"action_id": action}, **changes))


def calls(mock: responses.RequestsMock, method: str) -> list[dict[str, Any]]:
    return [json.loads(call.request.body or b"{}") for call in mock.calls if call.request.url.endswith(method)]


def opened(
    client: FlaskClient, slack: responses.RequestsMock, settings: Settings, action: str, **changes: Any
) -> dict[str, Any]:
    """The view that a press of `action` opens."""
    slack.post(f"{settings.slack_url}/views.open", json={"ok": True, "view": {"id": "V1"}})
    answer = deliver(client, press_of(settings, action, **changes), to="slack")
    assert (answer.status_code, answer.get_data()) == (200, b"")
    return dict(calls(slack, "views.open")[-1]["view"])


def sent(view: dict[str, Any], values: dict[str, str | None], user: str = "U0AISYAH") -> bytes:
    """The view filled in, as Slack sends it."""
    state: dict[str, Any] = {}
    for block in view["blocks"]:
        name, kind = block["block_id"], block["element"]["type"]
        value = values.get(name)
        picked = {"selected_option": {"value": value} if value else None}
        state[name] = {name: {"type": kind, **(picked if kind == "static_select" else {"value": value})}}
    payload = {
        "type": "view_submission",
        "team": {"id": "T111", "domain": CANARY},
        "user": {"id": user, "username": CANARY, "team_id": "T111"},
        "api_app_id": "A111",
        "trigger_id": "111.222.other",
        "view": {"id": "V1", "type": "modal", **view, "state": {"values": state}},
        "response_urls": [],
    }
    return form(payload)


@pytest.mark.parametrize("action", forms.NAMES)
def test_the_form_opens_at_once_and_nothing_is_recorded(
    client: FlaskClient, desk: FakeDesk, settings: Settings, slack: responses.RequestsMock, action: str
) -> None:
    view = opened(client, slack, settings, action)
    assert (view["callback_id"], calls(slack, "views.open")[0]["trigger_id"]) == (action, "111.222.valid")
    assert desk.rows == []
    held = Tokens(key(settings), 60).read_form(view["private_metadata"])
    assert held == Opened(meant(action), "U0AISYAH", "111.222", f"{PRESS}:{action}")
    deliver(client, press_of(settings, action), to="slack")
    assert len(calls(slack, "views.open")) == 1, "the same press again opens no second form"


def test_whoever_may_not_decide_gets_no_form(
    client: FlaskClient, desk: FakeDesk, settings: Settings, slack: responses.RequestsMock
) -> None:
    deliver(client, press_of(settings, "decline", user={"id": "U0CHEN", "team_id": "T111"}), to="slack")
    deliver(client, press_of(settings, "decline", channel={"id": "C0ELSEWHERE"}), to="slack")
    assert desk.kinds == ["ButtonPressed"] * 2, "the worker says why not"
    assert calls(slack, "views.open") == []


def test_a_reason_picked_in_an_older_cards_menu_decides_at_once(
    client: FlaskClient, desk: FakeDesk, settings: Settings, slack: responses.RequestsMock
) -> None:
    state = {"values": {"b1": {"decline_reason": {"selected_option": {"value": "duplicate"}}}}}
    deliver(client, press_of(settings, "decline", state=state), to="slack")
    (row,) = desk.rows
    assert isinstance(row, ButtonPressed)
    assert (row.choice, row.said, calls(slack, "views.open")) == ("duplicate", {}, [])


@pytest.mark.parametrize(
    "answer",
    [{"ok": False, "error": error} for error in ("expired_trigger_id", "exchanged_trigger_id", "internal_error")],
)
def test_a_form_that_cannot_be_opened(
    client: FlaskClient,
    desk: FakeDesk,
    settings: Settings,
    slack: responses.RequestsMock,
    flask_app: Flask,
    answer: Any,
) -> None:
    slack.post(f"{settings.slack_url}/views.open", json=answer)
    assert deliver(client, press_of(settings, "decline"), to="slack").status_code == 200
    flask_app.extensions["door"].tell._threads.shutdown(wait=True)
    (told,) = calls(slack, "chat.postEphemeral")
    assert (told["user"], "could not be opened" in told["text"], desk.rows) == ("U0AISYAH", True, [])
    deliver(client, press_of(settings, "decline"), to="slack")
    assert len(calls(slack, "views.open")) == 2, "it is not held to be open"


def test_a_press_without_a_trigger_decides_nothing(
    client: FlaskClient, desk: FakeDesk, settings: Settings, slack: responses.RequestsMock
) -> None:
    assert deliver(client, press_of(settings, "decline", trigger_id=...), to="slack").status_code == 200
    assert (desk.rows, calls(slack, "views.open")) == ([], [])


FULL = {"reason": "wrong_details", "note": f"Ask again {CANARY}", "wording": "Please check your number."}


def test_decline(client: FlaskClient, desk: FakeDesk, settings: Settings, slack: responses.RequestsMock) -> None:
    view = opened(client, slack, settings, "decline")
    shown = next(block for block in view["blocks"] if block["block_id"] == "reason")
    assert tuple(option["value"] for option in shown["element"]["options"]) == REASONS
    assert [block["optional"] for block in view["blocks"]] == [False, True, True]
    for _ in range(2):  # sent twice, also with other words: one form is one decision
        answer = deliver(client, sent(view, FULL), to="slack")
        assert (answer.status_code, answer.get_data()) == (200, b"")
    deliver(client, sent(view, {**FULL, "reason": "other"}), to="slack")
    (row,) = desk.rows
    said = {"note": FULL["note"], "wording": FULL["wording"]}
    fact = f"{PRESS}:decline:form"
    expected = ButtonPressed(
        fact, 7, 1, "data_deletion", "decline", **PLACE, choice="wrong_details", seen="5een", said=said
    )
    assert row == expected
    assert CANARY not in repr(row)


def test_ask(client: FlaskClient, desk: FakeDesk, settings: Settings, slack: responses.RequestsMock) -> None:
    view = opened(client, slack, settings, "ask")
    deliver(client, sent(view, {"question": "Which number?\nThe new one?"}), to="slack")
    (row,) = desk.rows
    assert isinstance(row, ButtonPressed)
    assert (row.action, row.choice, row.said) == ("ask", "", {"question": "Which number?\nThe new one?"})


@pytest.mark.parametrize(
    ("action", "values", "field"),
    [
        ("decline", {"note": "x"}, "reason"),
        ("decline", {"reason": "because"}, "reason"),
        ("decline", {"reason": "unspecified"}, "reason"),
        ("ask", {"question": " \u200b\n"}, "question"),
        ("ask", {}, "question"),
    ],
)
def test_what_is_missing_stands_at_its_field(
    client: FlaskClient,
    desk: FakeDesk,
    settings: Settings,
    slack: responses.RequestsMock,
    action: str,
    values: dict[str, str | None],
    field: str,
) -> None:
    answer = deliver(client, sent(opened(client, slack, settings, action), values), to="slack")
    body = answer.get_json()
    assert (answer.status_code, body["response_action"], list(body["errors"]), desk.rows) == (
        200,
        "errors",
        [field],
        [],
    )
    assert body["errors"][field].startswith("Please ")


@pytest.mark.parametrize("bad", ["\x00\x07\x1b[2J", "\ud800", "\u202e\u200b", "\r\n"])
def test_long_and_hostile_words(  # S033
    client: FlaskClient, desk: FakeDesk, settings: Settings, slack: responses.RequestsMock, bad: str
) -> None:
    words = f"a{bad}b\nc" + "x" * 10_000
    view = opened(client, slack, settings, "decline")
    assert deliver(client, sent(view, {**FULL, "note": words, "wording": words}), to="slack").get_data() == b""
    (row,) = desk.rows
    assert isinstance(row, ButtonPressed)
    for text in row.said.values():
        assert len(text) == 1000
        assert text.endswith("…")
        assert {char for char in text if not char.isprintable()} <= {"\n"}
        text.encode()


def forged(view: dict[str, Any], settings: Settings, case: str) -> bytes:
    """A form that is not the one we opened for this person."""
    changes: dict[str, Any] = {}
    if case == "another key":
        changes = {
            "private_metadata": Tokens("another", 60).make_form(Opened(meant("decline"), "U0AISYAH", "1.2", "p"))
        }
    elif case == "a button's token":
        changes = {"private_metadata": button(key(settings), press=meant("decline"))}
    elif case == "edited":
        token = view["private_metadata"]
        changes = {"private_metadata": token[:5] + ("A" if token[5] != "A" else "B") + token[6:]}
    elif case == "another name":
        changes = {"callback_id": "ask"}
    elif case == "none":
        changes = {"private_metadata": ""}
    return sent(
        {**view, **changes}, {**FULL, "question": "?"}, user="U0BALA" if case == "another person" else "U0AISYAH"
    )


@pytest.mark.parametrize(
    "case", ["another key", "a button's token", "edited", "another name", "another person", "none"]
)
def test_a_form_that_we_did_not_open_for_them(
    client: FlaskClient, desk: FakeDesk, settings: Settings, slack: responses.RequestsMock, flask_app: Flask, case: str
) -> None:
    view = opened(client, slack, settings, "decline")
    answer = deliver(client, forged(view, settings, case), to="slack")
    assert (answer.status_code, answer.get_data(), desk.kinds) == (200, b"", ["ignored token_forged"])
    assert isinstance(desk.rows[0], Refused)
    user = "U0BALA" if case == "another person" else "U0AISYAH"
    assert desk.rows[0].detail == {"user": user, "team": "T111", "channel": "", "ts": ""}, "who sent it is told"
    assert 'desk_alarms_total{reason="token_forged"} 1.0' in flask_app.test_client().get("/metrics").text


def test_a_form_of_another_app(
    client: FlaskClient, desk: FakeDesk, settings: Settings, slack: responses.RequestsMock
) -> None:
    view = {**opened(client, slack, settings, "decline"), "callback_id": "approve"}
    assert deliver(client, sent(view, FULL), to="slack").get_data() == b""
    assert desk.kinds == ["ignored event_type"]


def test_a_form_that_was_open_for_too_long(
    client: FlaskClient,
    desk: FakeDesk,
    settings: Settings,
    slack: responses.RequestsMock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view = opened(client, slack, settings, "decline")
    monkeypatch.setattr("app.tokens.FORM_LIFE", -1)
    answer = deliver(client, sent(view, FULL), to="slack")
    assert "open for too long" in answer.get_json()["errors"]["reason"]
    assert desk.rows == []


@pytest.mark.parametrize(
    ("reason", "words"), [("store", "could not be recorded"), ("store_unclear", "could not be confirmed")]
)
def test_a_form_that_is_not_recorded_stays_open(
    client: FlaskClient, desk: FakeDesk, settings: Settings, slack: responses.RequestsMock, reason: str, words: str
) -> None:
    view = opened(client, slack, settings, "decline")
    desk.error = StoreError("away", reason)
    answer = deliver(client, sent(view, FULL), to="slack")
    assert words in answer.get_json()["errors"]["reason"]
    desk.error = None
    assert deliver(client, sent(view, FULL), to="slack").get_data() == b""
    assert desk.kinds == ["ButtonPressed"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_fit_both_chats(language: str) -> None:
    """Slack: 24 characters for a title and a form's buttons; Mattermost: 24 bytes for those and a label (S23, M17)."""
    texts = Texts.load(language)
    for name in forms.NAMES:
        made = forms.form(texts, name, "token")
        assert all(0 < len(word.encode()) <= 24 for word in (made.title, made.submit, made.cancel))
        assert all(0 < len(field.label.encode()) <= 24 and 0 < len(field.hint) <= 150 for field in made.fields)
        assert made.fields[0].name == forms.first_field(name)
    with pytest.raises(ValueError, match="form"):
        forms.form(texts, "approve", "token")
