"""The chat client against the stand-in."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.clients import Clients
from app.clients.chat import Posted
from app.clients.slack_errors import MEANING, judge
from app.errors import AuthError, NotAppliedError, PermanentError, UnknownOutcomeError
from sandbox.server import Sandbox
from tests.kit import card

CARD = card("Please decide")
METHODS = ("chat.postMessage", "chat.update", "chat.postEphemeral", "conversations.history", "users.info", "auth.test")
SPECS = Path(__file__).resolve().parents[3] / "shared/specs/slack/docs-slack-dev-methods"


def test_a_card_is_posted_with_its_mark_and_found_again(sandbox: Sandbox, clients: Clients) -> None:
    before = datetime.now(UTC)
    posted = clients.chat.post(CARD, op_id="op1", case_key="c7-1")
    (call,) = sandbox.world.arrived("slack")
    assert set(call["body"]) == {"channel", "text", "blocks", "metadata", "unfurl_links", "unfurl_media"}
    assert call["body"]["metadata"] == {
        "event_type": "desk_card",
        "event_payload": {"op_id": "op1", "case": "c7-1"},
    }
    assert (call["body"]["unfurl_links"], call["body"]["unfurl_media"]) == (False, False)
    assert clients.chat.find("op1", since=before) == posted
    assert clients.chat.find("op2", since=before) is None
    assert clients.chat.find("op1", since=before + timedelta(minutes=5)) is None


def test_the_oldest_of_two_copies_is_found(sandbox: Sandbox, clients: Clients) -> None:
    first = clients.chat.post(CARD, op_id="op1", case_key="c")
    clients.chat.post(CARD, op_id="op1", case_key="c")
    assert clients.chat.find("op1", since=datetime.now(UTC)) == first


def test_find_reads_all_pages(sandbox: Sandbox, clients: Clients) -> None:
    first = clients.chat.post(CARD, op_id="op1", case_key="c")
    for n in range(205):
        clients.chat.post(CARD, op_id=f"other{n}", case_key="c")
    assert clients.chat.find("op1", since=datetime.now(UTC)) == first
    assert len(sandbox.world.arrived("slack", "conversations.history")) == 2


def test_a_search_that_fails_is_not_an_absence(sandbox: Sandbox, clients: Clients) -> None:
    sandbox.world.faults.add("slack", "conversations.history", "readback_fails")
    with pytest.raises(UnknownOutcomeError):
        clients.chat.find("op1", since=datetime.now(UTC))


def test_update_replaces_the_blocks(sandbox: Sandbox, clients: Clients) -> None:
    posted = clients.chat.post(CARD, op_id="op1", case_key="c")
    assert clients.chat.update(posted, card("Decided")) == posted
    assert sandbox.world.arrived("slack", "chat.update")[0]["body"]["blocks"] == [
        {"type": "section", "text": {"type": "plain_text", "text": "Decided", "emoji": False}}
    ]


def test_updating_a_deleted_message_is_gone(sandbox: Sandbox, clients: Clients) -> None:
    with pytest.raises(PermanentError) as caught:
        clients.chat.update(Posted("C0SUPERVISE", "1700000000.000100"), CARD)
    assert caught.value.reason == "gone"


def test_an_answer_for_one_person(sandbox: Sandbox, clients: Clients) -> None:
    clients.chat.answer("U0AISYAH", "Not yours to decide", channel="C0SUPERVISE")
    (call,) = sandbox.world.arrived("slack")
    assert call["method"] == "chat.postEphemeral"
    assert call["body"]["user"] == "U0AISYAH"


def test_people_and_self(sandbox: Sandbox, clients: Clients) -> None:
    person = clients.chat.person("U0AISYAH")
    team, self_id = clients.chat.me()
    assert (person.id, person.team_id, person.is_bot, person.deleted, person.is_guest) == (
        "U0AISYAH",
        team,
        False,
        False,
        False,
    )
    assert self_id.startswith(("U", "W", "B"))
    with pytest.raises(PermanentError):
        clients.chat.person("U0NOBODY")


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        ("ratelimited", NotAppliedError, "rate_limited"),
        ("rate_limited", NotAppliedError, "rate_limited"),
        ("invalid_auth", AuthError, "auth"),
        ("token_revoked", AuthError, "auth"),
        ("channel_not_found", PermanentError, "channel"),
        ("is_archived", PermanentError, "channel"),
        ("message_not_found", PermanentError, "gone"),
        ("edit_window_closed", PermanentError, "closed"),
        ("invalid_blocks", PermanentError, "rejected"),
        ("missing_scope", PermanentError, "forbidden"),
        ("internal_error", UnknownOutcomeError, "server"),
        ("fatal_error", UnknownOutcomeError, "server"),
        ("service_unavailable", UnknownOutcomeError, "server"),
        ("a_code_of_next_year", UnknownOutcomeError, "server"),
    ],
)
def test_ok_false_is_mapped_by_its_code(
    sandbox: Sandbox, clients: Clients, code: str, kind: type[Exception], reason: str
) -> None:
    sandbox.world.faults.add("slack", "chat.postMessage", "ok_false", error=code)
    with pytest.raises(kind) as caught:
        clients.chat.post(CARD, op_id="op1", case_key="c")
    assert type(caught.value) is kind
    assert getattr(caught.value, "reason", None) == reason


def test_codes_count_under_an_http_error_too() -> None:
    found = judge(403, {}, b'{"ok": false, "error": "invalid_auth"}')
    assert type(found) is AuthError
    found = judge(429, {"Retry-After": "7"}, b'{"ok": false, "error": "ratelimited"}')
    assert isinstance(found, NotAppliedError)
    assert found.retry_after == 7


@pytest.mark.skipif(not SPECS.is_dir(), reason="the vendors' documents are not beside the repository")
@pytest.mark.parametrize("method", METHODS)
def test_every_documented_error_is_mapped(method: str) -> None:
    documented = json.loads((SPECS / f"{method}.json").read_text())["errors"]
    assert set(documented) - set(MEANING) == set()
