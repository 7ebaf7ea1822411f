"""People of the account in Zendesk, as tests of approvals make and change them; and what a refused press leaves."""

from __future__ import annotations

from typing import Any

from sandbox.zendesk.model import User
from tests.house import House
from tests.kit import Sent, buttons, card_of, sent, told

WAITING = Sent(mails=1, cards=1)
BANNED = Sent(mails=1, cards=1, issues=1, links=1)
SELF = "you worked on the ticket yourself"
NOT_LISTED = "you are not on the list of approvers"
NO_AGENT = "Zendesk has no active agent with your e-mail address"


def agent(house: House, email: str, **details: Any) -> User:
    """A new agent of the account."""
    with house.sandbox.world.lock:
        name, role = email.split("@", maxsplit=1)[0].title(), str(details.pop("role", "agent"))
        return house.sandbox.world.zendesk.add_user(name, role, email=email, **details)


def user_of(house: House, email: str) -> User:
    with house.sandbox.world.lock:
        return next(user for user in house.sandbox.world.zendesk.users.values() if user.email == email)


def assign(house: House, ticket: int, user: User | None) -> None:
    with house.sandbox.world.lock:
        house.sandbox.world.zendesk.tickets[ticket].assignee_id = user.id if user else None


def refused(house: House, ticket: int, user: str, words: str, times: int = 1) -> None:
    """This person presses, is told why it does not count, and nothing has changed."""
    house.press("approve", user, card_of(house, ticket))
    told(house, user, words, times)
    assert (house.case(ticket)["state"], house.case(ticket)["decision"]) == ("awaiting", None)
    assert sent(house, ticket) == WAITING
    assert "approve" in buttons(card_of(house, ticket))


def approves(house: House, ticket: int, user: str) -> dict[str, Any]:
    """This person's press decides; the case."""
    house.press("approve", user, card_of(house, ticket))
    case = house.wait_state(ticket, "banning")
    assert case["decided_by"] == house.user(user)
    assert sent(house, ticket) == BANNED
    return case
