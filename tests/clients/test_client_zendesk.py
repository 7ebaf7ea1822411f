"""The Zendesk client against the stand-in, and what it does with answers that a stand-in never gives."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
import responses

from app.clients import Clients
from app.clients import zendesk as module
from app.clients.zendesk_read import person as read_person
from app.errors import ConflictError, PermanentError, UnknownOutcomeError
from app.settings import Settings
from sandbox.server import Sandbox

NewTicket = Callable[..., int]


def test_a_ticket_is_read_fresh_each_time(sandbox: Sandbox, clients: Clients, new_ticket: NewTicket) -> None:
    copy = sandbox.world.zendesk.add_user("Ali", email="ali@example.com")
    number = new_ticket(tags=["a"], fields={360001: "Mei Tan"}, cc_ids=[copy.id])
    first = clients.zendesk.ticket(number)
    assert (first.id, first.tags, first.fields[360001], first.cc_ids) == (number, {"a"}, "Mei Tan", (copy.id,))
    assert first.stamp == sandbox.world.zendesk.tickets[number].rest("")["updated_at"]
    sandbox.world.zendesk.tickets[number].tags.append("later")
    assert "later" in clients.zendesk.ticket(number).tags


def test_a_missing_ticket_is_gone(clients: Clients) -> None:
    with pytest.raises(PermanentError) as caught:
        clients.zendesk.ticket(99)
    assert caught.value.reason == "gone"


@pytest.mark.parametrize("form", ["wrong_id", "html", "empty", "truncated"])
def test_another_tickets_body_is_not_ours(sandbox: Sandbox, clients: Clients, new_ticket: NewTicket, form: str) -> None:
    number = new_ticket()
    sandbox.world.faults.add("zendesk", "tickets.show", "garbage_after", form=form)
    with pytest.raises(UnknownOutcomeError):
        clients.zendesk.ticket(number)


def test_people(sandbox: Sandbox, clients: Clients, new_ticket: NewTicket) -> None:
    ticket = clients.zendesk.ticket(new_ticket())
    person = clients.zendesk.person(ticket.requester_id or 0)
    assert (person.name, person.email, person.role, person.reachable) == (
        "Mei Tan",
        "mei@example.com",
        "end-user",
        True,
    )
    assert clients.zendesk.me() == sandbox.world.zendesk.desk_user_id
    voice = sandbox.world.zendesk.add_user("+60123456780", phone="+60123456780")
    assert clients.zendesk.person(voice.id).reachable is False


@pytest.mark.parametrize(
    ("identities", "user", "reachable"),
    [
        ([{"type": "email", "primary": True, "deliverable_state": "deliverable"}], {}, True),
        ([{"type": "email"}], {}, True),
        ([{"type": "email", "primary": True, "deliverable_state": "undeliverable"}], {}, False),
        (
            [
                {"type": "email", "primary": True, "deliverable_state": "undeliverable"},
                {"type": "email", "primary": False, "deliverable_state": "deliverable"},
            ],
            {},
            False,
        ),
        ([{"type": "phone_number"}], {}, True),
        ([], {}, True),
        ([], {"email": None}, False),
        ([], {"suspended": True}, False),
        ([{"type": "email", "deliverable_state": "deliverable"}], {"suspended": True}, False),
        ([{"type": "email", "deliverable_state": "deliverable"}], {"email": None}, False),
    ],
)
def test_who_can_be_reached(identities: list[object], user: dict[str, Any], reachable: bool) -> None:
    raw = {"id": 7, "name": "Mei", "email": "mei@example.com", **user}
    assert read_person(raw, identities, 7).reachable is reachable


def test_one_small_update_and_its_proof(sandbox: Sandbox, clients: Clients, new_ticket: NewTicket) -> None:
    ticket = clients.zendesk.ticket(new_ticket(tags=["a"]))
    applied = clients.zendesk.update(
        ticket, op_id="op1", body="Hello", public=True, macro_id=None, fields={"status": "pending"}
    )
    (call,) = sandbox.world.arrived("zendesk", "tickets.update")
    assert call["body"] == {
        "ticket": {
            "id": ticket.id,
            "comment": {"body": "Hello", "public": True},
            "metadata": {"desk_op": "op1"},
            "safe_update": True,
            "updated_stamp": ticket.stamp,
            "status": "pending",
        }
    }
    audits = clients.zendesk.audits(ticket.id)
    assert audits[0].id == applied.audit_id
    assert audits[0].op_id == "op1"
    assert audits[0].author_id == clients.zendesk.me()
    assert audits[0].comment_id is not None
    assert audits[0].created_at.tzinfo is UTC
    assert [audit.op_id for audit in audits[1:]] == [""]
    assert audits[1].tags_added == {"a"}


@pytest.mark.parametrize(("html", "public"), [(True, True), (True, False), (False, False)])
def test_body_and_visibility_are_always_said(
    sandbox: Sandbox, clients: Clients, new_ticket: NewTicket, html: bool, public: bool
) -> None:
    ticket = clients.zendesk.ticket(new_ticket())
    clients.zendesk.update(ticket, op_id="op1", body="<p>Hello</p>", html=html, public=public)
    (call,) = sandbox.world.arrived("zendesk", "tickets.update")
    assert call["body"]["ticket"]["comment"] == {"html_body" if html else "body": "<p>Hello</p>", "public": public}


def test_tags_or_other_fields_cannot_be_written_back(clients: Clients, new_ticket: NewTicket) -> None:
    ticket = clients.zendesk.ticket(new_ticket())
    with pytest.raises(ValueError, match="simple"):
        clients.zendesk.update(ticket, op_id="op1", body="x", public=False, fields={"tags": "a"})


def test_a_ticket_changed_meanwhile_is_a_conflict(sandbox: Sandbox, clients: Clients, new_ticket: NewTicket) -> None:
    ticket = clients.zendesk.ticket(new_ticket())
    time.sleep(1.1)  # stamps have whole seconds
    clients.zendesk.update(ticket, op_id="op1", body="first", public=False)
    for write in (
        lambda: clients.zendesk.update(ticket, op_id="op2", body="second", public=True),
        lambda: clients.zendesk.add_tags(ticket, frozenset({"desk_a"})),
        lambda: clients.zendesk.remove_tags(ticket, frozenset({"desk_a"})),
    ):
        with pytest.raises(ConflictError):
            write()
    assert [effect["op"] for effect in sandbox.world.effects("zendesk", "comment")] == ["op1"]


def test_a_closed_ticket_takes_nothing(sandbox: Sandbox, clients: Clients, new_ticket: NewTicket) -> None:
    number = new_ticket()
    sandbox.world.zendesk.tickets[number].status = "closed"
    with pytest.raises(PermanentError) as caught:
        clients.zendesk.update(clients.zendesk.ticket(number), op_id="op1", body="x", public=False)
    assert caught.value.reason == "closed"


def test_an_answer_about_another_ticket_proves_nothing(
    sandbox: Sandbox, clients: Clients, new_ticket: NewTicket
) -> None:
    ticket = clients.zendesk.ticket(new_ticket())
    sandbox.world.faults.add("zendesk", "tickets.update", "garbage_after", form="wrong_id")
    with pytest.raises(UnknownOutcomeError):
        clients.zendesk.update(ticket, op_id="op1", body="x", public=False)
    assert clients.zendesk.audits(ticket.id)[0].op_id == "op1"


@pytest.mark.parametrize(
    "answer",
    [
        {"ticket": {"id": 5}},
        {"ticket": {"id": 5}, "audit": {}},
        {"ticket": {"id": 6}, "audit": {"id": 9}},
        {"ticket": {"id": 5}, "audit": {"id": 9, "ticket_id": 6}},
        {"ticket": {"id": 5}, "audit": {"id": 9, "metadata": {"custom": {"desk_op": "other"}}}},
        {"ticket": {"id": 5}, "audit": {"id": 9, "metadata": {"custom": {}}}},
        {"ticket": None, "audit": None},
        {"ticket": "5", "audit": [1]},
        {},
    ],
)
def test_an_update_without_proof_is_unknown(settings: Settings, answer: dict[str, Any]) -> None:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        ticket = mocked_ticket(mock, settings)
        mock.put(f"{settings.zendesk_url}/api/v2/tickets/5.json", json=answer)
        client = module.ZendeskClient(settings)
        with pytest.raises(UnknownOutcomeError) as caught:
            client.update(client.ticket(5), op_id="op1", body="x", public=False)
        assert caught.value.reason == "unreadable"
        assert ticket.call_count == 1


def mocked_ticket(mock: responses.RequestsMock, settings: Settings) -> responses.BaseResponse:
    mock.post(f"{settings.zendesk_url}/oauth/tokens", json={"access_token": "t", "expires_in": 1800})
    body = {"ticket": {"id": 5, "status": "open", "tags": [], "updated_at": "2026-11-21T10:00:00Z"}}
    return mock.get(f"{settings.zendesk_url}/api/v2/tickets/5.json", json=body)


def test_tags(sandbox: Sandbox, clients: Clients, new_ticket: NewTicket) -> None:
    number = new_ticket(tags=["a", "b"])
    clients.zendesk.add_tags(clients.zendesk.ticket(number), frozenset({"desk_x", "desk_y"}))
    ticket = clients.zendesk.ticket(number)
    assert ticket.tags == {"a", "b", "desk_x", "desk_y"}
    (call,) = sandbox.world.arrived("zendesk", "tags.add")
    assert set(call["body"]) == {"tags", "safe_update", "updated_stamp"}
    clients.zendesk.remove_tags(ticket, frozenset({"desk_x"}))
    assert clients.zendesk.ticket(number).tags == {"a", "b", "desk_y"}
    clients.zendesk.add_tags(ticket, frozenset())
    clients.zendesk.remove_tags(ticket, frozenset())
    assert len(sandbox.world.arrived("zendesk", "tags.add")) == 1
    assert len(sandbox.world.arrived("zendesk", "tags.remove")) == 1


def test_audits_are_newest_first_over_all_pages(sandbox: Sandbox, clients: Clients, new_ticket: NewTicket) -> None:
    number = new_ticket()
    ticket = sandbox.world.zendesk.tickets[number]
    ticket.audits += [{**ticket.audits[0], "id": ticket.audits[0]["id"] + n} for n in range(1, 130)]
    audits = clients.zendesk.audits(number)
    assert [audit.id for audit in audits] == sorted((audit["id"] for audit in ticket.audits), reverse=True)
    assert len(sandbox.world.arrived("zendesk", "tickets.audits")) == 2


def test_audits_too_long_for_one_answer_come_in_smaller_pages(
    sandbox: Sandbox, clients: Clients, new_ticket: NewTicket
) -> None:
    number = new_ticket()
    ticket = sandbox.world.zendesk.tickets[number]
    ticket.audits += [
        {**ticket.audits[0], "id": ticket.audits[0]["id"] + n, "long": "x" * 60_000} for n in range(1, 30)
    ]
    assert len(clients.zendesk.audits(number)) == 30
    assert [a["query"]["page[size]"] for a in sandbox.world.arrived("zendesk", "tickets.audits")] == [
        "100",
        "20",
        *["4"] * 8,
    ]


def test_half_of_the_audits_never_pass_for_all(
    sandbox: Sandbox, clients: Clients, new_ticket: NewTicket, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = new_ticket()
    ticket = sandbox.world.zendesk.tickets[number]
    ticket.audits += [{**ticket.audits[0], "id": ticket.audits[0]["id"] + n} for n in range(1, 130)]
    monkeypatch.setattr(module, "PAGES", 1)
    with pytest.raises(UnknownOutcomeError):
        clients.zendesk.audits(number)
