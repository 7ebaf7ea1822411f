"""What tests of the ban's source say often: a desk that asks it, a customer who is banned there or not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.databases import drop_database, new_database
from tests.house import House
from tests.kit import issue_of

MACRO = "Opt-Out Confirmation"
TOKEN = "stand-in-bans"
_numbers = itertools.count(7001)


def with_source(uri: str, query: str = "?channel={channel}", **settings: str) -> House:
    """A desk that asks the stand-in for the ban's source, and tells the customer in the end."""
    house = House(uri, completion_macro=MACRO, ban_check_token=TOKEN, **settings)
    house.environment["BAN_CHECK_URL"] = f"{house.sandbox.url}/backoffice/bans/{{customer}}{query}"
    return house


@pytest.fixture(scope="module")
def asking(database_server: str) -> Iterator[House]:
    """One desk with a source, for all tests that look at a customer of their own. Nobody bans by himself."""
    uri = new_database(database_server)
    with with_source(uri) as built:
        built.sandbox.world.config.bans_follow_jira = False
        yield built
    drop_database(database_server, uri)


def banning(house: House, *tags: str, **given: Any) -> tuple[int, str, str]:
    """A case of a person of its own that JIRA has been asked about: ticket, issue key, customer."""
    customer = f"c-{next(_numbers)}"
    phone, mail = person(customer)
    fields = {"contact": phone, "backoffice": f"https://backoffice.example.com/customers/{customer}"}
    details: dict[str, Any] = {"email": mail, "phone": phone, "fields": fields}
    ticket, key = house.to_banning(*tags, **{**details, **given})
    return ticket, key, customer


def person(customer: str) -> tuple[str, str]:
    """Phone number and mail address of the customer that `banning` has made."""
    number = customer.removeprefix("c-")
    return f"+60 12-8{number} {number}", f"siti.{number}@example.com"


def ban(house: House, customer: str, **channels: bool) -> None:
    every = dict.fromkeys(("calls", "sms", "email", "push"), True)
    house.call(f"/sandbox/bans/{customer}", channels or every)


def completed(house: House, *tags: str) -> tuple[int, str, str]:
    """A case whose ban is confirmed at the source."""
    ticket, key, customer = banning(house, *tags)
    ban(house, customer)
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    return ticket, key, customer


def wishes(house: House, ticket: int) -> dict[str, tuple[str, str]]:
    query = "SELECT wish, w.state, source FROM wishes w JOIN cases c ON c.id = w.case_id WHERE ticket_id = %s"
    return {row["wish"]: (row["state"], row["source"]) for row in house.rows(query, ticket)}


def due(house: House, ticket: int) -> list[str]:
    """The looks that are still to come, soonest first."""
    query = (
        "SELECT what FROM timers t JOIN cases c ON c.id = t.case_id WHERE ticket_id = %s AND fired_at IS NULL"
        " AND starts_with(what, 'recheck') ORDER BY t.due_at"
    )
    return [row["what"] for row in house.rows(query, ticket)]


def time_comes(house: House, ticket: int, what: str) -> None:
    """The timer is due now; until its walk is over."""
    query = (
        "UPDATE timers SET due_at = now() WHERE what = %s AND fired_at IS NULL"
        " AND case_id IN (SELECT id FROM cases WHERE ticket_id = %s) RETURNING name"
    )
    assert house.rows(query, what, ticket), f"{what} is not set: {due(house, ticket)}"
    house.wait(lambda: what not in due(house, ticket), what=f"{what} has fired")
    house.settle()


def mails(house: House, ticket: int) -> list[str]:
    """The confirmations that the customer got."""
    return [text for text in house.replies(ticket) if "has been processed" in text]


def comments(house: House, ticket: int) -> list[str]:
    return [c["body"] for c in issue_of(house, ticket)["comments"]]


def asked(house: House, customer: str) -> list[str]:
    """The channels that the source was asked about."""
    arrived = house.sandbox.world.arrived("backoffice", "bans")
    return [a["query"].get("channel", "") for a in arrived if a["path"].endswith(f"/{customer}")]
