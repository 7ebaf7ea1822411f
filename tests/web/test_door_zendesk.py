"""Every W and B case of bad-inputs.md that this door decides, by its id.

On a real socket instead (test_door_sockets.py): W015, W016, W036 (TRACE), W039, W046, W048, W049, W051, W052, W054,
W056, W058, W061. In test_verify.py: W024, W029, W031, W035. Elsewhere: W004, B030 (both cases), B032-B034 and B036 (the
engine); B022, B023, B040, B044 (texts, sinks, threats). Not here: W038 (TLS is the proxy's), W063 (no allow-list yet).
"""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from doorkit import (
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
from app.events import Refused, TicketTagged
from app.settings import PUBLIC_TEST_SECRET, load
from app.web.door import Door

ENV_FILE = Path(__file__).resolve().parents[2] / ".env.example"
BODY = json.dumps(tagged(name=CANARY)).encode()
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


AUTHENTIC: list[tuple[str, Any, Mapping[str, str | None], str]] = [
    ("W001", tagged(), {}, "TicketTagged"),
    ("W018", b"", {}, "dead empty"),
    ("W018-no-type", b"", {"Content-Type": None}, "dead empty"),
    *((f"W043-{i}", tagged(), {"Content-Type": kind}, "dead content_type") for i, kind in enumerate(
        ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/xml", None, "j"))),
    *((f"W045-{i}", tagged(), {"Content-Type": kind}, "TicketTagged") for i, kind in enumerate(
        ("application/vnd.api+json", "application/json;charset=UTF-8", "APPLICATION/JSON"))),
    ("W045-charset", tagged(), {"Content-Type": "application/json; charset=utf-16"}, "dead charset"),
    ("W059", gzip.compress(BODY), {"Content-Encoding": "gzip"}, "dead encoding"),
    ("B001", {}, {}, "dead missing:ticket_id"),
    *((f"B002-{text}", text.encode(), {}, "dead not_object") for text in ("[]", '"x"', "1", "null", "true")),
    *((f"B003-{i}", text, {}, "dead json") for i, text in enumerate(
        (b'{"ticket_id":1', b'{"ticket_id":1,}', b'{"ticket_id":1}{}', b"{'ticket_id':1}", b"\x0b{}", b'{"a":01}'))),
    ("B003-control", b'{"ticket_id":1,"tags":"a\x01b"}', {}, "dead control"),
    ("B005-bom", b"\xef\xbb\xbf" + BODY, {}, "dead encoding"),
    *((f"B005-{name}", BODY.decode().encode(name), {}, "dead encoding") for name in
      ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le")),
    ("B005-utf8", b'{"ticket_id":1,"tags":"\xff"}', {}, "dead utf8"),
    ("B007", b"[" * 100_000, {}, "dead depth"),
    ("B007-21", b'{"a":' * 21 + b"1" + b"}" * 21, {}, "dead depth"),
    ("B007-in-a-string", tagged(note="[" * 50 + '\\"{'), {}, "TicketTagged"),
    ("B009", b'{"ticket_id":1,"ticket_id":2}', {}, "dead duplicate_key"),
    ("B009-nested", b'{"ticket_id":1,"x":{"a":1,"a":1}}', {}, "dead duplicate_key"),
    *((f"B011-{text}", f'{{"ticket_id":1,"x":{text}}}'.encode(), {}, "dead number") for text in
      ("NaN", "Infinity", "-Infinity", "1e999")),
    *((f"B013-{i}", tagged(ticket_id=number), {}, "dead range") for i, number in enumerate(
        (2**63, 2**64, 10**30, 0, -1, 10**18, "0", "0123", "9" * 19))),
    ("B013-5000-digits", b'{"ticket_id":' + b"9" * 5000 + b"}", {}, "dead range"),
    ("B015", tagged(ticket_id="123"), {}, "TicketTagged"),
    ("B015-18-digits", tagged(ticket_id=10**18 - 1), {}, "TicketTagged"),
    *((f"B016-{i}", tagged(ticket_id=text), {}, "dead number") for i, text in enumerate(
        (" 123", "123 ", "1_000", "١٢٣", "0x7b", "1e3", "-1", "+1", "123\n", "1/../2"))),
    *((f"B018-{i}", tagged(ticket_id=value), {}, "dead number") for i, value in enumerate((True, False, 1.5, [1], {}))),
    ("B020", b'{"ticket_id":1,"x":"\\ud800"}', {}, "dead unicode"),
    ("B020-key", b'{"ticket_id":1,"\\udc00":[["x"]]}', {}, "dead unicode"),
    ("B020-pair-is-fine", b'{"note":"\\ud83d\\ude00",' + BODY[1:], {}, "TicketTagged"),
    ("B020-nul", b'{"ticket_id":1,"tags":"\\u0000"}', {}, "dead control"),
    ("B022", tagged(subject=CANARY * 8_000), {}, "TicketTagged"),
    ("B024", tagged(extra={"a": 1}, url_of="x"), {}, "TicketTagged"),
    ("B024-keys", {f"k{i}": 1 for i in range(1000)}, {}, "dead too_many"),
    ("B024-keys-below", tagged(**{f"k{i}": 1 for i in range(195)}), {}, "TicketTagged"),
    ("B024-keys-nested", tagged(x=[{"a": 1}] * 200), {}, "dead too_many"),
    ("B026", {"type": "something.else", "ticket_id": 1}, {}, "ignored event_type"),
    ("B026-odd-type", {"type": ["desk.tag"], "ticket_id": 1}, {}, "ignored event_type"),
    ("B027", tags_changed(type="zen:event-type:ticket.soft_deleted"), {}, "ignored event_type"),
    *((f"B029-{i}", tagged(tags=text), {}, "ignored no_known_tag") for i, text in enumerate(
        ("Data_Deletion_Request", "data-deletion-request", "ｄata_deletion_request", "data_deletion", "",
         "data_deletion_request\u00a0x", ["data_deletion_request "]))),
    ("B031", tagged(tags=" ".join(f"t{i}" for i in range(10_000))), {}, "dead too_many"),
    ("B035", tagged(actor_id=...), {}, "TicketTagged"),
    ("B035-system", tagged(actor_id="-1"), {}, "TicketTagged"),
    ("B035-empty", tagged(actor_id=""), {}, "TicketTagged"),
    ("B035-zero", tagged(actor_id="0"), {}, "TicketTagged"),
    ("B035-false", tagged(actor_id=False), {}, "dead number"),
    *((f"B036-{i}", tagged(updated_at=when), {}, "dead range") for i, when in enumerate(
        ("2026-02-31T10:12:07Z", "2026-13-01T10:12:07Z", "2026-11-21T25:00:00Z", "2026-11-21T10:12:07+25:00"))),
    ("B035-true", tagged(actor_id=True), {}, "dead number"),
    ("B038", tagged(url="https://other.zendesk.com/tickets/1"), {}, "dead foreign"),
    ("B038-no-scheme", tagged(ticket_url="other.zendesk.com/tickets/1"), {}, "dead foreign"),
    ("B038-broken", tagged(ticket_url="https://[/"), {}, "dead foreign"),
    ("B038-two-tickets", tags_changed(subject="zen:ticket:99"), {}, "dead foreign"),
    *((f"B041-{name}", tagged(**{name: "{{ticket.id}}"}), {}, "dead placeholder") for name in
      ("ticket_id", "tags", "updated_at", "actor_id")),
    ("B041-spaces", tagged(actor_id="{{ current_user.id }}"), {}, "dead placeholder"),
    *((f"B040-{i}", tagged(tags=f"data_deletion_request {text}"), {}, "TicketTagged") for i, text in enumerate(
        ("{{7*7}}", "{%", "${7*7}", "%(x)s", "{0.__class__}", "{{"))),
    ("B040-only", tagged(tags="{{7*7}}"), {}, "ignored no_known_tag"),
    *((f"B042-{i}", body, {}, "ignored test") for i, body in enumerate(
        ({"event": "ticket.updated", "id": 123}, {"test": True}, {"type": "ping"}))),
    ("B043", tagged(requester={"name": CANARY}), {}, "TicketTagged"),
    ("tags-missing", tagged(tags=...), {}, "dead missing:tags"),
    ("tags-number", tagged(tags=5), {}, "dead missing:tags"),
    ("tags-mixed", tagged(tags=["data_deletion_request", 5]), {}, "dead missing:tags"),
    ("tags-control", tagged(tags="data_deletion_request a\x01b"), {}, "dead control"),
    ("tags-separator", tagged(tags="data_deletion_request\x1fa"), {}, "dead control"),
    *((f"B029-white-space-{i}", tagged(tags=text), {}, "TicketTagged") for i, text in enumerate(
        ("vip\tdata_deletion_request", "data_deletion_request\r\nvip", "  data_deletion_request  "))),
    ("time-missing", tagged(updated_at=...), {}, "dead missing:updated_at"),
    ("time-words", tagged(updated_at="yesterday"), {}, "dead missing:updated_at"),
    ("time-minutes", tagged(updated_at="2026-11-21T10:12Z"), {}, "TicketTagged"),
    ("event", tags_changed(), {}, "TicketTagged"),
    ("event-no-id", tags_changed(id=...), {}, "dead missing:id"),
    ("event-odd-id", tags_changed(id="a b"), {}, "dead missing:id"),
    ("event-no-ticket", tags_changed(detail={"id": None}, subject="x"), {}, "dead missing:ticket_id"),
    ("event-not-objects", tags_changed(detail={"tags": None}, event=[]), {}, "ignored no_known_tag"),
    ("event-no-tags", tags_changed(detail={"tags": None}, event={}), {}, "ignored no_known_tag"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "headers", "row"), [case[1:] for case in AUTHENTIC], ids=[c[0] for c in AUTHENTIC])
def test_authentic_is_always_answered_200(
    client: FlaskClient, desk: FakeDesk, body: Any, headers: Mapping[str, str | None], row: str
) -> None:
    answer = deliver(client, body, headers=headers)
    assert (answer.status_code, answer.get_data()) == (200, b"")
    assert desk.kinds == [row]
    (event,) = desk.rows
    kept = event.body if isinstance(event, Refused) else None
    assert (kept is not None) == row.startswith("dead")
    assert CANARY not in repr(event) if kept is None else True


def test_a_trigger_body_says_what_it_says(client: FlaskClient, desk: FakeDesk) -> None:
    deliver(client, tagged(tags="pref_stop_sms x data_deletion_request"))
    fact = "zd:4711:2026-11-21T10:12:07Z:data_deletion_request+pref_stop_sms"
    tags = ("data_deletion_request", "pref_stop_sms")
    assert desk.rows == [TicketTagged(fact, 4711, tags, 8447388090494, "2026-11-21T10:12:07Z")]


@pytest.mark.parametrize(
    ("event", "added", "removed"),
    [
        ({"tags_added": ["data_deletion_request"], "tags_removed": []}, ("data_deletion_request",), ()),
        ({"added": {"tags": ["x"]}, "removed": {"tags": ["pref_stop_all"]}}, (), ("pref_stop_all",)),
        ({}, None, None),
    ],
)
def test_both_shapes_of_a_subscribed_event(
    client: FlaskClient, desk: FakeDesk, event: dict[str, Any], added: Any, removed: Any
) -> None:
    deliver(client, tags_changed(event=event))
    (row,) = desk.rows
    assert isinstance(row, TicketTagged)
    assert row.fact == "zd:event:5e1c0f7a-0000-4000-8000-000000000001"
    assert (row.ticket_id, row.tags, row.added, row.removed) == (5158, ("data_deletion_request",), added, removed)


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


def test_near_misses_are_counted(flask_app: Flask, desk: FakeDesk) -> None:  # B029
    deliver(flask_app.test_client(), tagged(tags="Data_Deletion_Request pref-stop-all x"))
    metrics = flask_app.extensions["door"].metrics.registry
    assert metrics.get_sample_value("desk_door_near_miss_tags_total") == 2
    assert desk.kinds == ["ignored no_known_tag"]


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


def test_a_parser_bug_is_a_dead_letter(client: FlaskClient, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError(CANARY)

    monkeypatch.setattr("app.web.zendesk.parse_zendesk", broken)
    assert deliver(client, BODY).status_code == 200
    assert desk.kinds == ["dead bug"]
