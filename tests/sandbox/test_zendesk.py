"""The stand-in for Zendesk behaves as its documents say (facts Z1-Z6)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.caller import Account
from sandbox.hooks import Attempt
from sandbox.listener import Listener, Request
from sandbox.server import Sandbox
from sandbox.zendesk.delivery import policy, signed

SECRET = "stand-in-zendesk-webhook"
TAG = "data_deletion_request"


def macro_id(zendesk: Account, title: str = "Data Deletion Request") -> int:
    macros = zendesk.call("GET", "macros.json?active=true").json()["macros"]
    return next(int(m["id"]) for m in macros if m["title"] == title)


def delivered(box: Sandbox, desk: Listener, count: int) -> list[Request]:
    box.world.wait_until(lambda: len(desk.requests) >= count)
    assert box.world.hooks.quiet()
    assert len(desk.requests) == count
    return desk.requests


# -- OAuth -----------------------------------------------------------------------------------------------------------


def test_a_bearer_is_needed_and_expires(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    assert zendesk.call("GET", "users/me.json").json()["user"]["name"] == "Deletion Desk"
    sandbox.config.token_life = 1
    assert zendesk.login(expires_in=600).json()["expires_in"] == 1
    time.sleep(1.05)
    late = zendesk.call("GET", f"tickets/{ticket}.json")
    assert (late.status_code, late.json()["error"]) == (401, "invalid_token")
    del zendesk.http.headers["Authorization"]
    assert zendesk.call("GET", f"tickets/{ticket}.json").status_code == 401


@pytest.mark.parametrize(
    ("given", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_id": "ümlaut"}, 401, "invalid_client"),
        ({"scope": "tickets:fly"}, 400, "invalid_scope"),
        ({"expires_in": 10}, 400, "invalid_request"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_wrong_clients_get_no_bearer(zendesk: Account, given: dict[str, Any], status: int, error: str) -> None:
    answer = zendesk.login(**given)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_scopes_are_enforced_and_audits_need_global_read(zendesk: Account, ticket: int) -> None:
    zendesk.login(scope="tickets:read macros:read")
    assert zendesk.call("GET", f"tickets/{ticket}.json").status_code == 200
    assert zendesk.call("GET", f"tickets/{ticket}/audits.json").status_code == 403
    assert zendesk.update(ticket, status="open").status_code == 403


# -- updates ---------------------------------------------------------------------------------------------------------


def test_one_put_makes_comment_audit_mail_and_records(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    answer = zendesk.update(
        ticket,
        comment={"body": "Dear {{ticket.requester.first_name}}, ref {{ticket.id}}{{ticket.nonsense}}", "public": True},
        status="pending",
        macro_id=macro_id(zendesk),
        metadata={"desk_op": "op-1"},
    )
    audit = answer.json()["audit"]
    assert audit["metadata"]["custom"] == {"desk_op": "op-1"}
    kinds = [e["type"] for e in audit["events"]]
    assert kinds == ["AgentMacroReference", "Comment", "Change", "Notification"]
    comment = audit["events"][1]
    assert comment["body"] == f"Dear Nurul, ref {ticket}"
    assert audit["events"][2] == {**audit["events"][2], "field_name": "status", "value": "pending"}
    assert answer.json()["ticket"]["status"] == "pending"
    (said,) = sandbox.world.effects("zendesk", "comment")
    assert (said["op"], said["public"], said["target"]) == ("op-1", True, str(ticket))
    (mail,) = sandbox.world.effects("zendesk", "mail")
    assert (mail["to"], mail["op"]) == ("nurul.rahman@example.com", "op-1")
    assert sandbox.world.zendesk.mails[0]["body"] == comment["body"]


def test_a_private_comment_mails_nobody(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    assert zendesk.update(ticket, comment={"body": "for agents", "public": False}).status_code == 200
    assert len(sandbox.world.effects("zendesk", "comment")) == 1
    assert sandbox.world.effects("zendesk", "mail") == []


@pytest.mark.parametrize(
    ("requester", "cc", "mailed"),
    [
        ({"name": "Lee"}, ["cc@example.com"], []),
        ({"name": "Lee", "email": "lee@example.com", "suspended": True}, ["cc@example.com"], []),
        ({"name": "Lee", "email": "lee@example.com", "deliverable": "undeliverable"}, [], []),
        ({"name": "Lee", "email": "lee@example.com"}, ["cc@example.com"], ["lee@example.com", "cc@example.com"]),
    ],
    ids=["no e-mail: CCs get none either", "suspended", "undeliverable", "CCs get the mail too"],
)
def test_who_is_mailed(
    zendesk: Account, sandbox: Sandbox, requester: dict[str, Any], cc: list[str], mailed: list[str]
) -> None:
    made = zendesk.control("tickets", {"subject": "s", "requester": requester, "cc": cc}).json()
    assert zendesk.update(made["id"], comment={"body": "hello", "public": True}).status_code == 200
    assert [m["to"] for m in sandbox.world.effects("zendesk", "mail")] == mailed


def test_the_identity_tells_whether_mail_arrives(zendesk: Account) -> None:
    bounced = {"name": "Lee", "email": "lee@example.com", "phone": "+60120000000", "deliverable": "undeliverable"}
    made = zendesk.control("tickets", {"subject": "s", "requester": bounced}).json()
    identities = zendesk.call("GET", f"users/{made['requester_id']}/identities.json").json()["identities"]
    assert [(i["type"], i.get("deliverable_state")) for i in identities] == [
        ("email", "undeliverable"),
        ("phone_number", None),
    ]


@pytest.mark.parametrize("flag", [True, False])
def test_safe_update_refuses_an_old_stamp_even_when_false(
    zendesk: Account, sandbox: Sandbox, ticket: int, flag: bool
) -> None:
    old = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    answer = zendesk.update(ticket, comment={"body": "x"}, safe_update=flag, updated_stamp=old)
    assert (answer.status_code, answer.json()["error"]) == (409, "UpdateConflict")
    assert sandbox.world.effects() == []
    stamp = zendesk.ticket(ticket)["updated_at"]
    assert zendesk.update(ticket, comment={"body": "x"}, safe_update=flag, updated_stamp=stamp).status_code == 200


def test_stamps_have_whole_seconds_so_two_writes_of_one_second_pass(zendesk: Account, ticket: int) -> None:
    stamp = zendesk.ticket(ticket)["updated_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp)
    time.sleep(1.0 - time.time() % 1.0)  # to the start of a second
    stamp = zendesk.update(ticket, comment={"body": "1", "public": False}).json()["ticket"]["updated_at"]
    again = zendesk.update(ticket, comment={"body": "2", "public": False}, safe_update=True, updated_stamp=stamp)
    assert again.status_code == 200


def test_an_update_without_an_event_moves_nothing(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    before = sandbox.world.zendesk.tickets[ticket].updated
    answer = zendesk.update(ticket, status="open")
    assert "audit" in answer.json()
    moved = sandbox.world.zendesk.tickets[ticket].updated
    assert moved > before
    assert "audit" not in zendesk.update(ticket, status="open").json()
    assert sandbox.world.zendesk.tickets[ticket].updated == moved


def test_closed_and_deleted_tickets(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    zendesk.control(f"tickets/{ticket}/status", {"status": "closed"})
    for answer in (
        zendesk.update(ticket, comment={"body": "x"}),
        zendesk.call("PUT", f"tickets/{ticket}/tags.json", json={"tags": ["x"]}),
    ):
        assert answer.status_code == 422
        assert answer.json()["details"]["status"][0]["description"] == "Status: closed prevents ticket update"
    zendesk.control(f"tickets/{ticket}/status", {"status": "deleted"})
    for answer in (zendesk.call("GET", f"tickets/{ticket}.json"), zendesk.update(ticket, status="open")):
        assert (answer.status_code, answer.json()) == (404, {"error": "RecordNotFound", "description": "Not found"})
    assert sandbox.world.effects() == []


def test_a_refused_save_changes_nothing(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    before = zendesk.ticket(ticket)
    wrong = {"custom_fields": [{"id": 360004, "value": "pref_nonsense"}]}
    assert zendesk.update(ticket, subject="new", tags=["a"], comment={"body": "x"}, **wrong).status_code == 422
    assert zendesk.update(ticket, subject="new", comment={"body": " "}).status_code == 422
    assert zendesk.update(ticket, subject="new", status="flying").status_code == 422
    assert zendesk.ticket(ticket) == before
    assert sandbox.world.effects() == []


def test_tags_add_set_remove_and_their_audit(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    path = f"tickets/{ticket}/tags.json"
    assert zendesk.call("PUT", path, json={"tags": ["b", "A"]}).json() == {"tags": ["a", "b"]}
    assert zendesk.call("DELETE", path, json={"tags": ["b"]}).status_code == 204
    assert zendesk.call("POST", path, json={"tags": ["c"]}).status_code == 201
    old = {"tags": ["z"], "safe_update": "true", "updated_stamp": "2026-01-01T00:00:00Z"}
    assert zendesk.call("PUT", path, json=old).status_code == 409
    audits = zendesk.call("GET", f"tickets/{ticket}/audits.json?sort_order=desc").json()["audits"]
    changes = [(e["previous_value"], e["value"]) for a in audits for e in a["events"] if e["type"] == "Change"]
    assert changes == [(["a"], ["c"]), (["a", "b"], ["a"]), ([], ["a", "b"])]
    desk_user = sandbox.world.zendesk.desk_user_id
    assert {a["author_id"] for a in audits[:3]} == {desk_user}
    assert [e["tags"] for e in sandbox.world.effects("zendesk", "tags_added")] == [["b", "a"], ["c"]]
    assert [e["tags"] for e in sandbox.world.effects("zendesk", "tags_removed")] == [["b"], ["a"]]


def test_the_dropdowns_option_is_a_tag(zendesk: Account, ticket: int) -> None:
    def choose(value: str | None) -> list[str]:
        answer = zendesk.update(ticket, custom_fields=[{"id": 360004, "value": value}])
        return list(answer.json()["ticket"]["tags"])

    assert choose("pref_stop_all") == ["pref_stop_all"]
    assert choose("pref_stop_sms") == ["pref_stop_sms"]
    assert choose(None) == []
    zendesk.call("PUT", f"tickets/{ticket}/tags.json", json={"tags": ["pref_stop_calls"]})
    assert {"id": 360004, "value": "pref_stop_calls"} in zendesk.ticket(ticket)["custom_fields"]


@pytest.mark.parametrize(
    ("comment", "seen"),
    [
        ({"body": "hi \\\\{{ticket.id}}"}, "hi {{ticket.id}}"),
        ({"body": "<b>hi</b>   {{ticket.Id}} there"}, "hi there"),
        ({"html_body": "<p>ref <code>{{ticket.id}}</code></p>"}, "ref {{ticket.id}}"),
    ],
    ids=["escaped", "HTML stripped, unknown placeholder stripped, spaces collapsed", "code in HTML"],
)
def test_comment_text(zendesk: Account, ticket: int, comment: dict[str, str], seen: str) -> None:
    audit = zendesk.update(ticket, comment={**comment, "public": False}).json()["audit"]
    assert re.sub(" +", " ", audit["events"][0]["body"]) == seen


def test_a_customers_own_braces_stay(zendesk: Account, ticket: int) -> None:
    zendesk.control(f"tickets/{ticket}/comment", {"body": "{{ticket.id}}", "author": "customer"})
    assert zendesk.call("GET", f"tickets/{ticket}/comments.json").json()["comments"][-1]["body"] == "{{ticket.id}}"


def test_unknown_keys_are_named_in_a_header(zendesk: Account, ticket: int) -> None:
    answer = zendesk.update(ticket, additional_tags=["x"], status="open")
    assert "ticket.additional_tags" in answer.headers["X-Zendesk-API-Warn"]
    assert answer.json()["ticket"]["tags"] == []


# -- macros, search, paging -------------------------------------------------------------------------------------------


def test_the_preview_shows_the_whole_ticket_and_changes_nothing(
    zendesk: Account, sandbox: Sandbox, ticket: int
) -> None:
    before = zendesk.ticket(ticket)
    shown = zendesk.call("GET", f"tickets/{ticket}/macros/{macro_id(zendesk)}/apply.json").json()["result"]["ticket"]
    assert (shown["id"], shown["status"], shown["comment"]["public"]) == (ticket, "pending", True)
    assert "retained" in shown["comment"]["body"]
    assert "{{ticket.requester.first_name}}" in shown["comment"]["body"]
    sandbox.config.macro_preview_renders = True
    shown = zendesk.call("GET", f"tickets/{ticket}/macros/{macro_id(zendesk)}/apply.json").json()["result"]["ticket"]
    assert "Nurul" in shown["comment"]["body"]
    assert "{{" not in shown["comment"]["body"]
    assert zendesk.ticket(ticket) == before
    assert sandbox.world.effects() == []


def test_a_macros_tags_show_as_a_difference(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    zendesk.call("PUT", f"tickets/{ticket}/tags.json", json={"tags": ["keep", "old"]})
    actions = [{"field": "current_tags", "value": "new"}, {"field": "remove_tags", "value": "old"}]
    made = sandbox.world.zendesk.add_macro("Tags", actions)
    shown = zendesk.call("GET", f"tickets/{ticket}/macros/{made['id']}/apply.json").json()["result"]["ticket"]
    assert shown["tags"] == ["keep", "new"]
    assert "comment" not in shown


def test_macros_page_by_cursor_and_by_offset(zendesk: Account) -> None:
    first = zendesk.call("GET", "macros.json?page[size]=2").json()
    assert first["meta"]["has_more"] is True
    after = first["meta"]["after_cursor"]
    second = zendesk.call("GET", f"macros.json?page[size]=2&page[after]={after}").json()
    assert (second["meta"]["has_more"], second["links"]["next"]) == (False, None)
    offset = zendesk.call("GET", "macros.json?per_page=2&page=2").json()
    assert offset["macros"] == second["macros"]
    assert (offset["count"], offset["next_page"]) == (3, None)
    assert zendesk.call("GET", "macros/search.json?query=promotional").json()["macros"] == [first["macros"][1]]


def test_search_lags_behind(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    def found() -> list[int]:
        query = f"type:ticket tags:{TAG} -tags:desk_done status<closed"
        return [t["id"] for t in zendesk.call("GET", "search.json", params={"query": query}).json()["results"]]

    sandbox.config.zendesk_search_lag = 60
    zendesk.call("PUT", f"tickets/{ticket}/tags.json", json={"tags": [TAG]})
    assert found() == []
    sandbox.config.zendesk_search_lag = 0
    assert found() == [ticket]
    zendesk.call("PUT", f"tickets/{ticket}/tags.json", json={"tags": ["desk_done"]})
    assert found() == []


# -- limits ----------------------------------------------------------------------------------------------------------


def test_the_thirtyfirst_update_of_a_ticket_is_refused(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    sandbox.config.limits = True
    answers = [zendesk.update(ticket, subject=f"s{n}") for n in range(31)]
    assert {a.status_code for a in answers[:30]} == {200}
    assert (answers[30].status_code, answers[30].json()["error"]) == (429, "APIRateLimitExceeded")
    assert 1 <= int(answers[30].headers["Retry-After"]) <= 601
    assert zendesk.ticket(ticket)["subject"] == "s29"


def test_account_limits_have_headers(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    sandbox.config.update({"limits": True, "zendesk_account_rate": 3, "zendesk_update_rate": 1})
    assert zendesk.update(ticket, subject="a").status_code == 200
    over = zendesk.update(ticket, subject="b")
    assert (over.status_code, over.headers["Zendesk-RateLimit-Tickets-Update"].split(";")[1]) == (429, " remaining=0")
    answers = [zendesk.call("GET", f"tickets/{ticket}.json") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[1].headers["X-Rate-Limit-Remaining"] == "0"


# -- triggers and webhooks --------------------------------------------------------------------------------------------


def agent_tags(zendesk: Account, ticket: int, *tags: str, remove: tuple[str, ...] = ()) -> None:
    answer = zendesk.control(f"tickets/{ticket}/tags", {"add": list(tags), "remove": list(remove)})
    assert answer.status_code == 200


def test_a_tag_fires_one_signed_webhook_with_ids_only(
    zendesk: Account, sandbox: Sandbox, desk: Listener, ticket: int
) -> None:
    agent_tags(zendesk, ticket, TAG, "pref_stop_all")
    (sent,) = delivered(sandbox, desk, 1)
    farah = next(u for u in sandbox.world.zendesk.users.values() if u.name.startswith("Farah"))
    assert sent.path == "/webhooks/zendesk"
    assert sent.json == {
        "type": "desk.tag",
        "ticket_id": str(ticket),
        "tags": f"{TAG} pref_stop_all",
        "updated_at": zendesk.ticket(ticket)["updated_at"],
        "actor_id": str(farah.id),
    }
    assert sent.body.startswith(b'{\n   "type": "desk.tag"')
    assert sent.body.endswith(b"\n")
    at = sent.headers["X-Zendesk-Webhook-Signature-Timestamp"]
    wanted = base64.b64encode(hmac.new(SECRET.encode(), at.encode() + sent.body, hashlib.sha256).digest()).decode()
    assert sent.headers["X-Zendesk-Webhook-Signature"] == wanted
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{26}", sent.headers["X-Zendesk-Webhook-Invocation-Id"])
    assert sent.headers["User-Agent"] == "Zendesk Webhook"
    assert sent.headers["Content-Type"] == "application/json; charset=utf-8"


def test_the_signature_is_the_documented_one() -> None:
    at = datetime(2021, 3, 25, 5, 9, 27, tzinfo=UTC)
    secret = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
    headers = signed(secret, b'{"event":"ticket.updated","id":123}', at)
    assert headers["X-Zendesk-Webhook-Signature"] == "S/RDdU2ERmj7LHDDoWJ2onPYH+t7/f2+LTM4dL7UiLM="


def test_triggers_fire_on_every_update_until_a_mark_and_never_for_the_desk(
    zendesk: Account, sandbox: Sandbox, desk: Listener, ticket: int
) -> None:
    agent_tags(zendesk, ticket, TAG)
    zendesk.control(f"tickets/{ticket}/comment", {"body": "note", "author": None})
    delivered(sandbox, desk, 2)  # the tag condition is true again on the next update
    zendesk.update(ticket, comment={"body": "by the desk", "public": False})
    zendesk.call("PUT", f"tickets/{ticket}/tags.json", json={"tags": ["desk_approved"]})
    zendesk.control(f"tickets/{ticket}/comment", {"body": "note", "author": None})
    delivered(sandbox, desk, 2)  # the desk's own, and what comes after its mark, fire nothing
    agent_tags(zendesk, ticket, "data_deletion_withdrawn")
    assert "data_deletion_withdrawn" in delivered(sandbox, desk, 3)[2].json["tags"]


def test_without_the_guard_the_desks_own_update_fires_too(
    zendesk: Account, sandbox: Sandbox, desk: Listener, ticket: int
) -> None:
    sandbox.config.trigger_guard = False
    agent_tags(zendesk, ticket, TAG, "desk_done")
    zendesk.update(ticket, comment={"body": "by the desk", "public": False})
    assert delivered(sandbox, desk, 2)[1].json["actor_id"] == str(sandbox.world.zendesk.desk_user_id)


@pytest.mark.parametrize("shape", ["lists", "nested"])
def test_event_subscription(zendesk: Account, sandbox: Sandbox, desk: Listener, ticket: int, shape: str) -> None:
    sandbox.config.update({"event_subscription": True, "trigger_webhooks": False, "event_shape": shape})
    agent_tags(zendesk, ticket, TAG)
    agent_tags(zendesk, ticket, remove=(TAG,))
    first, second = sorted(delivered(sandbox, desk, 2), key=lambda r: str(r.json["time"]))
    event = first.json["event"]
    lists = (event["tags_added"], event["tags_removed"]) if shape == "lists" else None
    assert (lists or (event["added"]["tags"], event["removed"]["tags"])) == ([TAG], [])
    assert first.json["type"] == "zen:event-type:ticket.tags_changed"
    assert (first.json["detail"]["id"], first.json["detail"]["status"]) == (str(ticket), "NEW")
    assert second.json["detail"]["tags"] is None
    assert first.json["id"] != second.json["id"]


def test_a_retry_keeps_the_invocation_and_signs_afresh(
    zendesk: Account, sandbox: Sandbox, desk: Listener, ticket: int
) -> None:
    desk.answers.extend([409, 409])
    sandbox.config.webhook_retry_seconds = 1.0
    agent_tags(zendesk, ticket, TAG)
    sent = delivered(sandbox, desk, 3) if sandbox.world.wait_until(lambda: len(desk.requests) == 3) else []
    assert len({r.headers["X-Zendesk-Webhook-Invocation-Id"] for r in sent}) == 1
    assert len({r.headers["X-Zendesk-Webhook-Signature-Timestamp"] for r in sent}) == 3
    assert [w["status"] for w in sandbox.world.hooks.log] == [409, 409, 200]
    assert [w["attempt"] for w in sandbox.world.hooks.log] == [1, 2, 3]


@pytest.mark.parametrize("status", [400, 401, 404, 500, 502, 503])
def test_other_answers_are_final(zendesk: Account, sandbox: Sandbox, desk: Listener, ticket: int, status: int) -> None:
    desk.answers.append(status)  # 503 without Retry-After is final too
    agent_tags(zendesk, ticket, TAG)
    delivered(sandbox, desk, 1)
    time.sleep(0.15)
    assert len(delivered(sandbox, desk, 1)) == 1


@pytest.mark.parametrize(
    ("attempt", "delay"),
    [
        (Attempt(1, 503, False, "30", 0.1, b""), 30.0),
        (Attempt(1, 429, False, "59", 0.1, b""), 59.0),
        (Attempt(1, 503, False, "60", 0.1, b""), None),
        (Attempt(1, 503, False, "soon", 0.1, b""), None),
        (Attempt(5, None, True, None, 12.0, b""), 0.05),
        (Attempt(6, None, True, None, 12.0, b""), None),
        (Attempt(3, 409, False, None, 0.1, b""), 0.05),
        (Attempt(4, 409, False, None, 0.1, b""), None),
        (Attempt(1, None, False, None, 0.1, b""), None),
        (Attempt(1, 200, False, None, 0.1, b""), None),
    ],
)
def test_the_retry_table(sandbox: Sandbox, attempt: Attempt, delay: float | None) -> None:
    assert policy(sandbox.world)(attempt) == delay


def test_duplicates_and_drops(zendesk: Account, sandbox: Sandbox, desk: Listener, ticket: int) -> None:
    sandbox.config.duplicate_webhooks = 2
    agent_tags(zendesk, ticket, TAG)
    sent = delivered(sandbox, desk, 3)
    assert len({r.headers["X-Zendesk-Webhook-Invocation-Id"] for r in sent}) == 2
    assert len({r.body for r in sent}) == 1
    sandbox.config.update({"duplicate_webhooks": 0, "drop_webhooks": 1.0})
    zendesk.control(f"tickets/{ticket}/comment", {"body": "note", "author": None})
    delivered(sandbox, desk, 3)
    assert sandbox.world.hooks.log[-1]["status"] == "dropped"


def test_deliveries_may_be_late_out_of_order_and_from_a_skewed_clock(
    zendesk: Account, sandbox: Sandbox, desk: Listener, ticket: int
) -> None:
    sandbox.config.update({"webhook_delay": [0.05, 0.8], "clock_skew": 301})
    for n in range(6):
        agent_tags(zendesk, ticket, TAG, f"n{n}")
    sandbox.world.wait_until(lambda: len(desk.requests) == 6)
    counts = [len(r.json["tags"].split()) for r in desk.requests]
    assert sorted(counts) == [2, 3, 4, 5, 6, 7]
    assert counts != sorted(counts)
    at = desk.requests[0].headers["X-Zendesk-Webhook-Signature-Timestamp"]
    assert (datetime.fromisoformat(at) - datetime.now(UTC)).total_seconds() > 290


def test_the_circuit_breaker_pauses_after_many_errors(
    zendesk: Account, sandbox: Sandbox, desk: Listener, ticket: int
) -> None:
    desk.status = 500
    for n in range(22):
        agent_tags(zendesk, ticket, TAG, f"n{n}")
        assert sandbox.world.hooks.quiet()
    assert len(desk.requests) == 20
    assert [w["status"] for w in sandbox.world.hooks.log][-2:] == ["circuit broken", "circuit broken"]


# -- the sandbox's own interface -----------------------------------------------------------------------------------


def test_the_seed(sandbox: Sandbox, zendesk: Account) -> None:
    state = zendesk.http.get(f"{sandbox.url}/sandbox/state", timeout=5).json()
    assert len(state["tickets"]) == 5
    assert {t["status"] for t in state["tickets"]} == {"new"}
    assert [t["tags"] for t in state["tickets"]] == [[]] * 5
    assert sum(t["requester"]["email"] is None for t in state["tickets"]) == 1
    assert sum(t["fields"]["contact"] is None for t in state["tickets"]) == 1
    mails = {a["email"] for a in state["agents"]}
    assert {"farah@example.com", "ken@example.com", "priya@example.com", "aisyah@example.com"} <= mails
    assert state["preference_options"][0]["tag"] == "pref_delete_all"
    assert state["mails"] == state["webhooks"] == []


def test_acts_of_people_are_no_effects_of_the_desk(sandbox: Sandbox, zendesk: Account, ticket: int) -> None:
    agent_tags(zendesk, ticket, "x")
    fields = zendesk.control(f"tickets/{ticket}/fields", {"contact": "+60", "preference": "pref_stop_sms"}).json()
    assert fields["fields"]["preference"] == "pref_stop_sms"
    zendesk.control(f"tickets/{ticket}/status", {"status": "pending"})
    zendesk.control(f"tickets/{ticket}/comment", {"body": "wait", "author": "customer"})
    assert zendesk.ticket(ticket)["status"] == "open"
    assert sandbox.world.effects() == []
    state = zendesk.http.get(f"{sandbox.url}/sandbox/state", timeout=5).json()
    assert [entry["kind"] for entry in state["log"]] == ["tags", "fields", "status", "comment"]
    assert state["tickets"][0]["comments"][-1]["role"] == "customer"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("tickets/999999/tags", {"add": ["x"]}, 404),
        ("tickets/{ticket}/fields", {"nonsense": "x"}, 400),
        ("tickets/{ticket}/tags", {"add": ["x"], "agent": 1}, 404),
        ("config", {"nonsense": 1}, 400),
        ("faults", {"vendor": "zendesk", "fault": "nonsense"}, 400),
        ("faults", {"vendor": "nobody", "fault": "500"}, 400),
    ],
)
def test_wrong_orders_are_refused_in_words(
    zendesk: Account, ticket: int, path: str, body: dict[str, Any], status: int
) -> None:
    answer = zendesk.control(path.format(ticket=ticket), body)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_the_stream_says_when_something_changed(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    with zendesk.http.get(f"{sandbox.url}/sandbox/stream", stream=True, timeout=5) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith(b"retry")
        agent_tags(zendesk, ticket, "x")
        assert next(line for line in lines if line) == b"data: changed"


def test_settings_and_reset(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    shown = zendesk.control("config", {"jira_index_lag": [0, 1], "limits": True})
    assert sandbox.config.jira_index_lag == (0, 1)
    assert "secret" not in shown.text
    agent_tags(zendesk, ticket, "x")
    zendesk.control("reset")
    assert zendesk.call("GET", "users/me.json").status_code == 401  # a new account knows no old bearer
    zendesk.login()
    assert zendesk.ticket(ticket)["tags"] == []


def test_arrivals_hold_no_credential(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    zendesk.ticket(ticket)
    seen = json.dumps(sandbox.world.arrivals)
    assert "stand-in-zendesk-client" not in seen
    assert zendesk.http.headers["Authorization"][10:] not in seen
    assert [a["method"] for a in sandbox.world.arrivals] == ["oauth.token", "tickets.show"]
