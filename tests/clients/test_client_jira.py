"""The JIRA client against the stand-in, as Cloud and as Data Center."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import responses

from app.clients import Clients
from app.clients import jira as module
from app.errors import AuthError, PermanentError, UnknownOutcomeError
from app.settings import Settings
from sandbox.server import Sandbox


@pytest.fixture(params=["Cloud", "Server"])
def deployment(request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[str]:
    """Both kinds of JIRA."""
    config = sandbox.world.config
    before = (config.jira_deployment, config.jira_user)
    config.jira_deployment = request.param
    yield request.param
    config.jira_deployment, config.jira_user = before


@pytest.fixture
def both(deployment: str, clients_with: Callable[..., Clients]) -> Clients:
    """Basic auth with an API token on Cloud, a personal access token on Data Center."""
    return clients_with(jira_user="" if deployment == "Server" else "desk@example.com")


def create(clients: Clients, label: str = "ban-1") -> str:
    return clients.jira.create(label=label, summary="Ban from\nall offers", description="{noformat}x{noformat}").key


def test_an_issue_is_made_with_its_label_and_found_by_it(sandbox: Sandbox, both: Clients, deployment: str) -> None:
    first, second = create(both), create(both)
    other = create(both, "ban-2")
    calls = sandbox.world.arrived("jira")
    assert [call["method"] for call in calls] == ["create"] * 3, "one request each: nothing before, nothing after"
    assert {call["auth"] for call in calls} == {"Basic" if deployment == "Cloud" else "Bearer"}
    fields = calls[0]["body"]["fields"]
    assert set(fields) == {"project", "issuetype", "summary", "description", "labels"}
    assert (fields["summary"], fields["labels"]) == ("Ban from all offers", ["ban-1"])
    found = both.jira.find("ban-1")
    assert [issue.key for issue in found] == [first, second]
    assert [issue.key for issue in both.jira.find("ban-2")] == [other]
    assert both.jira.find("ban-3") == []
    assert found[0] == both.jira.issue(first)
    assert (found[0].category, found[0].resolution, found[0].labels) == ("new", "", {"ban-1"})
    searches = {call["method"] for call in sandbox.world.arrived("jira")} - {"create", "issue"}
    assert searches == {"serverInfo", "search" if deployment == "Cloud" else "old_search"}


def test_find_reads_all_pages(sandbox: Sandbox, both: Clients) -> None:
    keys = [create(both) for _ in range(53)]
    assert [issue.key for issue in both.jira.find("ban-1")] == keys


def test_status_is_read_by_category_and_resolution(sandbox: Sandbox, clients: Clients) -> None:
    key = create(clients)
    moved = sandbox.app.test_client().post(f"/sandbox/jira/{key}/transition", json={"to": "Won't do"})
    assert moved.status_code == 200
    issue = clients.jira.issue(key)
    assert issue.category == "done"
    assert issue.resolution.lower().startswith("won")


def test_comments_are_found_by_their_mark_on_any_page(sandbox: Sandbox, both: Clients) -> None:
    key = create(both)
    made = [both.jira.comment(key, f"note {n}\n", op_id=f"op{n}") for n in range(105)]
    assert sandbox.world.arrived("jira", "comment")[0]["body"] == {"body": "note 0\n\ndesk-op: op0"}
    assert both.jira.find_comment(key, "op0") == made[0]
    assert both.jira.find_comment(key, "op104") == made[104]
    assert both.jira.find_comment(key, "op10") == made[10], "op10 is not op104"
    assert both.jira.find_comment(key, "nobody") is None


def test_a_mark_quoted_in_a_text_is_not_a_mark(clients: Clients) -> None:
    key = create(clients)
    clients.jira.comment(key, "they wrote:\ndesk-op: op2\nin the middle", op_id="op1")
    assert clients.jira.find_comment(key, "op2") is None


def test_a_link_is_made_once(sandbox: Sandbox, clients: Clients) -> None:
    key = create(clients)
    for title in ("Ticket 1", "Ticket 1, again"):
        clients.jira.link(key, global_id="desk-1", url="https://example.com/agent/tickets/1", title=title)
    assert [call["status"] for call in sandbox.world.arrived("jira", "remotelink")] == [201, 200]
    assert sandbox.world.arrived("jira", "remotelink")[0]["body"] == {
        "globalId": "desk-1",
        "object": {"url": "https://example.com/agent/tickets/1", "title": "Ticket 1"},
    }
    assert sandbox.world.arrived("jira", "applinks") == []


@pytest.mark.parametrize(
    "key", ["SUP-1/../../myself", "sup-1", "SUP-", "SUP-1?x", "SUP-1\n", "", "SUP-٣", "SUP-1234567890"]
)
def test_a_key_with_tricks_is_refused_before_sending(sandbox: Sandbox, clients: Clients, key: str) -> None:
    for call in (
        lambda: clients.jira.issue(key),
        lambda: clients.jira.comment(key, "x", op_id="op1"),
        lambda: clients.jira.find_comment(key, "op1"),
        lambda: clients.jira.link(key, global_id="g", url="https://example.com", title="t"),
    ):
        with pytest.raises(PermanentError):
            call()
    assert sandbox.world.arrivals == []


@pytest.mark.parametrize("label", ['x" OR project = "SECRET', "two words", "", "ban_1", "x" * 256])
def test_only_our_own_labels_get_into_a_query(sandbox: Sandbox, clients: Clients, label: str) -> None:
    with pytest.raises(PermanentError):
        clients.jira.find(label)
    with pytest.raises(PermanentError):
        clients.jira.create(label=label, summary="x", description="x")
    assert sandbox.world.arrivals == []


def test_a_missing_issue_is_gone(clients: Clients) -> None:
    with pytest.raises(PermanentError) as caught:
        clients.jira.issue("SUP-99")
    assert caught.value.reason == "gone"


def test_wrong_credentials(sandbox: Sandbox, clients_with: Callable[..., Clients]) -> None:
    with pytest.raises(AuthError):
        clients_with(jira_token="not-this-one").jira.me()


def test_an_issue_elsewhere_is_not_the_one_we_made(settings: Settings) -> None:
    with responses.RequestsMock() as mock:
        mock.post(f"{settings.jira_url}/rest/api/2/issue", json={"id": "1", "key": "OTHER-1", "self": "x"}, status=201)
        with pytest.raises(UnknownOutcomeError):
            module.JiraClient(settings).create(label="ban-1", summary="x", description="x")


def test_refused_fields_are_permanent_and_untold(settings: Settings) -> None:
    with responses.RequestsMock() as mock:
        body = {"errorMessages": [], "errors": {"priority": "jane@example.com cannot be set"}}
        mock.post(f"{settings.jira_url}/rest/api/2/issue", json=body, status=400)
        with pytest.raises(PermanentError) as caught:
            module.JiraClient(settings).create(label="ban-1", summary="x", description="x")
        assert caught.value.reason == "rejected"
        assert "jane" not in repr(caught.value)


def test_a_library_that_stumbles_tells_nothing(settings: Settings) -> None:
    with responses.RequestsMock() as mock:
        mock.post(f"{settings.jira_url}/rest/api/2/issue", json={"nothing": "here"}, status=201)
        with pytest.raises(UnknownOutcomeError) as caught:
            module.JiraClient(settings).create(label="ban-1", summary="x", description="jane@example.com")
        assert caught.value.__context__ is None
        assert "jane" not in repr(caught.value)
