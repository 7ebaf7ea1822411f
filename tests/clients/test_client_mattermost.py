"""The Mattermost client against the stand-in: posts with their mark, found again; people, groups and channels."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.clients import Clients, mattermost_rest
from app.clients.chat import Posted
from app.clients.mattermost import MattermostClient
from app.errors import AuthError, NotAppliedError, PermanentError, UnknownOutcomeError
from sandbox.mattermost.people import GROUP_ID, Person, stable
from sandbox.mattermost.posts import remove
from sandbox.mattermost.state import FOREIGN_CHANNEL, Post
from sandbox.server import Sandbox
from tests.kit import card

CARD = card("Please decide")
CHANNEL = "supervisorsxxxxxxxxxxxxxxx"
AISYAH, BOT = stable("aisyah"), stable("deskbot")


def now() -> datetime:
    return datetime.now(UTC)


def bodies(sandbox: Sandbox, method: str) -> list[dict[str, object]]:
    return [call["body"] for call in sandbox.world.arrived("mattermost", method)]


def written(sandbox: Sandbox, author: str, **props: object) -> Posted:
    """A post that did not come through the client."""
    state = sandbox.world.mattermost
    at = state.now()
    post = Post(state.new_id(), CHANNEL, author, "", dict(props), at, at)
    state.posts[post.id] = post
    return Posted(CHANNEL, post.id)


def delete(sandbox: Sandbox, at: Posted) -> None:
    state = sandbox.world.mattermost
    remove(state, state.posts[at.ts], AISYAH)


class TestPosts:
    def test_a_card_is_posted_with_its_mark_and_found_again(
        self, sandbox: Sandbox, mattermost: MattermostClient
    ) -> None:
        began = now()
        posted = mattermost.post(CARD, op_id="op1", case_key="case-7-1")
        (body,) = bodies(sandbox, "posts.create")
        assert set(body) == {"channel_id", "message", "props", "pending_post_id"}
        assert (body["channel_id"], body["message"], body["pending_post_id"]) == (CHANNEL, "", f"{BOT}:op1")
        props = sandbox.world.mattermost.posts[posted.ts].props
        assert (props["desk_op"], props["desk_case"]) == ("op1", "case-7-1")
        assert mattermost.find("op1", since=began) == posted
        assert mattermost.find("op2", since=began) is None
        assert mattermost.find("op1", since=began + timedelta(minutes=5)) is None

    def test_a_reply_stands_below_its_card(self, mattermost: MattermostClient) -> None:
        began = now()
        posted = mattermost.post(CARD, op_id="op1", case_key="c")
        reply = mattermost.post(card("Still open"), op_id="op2", case_key="c", thread=posted)
        assert mattermost.find("op2", since=began, thread=posted) == reply
        assert mattermost.find("op3", since=began, thread=posted) is None

    def test_a_quick_repeat_is_one_post(self, sandbox: Sandbox, mattermost: MattermostClient) -> None:
        first = mattermost.post(CARD, op_id="op1", case_key="c")
        assert mattermost.post(CARD, op_id="op1", case_key="c") == first
        assert len(sandbox.world.effects("mattermost", "post")) == 1

    def test_a_post_that_is_still_being_saved_is_unknown(self, sandbox: Sandbox, mattermost: MattermostClient) -> None:
        sandbox.world.mattermost.pending[f"{BOT}:op1"] = (time.monotonic(), "")
        with pytest.raises(UnknownOutcomeError):
            mattermost.post(CARD, op_id="op1", case_key="c")

    def test_the_oldest_of_two_copies_is_found(self, sandbox: Sandbox, mattermost: MattermostClient) -> None:
        first = mattermost.post(CARD, op_id="op1", case_key="c")
        sandbox.world.mattermost.pending.clear()  # 30 s later, or another node
        assert mattermost.post(CARD, op_id="op1", case_key="c") != first
        assert mattermost.find("op1", since=now()) == first

    def test_only_our_own_post_that_is_still_there_is_found(
        self, sandbox: Sandbox, mattermost: MattermostClient
    ) -> None:
        written(sandbox, AISYAH, desk_op="op1")
        assert mattermost.find("op1", since=now()) is None
        delete(sandbox, mattermost.post(CARD, op_id="op2", case_key="c"))
        assert mattermost.find("op2", since=now()) is None

    def test_a_deleted_post_that_is_listed_all_the_same_is_not_there(
        self, sandbox: Sandbox, mattermost: MattermostClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        posted = mattermost.post(CARD, op_id="op1", case_key="c")
        raw = {**sandbox.world.mattermost.posts[posted.ts].public(), "delete_at": 1_800_000_000_000}
        monkeypatch.setattr(mattermost, "_history", lambda channel, earliest: [raw])
        assert mattermost.find("op1", since=now()) is None

    def test_all_pages_are_read_and_no_more(
        self, sandbox: Sandbox, mattermost: MattermostClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = mattermost.post(CARD, op_id="op1", case_key="c")
        for _ in range(mattermost_rest.PAGE * 2 + 5):
            written(sandbox, AISYAH)
        assert mattermost.find("op1", since=now()) == first
        assert len(sandbox.world.arrived("mattermost", "channels.posts")) == 3
        assert mattermost.find("op1", since=now() + timedelta(hours=1)) is None
        assert len(sandbox.world.arrived("mattermost", "channels.posts")) == 4
        monkeypatch.setattr(mattermost_rest, "PAGES", 2)
        with pytest.raises(UnknownOutcomeError):
            mattermost.find("op1", since=now())

    def test_posts_of_one_millisecond_are_not_lost_between_two_pages(
        self, sandbox: Sandbox, mattermost: MattermostClient
    ) -> None:
        posts = sandbox.world.mattermost.posts
        twins = [written(sandbox, AISYAH) for _ in range(3)]
        ours = mattermost.post(CARD, op_id="op1", case_key="c")
        for twin in twins:
            posts[twin.ts].create_at = posts[ours.ts].create_at
        for _ in range(mattermost_rest.PAGE - 2):
            written(sandbox, AISYAH)
        assert mattermost.find("op1", since=now()) == ours

    def test_a_page_that_claims_to_be_the_last_one_and_is_full_is_not_believed(
        self, sandbox: Sandbox, mattermost: MattermostClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = mattermost.post(CARD, op_id="op1", case_key="c")
        for _ in range(mattermost_rest.PAGE):
            written(sandbox, AISYAH)
        call = mattermost._call
        monkeypatch.setattr(mattermost, "_call", lambda *given, **query: {**call(*given, **query), "prev_post_id": ""})
        assert mattermost.find("op1", since=now()) == first

    def test_a_post_that_goes_away_between_two_pages_hides_no_other(
        self, sandbox: Sandbox, mattermost: MattermostClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = mattermost.post(CARD, op_id="op1", case_key="c")
        last = [written(sandbox, AISYAH) for _ in range(mattermost_rest.PAGE)][-1]
        call = mattermost._call

        def then_delete(verb: str, path: str, body: object = None, **query: str | int) -> mattermost_rest.Json:
            answer = call(verb, path, body, **query)
            if "before" not in query and not sandbox.world.mattermost.posts[last.ts].delete_at:
                delete(sandbox, last)
            return answer

        mattermost._me()
        monkeypatch.setattr(mattermost, "_call", then_delete)
        assert mattermost.find("op1", since=now()) == first

    def test_a_search_that_fails_is_not_an_absence(self, sandbox: Sandbox, mattermost: MattermostClient) -> None:
        posted = mattermost.post(CARD, op_id="op1", case_key="c")
        for method, thread in (("channels.posts", None), ("posts.thread", posted)):
            sandbox.world.faults.add("mattermost", method, "readback_fails")
            with pytest.raises(UnknownOutcomeError):
                mattermost.find("op1", since=now(), thread=thread)
            sandbox.world.faults.add("mattermost", method, "garbage_after", form="empty")
            with pytest.raises(UnknownOutcomeError):
                mattermost.find("op1", since=now(), thread=thread)

    def test_a_deleted_card_takes_its_thread_along(self, sandbox: Sandbox, mattermost: MattermostClient) -> None:
        posted = mattermost.post(CARD, op_id="op1", case_key="c")
        delete(sandbox, posted)
        calls: tuple[Callable[[], object], ...] = (
            lambda: mattermost.find("op2", since=now(), thread=posted),
            lambda: mattermost.post(CARD, op_id="op2", case_key="c", thread=posted),
            lambda: mattermost.update(posted, CARD),
        )
        for call in calls:
            with pytest.raises(PermanentError) as caught:
                call()
            assert caught.value.reason == "gone"

    def test_where_we_are_no_member_the_channel_is_named(self, mattermost: MattermostClient) -> None:
        for channel in (FOREIGN_CHANNEL, stable("nowhere")):
            for call in (
                lambda: mattermost.post(CARD, op_id="op1", case_key="c", channel=channel),  # noqa: B023 - called now
                lambda: mattermost.find("op1", since=now(), channel=channel),  # noqa: B023 - called now
            ):
                with pytest.raises(PermanentError) as caught:
                    call()
                assert caught.value.reason == "channel"


class TestUpdates:
    def test_text_and_buttons_are_replaced_and_the_mark_stays(
        self, sandbox: Sandbox, mattermost: MattermostClient
    ) -> None:
        posted = mattermost.post(CARD, op_id="op1", case_key="case-7-1")
        sandbox.world.mattermost.posts[posted.ts].message = "the door's word to the channel"
        assert mattermost.update(posted, card("Decided")) == posted
        post = sandbox.world.mattermost.posts[posted.ts]
        assert (post.message, post.props["attachments"][0]["text"]) == ("", "Decided")
        assert (post.props["desk_op"], post.props["desk_case"]) == ("op1", "case-7-1")
        assert mattermost.find("op1", since=now()) == posted

    def test_deleted_in_the_very_moment_is_gone_too(
        self, sandbox: Sandbox, mattermost: MattermostClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        posted = mattermost.post(CARD, op_id="op1", case_key="c")
        monkeypatch.setattr(mattermost, "_props", lambda shown: delete(sandbox, posted) or {})
        with pytest.raises(PermanentError) as caught:
            mattermost.update(posted, CARD)
        assert caught.value.reason == "gone"

    def test_a_read_that_fails_before_the_write_means_that_nothing_was_written(
        self, sandbox: Sandbox, mattermost: MattermostClient
    ) -> None:
        posted = mattermost.post(CARD, op_id="op1", case_key="c")
        sandbox.world.faults.add("mattermost", "posts.get", "503_before")
        with pytest.raises(NotAppliedError):
            mattermost.update(posted, CARD)
        assert bodies(sandbox, "posts.patch") == []

    def test_is_there(self, sandbox: Sandbox, mattermost: MattermostClient) -> None:
        posted = mattermost.post(CARD, op_id="op1", case_key="c")
        assert mattermost.is_there(posted)
        assert not mattermost.is_there(Posted(FOREIGN_CHANNEL, posted.ts))
        assert not mattermost.is_there(Posted(CHANNEL, stable("nosuchpost")))
        delete(sandbox, posted)
        assert not mattermost.is_there(posted)
        left = Person(BOT, "Deletion Desk", "", bot=True, in_channel=False)
        sandbox.world.mattermost.people[BOT] = left
        with pytest.raises(PermanentError) as caught:
            mattermost.is_there(written(sandbox, BOT))
        assert caught.value.reason == "forbidden"


class TestPeople:
    def test_an_answer_is_for_one_person(self, sandbox: Sandbox, mattermost: MattermostClient) -> None:
        for _ in range(2):
            mattermost.answer(AISYAH, "Not *yours* to decide, @all", channel=CHANNEL)
        (direct,) = sandbox.world.effects("mattermost", "direct")
        post = sandbox.world.mattermost.posts[direct["target"]]
        assert sandbox.world.mattermost.channels[post.channel_id].members == {AISYAH, BOT}
        assert post.message == "Not \\*yours\\* to decide, @\u200ball"
        mattermost.answer(AISYAH, "Something else", channel=CHANNEL)
        mattermost.answer(AISYAH, "Something else", channel=CHANNEL, about="another press")
        assert len(sandbox.world.effects("mattermost", "direct")) == 3
        with pytest.raises(PermanentError):
            mattermost.answer(stable("nobody"), "hi", channel=CHANNEL)

    def test_who_somebody_is(self, sandbox: Sandbox, mattermost: MattermostClient) -> None:
        person = mattermost.person(AISYAH, channel=CHANNEL)
        flags = (person.team_id, person.is_bot, person.deleted, person.is_guest, person.in_channel)
        assert flags == ("", False, False, False, True)
        assert person.email == "aisyah@example.com"
        assert mattermost.person(stable("guest")).is_guest
        assert mattermost.person(stable("gone")).deleted
        assert mattermost.person(stable("otherbot")).is_bot
        assert not mattermost.person(stable("left"), channel=CHANNEL).in_channel
        sandbox.world.config.mattermost_emails = False
        try:
            assert mattermost.person(AISYAH).email == ""
        finally:
            sandbox.world.config.mattermost_emails = True
        for nobody in (stable("nobody"), "../users/me", ""):
            with pytest.raises(PermanentError) as caught:
                mattermost.person(nobody)
            assert caught.value.reason == "gone"

    def test_whether_somebody_belongs_to_a_channel_we_cannot_see_is_not_guessed(
        self, mattermost: MattermostClient
    ) -> None:
        with pytest.raises(PermanentError) as caught:
            mattermost.person(AISYAH, channel=FOREIGN_CHANNEL)
        assert caught.value.reason == "forbidden"

    def test_a_group_is_read_to_its_end(self, sandbox: Sandbox, mattermost: MattermostClient) -> None:
        people = sandbox.world.mattermost.people
        for n in range(450):
            people[stable(f"many{n}")] = replace(people[AISYAH], id=stable(f"many{n}"))
        found = mattermost.group(GROUP_ID)
        assert {AISYAH, stable("many0"), stable("many449")} <= found
        assert len(found) == 452
        assert len(sandbox.world.arrived("mattermost", "groups.members")) == 3

    @pytest.mark.parametrize(
        ("kind", "group", "reason"),
        [
            ("unlicensed", GROUP_ID, "unlicensed"),
            ("forbidden", GROUP_ID, "forbidden"),
            ("readable", stable("another"), "gone"),
            ("readable", "S0SLACK", "gone"),
        ],
    )
    def test_a_group_that_cannot_be_read(
        self, sandbox: Sandbox, mattermost: MattermostClient, kind: str, group: str, reason: str
    ) -> None:
        sandbox.world.config.mattermost_groups = kind
        try:
            with pytest.raises(PermanentError) as caught:
                mattermost.group(group)
        finally:
            sandbox.world.config.mattermost_groups = "readable"
        assert caught.value.reason == reason


class TestOurselves:
    def test_account_and_channel(
        self, sandbox: Sandbox, mattermost: MattermostClient, clients_with: Callable[..., Clients]
    ) -> None:
        assert mattermost.me() == ("", BOT)
        mattermost.channel()
        for channel in (FOREIGN_CHANNEL, stable("nowhere")):
            with pytest.raises(PermanentError) as caught:
                mattermost.channel(channel)
            assert caught.value.reason == "channel"
        other = clients_with(chat="mattermost", mattermost_token="not-this-one").chat
        with pytest.raises(AuthError):
            other.me()

    def test_nothing_of_ours_is_sent_again_by_a_library(self, mattermost: MattermostClient) -> None:
        assert mattermost.library_retries == 0
