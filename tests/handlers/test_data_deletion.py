"""SOP 000 from the tag to the ban, through the real doors: what customer, supervisors and JIRA got, and once."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.house import House
from tests.kit import (
    NOTHING,
    Sent,
    buttons,
    card_of,
    customer_says,
    edit,
    events_of,
    issue_of,
    quiet_for,
    sent,
)

DELETE = "Delete personal data completely (subject to compliance retention)"
STOP = "Stop all types of communication (Calls, SMS, Email, Push Notification)"
BAN = "Ban from all offers"
SOME = "Stop only specific types of communication (Calls, SMS)"
SEVERAL = ("pref_stop_sms", "pref_stop_calls")


@pytest.mark.parametrize(
    ("tags", "there", "not_there", "asked"),
    [
        (("pref_delete_all",), (DELETE, STOP, BAN), (), "personal data deleted completely"),
        (("pref_stop_all",), (STOP, BAN), (DELETE,), "ban the customer from all offers"),
        (
            SEVERAL,
            ("Stop only specific types of communication (Calls, SMS)",),
            (DELETE, STOP, BAN),
            "only: Calls, SMS.",
        ),
    ],
)
def test_the_whole_way(
    house: House, tags: tuple[str, ...], there: tuple[str, ...], not_there: tuple[str, ...], asked: str
) -> None:
    ticket = house.to_awaiting(*tags)
    [mail] = [m for m in house.applied("mail") if m["target"] == str(ticket)]
    assert mail["to"] == "siti@example.com"
    [reply] = house.replies(ticket)
    assert "retained due to regulatory and compliance requirements" in reply
    assert reply.startswith("Dear Siti,")
    card = card_of(house, ticket)
    for line in (
        "Kindly assist to remove/update the following customer’s data based on their selected preference:",
        "Customer Name: Siti Nurhaliza",
        "Contact Number: +60 12-345 6789",
        f"/agent/tickets/{ticket}|#{ticket}> (CS Only)",
        "BackOffice Link: <https://backoffice.example.com/customers/42",
        "Customer Preference:",
        *there,
    ):
        assert line in card["text"]
    assert not [line for line in not_there if line in card["text"]]
    assert buttons(card) == ["approve", "decline", "ask"]
    assert sent(house, ticket) == Sent(mails=1, cards=1)  # nothing to JIRA before the decision

    assert house.press("approve", card=card) == 200
    case = house.wait_state(ticket, "banning")
    issue = issue_of(house, ticket)
    assert issue["key"] == case["jira_key"]
    said = issue["summary"] + issue["description"]
    assert asked in said
    assert not [word for word in ("Siti", "345 6", "siti@") if word in said]
    assert issue["links"][0]["url"].endswith(f"/agent/tickets/{ticket}")
    closed = card_of(house, ticket)
    assert buttons(closed) == []
    assert "Approved by <@U0AISYAH>" in closed["text"]
    assert "Siti" not in closed["text"]
    assert "aisyah@example.com" in house.notes(ticket)[-1]

    house.move_issue(issue["key"], "Done")
    house.wait_state(ticket, "done")
    assert "done according to JIRA" in house.notes(ticket)[-1]
    assert "Done according to JIRA" in card_of(house, ticket)["text"]
    assert "desk_done" in house.state_of(ticket)["tags"]
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)


# what is wrong, how the ticket was filled in, its preference tags, the note's words, how the agent mends it
WRONG: list[tuple[str, dict[str, Any], str, str, dict[str, str]]] = [
    ("contact missing", {"fields": {"contact": ""}, "phone": None}, "pref_stop_all",
     "Contact number is missing", {"contact": "012 345 0001"}),
    ("backoffice missing", {"fields": {"backoffice": ""}}, "pref_stop_all",
     "BackOffice link is missing", {"backoffice": "https://backoffice.example.com/customers/7"}),
    ("preference missing", {}, "", "Customer preference is missing", {"preference": "pref_stop_sms"}),
    ("name contradictory", {"fields": {"name": "Tan Wei Ming"}}, "pref_stop_all",
     "Customer name differs", {"name": "Siti Nurhaliza"}),
    ("contact contradictory", {"fields": {"contact": "+60 19-999 9999"}, "phone": "0123450002"}, "pref_stop_all",
     "Contact number is not a valid number, or differs", {"contact": "0123450002"}),
    ("backoffice contradictory", {"fields": {"backoffice": "https://evil.example/42"}}, "pref_stop_all",
     "BackOffice link does not lead to our BackOffice", {"backoffice": "https://backoffice.example.com/customers/7"}),
    ("no readable link", {"fields": {"backoffice": "https://[::1"}}, "pref_stop_all",
     "BackOffice link does not lead to our BackOffice", {"backoffice": "https://backoffice.example.com/customers/7"}),
]  # fmt: skip
WORDS = {row[3] for row in WRONG}


def test_what_is_missing_is_named_and_mended(shared_house: House) -> None:
    """Nothing is sent, one note names the one field, a further update adds no note; mended, the desk goes on alone."""
    house, tickets, notes = shared_house, {}, {}
    for number, (what, given, tag, _, _) in enumerate(WRONG):
        requester = {"name": "Siti Nurhaliza", "email": f"wrong{number}@example.com"}
        tickets[what] = house.ticket(**{**given, "requester": requester})
        house.tag(tickets[what], "data_deletion_request", *tag.split())
    for what, _, _, words, _ in WRONG:
        ticket = tickets[what]
        house.wait_state(ticket, "incomplete")
        assert sent(house, ticket) == NOTHING, what
        assert house.replies(ticket) == [], what
        [notes[what]] = house.notes(ticket)
        assert [other for other in WORDS if other in notes[what]] == [words], what
        assert "desk_incomplete" in house.state_of(ticket)["tags"], what
        customer_says(house, ticket)
    quiet_for(house, 0.3)
    for what, ticket in tickets.items():
        assert len(events_of(house, ticket)) == 2, what
        assert house.notes(ticket) == [notes[what]], what
    for what, _, _, _, mended in WRONG:
        edit(house, tickets[what], **mended)
    for what, _, _, words, _ in WRONG:
        ticket = tickets[what]
        house.wait_state(ticket, "awaiting")
        assert sent(house, ticket) == Sent(mails=1, cards=1), what
        assert words not in house.notes(ticket)[-1], what
        assert "desk_incomplete" not in house.state_of(ticket)["tags"], what


def test_mended_within_the_same_second(shared_house: House) -> None:
    """Both updates then have the same time and tags, so the same fact: the second delivery alone would be dropped."""
    house = shared_house
    for _ in range(12):  # a busy machine may need several tries to do both within one second
        ticket = house.ticket(fields={"backoffice": ""})
        time.sleep(1.05 - time.time() % 1)  # early in a second
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
        house.wait(
            lambda ticket=ticket: house.rows("SELECT 1 FROM cases WHERE ticket_id = %s AND state <> 'open'", ticket)
        )
        edit(house, ticket, backoffice="https://backoffice.example.com/customers/7")
        house.wait_state(ticket, "awaiting")
        assert sent(house, ticket) == Sent(mails=1, cards=1)
        if len(events_of(house, ticket)) == 1:
            return
    pytest.fail("twelve times too slow to do both within one second: the case itself was never seen")


def test_everything_missing_is_said_in_one_note(shared_house: House) -> None:
    house = shared_house
    fields = {"name": "", "contact": "", "backoffice": ""}
    ticket = house.ticket(fields=fields, requester={"name": "60123456789", "email": "all@example.com"}, phone=None)
    house.tag(ticket, "data_deletion_request", "pref_delete_all", "pref_stop_sms")
    house.wait_state(ticket, "incomplete")
    [note] = house.notes(ticket)
    for words in ("Contact number is missing", "BackOffice link is missing", "preference is contradictory"):
        assert words in note
    assert sent(house, ticket) == NOTHING
    house.untag(ticket, "pref_stop_sms")
    edit(house, ticket, name="Siti", contact="0123456789", backoffice="https://backoffice.example.com/customers/1")
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_requester_without_mail_gets_a_card_and_a_note_that_says_so(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting(channel="phone", requester={"name": "Siti Nurhaliza"}, email=None)
    assert sent(house, ticket) == Sent(cards=1)
    assert house.replies(ticket) == []
    assert "has no e-mail address. Please tell the customer in another way" in house.notes(ticket)[-1]
    assert "some information may need to be retained" in house.notes(ticket)[-1]
    house.press("approve", card=card_of(house, ticket))
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(cards=1, issues=1, links=1)


@pytest.mark.parametrize("what", ["closed", "deleted"])
def test_ticket_that_cannot_be_answered(shared_house: House, what: str) -> None:
    house = shared_house
    ticket = house.ticket()
    house.stop_worker()  # tagged, and gone before the desk looks
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait(lambda: events_of(house, ticket))
    if what == "deleted":
        house.call(f"/sandbox/tickets/{ticket}/status", {"status": what})
    house.sandbox.world.zendesk.tickets[ticket].status = what
    house.start_worker()
    house.wait(lambda: [e for e in events_of(house, ticket) if e["state"] == "dead"], what="a dead event")
    house.settle()
    assert sent(house, ticket).mails == 0
    [event] = [e for e in events_of(house, ticket) if e["state"] == "dead"]
    assert event["reason"] == ("gone" if what == "deleted" else "closed")


def test_untagged_before_the_desk_looked(shared_house: House) -> None:
    house = shared_house
    house.stop_worker()
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait(lambda: events_of(house, ticket))
    house.untag(ticket, "data_deletion_request")
    house.start_worker()
    house.wait(lambda: events_of(house, ticket)[0]["state"] == "void")
    quiet_for(house, 0.2)
    assert sent(house, ticket) == NOTHING
    assert house.notes(ticket) == []
    assert house.rows("SELECT 1 FROM cases WHERE ticket_id = %s", ticket) == []


def test_customers_text_stays_text_everywhere(shared_house: House) -> None:
    house = shared_house
    hostile = "<!channel> {{ticket.id}} *x* <https://evil.example|Siti> & <@U0AISYAH>"
    ticket = house.to_awaiting(fields={"name": hostile}, requester={"name": hostile, "email": "hostile@example.com"})
    card = card_of(house, ticket)
    assert "<!channel>" not in card["text"]
    assert "<https://evil" not in card["text"]
    assert "<@U0AISYAH>" not in card["text"]
    assert "&lt;!channel&gt;" in card["text"]
    assert "{{ticket.id}}" in card["text"]
    for block in card["blocks"]:
        shown = block.get("text", {})
        assert shown.get("type") != "mrkdwn" or "evil" not in shown["text"]
    assert not [note for note in house.notes(ticket) if "evil" in note or "{{" in note]
    house.press("approve", card=card)
    house.wait_state(ticket, "banning")
    issue = issue_of(house, ticket)
    assert "evil" not in issue["summary"] + issue["description"]
