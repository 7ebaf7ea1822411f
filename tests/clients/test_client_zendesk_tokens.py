"""The Zendesk client's bearer: one for many calls, renewed in time, once after a refusal; no sleep over a 429."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from app.clients import Clients
from app.errors import AuthError, NotAppliedError
from sandbox.server import Sandbox

NewTicket = Callable[..., int]


class TestTokens:
    """OAuth client credentials, renewed without a person noticing."""

    def test_one_token_serves_many_calls(self, sandbox: Sandbox, clients: Clients) -> None:
        clients.zendesk.me()
        clients.zendesk.me()
        (call,) = sandbox.world.arrived("zendesk", "oauth.token")
        assert (call["body"]["grant_type"], call["body"]["scope"]) == ("client_credentials", "read write")

    def test_renewed_before_its_end(self, sandbox: Sandbox, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
        clients.zendesk.me()
        now = time.monotonic
        monkeypatch.setattr("app.clients.oauth.time.monotonic", lambda: now() + 1800 - 59)
        clients.zendesk.me()
        assert len(sandbox.world.arrived("zendesk", "oauth.token")) == 2
        assert [call["status"] for call in sandbox.world.arrived("zendesk", "users.me")] == [200, 200]

    def test_a_refused_token_is_renewed_once(self, sandbox: Sandbox, clients: Clients, new_ticket: NewTicket) -> None:
        ticket = clients.zendesk.ticket(new_ticket())
        sandbox.world.zendesk.expire_tokens()
        clients.zendesk.update(ticket, op_id="op1", body="x", public=False)
        assert len(sandbox.world.arrived("zendesk", "oauth.token")) == 2
        assert [call["status"] for call in sandbox.world.arrived("zendesk", "tickets.update")] == [401, 200]
        assert len(sandbox.world.effects("zendesk", "comment")) == 1

    def test_a_second_refusal_is_a_matter_for_a_person(self, sandbox: Sandbox, clients: Clients) -> None:
        sandbox.world.faults.add("zendesk", "users.me", "401", times=None)
        with pytest.raises(AuthError):
            clients.zendesk.me()
        assert len(sandbox.world.arrived("zendesk", "users.me")) == 2

    def test_wrong_client_credentials(self, sandbox: Sandbox, clients_with: Callable[..., Clients]) -> None:
        clients = clients_with(zendesk_client_secret="not-this-one")
        with pytest.raises(AuthError):
            clients.zendesk.ticket(5)
        assert sandbox.world.arrived("zendesk", "tickets.show") == []

    @pytest.mark.parametrize("fault", ["503_before", "reset_after", "garbage_after", "hang_after", "429"])
    def test_without_a_token_the_call_surely_did_nothing(self, sandbox: Sandbox, clients: Clients, fault: str) -> None:
        if fault == "hang_after":
            clients.zendesk._wire._timeouts = (5.0, 0.4)  # type: ignore[attr-defined]
        sandbox.world.faults.add("zendesk", "oauth.token", fault, **({"seconds": 3} if fault == "hang_after" else {}))
        with pytest.raises(NotAppliedError) as caught:
            clients.zendesk.ticket(5)
        assert type(caught.value) is NotAppliedError
        assert sandbox.world.arrived("zendesk", "tickets.show") == []


@pytest.mark.parametrize("wait", ["30", "86400", "date", "1.5", "NaN", "0"])
def test_a_429_is_never_slept_over(
    sandbox: Sandbox, clients: Clients, new_ticket: NewTicket, monkeypatch: pytest.MonkeyPatch, wait: str
) -> None:
    number = new_ticket()
    clients.zendesk.me()
    monkeypatch.setattr("zenpy.lib.api.sleep", lambda seconds: pytest.fail("zenpy slept"))
    sandbox.world.faults.add("zendesk", "tickets.show", "429", retry_after=wait)
    began = time.monotonic()
    with pytest.raises(NotAppliedError) as caught:
        clients.zendesk.ticket(number)
    assert (caught.value.retry_after or 0) <= 900
    assert time.monotonic() - began < 3
    assert len(sandbox.world.arrived("zendesk", "tickets.show")) == 1
