"""What the tests of Regulatory Complaint Threats share."""

from __future__ import annotations

import itertools
from typing import Any

from tests.house import House
from tests.kit import cards_of, deliver, template_body

THREAT = "regulatory_threat"
URGENT = "Urgent: Regulatory Complaint Threat"
_numbers = itertools.count(1001)
WORDS = "I have asked you ten times. I will go to Bank Negara and my lawyer knows about this."


def person() -> dict[str, Any]:
    """A customer of a test's own: tickets of one person join one case."""
    number = next(_numbers)
    contact = f"+60 12-345 {number}"
    return {"email": f"siti{number}@example.com", "phone": f"012345{number}", "fields": {"contact": contact}}


def threat_cards(house: House, ticket: int) -> list[dict[str, Any]]:
    """Every urgent card about this ticket, open or decided, oldest first."""
    return [m for m in cards_of(house, ticket) if "Regulatory Complaint Threat" in m["text"]]


def deletion_cards(house: House, ticket: int) -> list[dict[str, Any]]:
    return [m for m in cards_of(house, ticket) if "Regulatory Complaint Threat" not in m["text"]]


def threats(house: House, ticket: int) -> list[dict[str, Any]]:
    query = "SELECT * FROM cases WHERE ticket_id = %s AND procedure = %s ORDER BY generation"
    return house.rows(query, ticket, THREAT)


def raised(house: House, ticket: int, generation: int = 1) -> dict[str, Any]:
    """Until the threat waits for a supervisor; its open card."""
    query = "SELECT 1 FROM cases WHERE ticket_id = %s AND procedure = %s AND generation = %s AND state = 'awaiting'"
    house.wait(lambda: house.rows(query, ticket, THREAT, generation), what="the threat is raised")
    house.settle()
    return threat_cards(house, ticket)[-1]


def only_tag(house: House, ticket: int, *tags: str) -> None:
    """The agent sets the tag, and the account's trigger for it tells us."""
    house.tag(ticket, *tags)
    assert deliver(house, template_body(ticket, *house.state_of(ticket)["tags"])) in (200, 204)


def press(house: House, card: dict[str, Any], action: str, user: str = "U0AISYAH") -> None:
    assert house.press(action, user, card) == 200
    house.settle()
