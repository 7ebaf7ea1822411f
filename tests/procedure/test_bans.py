"""JIRA's "done" is a claim: the ban is asked for at its source, again on day 1, 7 and 30; the customer is told once."""

from __future__ import annotations

import pytest

from tests.house import House
from tests.kit import Sent, card_of, quiet_for, sent
from tests.procedure.bans_kit import (
    MACRO,
    asked,
    asking,
    ban,
    banning,
    comments,
    completed,
    due,
    mails,
    time_comes,
    wishes,
    with_source,
)
from tests.review.scenes import WITHDRAWN, fault, mend, waits

__all__ = ["asking"]  # a fixture


def test_sop_0_9_done_only_when_the_source_agrees(asking: House) -> None:
    house = asking
    ticket, key, customer = banning(house, "pref_stop_all")
    ban(house, customer)
    assert asked(house, customer) == []
    house.move_issue(key, "Done")
    case = house.wait_state(ticket, "done")
    assert case["closed_at"] is not None
    assert asked(house, customer) == ["calls", "sms", "email", "push"]
    assert set(wishes(house, ticket).values()) == {("confirmed", "source")}
    note = house.notes(ticket)[-1]
    assert "done, confirmed at the source" in note
    assert "Confirmed at the ban's source" in note
    assert "ban from all offers, Calls, SMS, Email, Push Notification" in note
    assert "confirmed at the ban's source" in card_of(house, ticket)["text"]
    assert due(house, ticket) == ["recheck:1", "recheck:7", "recheck:30"]
    assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, links=1)


def test_sop_3_2_one_channel_is_missing_and_named(asking: House) -> None:
    """A JIRA "Done" alone confirms nothing."""
    house = asking
    ticket, key, customer = banning(house, "pref_stop_all")
    ban(house, customer, calls=True, sms=False, email=True, push=True)
    house.move_issue(key, "Done")
    case = house.wait_state(ticket, "verifying")
    assert case["closed_at"] is None
    found = wishes(house, ticket)
    assert {name for name, (state, _) in found.items() if state == "contradicted"} == {"sms", "offers"}
    note = house.notes(ticket)[-1]
    assert "NOT banned for: SMS." in note
    assert "the ban's source does not" in note
    assert "desk_approved" in house.state_of(ticket)["tags"]
    [comment] = comments(house, ticket)
    assert "not banned for: SMS." in comment
    assert mails(house, ticket) == []
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, comments=1, links=1)
    assert due(house, ticket) == ["recheck:look-1"]

    time_comes(house, ticket, "recheck:look-1")  # nothing has changed: nobody is told again
    assert due(house, ticket) == ["recheck:look-2"]
    assert house.notes(ticket)[-1] == note
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, comments=1, links=1)

    ban(house, customer)
    time_comes(house, ticket, "recheck:look-2")
    house.wait_state(ticket, "done")
    assert len(mails(house, ticket)) == 1
    assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, comments=1, links=1)
    assert due(house, ticket) == ["recheck:1", "recheck:7", "recheck:30"]


def test_sop_0_2_two_wishes_two_proofs(asking: House) -> None:
    """Deletion has no channel at the source: JIRA's word; the offers have one, and both must be there."""
    house = asking
    ticket, key, customer = banning(house, "pref_delete_all")
    assert set(wishes(house, ticket)) == {"deletion", "offers", "calls", "sms", "email", "push"}
    assert {state for state, _ in wishes(house, ticket).values()} == {"asked"}
    house.move_issue(key, "Done")
    house.wait_state(ticket, "verifying")
    assert wishes(house, ticket)["deletion"] == ("confirmed", "jira")
    assert wishes(house, ticket)["offers"] == ("contradicted", "source")
    ban(house, customer)
    time_comes(house, ticket, "recheck:look-1")
    house.wait_state(ticket, "done")
    note = house.notes(ticket)[-1]
    assert "nobody else was asked: deletion of personal data." in note
    assert "Confirmed at the ban's source" in note


