"""Nobody decides about their own work, whenever they came to it: reviewers' findings F and P."""

from __future__ import annotations

from tests.house import House
from tests.kit import Sent, agent_id, buttons, card_of, edit, sent, told
from tests.review.scenes import REQUESTED, SELF, fault, mend, waits

WAITING = Sent(mails=1, cards=1)
BANNED = Sent(mails=1, cards=1, issues=1, links=1)


def refused(house: House, ticket: int, user: str, times: int = 1) -> None:
    """This supervisor presses, is told why it does not count, and nothing has changed."""
    house.press("approve", user, card_of(house, ticket))
    told(house, user, SELF, times)
    assert house.case(ticket)["state"] == "awaiting"
    assert sent(house, ticket) == WAITING
    assert "approve" in buttons(card_of(house, ticket))


def retagged_by(house: House, ticket: int, agent: int) -> None:
    house.call(f"/sandbox/tickets/{ticket}/tags", {"remove": [REQUESTED], "agent": agent})
    house.tag(ticket, REQUESTED, agent=agent)


def test_who_tagged_again_while_details_were_missing(house: House) -> None:
    farah, aisyah = agent_id(house, "farah@example.com"), agent_id(house, "aisyah@example.com")
    ticket = house.ticket(fields={"contact": ""}, phone=None)
    house.tag(ticket, REQUESTED, "pref_stop_all", agent=farah)
    house.wait_state(ticket, "incomplete")
    assert sent(house, ticket) == Sent()
    house.call(f"/sandbox/tickets/{ticket}/tags", {"remove": [REQUESTED], "agent": aisyah})
    edit(house, ticket, contact="012 345 6789")
    house.tag(ticket, REQUESTED, agent=aisyah)
    house.wait_state(ticket, "awaiting")
    refused(house, ticket, "U0AISYAH")
    house.press("approve", "U0BALA")
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == BANNED


def test_who_was_assigned_or_tagged_after_the_card(house: House) -> None:
    aisyah, bala = agent_id(house, "aisyah@example.com"), agent_id(house, "bala@example.com")
    assigned, tagged = house.to_awaiting(), house.to_awaiting(email="other@example.com")
    with house.sandbox.world.lock:
        house.sandbox.world.zendesk.tickets[assigned].assignee_id = aisyah
    refused(house, assigned, "U0AISYAH")
    retagged_by(house, tagged, bala)
    house.settle()
    refused(house, tagged, "U0BALA")
    house.press("approve", "U0BALA", card_of(house, assigned))
    house.press("approve", "U0AISYAH", card_of(house, tagged))
    for ticket in (assigned, tagged):
        house.wait_state(ticket, "banning")
        assert sent(house, ticket) == BANNED


def test_while_nobody_can_say_who_tagged_nothing_is_decided(house: House) -> None:
    ticket = house.to_awaiting()
    fault(house, "zendesk", "tickets.audits", "503_before")
    house.press("approve")
    waits(house, ticket, "button_pressed")
    assert house.case(ticket)["decision"] is None
    assert sent(house, ticket) == WAITING
    mend(house)
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == BANNED
