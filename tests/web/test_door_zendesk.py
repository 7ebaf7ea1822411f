"""Every W case of bad-inputs.md that this door decides, by its id; bodies are in test_door_zendesk_bodies.py.

On a real socket instead (test_door_sockets.py): W015, W016, W036 (TRACE), W039, W046, W048, W049, W051, W052, W054,
W056, W058, W061. In test_verify.py: W024, W029, W031, W035. Elsewhere: W004, B030 (both cases), B032-B034 and B036 (the
engine); B022, B023, B040, B044 (texts, sinks, threats). Not here: W038 (TLS is the proxy's), W063 (no allow-list yet).
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from doorkit import (
    BODY,
    CANARY,
    ZENDESK_SECRET,
    FakeDesk,
    deliver,
    set_clock,
    stamp,
    tagged,
    tags_changed,
    zendesk_headers,
    zendesk_mac,
)
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.errors import StoreError
from app.settings import PUBLIC_TEST_SECRET, load
from app.web.door import Door

ENV_FILE = Path(__file__).resolve().parents[2] / ".env.example"
WHEN = stamp()
GOOD = zendesk_mac(BODY, WHEN)
SIGNATURE, TIMESTAMP = "X-Zendesk-Webhook-Signature", "X-Zendesk-Webhook-Signature-Timestamp"


def signed_at(when: str) -> dict[str, str]:
    return {TIMESTAMP: when, SIGNATURE: zendesk_mac(BODY, when)}


UNAUTHENTIC: list[tuple[str, Mapping[str, str | None]]] = [
    ("W006", {SIGNATURE: None}),
    ("W006-timestamp", {TIMESTAMP: None}),
    ("W008", {SIGNATURE: zendesk_mac(BODY, WHEN, "another")}),
    ("W009", {SIGNATURE: zendesk_mac(b"{}", WHEN)}),
    ("W010-hex", {SIGNATURE: base64.b64decode(GOOD).hex()}),
    ("W010-urlsafe", {SIGNATURE: GOOD.replace("+", "-").replace("/", "_") + "-"}),
    ("W010-unpadded", {SIGNATURE: GOOD.rstrip("=")}),
    ("W011", {SIGNATURE: GOOD + "!!!!"}),
    ("W013-byte", {SIGNATURE: GOOD[:-1] + "\xe9"}),
    ("W013-emoji", {SIGNATURE: "😀".encode().decode("latin-1")}),
    ("W014", {SIGNATURE: f"{GOOD},{GOOD[::-1]}"}),
    ("W017", {SIGNATURE: f"v1,{GOOD} v1,{GOOD}"}),
    ("W022", signed_at(stamp(-301))),
    ("W022-future", signed_at(stamp(301))),
    ("W026-date", signed_at("2026-11-21")),
    ("W026-week", signed_at("2026-W47-6")),
    ("W026-basic", signed_at(WHEN.replace("-", "").replace(":", ""))),
    ("W027", signed_at(WHEN.removesuffix("Z"))),
    ("W027-offset", signed_at(WHEN.replace("Z", "+00:00"))),
    ("W029", signed_at("9999-12-31T23:59:59Z")),
    ("W041-public-test-secret", {SIGNATURE: zendesk_mac(BODY, WHEN, PUBLIC_TEST_SECRET)}),
    ("W062", {SIGNATURE: None, "X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"}),
    ("W043-not-authentic", {SIGNATURE: None, "Content-Type": "text/plain"}),
]


@pytest.mark.parametrize(("headers"), [case[1] for case in UNAUTHENTIC], ids=[case[0] for case in UNAUTHENTIC])
def test_not_authentic(client: FlaskClient, desk: FakeDesk, headers: Mapping[str, str | None]) -> None:
    answer = deliver(client, BODY, headers={TIMESTAMP: WHEN, SIGNATURE: GOOD, **headers})
    assert (answer.status_code, answer.get_data()) == (401, b'{"error":"signature"}')
    assert desk.rows == []


@pytest.mark.parametrize("changes", [{}, {"X-Zendesk-Webhook-Invocation-Id": "01J0000000000000000000OTHER"}])
def test_again_is_no_new_row(client: FlaskClient, desk: FakeDesk, changes: dict[str, str]) -> None:  # W002, W003
    headers = zendesk_headers(BODY)
    first = deliver(client, BODY, headers=headers)
    again = deliver(client, BODY, headers={**headers, **changes})
    assert (first.status_code, again.status_code, desk.kinds) == (200, 200, ["TicketTagged"])


def test_fifty_at_once_are_one_row(flask_app: Flask, desk: FakeDesk) -> None:  # W005
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: deliver(flask_app.test_client(), BODY).status_code, range(50)))
    assert answers == [200] * 50
    assert desk.kinds == ["TicketTagged"]


def test_window_at_the_door(client: FlaskClient, desk: FakeDesk) -> None:  # W024; 301: W022 above
    assert deliver(client, BODY, headers=signed_at(stamp(-300))).status_code == 200
    assert deliver(client, BODY, headers=signed_at(stamp(300))).status_code == 200
    assert len(desk.rows) == 1


def test_timestamp_with_a_newline_never_reaches_us(client: FlaskClient, desk: FakeDesk) -> None:  # W030
    with pytest.raises(ValueError, match="newline"):
        deliver(client, BODY, headers=signed_at(WHEN + "\n"))
    assert desk.rows == []


def test_rotation_and_closed(desk: FakeDesk, settings: Any) -> None:  # W033
    both = load(_env_file=ENV_FILE, zendesk_webhook_secrets=f"fresh-one,{ZENDESK_SECRET}")
    app = create_app(both, desk)
    set_clock(app)
    assert deliver(app.test_client(), BODY).status_code == 200
    door: Door = app.extensions["door"]
    assert (
        door.metrics.registry.get_sample_value("desk_door_verified_total", {"sender": "zendesk", "secret": "previous"})
        == 1
    )
    # Settings refuse an empty list and the public test secret; the door itself is closed without one, too.
    none = create_app(settings.model_copy(update={"zendesk_webhook_secrets": ()}), FakeDesk())
    set_clock(none)
    assert deliver(none.test_client(), BODY).status_code == 401


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods(client: FlaskClient, desk: FakeDesk, method: str) -> None:  # W036
    answer = client.open("/webhooks/zendesk", method=method, data=BODY, headers=zendesk_headers(BODY))
    assert (answer.status_code, answer.headers["Allow"], desk.rows) == (405, "POST", [])


@pytest.mark.parametrize(
    "path",
    ["/webhooks/zendesk/", "//webhooks/zendesk", "/webhooks//zendesk", "/webhooks%2fzendesk", "/webhooks/zendes%6b",
     "/webhooks/zendesk;x", "/webhooks/Zendesk", "/webhooks/other", "/webhooks/../webhooks/zendesk", "/.env"],
)  # fmt: skip
def test_no_path_but_ours(client: FlaskClient, desk: FakeDesk, path: str) -> None:  # W040, W041
    answer = client.post(path, base_url="http://localhost", data=BODY, headers=zendesk_headers(BODY))
    assert (answer.status_code, answer.get_data(), desk.rows) == (404, b'{"error":"not_found"}', [])


def test_framing_before_the_signature(client: FlaskClient, desk: FakeDesk) -> None:  # W046, W048, W051, W052
    def post(length: str, body: bytes = BODY, **environ: str) -> tuple[int, str | None]:
        changes = {"CONTENT_LENGTH": length, **environ}
        answer = client.post("/webhooks/zendesk", input_stream=io.BytesIO(body), environ_overrides=changes)
        return answer.status_code, answer.headers.get("Connection")

    assert post("") == (411, "close")
    assert post("10", HTTP_TRANSFER_ENCODING="chunked") == (411, "close")
    assert post("262145") == (413, "close")
    assert post("262144", b"x" * 262_144) == (401, None)
    assert [post(length)[0] for length in ("-1", "+5", "0x10", " 5", "٣")] == [400] * 5
    assert post("999") == (408, "close")
    assert desk.rows == []


def test_bad_signatures_are_throttled_and_good_ones_are_not(client: FlaskClient, desk: FakeDesk) -> None:  # W064
    bad = {SIGNATURE: "x"}
    assert [deliver(client, BODY, headers=bad).status_code for _ in range(25)] == [401] * 20 + [429] * 5
    assert deliver(client, BODY).status_code == 200
    other = client.post(
        "/webhooks/zendesk",
        data=BODY,
        headers={**zendesk_headers(BODY), **bad},
        environ_base={"REMOTE_ADDR": "10.0.0.9"},
    )
    assert other.status_code == 401
    assert desk.kinds == ["TicketTagged"]


def test_another_account(desk: FakeDesk) -> None:  # W065
    app = create_app(load(_env_file=ENV_FILE, zendesk_account_id="22129848"), desk)
    set_clock(app)
    assert deliver(app.test_client(), tagged()).status_code == 200
    assert (
        deliver(app.test_client(), tags_changed(account_id=5), headers={"X-Zendesk-Account-Id": None}).status_code
        == 200
    )
    assert deliver(app.test_client(), tags_changed(), headers={"X-Zendesk-Account-Id": "22129848"}).status_code == 200
    assert desk.kinds == ["dead account", "dead account", "TicketTagged"]
    assert app.extensions["door"].metrics.registry.get_sample_value("desk_alarms_total", {"reason": "account"}) == 1


@pytest.mark.parametrize("error", [StoreError("database", "store"), RuntimeError(CANARY)])
def test_nothing_recorded_is_said(client: FlaskClient, desk: FakeDesk, error: Exception) -> None:
    desk.error = error
    for body in (BODY, b"not json"):
        answer = deliver(client, body)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert answer.get_data() == b'{"error":"try_again"}'
    desk.error = None
    assert deliver(client, BODY).status_code == 200
    assert desk.kinds == ["TicketTagged"]
