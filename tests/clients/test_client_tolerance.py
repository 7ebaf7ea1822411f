"""Accounts that serve less than the documents say: what is missing is asked for elsewhere, or taken as not said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import responses
from responses import matchers

from app.clients import Clients, make
from app.clients.jira import JiraClient
from app.clients.types import Macro, Ticket
from app.clients.zendesk import ZendeskClient
from app.clients.zendesk_read import macro_text
from app.errors import PermanentError
from app.settings import Settings, load
from tests.clients.conftest import EXAMPLE

TITLE = "Data Deletion Request"
MACRO: dict[str, Any] = {
    "id": 71,
    "title": TITLE,
    "actions": [
        {"field": "comment_value", "value": "Dear customer"},
        {"field": "comment_mode_is_public", "value": "true"},
        {"field": "current_tags", "value": "acknowledged"},
        {"field": "remove_tags", "value": "b"},
    ],
}
ISSUE = {"id": "10040", "key": "SUP-41", "fields": {"labels": ["ban-1"], "status": {"name": "Open"}}}
TICKET = Ticket(5, "open", frozenset({"a", "b"}), 7, None, None, (), {}, "2026-11-21T10:00:00Z")
EMPTY: dict[str, Any] = {}


@pytest.fixture
def mock(settings: Settings) -> Iterator[responses.RequestsMock]:
    """Answers 404 to whatever a test does not lay down."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        mocked.post(f"{settings.zendesk_url}/oauth/tokens", json={"access_token": "t", "expires_in": 1800})
        yield mocked


class Api:
    """One vendor's API with only the paths that a test lays down; all others are 404."""

    def __init__(self, mock: responses.RequestsMock, base: str) -> None:
        self.mock, self.base = mock, base

    def serves(self, path: str, body: dict[str, Any], **more: Any) -> responses.BaseResponse:
        return self.mock.get(f"{self.base}/{path}", json=body, **more)

    def lacks(self, path: str, status: int = 404) -> responses.BaseResponse:
        return self.serves(path, {"error": "RecordNotFound"}, status=status)


@pytest.fixture
def zendesk(mock: responses.RequestsMock, settings: Settings) -> Api:
    return Api(mock, f"{settings.zendesk_url}/api/v2")


@pytest.fixture
def jira(mock: responses.RequestsMock, settings: Settings) -> Api:
    return Api(mock, f"{settings.jira_url}/rest/api/2")


def test_identities_that_are_not_served_say_nothing(zendesk: Api, settings: Settings) -> None:
    zendesk.serves("users/7.json", {"user": {"id": 7, "name": "Mei", "email": "mei@example.com"}})
    asked = zendesk.lacks("users/7/identities.json")
    assert ZendeskClient(settings).person(7).reachable is True
    assert asked.call_count == 1


def test_identities_that_may_not_be_read_are_an_error(zendesk: Api, settings: Settings) -> None:
    zendesk.serves("users/7.json", {"user": {"id": 7, "name": "Mei", "email": "mei@example.com"}})
    zendesk.lacks("users/7/identities.json", 403)
    with pytest.raises(PermanentError) as caught:
        ZendeskClient(settings).person(7)
    assert caught.value.reason == "forbidden"


def test_single_macros_and_previews_that_are_not_served(zendesk: Api, settings: Settings) -> None:
    """The list's entry, which says nothing of `active`, and the changes alone: other tags of the ticket stay."""
    zendesk.serves("macros.json", {"macros": [MACRO]})
    zendesk.lacks("macros/71.json")
    zendesk.lacks("tickets/5/macros/71/apply.json")
    changes = {"comment": {"body": "Dear customer", "public": True}, "current_tags": "acknowledged"}
    zendesk.serves("macros/71/apply.json", {"result": {"ticket": changes}})
    client = ZendeskClient(settings)
    macro = client.macro(TITLE)
    assert macro == Macro(71, TITLE, True)
    effect = client.preview(TICKET, macro)
    assert (effect.body, effect.public) == ("Dear customer", True)
    assert (effect.add_tags, effect.remove_tags) == ({"acknowledged"}, {"b"})
    assert client.macro_text(macro) == "Dear customer"


@pytest.mark.parametrize("listed", [[], [{**MACRO, "active": False}], [{**MACRO, "id": 72}]])
def test_a_macro_that_is_no_longer_listed_is_missing(
    zendesk: Api, settings: Settings, listed: list[dict[str, Any]]
) -> None:
    zendesk.serves("macros.json", {"macros": listed})
    zendesk.lacks("macros/71.json")
    with pytest.raises(PermanentError) as caught:
        ZendeskClient(settings).preview(TICKET, Macro(71, TITLE, True))
    assert caught.value.reason == "macro_missing"


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        ([{"field": "comment_value", "value": "plain"}], "plain"),
        ([{"field": "comment_value", "value": ["channel:all", "of a channel"]}], "of a channel"),
        (
            [{"field": "comment_value", "value": "p"}, {"field": "comment_value_html", "value": "<p>rich</p>"}],
            "<p>rich</p>",
        ),
        ([{"field": "comment_value", "value": "p"}, {"field": "comment_value_html", "value": ""}], "p"),
        ([{"field": "status", "value": "open"}], ""),
        ("broken", ""),
    ],
)
def test_the_text_of_a_macro(actions: object, words: str) -> None:
    assert macro_text({"actions": actions}) == words


