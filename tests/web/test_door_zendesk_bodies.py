"""What an authentic request to this door says: each B case, and W case of a body, of bad-inputs.md that it decides.

Whatever it is, it is answered 200: taken, ignored, or kept as a dead letter.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from typing import Any

import pytest
from doorkit import (
    BODY,
    CANARY,
    NOW,
    FakeDesk,
    deliver,
    set_clock,
    stamp,
    tagged,
    tags_changed,
    zendesk_headers,
)
from flask import Flask
from flask.testing import FlaskClient

from app.events import Refused, TicketTagged

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


def test_near_misses_are_counted(flask_app: Flask, desk: FakeDesk) -> None:  # B029
    deliver(flask_app.test_client(), tagged(tags="Data_Deletion_Request pref-stop-all x"))
    metrics = flask_app.extensions["door"].metrics.registry
    assert metrics.get_sample_value("desk_door_near_miss_tags_total") == 2
    assert desk.kinds == ["ignored no_known_tag"]


def test_what_cannot_be_used_is_one_alarm_an_hour(
    flask_app: Flask, desk: FakeDesk, caplog: pytest.LogCaptureFixture
) -> None:  # B041, W065
    client = flask_app.test_client()

    def send(minutes: float, number: int, **changes: Any) -> None:
        """A trigger whose template is wrong tells of every update of every ticket; each delivery is another body."""
        now = NOW + minutes * 60
        set_clock(flask_app, now)
        body = json.dumps(tagged(number=number, **changes)).encode()
        assert deliver(client, body, headers=zendesk_headers(body, stamp(now=now))).status_code == 200

    def alarms() -> list[tuple[str, int]]:
        return [(record.reason, record.count) for record in caplog.records if record.msg == "door.alarm"]  # type: ignore[attr-defined]

    for number in range(7):
        send(number * 8, number, updated_at="{{ticket.updated_at}}")
    assert alarms() == [("placeholder", 1)]
    send(48, 6, updated_at="{{ticket.updated_at}}")  # the same one again
    send(48, 0, url="https://other.zendesk.com/tickets/1")
    assert alarms() == [("placeholder", 1), ("foreign", 1)]  # something else is wrong, too
    send(61, 7, updated_at="{{ticket.updated_at}}")
    assert alarms() == [("placeholder", 1), ("foreign", 1), ("placeholder", 8)]  # it still is
    send(62, 8)
    send(62, 9, tags="vip")
    assert len(alarms()) == 3
    assert desk.kinds == [
        *["dead placeholder"] * 7,
        "dead foreign",
        "dead placeholder",
        "TicketTagged",
        "ignored no_known_tag",
    ]
    metrics = flask_app.extensions["door"].metrics.registry
    assert metrics.get_sample_value("desk_alarms_total", {"reason": "placeholder"}) == 2


def test_a_parser_bug_is_a_dead_letter(client: FlaskClient, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError(CANARY)

    monkeypatch.setattr("app.web.zendesk.parse_zendesk", broken)
    assert deliver(client, BODY).status_code == 200
    assert desk.kinds == ["dead bug"]
