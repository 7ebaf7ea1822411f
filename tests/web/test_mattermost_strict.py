"""What is no call of Mattermost's is refused before it can mean anything (bad-inputs M013, M014)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from doorkit import AISYAH, FakeDesk, deliver
from flask.testing import FlaskClient
from mattermostkit import ACTION, CHANNEL, MATTERMOST, POST, pressed, token

from app.settings import Settings, load

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings() -> Settings:
    return load(_env_file=ROOT / ".env.example", **MATTERMOST)


STRICT: dict[str, bytes] = {
    "M013-duplicate": b'{"user_id":"a","user_id":"b"}',
    "M013-depth": b'{"context":' + b"[" * 100_000,
    "M013-surrogate": b'{"user_name":"\\ud800"}',
    "M013-nan": b'{"n":NaN}',
    "M013-huge": b'{"n":1e999}',
    "M013-utf16": '{"a":1}'.encode("utf-16"),
    "M013-bom": b"\xef\xbb\xbf{}",
    "M013-list": b"[]",
    "M013-cut": b'{"a":1',
    "M013-two": b"{}{}",
    "M013-empty": b"",
    "M013-many": json.dumps({str(n): n for n in range(300)}).encode(),
}


@pytest.mark.parametrize("body", STRICT.values(), ids=STRICT)
def test_strict_json(client: FlaskClient, desk: FakeDesk, body: bytes) -> None:
    for to in (ACTION, "mattermost/dialog"):
        answer = deliver(client, body, to=to)
        assert (answer.status_code, answer.get_data(), desk.rows) == (400, b'{"error":"bad_request"}', [])


@pytest.mark.parametrize(
    "changes",
    [
        {"user_id": ...},
        {"user_id": "U0AISYAH"},
        {"user_id": AISYAH + "\n"},
        {"user_id": AISYAH.upper()},
        {"channel_id": 5},
        {"channel_id": f"{CHANNEL}/../x"},
        {"post_id": ""},
        {"post_id": [POST]},
        {"trigger_id": ...},
        {"trigger_id": "a b"},
        {"trigger_id": "x" * 2001},
    ],
)
def test_ids_have_their_form(client: FlaskClient, desk: FakeDesk, settings: Settings, changes: dict[str, Any]) -> None:
    assert deliver(client, pressed(token(settings), **changes), to=ACTION).status_code == 400
    assert desk.rows == []


@pytest.mark.parametrize(
    "kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", "application/xml", None]
)
def test_content_type(client: FlaskClient, desk: FakeDesk, settings: Settings, kind: str | None) -> None:  # M014
    answer = deliver(client, pressed(token(settings)), to=ACTION, headers={"Content-Type": kind})
    assert (answer.status_code, answer.get_data(), desk.rows) == (415, b'{"error":"content_type"}', [])


def test_framing(client: FlaskClient, desk: FakeDesk) -> None:
    assert deliver(client, b"x" * 300_000, to=ACTION).status_code == 413
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        answer = client.open(f"/webhooks/{ACTION}", method=method)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert desk.rows == []