class TestJira:
    """A site that does not say what it is, or has not the search it should have."""

    @pytest.mark.parametrize("info", [None, {"version": "9.12"}])
    @pytest.mark.parametrize(("user", "path"), [("desk@example.com", "search/jql"), ("", "search")])
    def test_a_guess_by_the_kind_of_credentials(
        self, jira: Api, info: dict[str, str] | None, user: str, path: str
    ) -> None:
        if info is None:
            jira.lacks("serverInfo")
        else:
            jira.serves("serverInfo", info)
        asked = jira.serves(path, {"issues": [ISSUE], "total": 1})
        client = JiraClient(load(_env_file=EXAMPLE, jira_user=user))
        assert [issue.key for issue in client.find("ban-1")] == ["SUP-41"]
        assert asked.call_count == 1

    @pytest.mark.parametrize("status", [404, 410])
    @pytest.mark.parametrize(
        ("kind", "first", "second"), [("Cloud", "search/jql", "search"), ("Server", "search", "search/jql")]
    )
    def test_the_other_search(
        self, jira: Api, settings: Settings, status: int, kind: str, first: str, second: str
    ) -> None:
        jira.serves("serverInfo", {"deploymentType": kind})
        refused, asked = jira.lacks(first, status), jira.serves(second, {"issues": [ISSUE], "total": 1})
        client = JiraClient(settings)
        for _ in range(2):
            assert [issue.key for issue in client.find("ban-1")] == ["SUP-41"]
        assert (refused.call_count, asked.call_count) == (1, 2), "the answer is remembered"

    def test_half_a_search_is_not_begun_again(self, jira: Api, settings: Settings) -> None:
        jira.serves("serverInfo", {"deploymentType": "Cloud"})
        common = {"jql": 'project = "SUP" AND labels = "ban-1" ORDER BY created ASC', "maxResults": "50"}
        fields = {**common, "fields": "status,resolution,labels"}
        first = {"issues": [ISSUE], "nextPageToken": "more"}
        jira.serves("search/jql", first, match=[matchers.query_param_matcher(fields)])
        later = matchers.query_param_matcher({**fields, "nextPageToken": "more"})
        jira.serves("search/jql", EMPTY, status=404, match=[later])
        other = jira.serves("search", {"issues": [ISSUE], "total": 1})
        with pytest.raises(PermanentError):
            JiraClient(settings).find("ban-1")
        assert other.call_count == 0

    def test_the_project(self, jira: Api, settings: Settings) -> None:
        seen = jira.serves("project/SUP", {"key": "SUP"})
        JiraClient(settings).project()
        assert seen.call_count == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"ok": True, "team_id": "T1", "user_id": "U1"}, ("T1", "U1")),
        ({"ok": True, "team_id": "T1"}, ("T1", "")),
        ({"ok": True}, ("", "")),
    ],
)
def test_slack_need_not_say_who_we_are(
    mock: responses.RequestsMock, settings: Settings, answer: dict[str, Any], expected: tuple[str, str]
) -> None:
    mock.post(f"{settings.slack_url}/auth.test", json=answer)
    assert make(settings).chat.me() == expected


def test_what_desk_check_asks_for(clients_with: Callable[..., Clients]) -> None:
    """Against the stand-ins: channel and project are there, clocks agree, no library sends again by itself."""
    clients = clients_with()
    assert set(clients.skews().values()) == {None}
    clients.zendesk.me()
    clients.chat.channel()
    clients.jira.project()
    assert all(abs(seconds or 0) < 5 and seconds is not None for seconds in clients.skews().values())
    assert clients.library_retries() == {"zendesk": 0, "slack": 0, "jira": 0}
    with pytest.raises(PermanentError) as caught:
        clients_with(slack_channel="C0ELSEWHERE").chat.channel()
    assert caught.value.reason == "channel"
    with pytest.raises(PermanentError) as caught:
        clients_with(jira_project="NOPE").jira.project()
    assert caught.value.reason == "gone"


def test_a_library_that_sends_again_is_noticed(clients: Clients) -> None:
    clients.jira._client._session.max_retries = 3  # type: ignore[attr-defined]
    assert clients.library_retries()["jira"] == 3
