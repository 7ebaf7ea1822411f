"""/api/v1 as a campaign system uses it, over HTTP: questions, refusals, description."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jsonschema import Draft202012Validator

from app import create_app
from app.consent import person
from app.consent.question import Reader
from app.settings import CHANNELS
from app.vault import Vault
from tests.house import House
from tests.procedure.api_kit import ask, asked, customer, problem_of, resolved, token

__all__ = ["asked", "token"]  # fixtures

# ---- what is asked


def test_sop_1_7_may_we_is_answered_per_person_channel_and_purpose(asked: House, token: str) -> None:
    phone, mail, ticket = customer(asked, "pref_stop_calls")
    received = asked.case(ticket)["received_at"].astimezone(UTC).isoformat(timespec="seconds")
    got = ask(asked, "suppressions", token, phone=phone, purpose="offers", channel="calls")
    assert got.status == 200
    assert got.headers["Cache-Control"] == "no-store"
    assert got.json.pop("as_of")
    assert got.json == {
        "purpose": "offers", "channel": "calls", "suppressed": True, "since": received, "reason": "asked"
    }  # fmt: skip
    for channel in CHANNELS:
        answer = ask(asked, "suppressions", token, email=mail.upper(), channel=channel).json
        assert answer["suppressed"] is (channel == "calls"), channel
    other = ask(asked, "suppressions", token, phone=phone, purpose="profiling", channel="calls").json
    assert (other["suppressed"], other["since"], other["reason"]) == (False, None, "no_entry")


def test_any_form_of_a_number_and_either_of_two_identifiers(asked: House, token: str) -> None:
    phone, mail, _ = customer(asked, "pref_stop_all")
    for form in (phone, phone[1:], f"0{phone[3:]}", f"00{phone[1:]}", f"0{phone[3:5]}-{phone[5:8]} {phone[8:]}"):
        assert ask(asked, "suppressions", token, phone=form, channel="sms").json["suppressed"], form
        assert ask(asked, "suppressions/query", token, {"phone": form, "channel": "sms"}).json["suppressed"], form
    # A plus that was not encoded reads as a space: the number is still this one.
    assert ask(asked, f"suppressions?channel=sms&phone={phone}", token).json["suppressed"]
    for who in ({"phone": "0199999999", "email": mail}, {"phone": phone, "email": "nobody@example.com"}):
        assert ask(asked, "suppressions", token, **who, channel="push").json["suppressed"]
        assert ask(asked, "suppressions/query", token, {**who, "channel": "push"}).json["suppressed"]
    stranger = {"phone": "0199999999", "email": "nobody@example.com", "channel": "push"}
    assert ask(asked, "suppressions/query", token, stranger).json["reason"] == "no_entry"


def test_a_plus_that_was_not_encoded_is_still_one_abroad() -> None:
    """Read as no plus, a Singapore number would be another one, and the answer a wrong yes."""
    reader = Reader(Vault("a key"), ZoneInfo("Asia/Kuala_Lumpur"))
    [asked] = reader.of_query([("phone", " 6581234567"), ("channel", "sms")]).people
    assert asked.who == (person.phone(Vault("a key"), "+65 8123 4567"),)


def test_on_day_x(asked: House, token: str) -> None:
    phone, _, ticket = customer(asked, "pref_stop_all")
    asked.tag(ticket, "data_deletion_withdrawn")
    asked.wait_state(ticket, "withdrawn")
    [first, *_, last] = asked.rows("SELECT recorded_at AS at FROM consents WHERE ticket_id = %s ORDER BY id", ticket)
    for moment, suppressed, reason in (
        (first["at"] - timedelta(seconds=1), False, "no_entry"),
        (first["at"] + (last["at"] - first["at"]) / 2, True, "asked"),
        (last["at"] + timedelta(seconds=1), False, "withdrawn"),
    ):
        on = moment.astimezone().isoformat()
        got = ask(asked, "suppressions", token, phone=phone, channel="sms", on=on).json
        assert (got["suppressed"], got["reason"]) == (suppressed, reason)
        assert datetime.fromisoformat(got["as_of"]) == moment.replace(microsecond=0)
        assert ask(asked, f"suppressions?phone={phone}&channel=sms&on={on}", token).json["reason"] == reason
    today = datetime.now(UTC) + timedelta(days=1)
    for day, reason in ((today.date(), "withdrawn"), ((today - timedelta(days=3)).date(), "no_entry")):
        body = {"phone": phone, "channel": "sms", "on": day.isoformat()}
        assert ask(asked, "suppressions/query", token, body).json["reason"] == reason


def test_a_thousand_at_once_in_order_with_the_callers_own_ids(asked: House, token: str) -> None:
    phone, mail, _ = customer(asked, "pref_stop_email")
    people: list[dict[str, Any]] = [{"id": place, "phone": f"01{place:08d}"} for place in range(1000)]
    people[7] = {"id": "row-8", "phone": phone, "email": None}
    people[999] = {"id": None, "phone": "", "email": mail}
    got = ask(asked, "suppressions/batch", token, {"purpose": "offers", "channel": "email", "people": people})
    assert got.status == 200
    results = got.json["results"]
    assert [result["id"] for result in results] == [person["id"] for person in people]
    assert [place for place, result in enumerate(results) if result["suppressed"]] == [7, 999]
    assert problem_of(
        ask(asked, "suppressions/batch", token, {"channel": "email", "people": [*people, {"phone": phone}]}),
        400, "invalid",
    ) == [("people", "too_many")]  # fmt: skip


# ---- what is refused


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ({"channel": "calls"}, [("phone", "no_identifier")]),
        ({"channel": "calls", "phone": "", "email": ""}, [("phone", "no_identifier")]),
        ({"channel": "calls", "phone": "12ab345678"}, [("phone", "not_a_phone")]),
        ({"channel": "calls", "email": "canary.example.com"}, [("email", "not_a_mail")]),
        ({"channel": "calls", "email": "c" * 400 + "@example.com"}, [("email", "not_a_mail")]),
        ({"phone": "0123456789"}, [("channel", "missing")]),
        ({"phone": "0123456789", "channel": "any"}, [("channel", "not_one_of")]),
        ({"phone": "0123456789", "channel": "fax", "purpose": "fun"}, [("purpose", "not_one_of"),
                                                                        ("channel", "not_one_of")]),
        ({"phone": "0123456789", "channel": "sms", "on": "yesterday"}, [("on", "not_a_time")]),
        ({"phone": "0123456789", "channel": "sms", "on": "2026-11-21T10:00:00"}, [("on", "not_a_time")]),
        ({"phone": "0123456789", "channel": "sms", "on": "2026-02-30"}, [("on", "not_a_time")]),
        ({"phone": "0123456789", "channel": "sms", "phones": "1"}, [("phones", "unknown")]),
        ({"0123456789": "phone", "channel": "sms", "phone": "0123456789"}, [("?", "unknown")]),
    ],
)  # fmt: skip
def test_a_question_that_cannot_be_read_names_the_field_and_repeats_nothing(
    asked: House, token: str, query: dict[str, str], errors: list[tuple[str, str]]
) -> None:
    for answer in (
        ask(asked, "suppressions", token, **query),
        ask(asked, "suppressions/query", token, query),
    ):
        assert problem_of(answer, 400, "invalid") == errors
        for value in ("0123456789", "canary", "12ab", "fax", "yesterday"):
            assert value not in answer.text


def test_a_parameter_twice(asked: House, token: str) -> None:
    answer = ask(asked, "suppressions?phone=0123456789&phone=0199999999&channel=sms", token)
    assert problem_of(answer, 400, "invalid") == [("phone", "twice")]


def test_all_that_is_wrong_in_a_batch_is_said_at_once(asked: House, token: str) -> None:
    people = [
        {"phone": "0123456789"},
        {"phone": "x"},
        {"id": True, "email": "a@b"},
        "0123456789",
        {},
        {"id": 5, "e": 1},
    ]
    found = problem_of(ask(asked, "suppressions/batch", token, {"channel": "sms", "people": people}), 400, "invalid")
    assert found == [
        ("people[1].phone", "not_a_phone"),
        ("people[2].id", "not_an_id"),
        ("people[3]", "not_an_object"),
        ("people[4]", "no_identifier"),
        ("people[5].e", "unknown"),
        ("people[5]", "no_identifier"),
    ]
    for people_ in (None, [], {}, "x"):
        answer = ask(asked, "suppressions/batch", token, {"channel": "sms", "people": people_})
        assert problem_of(answer, 400, "invalid") in ([("people", "missing")], [("people", "not_a_list")])


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "empty"),
        (b"{", "json"),
        (b"[]", "not_object"),
        (b'{"channel":"sms","channel":"calls","phone":"0123456789"}', "duplicate_key"),
        (b'{"phone":"\xff"}', "utf8"),
        (b'{"phone":' + b"[" * 50 + b"]" * 50 + b"}", "depth"),
        (b'{"phone":NaN}', "number"),
    ],
)
def test_a_body_that_is_no_json(asked: House, token: str, raw: bytes, code: str) -> None:
    for path in ("suppressions/query", "suppressions/batch"):
        assert problem_of(ask(asked, path, token, raw=raw), 400, "invalid") == [("body", code)]


def test_size_type_method_and_host(asked: House, token: str) -> None:
    big = ask(asked, "suppressions/batch", token, raw=b"[" + b" " * 262_144)
    assert problem_of(big, 413, "too_large") == []
    assert problem_of(ask(asked, "suppressions/query", token, {}, headers={"Content-Type": "text/plain"}), 415,
                      "media_type") == []  # fmt: skip
    assert ask(asked, "suppressions", token, {"phone": "0123456789"}).status == 405
    assert ask(asked, "suppressions/query", token).status == 405
    assert ask(asked, "suppressions/", token).status == 404
    foreign = ask(asked, "suppressions", token, headers={"Host": "evil.example"}, phone="0123456789", channel="sms")
    assert (foreign.status, foreign.json) == (400, {"error": "host"})


def test_the_database_is_away(asked: House, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with Retry-After: whoever asks must not take silence for a yes."""
    from app.db import Database

    away = Database("postgresql:///nowhere?host=/nowhere", size=1, wait=0.1)
    monkeypatch.setattr(asked.desk, "db", away)
    answer = ask(asked, "suppressions", token, phone="0123456789", channel="sms")
    assert problem_of(answer, 503, "try_again") == []
    assert int(answer.headers["Retry-After"]) == 30


