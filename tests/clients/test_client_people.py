"""Whose e-mail address this is: the search finds candidates, each is read again by id, and only their own counts."""

from __future__ import annotations

import pytest

from app.clients import Clients, zendesk_search
from app.errors import UnknownOutcomeError
from sandbox.server import Sandbox


def ids(clients: Clients, email: str) -> list[int]:
    return [person.id for person in clients.zendesk.people(email)]


def test_by_main_and_further_addresses_exactly(sandbox: Sandbox, clients: Clients) -> None:
    account = sandbox.world.zendesk
    mei = account.add_user("Mei", "agent", email="Mei.Lim@example.com", more_emails=["mei@example.com"])
    account.add_user("Somebody", "agent", email="mei@example.com.my")
    account.add_user("Mei@example.com", "agent", email="other@example.com")  # a name is no address
    twin = account.add_user("Twin", email="mei.lim@example.com")
    [found] = clients.zendesk.people("MEI@example.com")
    assert (found.id, found.role, found.is_staff) == (mei.id, "agent", True)
    assert found.mails == {"mei.lim@example.com", "mei@example.com"}
    assert sorted(ids(clients, "mei.lim@EXAMPLE.com")) == sorted([mei.id, twin.id])
    assert ids(clients, "nobody@example.com") == []


@pytest.mark.parametrize(
    ("change", "staff"),
    [({}, True), ({"role": "admin"}, True), ({"role": "end-user"}, False), ({"suspended": True}, False),
     ({"active": False}, False)],
)  # fmt: skip
def test_who_is_staff_now(sandbox: Sandbox, clients: Clients, change: dict[str, object], staff: bool) -> None:
    sandbox.world.zendesk.add_user("Mei", email="mei@example.com", **{"role": "agent", **change})
    [found] = clients.zendesk.people("mei@example.com")
    assert found.is_staff is staff


@pytest.mark.parametrize("odd", ["", "mei", "a@b c@d", 'mei@example.com" role:admin', "@", "a@b@c", "a\\@b"])
def test_what_is_no_address_is_not_looked_for(sandbox: Sandbox, clients: Clients, odd: str) -> None:
    assert ids(clients, odd) == []
    assert not sandbox.world.arrived("zendesk", "users.search")


def test_a_part_never_passes_for_the_whole(sandbox: Sandbox, clients: Clients) -> None:
    for number in range(101):
        sandbox.world.zendesk.add_user(f"U{number}", email=f"mei@example.com.{number}")
    with pytest.raises(UnknownOutcomeError):
        clients.zendesk.people("mei@example.com")


@pytest.mark.parametrize("form", ["html", "empty", "truncated"])
def test_an_answer_that_is_none_says_nothing(sandbox: Sandbox, clients: Clients, form: str) -> None:
    sandbox.world.faults.add("zendesk", "users.search", "garbage_after", form=form)
    with pytest.raises(UnknownOutcomeError):
        clients.zendesk.people("mei@example.com")


def test_who_is_gone_meanwhile_is_left_out(sandbox: Sandbox, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    mei = sandbox.world.zendesk.add_user("Mei", "agent", email="mei@example.com")
    monkeypatch.setattr(zendesk_search, "users", lambda get, email: [99, mei.id])  # the index lags
    assert ids(clients, "mei@example.com") == [mei.id]
