"""The stand-in for JIRA when it is searched: its index lags behind, pages by token, JQL that it takes and refuses."""

from __future__ import annotations

import pytest
from jira import JIRA

from sandbox.server import Sandbox
from tests.sandbox.jira_kit import LABEL, box, call, fields, jira, server

__all__ = ["box", "jira", "server"]  # fixtures

# --- Search ---------------------------------------------------------------------------------------------------------


def test_search_lags_behind_but_the_key_does_not(box: Sandbox, jira: JIRA) -> None:
    box.config.update({"jira_index_lag": (0.3, 0.4)})
    created = jira.create_issue(fields=fields(), prefetch=False)
    assert jira.issue("SUP-1").fields.labels == ["ban-1"]
    assert list(jira.search_issues(LABEL)) == []
    fresh = call(box, "GET", f"3/search/jql?jql=project%3DSUP&reconcileIssues={created.id}")[1]
    assert fresh["issues"] == [{"id": created.id}]
    found = box.world.wait_until(lambda: list(jira.search_issues(LABEL)), 2.0)
    assert [issue.fields.status.name for issue in found] == ["To Do"]
    jira.transition_issue("SUP-1", "31")
    assert jira.search_issues(LABEL)[0].fields.status.name == "To Do"
    assert box.world.wait_until(lambda: jira.search_issues(LABEL)[0].fields.status.name == "Done", 2.0)


def test_search_pages_by_token_and_gives_ids_only(box: Sandbox, jira: JIRA) -> None:
    for _ in range(5):
        jira.create_issue(fields=fields(), prefetch=False)
    path = "3/search/jql?jql=project%20%3D%20SUP%20ORDER%20BY%20key&maxResults=2"
    page = call(box, "GET", path)[1]
    seen = list(page["issues"])
    assert set(seen[0]) == {"id"}
    while not page["isLast"]:
        page = call(box, "GET", f"{path}&nextPageToken={page['nextPageToken']}")[1]
        seen += page["issues"]
    assert len({issue["id"] for issue in seen}) == 5
    assert "nextPageToken" not in page
    assert call(box, "GET", f"{path}&nextPageToken=bad")[0] == 400
    by_post = call(box, "POST", "3/search/jql", {"jql": "project = SUP", "fields": ["labels"], "maxResults": 1})[1]
    assert by_post["issues"][0]["fields"] == {"labels": ["ban-1"]}
    assert {issue.key for issue in jira.search_issues("project = SUP", maxResults=False)} == {
        f"SUP-{n}" for n in range(1, 6)
    }


def test_old_search_is_gone_on_cloud(box: Sandbox) -> None:
    status, answer = call(box, "GET", "2/search?jql=project%3DSUP")
    assert status == 410
    assert "CHANGE-2046" in answer["errorMessages"][0]


@pytest.mark.parametrize(
    "jql",
    [
        "",
        "ORDER BY created",
        "project =",
        "project = NOPE",
        "colour = red",
        "project SUP",
        "project = SUP AND",
        "(project = SUP",
        "labels > 3",
        "project = SUP ORDER BY colour",
        "project = SUP extra",
        'status = "Nearly"',
    ],
)
def test_queries_that_jira_refuses(jql: str, box: Sandbox) -> None:
    status, answer = call(box, "POST", "3/search/jql", {"jql": jql})
    assert status == 400
    assert answer["errorMessages"][0]


@pytest.mark.parametrize(
    ("jql", "keys"),
    [
        ("project = SUP AND labels = 'ban-2'", [2]),
        ('labels in (ban-1, "ban-2") ORDER BY key DESC', [2, 1]),
        ("project = SUP AND labels not in (ban-1) ORDER BY key", [2]),
        ("labels is EMPTY AND project = sup", [3]),
        ("labels != ban-1", [2]),
        ("key = SUP-3 OR labels = ban-1 ORDER BY key ASC", [1, 3]),
        ("project = SUP AND NOT (labels = ban-1 OR labels is empty)", [2]),
        ("statusCategory = Done", [2]),
        ("statusCategory != done AND resolution is EMPTY ORDER BY key", [1, 3]),
        ('resolution = "Won\'t Do"', [2]),
        ("project = SUP AND created >= -5m ORDER BY created", [1, 2, 3]),
        ("project = SUP AND updated < 2020-01-01", []),
        ('summary ~ "ban" order by id desc', [3, 2, 1]),
        ("labels = ban", []),
    ],
)
def test_queries_that_find(jql: str, keys: list[int], box: Sandbox, jira: JIRA) -> None:
    for labels in (["ban-1"], ["ban-2", "x"], []):
        jira.create_issue(fields=fields(labels=labels), prefetch=False)
    jira.transition_issue("SUP-2", "41")
    assert [issue.key for issue in jira.search_issues(jql)] == [f"SUP-{n}" for n in keys]