# ---- nothing personal, and the description


def test_no_log_holds_what_was_asked(asked: House, token: str, capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("werkzeug").disabled = True  # of the tests' own server: gunicorn has no such log here
    try:
        ask(asked, "suppressions", token, phone="0131234567", email="canary@example.com", channel="sms")
        ask(asked, "suppressions", token, phone="0131234567x", channel="sms")
    finally:
        logging.getLogger("werkzeug").disabled = False
    written = capsys.readouterr().err
    assert '"event":"api.answered","route":"/api/v1/suppressions","status":200' in written
    assert not [text for text in ("1234567", "canary", token, token[5:]) if text in written]


def test_the_description_fits_the_routes_and_the_answers(asked: House, token: str) -> None:
    document = ask(asked, "openapi.json").json
    assert document["openapi"].startswith("3.1")
    routes = {
        (rule.rule, method.lower())
        for rule in create_app(asked.settings(), asked.desk).url_map.iter_rules()
        if rule.rule.startswith("/api/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == {(path, method) for path, item in document["paths"].items() for method in item}
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    phone, mail, _ = customer(asked, "pref_stop_all")
    one = {"phone": phone, "email": mail, "channel": "sms"}
    many = {"channel": "sms", "people": [{"id": 1, "phone": phone}, {"id": "b", "email": "x@example.com"}]}
    calls = [
        ("suppressions", "get", lambda token: ask(asked, "suppressions", token, **one), one),
        ("suppressions/query", "post", lambda token: ask(asked, "suppressions/query", token, one), one),
        ("suppressions/batch", "post", lambda token: ask(asked, "suppressions/batch", token, many), many),
    ]
    for path, method, call, body in calls:
        operation = document["paths"][f"/api/v1/{path}"][method]
        for answer in (call(token), call(None)):
            described = operation["responses"][str(answer.status)]["content"][answer.headers["Content-Type"]]
            resolved(document, described["schema"]).validate(answer.json)
        if method == "post":
            asks = operation["requestBody"]["content"]["application/json"]["schema"]
            resolved(document, asks).validate(body)
            assert not resolved(document, asks).is_valid({**body, "fax": "1"})
        else:
            assert {p["name"] for p in operation["parameters"]} == {"phone", "email", "purpose", "channel", "on"}
