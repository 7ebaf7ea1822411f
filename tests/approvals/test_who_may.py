"""Whoever decides is an active agent and has nothing to do with the ticket, under any account of theirs (D5, S015)."""

from __future__ import annotations

from typing import Any

import pytest

from app import audit, replay
from tests.approvals.staff import BANNED, NO_AGENT, SELF, WAITING, agent, approves, assign, refused, user_of
from tests.house import House
from tests.kit import agent_id, card_of, sent, told
from tests.review.scenes import event_of, fault, killed_at, mend, taken_over, waits


@pytest.mark.parametrize("change", [{"role": "end-user"}, {"suspended": True}, {"active": False}])
def test_an_agent_no_more_is_refused_at_once(house: House, change: dict[str, Any]) -> None:
    ticket = house.to_awaiting()
    aisyah = user_of(house, "aisyah@example.com")
    before = {name: getattr(aisyah, name) for name in change}
    for name, value in change.items():
        setattr(aisyah, name, value)
    refused(house, ticket, "aisyah", NO_AGENT)
    for name, value in before.items():
        setattr(aisyah, name, value)
    assert approves(house, ticket, "aisyah")["decided_as"] == "aisyah@example.com"


def test_an_address_like_theirs_is_not_theirs(database: str) -> None:
    """Zendesk's search answers with similar addresses too: neither makes them an agent nor involves them."""
    with House(database, approvers="aisyah=aisyah@example.com,chen=chen@example.com") as house:
        ticket = house.to_awaiting()
        agent(house, "chen@example.com.my")
        refused(house, ticket, "chen", NO_AGENT)
        assign(house, ticket, agent(house, "nuraisyah@example.com"))
        assert approves(house, ticket, "aisyah")["decided_as"] == "aisyah@example.com"


def test_assigned_under_a_second_address_of_the_same_agent(house: House) -> None:
    """APPROVERS names one address, the chat another, Zendesk has both at one agent or at two."""
    tickets = [house.to_awaiting() for _ in range(3)]
    bala = user_of(house, "bala@example.com")
    bala.email, bala.more_emails = "bala.krishnan@example.com", ["bala@example.com"]
    assign(house, tickets[0], bala)
    refused(house, tickets[0], "bala", SELF)

    other = agent(house, "b.krishnan@example.com")  # an agent of its own, known by the address of the chat's profile
    house.change("bala", email="B.Krishnan@example.com")
    assign(house, tickets[1], other)
    refused(house, tickets[1], "bala", SELF, 2)
    other.email, other.more_emails = "bk@example.com", ["b.krishnan@example.com"]
    assign(house, tickets[2], other)
    refused(house, tickets[2], "bala", SELF, 3)
    for ticket in tickets:
        assign(house, ticket, None)
    assert approves(house, tickets[2], "bala")["decided_as"] == "bala.krishnan@example.com"


def test_known_by_nothing_but_the_id_or_an_earlier_address(house: House) -> None:
    """Assigned now, and Zendesk shows no main address of them; assigned when the card was posted, under another one."""
    bala = user_of(house, "bala@example.com")
    ticket = house.to_awaiting()
    bala.email, bala.more_emails = None, ["bala@example.com"]
    assign(house, ticket, bala)
    refused(house, ticket, "bala", SELF)
    assign(house, ticket, None)
    bala.email = "bala.krishnan@example.com"
    earlier = house.ticket()
    assign(house, earlier, bala)
    house.tag(earlier, "data_deletion_request", "pref_stop_all")
    house.wait_state(earlier, "awaiting")
    assign(house, earlier, None)
    refused(house, earlier, "bala", SELF, 2)
    approves(house, ticket, "bala")


def test_tagged_under_another_account(house: House) -> None:
    """Who tagged is known by id, whatever addresses that agent has now."""
    second = agent(house, "second@example.com")
    house.change("aisyah", email="second@example.com")
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all", agent=second.id)
    house.wait_state(ticket, "awaiting")
    refused(house, ticket, "aisyah", SELF)
    approves(house, ticket, "bala")


