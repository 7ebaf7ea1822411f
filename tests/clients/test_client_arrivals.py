"""One call of ours arrives once at the vendor, over TLS, whatever becomes of the answer; and the libraries' own
defaults do re-send, so these tests can fail."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
import requests
from jira import JIRA
from slack_sdk import WebClient
from zenpy import Zenpy
from zenpy.lib.api_objects import Comment
from zenpy.lib.api_objects import Ticket as ZenpyTicket

from app.clients import Clients
from app.errors import NotAppliedError, UnknownOutcomeError, VendorError
from sandbox.server import Sandbox
from tests.kit import card

CARD = card("Please decide")
FAILURES: dict[str, tuple[str, dict[str, Any], type[VendorError], str]] = {
    "reset before": ("reset_before", {}, UnknownOutcomeError, "reset"),
    "reset after commit": ("reset_after", {}, UnknownOutcomeError, "reset"),
    "hang after commit": ("hang_after", {"seconds": 3}, UnknownOutcomeError, "timeout"),
    "503": ("503_after", {}, UnknownOutcomeError, "server"),
    "429 in seconds": ("429", {"retry_after": "7"}, NotAppliedError, "rate_limited"),
    "429 as a date": ("429", {"retry_after": "date"}, NotAppliedError, "rate_limited"),
    "garbage": ("garbage_after", {}, UnknownOutcomeError, "unreadable"),
    "garbage, empty": ("garbage_after", {"form": "empty"}, UnknownOutcomeError, "unreadable"),
    "garbage, truncated": ("garbage_after", {"form": "truncated"}, UnknownOutcomeError, "unreadable"),
}

PORTS = {"zendesk": "zendesk", "slack": "chat", "mattermost": "chat", "jira": "jira"}
AISYAH = "aisyahxxxxxxxxxxxxxxxxxxxx"
Write = Callable[[Clients, Any], object]
WRITES: dict[str, tuple[str, str, Write]] = {
    "zendesk.update": (
        "zendesk",
        "tickets.update",
        lambda c, on: c.zendesk.update(on.ticket, op_id="op1", body="Hello", public=True),
    ),
    "zendesk.add_tags": ("zendesk", "tags.add", lambda c, on: c.zendesk.add_tags(on.ticket, frozenset({"desk_a"}))),
    "zendesk.remove_tags": ("zendesk", "tags.remove", lambda c, on: c.zendesk.remove_tags(on.ticket, frozenset({"b"}))),
    "slack.post": ("slack", "chat.postMessage", lambda c, on: c.chat.post(CARD, op_id="op1", case_key="c")),
    "slack.update": ("slack", "chat.update", lambda c, on: c.chat.update(on.posted, CARD)),
    "slack.answer": ("slack", "chat.postEphemeral", lambda c, on: c.chat.answer("U0BALA", "hi", channel="C0SUPERVISE")),
    "mattermost.post": ("mattermost", "posts.create", lambda c, on: c.chat.post(CARD, op_id="op1", case_key="c")),
    "mattermost.update": ("mattermost", "posts.patch", lambda c, on: c.chat.update(on.posted, CARD)),
    "mattermost.answer": ("mattermost", "posts.create", lambda c, on: c.chat.answer(AISYAH, "hi", channel="")),
    "jira.create": (
        "jira",
        "create",
        lambda c, on: c.jira.create(label="ban-1", summary="Ban", description="Please"),
    ),
    "jira.comment": ("jira", "comment", lambda c, on: c.jira.comment(on.key, "hi", op_id="op1")),
    "jira.link": (
        "jira",
        "remotelink",
        lambda c, on: c.jira.link(on.key, global_id="g1", url="https://example.com/1", title="Ticket"),
    ),
}
# What a write of Mattermost's needs to know first; both may be repeated.
BEFORE = {"mattermost.update": ["posts.get"], "mattermost.answer": ["channels.direct"]}


class Targets:
    """What the writes write to."""

    def __init__(self, clients: Clients, vendor: str, new_ticket: Callable[..., int]) -> None:
        if vendor == "zendesk":
            self.ticket = clients.zendesk.ticket(new_ticket(tags=["a", "b"]))
        elif vendor in ("slack", "mattermost"):
            self.posted = clients.chat.post(CARD, op_id="op0", case_key="c")
        else:
            self.key = clients.jira.create(label="ban-0", summary="Ban", description="Please").key


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("write", WRITES)
def test_one_call_one_arrival(
    sandbox: Sandbox, clients: Clients, new_ticket: Callable[..., int], write: str, failure: str
) -> None:
    vendor, method, call = WRITES[write]
    fault, options, kind, reason = FAILURES[failure]
    on = Targets(clients, vendor, new_ticket)
    if fault == "hang_after":  # only here: on a busy machine an honest answer may take longer
        getattr(clients, PORTS[vendor])._wire._timeouts = (2.0, 0.4)
    sandbox.world.faults.add(vendor, method, fault, **options)
    before = len(sandbox.world.arrived(vendor))
    if write == "zendesk.remove_tags" and failure in ("garbage, empty", "garbage, truncated"):
        call(clients, on)  # a 204 has no body to spoil
    else:
        with pytest.raises(kind) as caught:
            call(clients, on)
        assert type(caught.value) is kind
        assert (caught.value.vendor, caught.value.reason) == (vendor, reason)
        assert caught.value.__context__ is None, "a library's exception holds what must not be logged"
        if isinstance(caught.value, NotAppliedError):
            assert 4 < (caught.value.retry_after or 0) <= 7
    arrived = sandbox.world.arrived(vendor)[before:]
    assert [arrival["method"] for arrival in arrived] == [*BEFORE.get(write, []), method]
    assert sandbox.world.faults.fired[fault] == 1


@pytest.mark.parametrize("write", WRITES)
def test_a_failed_handshake_surely_sent_nothing(
    sandbox: Sandbox, clients: Clients, new_ticket: Callable[..., int], write: str
) -> None:
    vendor, _, call = WRITES[write]
    on = Targets(clients, vendor, new_ticket)
    before = len(sandbox.world.arrived(vendor))
    sandbox.world.faults.add(vendor, "*", "tls_failure")
    with pytest.raises(NotAppliedError) as caught:
        call(clients, on)
    assert caught.value.reason in ("tls", "connect")
    assert sandbox.world.arrived(vendor)[before:] == []


class TestTheLibrariesAsTheyCome:
    """Without our settings each library sends again by itself what was already done."""

    def test_zenpy_sends_an_update_four_times(self, sandbox: Sandbox, new_ticket: Callable[..., int]) -> None:
        ticket_id = new_ticket()
        host, _, port = sandbox.tls_url.removeprefix("https://").rpartition(":")
        session = requests.Session()
        session.trust_env = False
        session.verify = sandbox.ca_file
        session.mount("https://", requests.adapters.HTTPAdapter(**Zenpy.http_adapter_kwargs()))
        session.headers["Authorization"] = f"Bearer {sandbox.world.zendesk.issue_token('read write', 60)}"
        head, _, tail = host.partition(".")
        zenpy = Zenpy(subdomain=head, domain=f"{tail}:{port}", session=session, anonymous=True, timeout=2)
        sandbox.world.faults.add("zendesk", "tickets.update", "reset_after", times=4)
        with pytest.raises(requests.RequestException):
            zenpy.tickets.update(ZenpyTicket(id=ticket_id, comment=Comment(body="Hello", public=True)))
        session.close()
        assert len(sandbox.world.arrived("zendesk", "tickets.update")) == 4

    def test_jira_sends_a_create_again(self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("jira.resilientsession.time.sleep", lambda seconds: None)
        jira = JIRA(
            options={"server": sandbox.tls_url, "verify": sandbox.ca_file},
            basic_auth=("desk@example.com", "stand-in-jira-token"),
            get_server_info=False,
            logging=False,
        )
        sandbox.world.faults.add("jira", "create", "reset_after")
        jira.create_issue(
            fields={"project": {"key": "SUP"}, "issuetype": {"name": "Task"}, "summary": "Ban"}, prefetch=False
        )
        jira.close()
        assert len(sandbox.world.arrived("jira", "create")) == 2

    def test_slack_sdk_sends_a_post_again(self, sandbox: Sandbox) -> None:
        web = WebClient(token="xoxb-stand-in", base_url=f"{sandbox.url}/api/", logger=logging.getLogger("quiet"))
        sandbox.world.faults.add("slack", "chat.postMessage", "reset_after")
        web.chat_postMessage(channel="C0SUPERVISE", text="hi")
        assert len(sandbox.world.arrived("slack", "chat.postMessage")) == 2
