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
from app.clients.types import Macro
from app.clients.zendesk_read import person as read_person
from app.errors import AuthError, ConflictError, NotAppliedError, PermanentError, UnknownOutcomeError
from app.settings import Settings
from sandbox.server import Sandbox

TITLE = "Data Deletion Request"
ACTIONS: list[dict[str, Any]] = [
    {"field": "comment_value", "value": "Dear {{ticket.requester.first_name}}, we have received it."},
    {"field": "comment_mode_is_public", "value": "true"},
    {"field": "status", "value": "pending"},
    {"field": "current_tags", "value": "acknowledged"},
]
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


class TestMacros:
    """Found by title, previewed, and only the needed part of a preview used."""

    def test_by_its_exact_title(self, sandbox: Sandbox, clients: Clients) -> None:
        state = sandbox.world.zendesk
        state.add_macro(f"{TITLE} (old)", ACTIONS)
        state.add_macro(TITLE, ACTIONS, active=False)
        with pytest.raises(PermanentError) as caught:
            clients.zendesk.macro(TITLE)
        assert caught.value.reason == "macro_missing"
        number = state.add_macro(TITLE, ACTIONS)["id"]
        assert clients.zendesk.macro(TITLE) == Macro(number, TITLE, True)

    def test_two_of_one_title_are_refused(self, sandbox: Sandbox, clients: Clients) -> None:
        sandbox.world.zendesk.add_macro(TITLE, ACTIONS)
        second = sandbox.world.zendesk.add_macro(TITLE, ACTIONS)
        with pytest.raises(PermanentError) as caught:
            clients.zendesk.macro(TITLE)
        assert caught.value.reason == "macro_twice"
        second["restriction"] = {"type": "User", "id": 7}  # an admin's list holds everybody's own macros too
        assert clients.zendesk.macro(TITLE).title == TITLE

    def test_the_id_is_remembered_but_its_life_is_checked(
        self, sandbox: Sandbox, clients: Clients, new_ticket: NewTicket
    ) -> None:
        raw = sandbox.world.zendesk.add_macro(TITLE, ACTIONS)
        macro = clients.zendesk.macro(TITLE)
        ticket = clients.zendesk.ticket(new_ticket())
        assert clients.zendesk.macro(TITLE) == macro
        assert len(sandbox.world.arrived("zendesk", "macros.list")) == 1
        for spoil in ({"title": "Renamed"}, {"active": False}):
            sandbox.world.zendesk.macros[macro.id] = {**raw, **spoil}
            with pytest.raises(PermanentError) as caught:
                clients.zendesk.preview(ticket, macro)
            assert caught.value.reason == "macro_missing"
        del sandbox.world.zendesk.macros[macro.id]
        with pytest.raises(PermanentError) as caught:
            clients.zendesk.preview(ticket, macro)
        assert caught.value.reason == "macro_missing"
        with pytest.raises(PermanentError):
            clients.zendesk.macro(TITLE)

    def test_a_preview_is_never_written_back(self, sandbox: Sandbox, clients: Clients, new_ticket: NewTicket) -> None:
        sandbox.world.zendesk.add_macro(TITLE, ACTIONS)
        number = new_ticket(tags=["a"])
        ticket = clients.zendesk.ticket(number)
        macro = clients.zendesk.macro(TITLE)
        effect = clients.zendesk.preview(ticket, macro)
        assert "we have received it" in effect.body
        assert (effect.html, effect.public, effect.fields) == (False, True, {"status": "pending"})
        assert (effect.add_tags, effect.remove_tags) == ({"acknowledged"}, frozenset())
        assert sandbox.world.effects("zendesk") == [], "a preview changes nothing"
        assert clients.zendesk.ticket(number) == ticket, "nor does it stay in a cache"
        clients.zendesk.update(
            ticket,
            op_id="op1",
            body=effect.body,
            html=effect.html,
            public=effect.public,
            macro_id=macro.id,
            fields=effect.fields,
        )
        (call,) = sandbox.world.arrived("zendesk", "tickets.update")
        assert set(call["body"]) == {"ticket"}
        assert set(call["body"]["ticket"]) == {
            "id",
            "comment",
            "metadata",
            "macro_id",
            "safe_update",
            "updated_stamp",
            "status",
        }
        assert set(call["body"]["ticket"]["comment"]) == {"body", "public"}

    def test_set_tags_shows_as_a_removal(self, sandbox: Sandbox, clients: Clients, new_ticket: NewTicket) -> None:
        sandbox.world.zendesk.add_macro(TITLE, [*ACTIONS, {"field": "set_tags", "value": "only"}])
        ticket = clients.zendesk.ticket(new_ticket(tags=["a", "b"]))
        effect = clients.zendesk.preview(ticket, clients.zendesk.macro(TITLE))
        assert effect.remove_tags == {"a", "b"}

    def test_no_word_on_visibility_means_private(
        self, sandbox: Sandbox, clients: Clients, new_ticket: NewTicket
    ) -> None:
        rich = [{"field": "comment_value_html", "value": "<p>Hello</p>"}]
        sandbox.world.zendesk.add_macro(TITLE, rich)
        ticket = clients.zendesk.ticket(new_ticket())
        effect = clients.zendesk.preview(ticket, clients.zendesk.macro(TITLE))
        assert (effect.body, effect.html, effect.public) == ("<p>Hello</p>", True, False)


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
