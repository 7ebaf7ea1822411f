"""Tickets as they really are: closed, deleted, merged, spam; names in any script, numbers in any form; the card.

Each ends in a clear note or answer, and never in half a case.
"""

from __future__ import annotations

from typing import Any

import pytest

from app import cases, wish
from app.cases import Case
from tests.house import House
from tests.kit import (
    NOTHING,
    Sent,
    buttons,
    card_of,
    deliver,
    edit,
    events_of,
    issue_of,
    quiet_for,
    sent,
    template_body,
    text_of,
    told,
)
from tests.procedure.people import someone


def gone_before_the_desk_looks(house: House, what: str, **given: Any) -> int:
    """Tagged, and then closed, deleted, merged away or marked as spam while the desk was down."""
    ticket = house.ticket(**someone(**given))
    house.stop_worker()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait(lambda: events_of(house, ticket))
    zendesk = house.sandbox.world.zendesk
    with house.sandbox.world.lock:
        found = zendesk.tickets[ticket]
        found.deleted = what in ("deleted", "spam")
        if what in ("closed", "merged"):
            found.status = "closed"
        if what == "merged":
            found.tags = [*found.tags, "closed_by_merge"]
        if what == "spam":
            zendesk.users[found.requester_id].suspended = True
    house.start_worker()
    house.wait(lambda: [e for e in events_of(house, ticket) if e["state"] == "dead"], what="a dead event")
    house.settle()
    return ticket


@pytest.mark.parametrize("what", ["closed", "merged", "deleted", "spam"])
def test_a_ticket_that_cannot_be_written_to_sends_nothing_and_is_not_lost(shared_house: House, what: str) -> None:
    """The event stays with its reason on the administrators' list; a closed ticket's "no" counts all the same."""
    house = shared_house
    ticket = gone_before_the_desk_looks(house, what)
    assert sent(house, ticket) == NOTHING
    [event] = events_of(house, ticket)
    assert event["reason"] == ("closed" if what in ("closed", "merged") else "gone")
    cases = house.rows("SELECT * FROM cases WHERE ticket_id = %s", ticket)
    if what in ("deleted", "spam"):
        assert cases == []
        return
    assert [case["state"] for case in cases] == ["incomplete"], "no half-done case"
    assert "closed" in cases[0]["problems"]
    refused = house.rows("SELECT * FROM consents WHERE ticket_id = %s AND NOT allowed", ticket)
    assert {row["channel"] for row in refused} >= {"calls", "sms", "email", "push"}


def test_a_ticket_that_is_deleted_while_its_card_waits(shared_house: House) -> None:
    """Nothing can be decided any more; the wish stands for a person to look at, and the channel keeps no name."""
    house = shared_house
    ticket = house.to_awaiting("pref_stop_all", **someone(name="Kanari Pelikan", fields={"name": "Kanari Pelikan"}))
    card = card_of(house, ticket)
    assert "Kanari" in text_of(card)
    house.sandbox.world.zendesk.tickets[ticket].deleted = True
    house.press("approve", card=card)
    house.wait_state(ticket, "needs_person")
    house.wait(lambda: not buttons(card_of(house, ticket)), what="no button is left")
    assert "the ticket is gone" in text_of(card_of(house, ticket))
    assert "Kanari" not in text_of(card_of(house, ticket))
    told(house, "aisyah", "This request is no longer open")
    assert sent(house, ticket) == Sent(mails=1, cards=1), "no issue"
    assert ticket in [row.ticket_id for row in unconfirmed(house)], "on the daily list"


def unconfirmed(house: House) -> list[Case]:
    with house.worker_desk.db.each() as conn:
        return cases.unconfirmed(conn)


def test_withdrawal_on_a_closed_ticket_sends_nothing(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting("pref_stop_all", **someone())
    house.stop_worker()
    house.tag(ticket, "data_deletion_withdrawn")
    house.wait(lambda: len(events_of(house, ticket)) > 1)
    house.sandbox.world.zendesk.tickets[ticket].status = "closed"
    house.start_worker()
    house.wait(lambda: house.case(ticket)["state"] == "withdrawn", what="withdrawn")
    house.settle()
    assert sent(house, ticket) == Sent(mails=1, cards=1), "no second e-mail, no issue"
    assert [b for b in card_of(house, ticket)["blocks"] if b["type"] == "actions"] == []


@pytest.mark.parametrize("tags", [("pref_delete_all", "pref_stop_all"), ("pref_stop_all", "pref_stop_sms")])
def test_contradictory_preferences_are_asked_about(shared_house: House, tags: tuple[str, ...]) -> None:
    house = shared_house
    ticket = house.ticket(**someone())
    house.tag(ticket, "data_deletion_request", *tags)
    house.wait_state(ticket, "incomplete")
    assert sent(house, ticket) == NOTHING
    assert "preference is contradictory: leave only what the customer confirmed" in house.notes(ticket)[-1]


def test_a_tag_in_another_case(shared_house: House) -> None:
    """Zendesk writes tags in lower case, whatever was typed; a message with another spelling is counted and ignored."""
    house = shared_house
    ticket = house.ticket(**someone())
    assert deliver(house, template_body(ticket, "Data_Deletion_Request", "PREF_STOP_ALL")) == 200
    quiet_for(house, 0.3)
    assert sent(house, ticket) == NOTHING
    assert [event["reason"] for event in events_of(house, ticket)] == ["no_known_tag"]
    assert house.rows("SELECT 1 FROM cases WHERE ticket_id = %s", ticket) == []
    house.tag(ticket, "Data_Deletion_Request", "PREF_STOP_ALL")
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(mails=1, cards=1)


# ---- the card's five lines


NAMES = {
    "Tamil": ("தமிழ் செல்வன்", "தமிழ் செல்வன்"),
    "Chinese": ("陈伟明", "陈伟明"),
    "Arabic": ("كمال أحمد", "كمال أحمد"),
    "direction marks": ("\u202eitiS\u202c Aminah", "itiS Aminah"),
    "emoji": ("Siti 🌸 Nurhaliza", "Siti 🌸 Nurhaliza"),
    "long": ("Muthu" + " a/l Ramasamy" * 40, "Muthu a/l Ramasamy"),
}


@pytest.mark.parametrize("script", NAMES)
def test_sop_0_20_the_name_is_on_the_card_in_any_script(shared_house: House, script: str) -> None:
    house = shared_house
    name, shown = NAMES[script]
    given = someone(fields={"name": name})
    ticket = house.to_awaiting("pref_stop_all", **given, requester={"name": name, "email": given["email"]})
    [line] = [line for line in card_of(house, ticket)["text"].splitlines() if line.startswith("Customer Name: ")]
    assert shown in line
    assert len(line) < 120
    assert not [note for note in house.notes(ticket) if shown in note]
    assert sent(house, ticket) == Sent(mails=1, cards=1)


@pytest.mark.parametrize("name", ["🌸🌸", "12345", "---"])
def test_a_name_without_a_letter_is_no_name(shared_house: House, name: str) -> None:
    house = shared_house
    given = someone(fields={"name": name})
    caller = {"name": "Caller +60 12-345 6789", "email": given["email"]}
    ticket = house.ticket(**given, requester=caller)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "incomplete")
    assert sent(house, ticket) == NOTHING
    assert "Customer name is missing" in house.notes(ticket)[-1]


