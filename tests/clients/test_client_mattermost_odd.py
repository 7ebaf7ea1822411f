"""Answers of Mattermost that are not as described: an unknown outcome, never "not there" and never a yes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import responses

from app.clients.chat import Posted
from app.clients.mattermost import MattermostClient
from app.clients.mattermost_rest import PAGE
from app.errors import NotAppliedError, PermanentError, UnknownOutcomeError
from app.settings import load
from tests.clients.conftest import EXAMPLE, MATTERMOST
from tests.kit import card

URL = "https://chat.example/sub"
API = f"{URL}/api/v4"
BOT, POST, USER = "deskbotxxxxxxxxxxxxxxxxxxx", "post" + "x" * 22, "user" + "x" * 22
CHANNEL = MATTERMOST["mattermost_channel"]
AT = Posted(CHANNEL, POST)
OURS: dict[str, Any] = {
    "id": POST, "user_id": BOT, "channel_id": CHANNEL, "create_at": 1_900_000_000_000, "delete_at": 0,
    "props": {"desk_op": "op1", "desk_case": "c"},
}  # fmt: skip


@pytest.fixture
def mock() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        mocked.get(f"{API}/users/me", json={"id": BOT, "is_bot": True})
        yield mocked


@pytest.fixture
def chat(mock: responses.RequestsMock) -> MattermostClient:
    return MattermostClient(load(_env_file=EXAMPLE, chat="mattermost", mattermost_url=f"{URL}/", **MATTERMOST))


def posts(*each: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"order": [one["id"] for one in each], "posts": {one["id"]: one for one in each}, "prev_post_id": "", **more}


def find(chat: MattermostClient) -> Posted | None:
    return chat.find("op1", since=datetime.now(UTC))


@pytest.mark.parametrize(
    "page",
    [
        {},
        {"order": None, "posts": {}},
        {"order": "none", "posts": {}},
        {"order": [POST], "posts": {}, "prev_post_id": ""},
        {"order": [POST], "posts": [], "prev_post_id": ""},
        {"order": [POST], "posts": None, "prev_post_id": ""},
        {"order": [7], "posts": {"7": OURS}, "prev_post_id": ""},
        posts({**OURS, "create_at": "yesterday"}),
        posts({**OURS, "id": "x"}),
    ],
)
def test_a_list_that_cannot_be_read_is_no_absence(
    mock: responses.RequestsMock, chat: MattermostClient, page: dict[str, Any]
) -> None:
    mock.get(f"{API}/channels/{CHANNEL}/posts", json=page)
    with pytest.raises(UnknownOutcomeError):
        find(chat)


def test_a_hundred_posts_of_one_millisecond_cannot_be_paged(
    mock: responses.RequestsMock, chat: MattermostClient
) -> None:
    each = [{**OURS, "id": f"{n:x>26}", "props": {}} for n in range(PAGE)]
    mock.get(f"{API}/channels/{CHANNEL}/posts", json=posts(*each))
    mock.get(f"{API}/channels/{CHANNEL}/posts", json=posts())
    with pytest.raises(UnknownOutcomeError):
        find(chat)


@pytest.mark.parametrize("page", [{"order": [], "posts": None}, {"order": [], "posts": {}, "prev_post_id": ""}])
def test_an_empty_list_is_an_absence(
    mock: responses.RequestsMock, chat: MattermostClient, page: dict[str, Any]
) -> None:
    mock.get(f"{API}/channels/{CHANNEL}/posts", json=page)
    assert find(chat) is None


def test_roots_of_threads_that_come_along_do_not_count(mock: responses.RequestsMock, chat: MattermostClient) -> None:
    other = {**OURS, "id": "other" + "x" * 21, "props": {}}
    page = posts(other)
    page["posts"][POST] = {**OURS, "create_at": 5}
    mock.get(f"{API}/channels/{CHANNEL}/posts", json=page)
    assert find(chat) is None


def test_half_a_thread_is_no_absence(mock: responses.RequestsMock, chat: MattermostClient) -> None:
    mock.get(f"{API}/posts/{POST}/thread", json=posts({**OURS, "props": {}}, has_next=True))
    with pytest.raises(UnknownOutcomeError):
        chat.find("op1", since=datetime.now(UTC), thread=AT)


@pytest.mark.parametrize(
    "answer",
    [{}, {"id": POST}, {**OURS, "id": "short"}, {**OURS, "id": 7}, {**OURS, "channel_id": "x" * 26}, {"ok": True}],
)
def test_a_post_that_is_not_confirmed_is_unknown(
    mock: responses.RequestsMock, chat: MattermostClient, answer: dict[str, Any]
) -> None:
    mock.post(f"{API}/posts", json=answer, status=201)
    with pytest.raises(UnknownOutcomeError):
        chat.post(card("x"), op_id="op1", case_key="c")


def test_an_update_of_another_post_is_unknown(mock: responses.RequestsMock, chat: MattermostClient) -> None:
    mock.get(f"{API}/posts/{POST}", json=OURS)
    mock.put(f"{API}/posts/{POST}/patch", json={**OURS, "id": "other" + "x" * 21})
    with pytest.raises(UnknownOutcomeError):
        chat.update(AT, card("x"))


def test_a_read_of_another_post_proves_nothing(mock: responses.RequestsMock, chat: MattermostClient) -> None:
    mock.get(f"{API}/posts/{POST}", json={**OURS, "id": "other" + "x" * 21})
    calls: tuple[Callable[[], object], ...] = (
        lambda: chat.is_there(AT),
        lambda: chat.press_is_ours(AT, "approve", "c"),
    )
    for call in calls:
        with pytest.raises(UnknownOutcomeError):
            call()
    with pytest.raises(NotAppliedError):
        chat.update(AT, card("x"))


@pytest.mark.parametrize("when", [1_800_000_000_000, "1", None, True, -1])
def test_a_mark_of_deletion_that_is_no_zero_is_one(
    mock: responses.RequestsMock, chat: MattermostClient, when: object
) -> None:
    mock.get(f"{API}/posts/{POST}", json={**OURS, "delete_at": when})
    mock.get(f"{API}/users/{USER}", json={"id": USER, "delete_at": when})
    assert not chat.is_there(AT)
    assert chat.person(USER).deleted


@pytest.mark.parametrize(
    "its",
    [
        {},
        {"desk_case": ""},
        {"desk_case": "c", "attachments": [{"actions": [{"id": "decline"}]}]},
        {"desk_case": ["c"], "attachments": []},
        {"desk_case": "c", "attachments": [{"actions": [{"id": "declin"}, {"id": 7}, "x"]}, None]},
        "c",
        None,
    ],
)
def test_props_that_prove_nothing(mock: responses.RequestsMock, chat: MattermostClient, its: object) -> None:
    mock.get(f"{API}/posts/{POST}", json={**OURS, "props": its})
    assert not chat.press_is_ours(AT, "approve", "c")


@pytest.mark.parametrize(
    "answer",
    [{}, {"members": None, "total_member_count": 4}, {"members": "all"}, {"members": [{}], "total_member_count": 1}],
)
def test_a_group_that_cannot_be_read_has_no_members_to_trust(
    mock: responses.RequestsMock, chat: MattermostClient, answer: dict[str, Any]
) -> None:
    mock.get(re.compile(f"{API}/groups/.*"), json=answer)
    with pytest.raises(UnknownOutcomeError):
        chat.group("g" * 26)


def test_members_that_are_deactivated_are_none(mock: responses.RequestsMock, chat: MattermostClient) -> None:
    members = [{"id": USER, "delete_at": 0}, {"id": BOT, "delete_at": 5}]
    mock.get(re.compile(f"{API}/groups/.*"), json={"members": members, "total_member_count": 2})
    assert chat.group("g" * 26) == {USER}


def test_an_empty_group_is_empty(mock: responses.RequestsMock, chat: MattermostClient) -> None:
    mock.get(re.compile(f"{API}/groups/.*"), json={"members": None, "total_member_count": 0})
    assert chat.group("g" * 26) == frozenset()


def test_somebody_of_another_server_is_a_guest(mock: responses.RequestsMock, chat: MattermostClient) -> None:
    mock.get(f"{API}/users/{USER}", json={"id": USER, "delete_at": 0, "roles": "system_user", "remote_id": "r" * 26})
    assert chat.person(USER).is_guest


@pytest.mark.parametrize("answer", [{}, {"id": BOT}, {"id": [USER]}])
def test_a_person_that_is_somebody_else_is_unknown(
    mock: responses.RequestsMock, chat: MattermostClient, answer: dict[str, Any]
) -> None:
    mock.get(f"{API}/users/{USER}", json=answer)
    with pytest.raises(UnknownOutcomeError):
        chat.person(USER)


def test_an_archived_channel_cannot_be_used(mock: responses.RequestsMock, chat: MattermostClient) -> None:
    mock.get(f"{API}/channels/{CHANNEL}", json={"id": CHANNEL, "delete_at": 5})
    mock.get(f"{API}/channels/{CHANNEL}/members/{BOT}", json={"user_id": BOT})
    with pytest.raises(PermanentError) as caught:
        chat.channel()
    assert caught.value.reason == "channel"