def test_sop_0_31_jiras_word_comes_back_to_the_ticket_as_jiras_word(shared_house: House) -> None:
    """Without a source the case completes on JIRA's word, and every text says whose word it is."""
    house = shared_house
    ticket, key, _ = banning(house, "pref_stop_calls")
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    assert wishes(house, ticket) == {"calls": ("confirmed", "jira")}
    assert "done according to JIRA" in house.notes(ticket)[-1]
    assert "Done according to JIRA" in card_of(house, ticket)["text"]
    assert "source" not in house.notes(ticket)[-1]
    assert "Confirmation to the customer" not in house.notes(ticket)[-1]
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)


def test_sop_3_3_the_customer_is_told_once_and_only_in_the_end(asking: House) -> None:
    house = asking
    ticket, key, customer = banning(house)
    ban(house, customer)
    assert mails(house, ticket) == []
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    assert len(mails(house, ticket)) == 1
    assert f'macro "{MACRO}"): sent' in house.notes(ticket)[-1]
    assert "the customer has been told" in house.notes(ticket)[-1]
    # back to life on day 7, and complete again: nobody is told twice
    ban(house, customer, calls=False)
    time_comes(house, ticket, "recheck:7")
    house.wait_state(ticket, "verifying")
    ban(house, customer)
    time_comes(house, ticket, "recheck:look-1")
    house.wait_state(ticket, "done")
    assert len(mails(house, ticket)) == 1
    assert "confirmed at the ban's source" in card_of(house, ticket)["text"]


@pytest.mark.parametrize("why", ["cc", "no mail"])
def test_nobody_else_gets_the_second_message(asking: House, why: str) -> None:
    house = asking
    ticket, key, customer = banning(house, **({"email": None, "channel": "phone"} if why == "no mail" else {}))
    if why == "cc":
        with house.sandbox.world.lock:
            other = house.sandbox.world.zendesk.add_user("Somebody Else", "end-user", email="else@example.com")
            house.sandbox.world.zendesk.tickets[ticket].cc_ids = [other.id]
    ban(house, customer)
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    assert mails(house, ticket) == []
    assert "Confirmation to the customer that it is done: not sent" in house.notes(ticket)[-1]
    assert sent(house, ticket).mails == (1 if why == "cc" else 0)


def test_sop_0_34_a_list_import_brings_an_offer_back(asking: House) -> None:
    """Day 7: the source says otherwise, and the closed case comes back to life; it completes anew."""
    house = asking
    ticket, _, customer = completed(house)
    time_comes(house, ticket, "recheck:1")
    assert house.case(ticket)["state"] == "done"
    notes = house.notes(ticket)
    house.call("/sandbox/bans", {"import": [customer]})
    time_comes(house, ticket, "recheck:7")
    case = house.wait_state(ticket, "verifying")
    assert case["closed_at"] is None
    assert len(house.notes(ticket)) == len(notes) + 1
    assert "NOT banned for: Calls, SMS, Email, Push Notification." in house.notes(ticket)[-1]
    assert "not confirmed at the ban's source" in card_of(house, ticket)["text"]
    assert len(comments(house, ticket)) == 1
    assert due(house, ticket) == ["recheck:look-1"]
    ban(house, customer)
    time_comes(house, ticket, "recheck:look-1")
    house.wait_state(ticket, "done")
    assert due(house, ticket) == ["recheck:1", "recheck:7", "recheck:30"]
    assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, comments=1, links=1)


def test_the_source_is_down_and_the_case_waits(asking: House) -> None:
    house = asking
    ticket, key, customer = banning(house)
    ban(house, customer)
    down = fault(house, "backoffice", "bans", "503_before")
    house.move_issue(key, "Done")
    waits(house, ticket, "issue_changed")
    assert house.case(ticket)["closed_at"] is None
    house.wait(lambda: "cannot be asked at the moment" in house.notes(ticket)[-1], what="the note says so")
    assert mails(house, ticket) == []
    mend(house, down)
    house.wait_state(ticket, "done", 30)
    assert "cannot be asked" not in house.notes(ticket)[-1]
    assert len(mails(house, ticket)) == 1
    assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, links=1)


