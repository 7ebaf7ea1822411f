"""The stand-in for JIRA, met with the jira library and with bare HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from jira import JIRA

from sandbox.listener import Listener
from sandbox.server import Config, Sandbox

http = urllib3.PoolManager(retries=False)
BASIC = urllib3.make_headers(basic_auth="desk@example.com:stand-in-jira-token")
LABEL = 'project = SUP AND labels = "ban-1" ORDER BY key ASC'


@pytest.fixture(scope="module")
def server(listener: Listener) -> Iterator[Sandbox]:
    with Sandbox(Config(desk=listener.url, seed=False)) as box:
        yield box


@pytest.fixture
def box(server: Sandbox, listener: Listener) -> Sandbox:
    server.world.hooks.quiet()
    server.config.update(
        {"limits": False, "jira_index_lag": (0.0, 0.0), "jira_deployment": "Cloud", "jira_retry_seconds": 0.05}
    )
    server.world.reset()
    listener.requests.clear()
    listener.answers.clear()
    listener.status = 200
    return server


@pytest.fixture
def jira(box: Sandbox) -> JIRA:
    return JIRA(server=box.url, basic_auth=("desk@example.com", "stand-in-jira-token"), max_retries=0, timeout=(5, 5))


def fields(**more: Any) -> dict[str, Any]:
    base = {"project": {"key": "SUP"}, "issuetype": {"name": "Task"}, "summary": "Ban", "description": "{noformat}x"}
    return {**base, "labels": ["ban-1"], **more}


def call(box: Sandbox, verb: str, path: str, json: Any = None, headers: Any = BASIC) -> tuple[int, Any]:
    answer = http.request(verb, f"{box.url}/rest/api/{path}", json=json, headers=headers)
    return answer.status, answer.json() if answer.data else None


def refused(box: Sandbox, **more: Any) -> dict[str, str]:
    """The errors by field of a create that must not happen."""
    status, answer = call(box, "POST", "2/issue", {"fields": fields(**more)})
    assert (status, box.world.effects()) == (400, [])
    errors = answer["errors"]
    assert isinstance(errors, dict)
    return errors
