"""What the stand-in for Zendesk sends: triggers, the event subscription, signatures, retries, the circuit breaker."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from datetime import UTC, datetime

import pytest

from sandbox.caller import Account
from sandbox.hooks import Attempt
from sandbox.listener import Listener
from sandbox.server import Sandbox
from sandbox.zendesk.delivery import policy, signed
from tests.sandbox.zendesk_kit import SECRET, TAG, agent_tags, delivered


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
    assert any("data_deletion_withdrawn" in request.json["tags"] for request in delivered(sandbox, desk, 3))


def test_without_the_guard_the_desks_own_update_fires_too(
    zendesk: Account, sandbox: Sandbox, desk: Listener, ticket: int
) -> None:
    sandbox.config.trigger_guard = False
    agent_tags(zendesk, ticket, TAG, "desk_done")
    zendesk.update(ticket, comment={"body": "by the desk", "public": False})
    actors = {request.json["actor_id"] for request in delivered(sandbox, desk, 2)}  # they may overtake each other
    assert str(sandbox.world.zendesk.desk_user_id) in actors


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
