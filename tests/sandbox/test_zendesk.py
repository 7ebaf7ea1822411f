"""The stand-in for Zendesk behaves as its documents say (facts Z1-Z6)."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.caller import Account
from sandbox.server import Sandbox
from tests.sandbox.zendesk_kit import macro_id

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