def test_a_customer_who_is_an_approver_does_not_decide_for_themselves(house: House) -> None:
    """Under the address they wrote from, or under another one that Zendesk has of them."""
    private, further = house.to_awaiting(email="aisyah.private@mail.example"), house.to_awaiting()
    house.change("aisyah", email="aisyah.private@mail.example")
    refused(house, private, "aisyah", SELF)
    house.change("aisyah", email="aisyah@home.example")
    with house.sandbox.world.lock:
        account = house.sandbox.world.zendesk
        account.users[account.tickets[further].requester_id].more_emails = ["aisyah@home.example"]
    refused(house, further, "aisyah", SELF, 2)
    approves(house, private, "bala")


def test_who_tagged_a_ticket_that_joined_does_not_decide_for_it(house: House) -> None:
    person = {"email": "twice@example.com", "phone": "0129998877", "fields": {"contact": "+60 12-999 8877"}}
    main, second = house.to_awaiting(**person), house.ticket(**person)
    house.tag(second, "data_deletion_request", "pref_stop_all", agent=agent_id(house, "aisyah@example.com"))
    house.wait_state(second, "joined")
    refused(house, main, "aisyah", SELF)
    approves(house, main, "bala")


@pytest.mark.parametrize("what", ["search", "show", "identities"])
def test_while_zendesk_cannot_say_who_they_are_nothing_is_decided(house: House, what: str) -> None:
    ticket = house.to_awaiting()
    fault(house, "zendesk", f"users.{what}", "503_before")
    house.press("approve")
    waits(house, ticket, "button_pressed")
    assert house.case(ticket)["decision"] is None
    assert sent(house, ticket) == WAITING
    mend(house)
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == BANNED
    told(house, "aisyah", "Recorded; nothing is decided yet")  # once, however often it is tried
    told(house, "aisyah", "Recorded: approved")


def test_whom_the_desk_may_not_look_up_is_told_and_an_admin_mends_it(house: House) -> None:
    ticket = house.to_awaiting()
    fault(house, "zendesk", "users.search", "403")
    house.press("approve")
    told(house, "aisyah", "could not be checked whether you may decide")
    [event] = house.rows("SELECT * FROM events WHERE kind = 'button_pressed'")
    assert (event["state"], event["reason"]) == ("dead", "approvers")
    assert "who may decide cannot be read" in house.notes(ticket)[-1]
    assert sent(house, ticket) == WAITING
    mend(house)
    [plan] = replay.plan(house.desk, [event["id"]], failed=False, from_start=False)
    assert replay.carry_out(house.desk, plan, audit.shell())
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == BANNED
    told(house, "aisyah", "Recorded: approved")


def test_what_a_presser_was_told_stands_when_the_walk_starts_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused and told, then killed; meanwhile nothing stands against them any more: only a replay judges it anew."""
    ticket = house.to_awaiting()
    assign(house, ticket, user_of(house, "bala@example.com"))
    card = card_of(house, ticket)
    with killed_at(monkeypatch, "effect.after_outcome", "answer") as happened:
        house.press("approve", "bala", card)
        house.wait(lambda: happened, what="the walk has ended there")
    assign(house, ticket, None)
    with house.sandbox.world.lock, house.sql() as conn:
        conn.execute("UPDATE cases SET barred = '{}'")
    event = event_of(house, ticket, "button_pressed")
    taken_over(house, event["id"])
    told(house, "bala", SELF)
    assert house.case(ticket)["state"] == "awaiting"
    assert event_of(house, ticket, "button_pressed")["reason"] == "self_approval"
    assert sent(house, ticket) == WAITING

    [plan] = replay.plan(house.desk, [event["id"]], failed=False, from_start=True)
    assert replay.carry_out(house.desk, plan, audit.shell())
    house.wait_state(ticket, "banning")
    told(house, "bala", "Recorded: approved")
    told(house, "bala", SELF)
    assert sent(house, ticket) == BANNED


def test_the_loser_is_told_who_decided_as_colleagues_know_them(house: House) -> None:
    ticket = house.to_awaiting()
    card = card_of(house, ticket)
    approves(house, ticket, "bala")
    house.press("approve", "aisyah", card, stale=True)
    told(house, "aisyah", "already approved, by bala@example.com, 20")