UNREADABLE = [
    "call me maybe",
    "+60 12-345 6789 x12",
    "0123456789²",
    "012-3456789 / 019-8765432",
    "12",
    "+60" + "1" * 30,
]


def test_sop_0_21_a_number_that_is_none_stops_before_the_card(shared_house: House) -> None:
    """Letters, an extension, several numbers: a note to the agent and no half-empty card; mended, it goes on."""
    house, tickets = shared_house, {}
    for written in UNREADABLE:
        tickets[written] = house.ticket(**{**someone(fields={"contact": written}), "phone": None})
        house.tag(tickets[written], "data_deletion_request", "pref_stop_all")
    for written, ticket in tickets.items():
        house.wait_state(ticket, "incomplete")
        assert sent(house, ticket) == NOTHING, written
        assert "Contact number is not a valid number" in house.notes(ticket)[-1], written
    edit(house, tickets["12"], contact="+60 11-2233 4455")
    house.wait_state(tickets["12"], "awaiting")
    assert sent(house, tickets["12"]) == Sent(mails=1, cards=1)
    assert "Contact Number: +60 11-2233 4455" in card_of(house, tickets["12"])["text"]


@pytest.mark.parametrize(
    "written",
    [
        "012-345 6789",
        "+60123456789",
        "0060 12 345 6789",
        "\u202a+60 12\u2011345 6789\u202c",
        "０１２３４５６７８９",
        "012\u00a0345\u200b6789",
    ],
)
def test_one_number_however_it_was_written(written: str) -> None:
    assert wish.normalise_phone(written) == "+60123456789"


def test_sop_0_22_the_tickets_address_leaves_customer_service_only_where_that_is_set(database: str) -> None:
    with House(database, jira_ticket_link="false") as house:
        ticket, _ = house.to_banning("pref_stop_all", **someone())
        assert f"/agent/tickets/{ticket}|#{ticket}> (CS Only)" in card_of(house, ticket)["text"]
        assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=0)
        issue = issue_of(house, ticket)
        assert "/agent/tickets/" not in issue["summary"] + issue["description"]


def test_sop_0_23_the_backoffice_customer_is_the_tickets_customer(shared_house: House) -> None:
    house = shared_house
    given = someone(fields={"backoffice": "https://backoffice.example.com/customers/99"})
    ticket = house.ticket(**given, requester={"name": "Siti", "email": given["email"], "external_id": "1042"})
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "incomplete")
    assert sent(house, ticket) == NOTHING
    assert "BackOffice link does not lead to our BackOffice, or to another customer" in house.notes(ticket)[-1]
    edit(house, ticket, backoffice="https://backoffice.example.com/customers/1042")
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert "BackOffice Link: <https://backoffice.example.com/customers/1042" in card_of(house, ticket)["text"]


@pytest.mark.parametrize(
    ("link", "customer", "same"),
    [
        ("https://b.example/customers/42", "42", True),
        ("https://b.example/customers/4", "42", False),
        ("https://b.example/customers/a%2Fb", "a/b", True),
        ("https://b.example/customers/99?ref=42", "42", True),
        ("https://b.example/loans?customer=42", "42", True),
        ("https://b.example/loans/7", "42", False),
        ("https://b.example/loans/7", "", True),
    ],
)
def test_whose_link_it_is(link: str, customer: str, same: bool) -> None:
    assert wish._is_of(link, "https://b.example/customers/{customer}", customer) is same


def test_sop_0_24_only_the_chosen_lines_appear(shared_house: House) -> None:
    house = shared_house
    lines = {
        "pref_delete_all": "Delete personal data completely (subject to compliance retention)",
        "pref_stop_all": "Stop all types of communication (Calls, SMS, Email, Push Notification)",
        "pref_stop_push": "Stop only specific types of communication (Push Notification)",
    }
    there = {"pref_delete_all": {"pref_delete_all", "pref_stop_all"}}
    for tag in lines:
        ticket = house.to_awaiting(tag, **someone())
        text = card_of(house, ticket)["text"]
        assert {name for name, line in lines.items() if line in text} == there.get(tag, {tag})
        assert sent(house, ticket) == Sent(mails=1, cards=1)
