"""What a press on Mattermost leans on: the post it came from, the form it opens; and what every refusal means."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from app.clients.chat import Button, Card, Field, Form, Mention, Posted, Section
from app.clients.mattermost import MattermostClient
from app.clients.mattermost_errors import judge
from app.clients.mattermost_posts import props
from app.errors import AuthError, NotAppliedError, PermanentError, UnknownOutcomeError, VendorError
from sandbox.mattermost.people import stable
from sandbox.mattermost.posts import remove
from sandbox.mattermost.state import FOREIGN_CHANNEL, Post
from sandbox.server import Sandbox
from tests.kit import card

CHANNEL = "supervisorsxxxxxxxxxxxxxxx"
AISYAH, BOT = stable("aisyah"), stable("deskbot")
BUTTONS = (Button("approve", "Approve", "token-a", "primary"), Button("false_alarm", "No threat", "token-f"))
OPEN = Card((Section((("Please decide",),)),), BUTTONS)
REASONS = (("other", "Other"), ("duplicate", "Duplicate"))
FORM = Form(
    "decline", "Decline", "Send", "Cancel", "signed-token",
    (Field("reason", "Reason", options=REASONS), Field("note", "Note for the agent", optional=True, hint="Optional")),
)  # fmt: skip


class TestPressIsOurs:
    @pytest.fixture
    def posted(self, mattermost: MattermostClient) -> Posted:
        return mattermost.post(OPEN, op_id="op1", case_key="case-7-1")

    def test_ours(self, mattermost: MattermostClient, posted: Posted) -> None:
        assert mattermost.press_is_ours(posted, "approve", "case-7-1")
        assert mattermost.press_is_ours(posted, "false_alarm", "case-7-1")
        assert mattermost.press_is_ours(posted, "approve")

    def test_another_action_case_or_channel(self, mattermost: MattermostClient, posted: Posted) -> None:
        assert not mattermost.press_is_ours(posted, "decline", "case-7-1")
        assert not mattermost.press_is_ours(posted, "approve", "case-8-1")
        assert not mattermost.press_is_ours(posted, "approve", "case-7-2")
        assert not mattermost.press_is_ours(Posted(FOREIGN_CHANNEL, posted.ts), "approve", "case-7-1")

    def test_m007_somebody_elses_post_with_the_same_button(
        self, sandbox: Sandbox, mattermost: MattermostClient
    ) -> None:
        state = sandbox.world.mattermost
        copied = {**props(OPEN, zone="UTC", url="https://desk.example", name=str), "desk_op": "op1", "desk_case": "c"}
        post = Post(state.new_id(), CHANNEL, AISYAH, "", copied, state.now(), state.now())
        state.posts[post.id] = post
        assert not mattermost.press_is_ours(Posted(CHANNEL, post.id), "approve", "c")

    def test_a_late_press_is_ours(self, mattermost: MattermostClient, posted: Posted) -> None:
        mattermost.update(posted, card("Decided"))
        assert mattermost.press_is_ours(posted, "approve", "case-7-1")

    def test_a_message_of_ours_that_is_no_card(self, sandbox: Sandbox, mattermost: MattermostClient) -> None:
        mattermost.answer(AISYAH, "hi", channel=CHANNEL)
        (told,) = sandbox.world.effects("mattermost", "direct")
        assert not mattermost.press_is_ours(Posted(told["channel"], told["target"]), "approve", "")

    def test_deleted(self, sandbox: Sandbox, mattermost: MattermostClient, posted: Posted) -> None:
        remove(sandbox.world.mattermost, sandbox.world.mattermost.posts[posted.ts], AISYAH)
        assert not mattermost.press_is_ours(posted, "approve", "case-7-1")

    @pytest.mark.parametrize("post_id", ["", "me", "../users/me", "A" * 26, "a" * 25, "é" * 26, "a" * 26 + "\n"])
    def test_what_is_no_post_id_is_not_asked(
        self, sandbox: Sandbox, mattermost: MattermostClient, post_id: str
    ) -> None:
        assert not mattermost.press_is_ours(Posted(CHANNEL, post_id), "approve", "c")
        assert sandbox.world.arrived("mattermost") == []

    @pytest.mark.parametrize("fault", ["503_before", "reset_before", "garbage_after", "429", "401", "403"])
    def test_m019_what_cannot_be_told_is_no_yes(
        self, sandbox: Sandbox, mattermost: MattermostClient, posted: Posted, fault: str
    ) -> None:
        sandbox.world.faults.add("mattermost", "posts.get", fault)
        with pytest.raises(VendorError):
            mattermost.press_is_ours(posted, "approve", "case-7-1")


class TestForms:
    def test_a_form_opens_for_the_presser(self, sandbox: Sandbox, mattermost: MattermostClient) -> None:
        state = sandbox.world.mattermost
        mattermost.open_form(state.new_trigger(AISYAH, CHANNEL), FORM)
        (dialog,) = state.dialogs.values()
        assert dialog["user"] == AISYAH
        assert dialog["url"] == "http://127.0.0.1:8000/webhooks/mattermost/dialog"
        assert (dialog["callback_id"], dialog["title"], dialog["submit_label"]) == ("decline", "Decline", "Send")
        assert dialog["state"] == "signed-token"
        assert dialog["notify_on_cancel"] is False
        reason, note = dialog["elements"]
        assert (reason["type"], reason["name"], reason["optional"]) == ("select", "reason", False)
        assert reason["options"] == [{"text": text, "value": code} for code, text in REASONS]
        assert (note["type"], note["max_length"], note["optional"]) == ("textarea", 1000, True)

    def test_long_words_keep_the_limits(self, sandbox: Sandbox, mattermost: MattermostClient) -> None:
        long = "字" * 200
        form = Form("ask", long, long, long, "t", (Field("question", long, limit=9000, hint=long),))
        mattermost.open_form(sandbox.world.mattermost.new_trigger(AISYAH, CHANNEL), form)
        (element,) = next(iter(sandbox.world.mattermost.dialogs.values()))["elements"]
        assert element["help_text"].startswith("字" * 100), "a label that is cut stands whole below"

    @pytest.mark.parametrize("trigger", ["", "not-one", "bm90OmE6MTpzaWc=", "x" * 300])
    def test_too_late_or_no_trigger_is_gone(self, mattermost: MattermostClient, trigger: str) -> None:
        with pytest.raises(PermanentError) as caught:
            mattermost.open_form(trigger, FORM)
        assert caught.value.reason == "gone"


class TestNames:
    CARD = Card((Section((("Approved by ", Mention(AISYAH), "."),)),))

    def test_a_person_is_shown_by_name_and_asked_for_once(self, sandbox: Sandbox, mattermost: MattermostClient) -> None:
        first = mattermost.post(self.CARD, op_id="op1", case_key="c")
        mattermost.post(self.CARD, op_id="op2", case_key="c")
        shown = sandbox.world.mattermost.posts[first.ts].props
        assert shown["attachments"][0]["text"] == "Approved by @aisyah\u200b."
        assert "mentionHighlightDisabled" not in shown
        assert len(sandbox.world.arrived("mattermost", "users.get")) == 1

    def test_nobody_is_shown_by_id(self, sandbox: Sandbox, mattermost: MattermostClient) -> None:
        for n, user in enumerate((stable("nobody"), "U0AISYAH")):
            made = Card((Section(((Mention(user),),)),))
            at = mattermost.post(made, op_id=f"op{n}", case_key="c")
            assert sandbox.world.mattermost.posts[at.ts].props["attachments"][0]["text"] == user

    def test_a_name_that_cannot_be_read_means_that_nothing_was_posted(
        self, sandbox: Sandbox, mattermost: MattermostClient
    ) -> None:
        sandbox.world.faults.add("mattermost", "users.get", "503_before")
        with pytest.raises(NotAppliedError):
            mattermost.post(self.CARD, op_id="op1", case_key="c")
        assert sandbox.world.effects("mattermost") == []


def error(id_: str, status: int = 400) -> bytes:
    words = "Canary: Siti binti Ahmad +60123456789"
    return json.dumps({"id": id_, "message": words, "request_id": "r", "status_code": status}).encode()


@pytest.mark.parametrize(
    ("status", "id_", "kind", "reason"),
    [
        (401, "api.context.session_expired.app_error", AuthError, "auth"),
        (403, "api.context.permissions.app_error", PermanentError, "forbidden"),
        (404, "app.post.get.app_error", PermanentError, "gone"),
        (404, "app.channel.get.existing.app_error", PermanentError, "channel"),
        (400, "api.post.create_post.root_id.app_error", PermanentError, "gone"),
        (400, "api.post.create_post.can_not_post_to_deleted.error", PermanentError, "channel"),
        (400, "api.post.update_post.permissions_time_limit.app_error", PermanentError, "closed"),
        (400, "interactive_message.decode_trigger_id.expired", PermanentError, "gone"),
        (400, "model.post.is_valid.message_length.app_error", PermanentError, "rejected"),
        (400, "an.id.of.next.year", PermanentError, "rejected"),
        (413, "api.context.request_body_too_large.app_error", PermanentError, "rejected"),
        (403, "api.ldap_groups.license_error", PermanentError, "unlicensed"),
        (501, "api.license_error", PermanentError, "unlicensed"),
        (501, "", PermanentError, "unlicensed"),
        (409, "", NotAppliedError, "locked"),
        (429, "", NotAppliedError, "rate_limited"),
        (302, "", PermanentError, "redirect"),
        (500, "api.post.deduplicate_create_post.pending", UnknownOutcomeError, "server"),
        (500, "app.post.get.app_error", UnknownOutcomeError, "server"),
        (503, "", UnknownOutcomeError, "server"),
        (200, "app.post.get.app_error", None, ""),
    ],
)
def test_every_refusal_has_its_meaning(status: int, id_: str, kind: type[VendorError] | None, reason: str) -> None:
    found = judge(status, {}, error(id_, status))
    if kind is None:
        assert found is None
        return
    assert type(found) is kind
    assert (found.reason, found.vendor, found.status) == (reason, "mattermost", status)
    assert "Canary" not in repr(found)
    assert "Siti" not in str(found)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"id": 7}', b'{"id": ["x"]}', b"null"])
def test_a_refusal_without_a_readable_id_goes_by_its_status(body: bytes) -> None:
    assert type(judge(403, {}, body)) is PermanentError
    assert type(judge(500, {}, body)) is UnknownOutcomeError


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"X-RateLimit-Reset": "3"}, 3.0),
        ({"X-RateLimit-Reset": "3", "Retry-After": "9"}, 9.0),
        ({"X-RateLimit-Reset": "86400"}, 900.0),
        ({"X-RateLimit-Reset": "soon"}, None),
        ({"X-RateLimit-Reset": "-1"}, None),
        ({"X-RateLimit-Reset": "٣"}, None),
        ({}, None),
    ],
)
def test_how_long_a_429_wants_us_to_wait(headers: dict[str, str], wait: float | None) -> None:
    found = judge(429, headers, b"limit exceeded\n")
    assert isinstance(found, NotAppliedError)
    assert found.retry_after == wait


def test_a_429_that_names_a_time_instead_of_seconds() -> None:
    found: Any = judge(429, {"X-RateLimit-Reset": str(int(time.time()) + 60)}, b"limit exceeded\n")
    assert 50 < found.retry_after <= 60
    found = judge(429, {"X-RateLimit-Reset": str(int(time.time()) - 60)}, b"limit exceeded\n")
    assert found.retry_after == 0


def test_the_servers_own_limit_is_read(sandbox: Sandbox, mattermost: MattermostClient) -> None:
    sandbox.world.faults.add("mattermost", "posts.create", "429", retry_after="7")
    with pytest.raises(NotAppliedError) as caught:
        mattermost.post(OPEN, op_id="op1", case_key="c")
    assert (caught.value.reason, caught.value.retry_after) == ("rate_limited", 7.0)
    assert sandbox.world.effects("mattermost") == []
