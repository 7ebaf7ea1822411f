"""The sandbox's own interface: the seed, what people do, faults ordered in words, the stream, settings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.caller import Account
from sandbox.server import Sandbox
from tests.sandbox.zendesk_kit import agent_tags

# -- the sandbox's own interface -----------------------------------------------------------------------------------


def test_the_seed(sandbox: Sandbox, zendesk: Account) -> None:
    state = zendesk.http.get(f"{sandbox.url}/sandbox/state", timeout=5).json()
    assert len(state["tickets"]) == 5
    assert {t["status"] for t in state["tickets"]} == {"new"}
    assert [t["tags"] for t in state["tickets"]] == [[]] * 5
    assert sum(t["requester"]["email"] is None for t in state["tickets"]) == 1
    assert sum(t["fields"]["contact"] is None for t in state["tickets"]) == 1
    mails = {a["email"] for a in state["agents"]}
    assert {"farah@example.com", "ken@example.com", "priya@example.com", "aisyah@example.com"} <= mails
    assert state["preference_options"][0]["tag"] == "pref_delete_all"
    assert state["mails"] == state["webhooks"] == []


def test_acts_of_people_are_no_effects_of_the_desk(sandbox: Sandbox, zendesk: Account, ticket: int) -> None:
    agent_tags(zendesk, ticket, "x")
    fields = zendesk.control(f"tickets/{ticket}/fields", {"contact": "+60", "preference": "pref_stop_sms"}).json()
    assert fields["fields"]["preference"] == "pref_stop_sms"
    zendesk.control(f"tickets/{ticket}/status", {"status": "pending"})
    zendesk.control(f"tickets/{ticket}/comment", {"body": "wait", "author": "customer"})
    assert zendesk.ticket(ticket)["status"] == "open"
    assert sandbox.world.effects() == []
    state = zendesk.http.get(f"{sandbox.url}/sandbox/state", timeout=5).json()
    assert [entry["kind"] for entry in state["log"]] == ["tags", "fields", "status", "comment"]
    assert state["tickets"][0]["comments"][-1]["role"] == "customer"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("tickets/999999/tags", {"add": ["x"]}, 404),
        ("tickets/{ticket}/fields", {"nonsense": "x"}, 400),
        ("tickets/{ticket}/tags", {"add": ["x"], "agent": 1}, 404),
        ("config", {"nonsense": 1}, 400),
        ("faults", {"vendor": "zendesk", "fault": "nonsense"}, 400),
        ("faults", {"vendor": "nobody", "fault": "500"}, 400),
    ],
)
def test_wrong_orders_are_refused_in_words(
    zendesk: Account, ticket: int, path: str, body: dict[str, Any], status: int
) -> None:
    answer = zendesk.control(path.format(ticket=ticket), body)
    assert answer.status_code == status
    assert answer.json()["error"]


def test_the_stream_says_when_something_changed(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    with zendesk.http.get(f"{sandbox.url}/sandbox/stream", stream=True, timeout=5) as stream:
        lines = stream.iter_lines()
        assert next(lines).startswith(b"retry")
        agent_tags(zendesk, ticket, "x")
        assert next(line for line in lines if line) == b"data: changed"


def test_settings_and_reset(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    shown = zendesk.control("config", {"jira_index_lag": [0, 1], "limits": True})
    assert sandbox.config.jira_index_lag == (0, 1)
    assert "secret" not in shown.text
    agent_tags(zendesk, ticket, "x")
    zendesk.control("reset")
    assert zendesk.call("GET", "users/me.json").status_code == 401  # a new account knows no old bearer
    zendesk.login()
    assert zendesk.ticket(ticket)["tags"] == []


def test_arrivals_hold_no_credential(zendesk: Account, sandbox: Sandbox, ticket: int) -> None:
    zendesk.ticket(ticket)
    seen = json.dumps(sandbox.world.arrivals)
    assert "stand-in-zendesk-client" not in seen
    assert zendesk.http.headers["Authorization"][10:] not in seen
    assert [a["method"] for a in sandbox.world.arrivals] == ["oauth.token", "tickets.show"]