def test_withdrawn_while_the_source_disagrees(asking: House) -> None:
    house = asking
    ticket, key, customer = banning(house)
    house.move_issue(key, "Done")
    house.wait_state(ticket, "verifying")
    house.tag(ticket, WITHDRAWN)
    house.wait_state(ticket, "withdrawn")
    assert {state for state, _ in wishes(house, ticket).values()} == {"withdrawn"}
    before = len(asked(house, customer))
    if "recheck:look-1" in due(house, ticket):
        time_comes(house, ticket, "recheck:look-1")
    assert len(asked(house, customer)) == before
    assert mails(house, ticket) == []
    told = comments(house, ticket)
    assert len(told) == 2
    assert "withdrew" in told[-1]


def test_a_withdrawal_on_another_ticket_is_no_fault_of_the_ban(asking: House) -> None:
    """Offers are allowed again by the customer: day 7 finds no ban, and must not ask for it back."""
    house = asking
    ticket, _, customer = completed(house)
    [row] = house.rows("SELECT id, persons FROM cases WHERE ticket_id = %s", ticket)
    assert row["persons"], "the case knows its person"
    house.rows(
        "INSERT INTO consents (person, kind, purpose, channel, allowed, case_id, ticket_id, actor, wording, reason,"
        " wished_at) SELECT DISTINCT person, kind, purpose, channel, true, case_id, 1, 'test', '', 'withdrawn', now()"
        " FROM consents WHERE case_id = %s RETURNING id",
        row["id"],
    )
    ban(house, customer, calls=False, sms=False, email=False, push=False)
    time_comes(house, ticket, "recheck:7")
    assert house.case(ticket)["state"] == "done"
    assert comments(house, ticket) == []
    assert {state for state, _ in wishes(house, ticket).values()} == {"withdrawn"}


def test_a_customer_whom_the_source_does_not_know(asking: House) -> None:
    house = asking
    ticket, key, customer = banning(house)
    house.sandbox.world.backoffice.strangers.add(customer)
    house.move_issue(key, "Done")
    house.wait_state(ticket, "verifying")
    assert wishes(house, ticket)["calls"] == ("contradicted", "unknown_customer")
    assert "does not know the customer" in house.notes(ticket)[-1]
    assert "does not know the customer" in comments(house, ticket)[0]


@pytest.mark.long
def test_after_a_week_a_person_takes_over_and_the_desk_goes_on_looking(asking: House) -> None:
    house = asking
    ticket, key, customer = banning(house)
    house.move_issue(key, "Done")
    house.wait_state(ticket, "verifying")
    for number in range(1, 9):
        time_comes(house, ticket, f"recheck:look-{number}")
        assert house.case(ticket)["state"] == "verifying"
    time_comes(house, ticket, "recheck:look-9")
    house.wait_state(ticket, "needs_person")
    assert "NOT banned for" in house.notes(ticket)[-1]
    assert "closed" not in house.notes(ticket)[-1].lower()
    assert len(comments(house, ticket)) == 1
    time_comes(house, ticket, "recheck:look-10")
    assert house.case(ticket)["state"] == "needs_person"
    ban(house, customer)
    time_comes(house, ticket, "recheck:look-11")
    house.wait_state(ticket, "done")
    assert len(mails(house, ticket)) == 1


def test_one_address_for_all_channels_and_a_demo_that_completes_by_itself(database: str) -> None:
    """Without {channel} one answer speaks for all; whoever sets the issue to done has set the ban it asks for."""
    with with_source(database, "") as house:
        ticket, key, customer = banning(house, "pref_stop_sms")
        house.move_issue(key, "Done")
        house.wait_state(ticket, "done")
        assert asked(house, customer) == [""]
        assert wishes(house, ticket) == {"sms": ("confirmed", "source")}
        assert house.shown("backoffice")[customer] == {
            "calls": False,
            "sms": True,
            "email": False,
            "push": False,
        }
        quiet_for(house, 0.2)
        assert asked(house, customer) == [""]
