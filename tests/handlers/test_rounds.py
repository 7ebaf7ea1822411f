"""What comes after the card: declined, tagged again, refused by JIRA; and updates that are no new wish."""

from __future__ import annotations

import time

import pytest

from tests.house import House
from tests.kit import (
    REQUEST,
    Sent,
    agent_says,
    arrivals,
    buttons,
    card_of,
    cards_of,
    customer_says,
    events_of,
    generations,
    next_round,
    quiet_for,
    retag,
    sent,
)


def test_declined_twice_and_a_new_round(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting()
    card = card_of(house, ticket)
    house.press("decline", card=card, form={"reason": "wrong_details"})
    case = house.wait_state(ticket, "declined")
    assert (case["reason"], case["decided_by"]) == ("wrong_details", "U0AISYAH")
    assert "Declined by <@U0AISYAH>" in card_of(house, ticket)["text"]
    assert "Name, number or link is wrong" in card_of(house, ticket)["text"]
    assert "Reason: Name, number or link is wrong." in house.notes(ticket)[-1]
    assert "desk_declined" in house.state_of(ticket)["tags"]
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    seen, notes = arrivals(house), house.notes(ticket)
    customer_says(house, ticket)  # the trigger still matches: a mere update is no new wish
    agent_says(house, ticket)
    quiet_for(house)
    assert (arrivals(house), house.notes(ticket), generations(house, ticket)) == (seen, notes, 1)

    customer_says(house, ticket)
    house.untag(ticket, "data_deletion_request")
    house.tag(ticket, "data_deletion_request")  # within the second of that update: the same fact to the door
    next_round(house, ticket, 2)
    assert sent(house, ticket) == Sent(mails=1, cards=2)  # acknowledged already: no second e-mail
    assert f'E-mail to the customer (macro "{REQUEST}"): sent in an earlier round already' in house.notes(ticket)[-1]
    assert "round 2" in house.notes(ticket)[-1]
    house.press("decline", card=cards_of(house, ticket)[-1], form={"reason": "duplicate"})
    next_round(house, ticket, 2, "declined")
    assert "Reason: Already handled in another ticket." in house.notes(ticket)[-1]

    retag(house, ticket)
    next_round(house, ticket, 3)
    house.press("approve", "U0BALA", cards_of(house, ticket)[-1])
    next_round(house, ticket, 3, "banning")
    assert sent(house, ticket) == Sent(mails=1, cards=3, issues=1, links=1)
    assert [buttons(card) for card in cards_of(house, ticket)] == [[], [], []]


def test_done_ticket_tagged_again_is_a_new_wish_with_a_new_mail(shared_house: House) -> None:
    house = shared_house
    ticket, key = house.to_banning()
    seen = house.notes(ticket)
    customer_says(house, ticket)  # while JIRA works
    house.move_issue(key, "In Progress")
    quiet_for(house, 0.3)
    assert house.notes(ticket) == seen
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    first = Sent(mails=1, cards=1, issues=1, links=1)
    seen, before = house.notes(ticket), arrivals(house)
    customer_says(house, ticket, "Thank you!")
    agent_says(house, ticket)
    quiet_for(house)
    assert (sent(house, ticket), house.notes(ticket), arrivals(house)) == (first, seen, before)
    house.move_issue(key, "To Do")  # no longer done: the case comes back to life, and the note says so once
    house.wait_state(ticket, "banning")
    house.move_issue(key, "In Progress")
    quiet_for(house, 0.3)
    assert sent(house, ticket) == first
    [told] = house.notes(ticket)[len(seen) :]
    assert "the case has come back to life" in told
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")

    retag(house, ticket)
    next_round(house, ticket, 2)
    assert sent(house, ticket) == Sent(mails=2, cards=2, issues=1, links=1)


def test_updates_while_a_supervisor_is_asked_change_nothing(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting()
    notes = house.notes(ticket)
    time.sleep(1.0)  # Zendesk's times are whole seconds: this update has to be another fact
    house.sandbox.world.config.trigger_guard = False  # the trigger fires for each of them
    try:
        customer_says(house, ticket)
        house.wait(lambda: len(events_of(house, ticket)) > 1)
        quiet_for(house)
    finally:
        house.sandbox.world.config.trigger_guard = True
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert house.notes(ticket) == notes
    assert generations(house, ticket) == 1


@pytest.mark.parametrize("end", ["Won't do", "deleted"])
def test_jira_does_not_do_it(shared_house: House, end: str) -> None:
    house = shared_house
    ticket, key = house.to_banning()
    if end == "deleted":
        house.call(f"/sandbox/jira/{key}/delete", {})
        words = f"JIRA: {key} can no longer be found."
    else:
        house.move_issue(key, end)
        words = "without being carried out (Won't Do)"
    house.wait_state(ticket, "needs_person")
    assert words in house.notes(ticket)[-1]
    assert "needs a person" in house.notes(ticket)[-1]
    tags = house.state_of(ticket)["tags"]
    assert "desk_needs_person" in tags
    assert "desk_approved" not in tags
    assert "a person must look at it" in card_of(house, ticket)["text"]
    before = sent(house, ticket)
    assert before.mails == 1
    if end == "deleted":
        return
    house.move_issue(key, "To Do")
    house.move_issue(key, "Done")  # the support team does it after all
    house.wait_state(ticket, "done")
    assert sent(house, ticket) == before
    assert "desk_done" in house.state_of(ticket)["tags"]


def test_retag_after_jira_refused_asks_a_supervisor_again(shared_house: House) -> None:
    house = shared_house
    ticket, key = house.to_banning()
    house.move_issue(key, "Won't do")
    house.wait_state(ticket, "needs_person")
    retag(house, ticket)
    next_round(house, ticket, 2)
    assert sent(house, ticket) == Sent(mails=1, cards=2, issues=1, links=1)
    house.press("approve", card=cards_of(house, ticket)[-1])
    case = next_round(house, ticket, 2, "banning")
    assert case["jira_key"] != key
    assert sent(house, ticket).issues == 2
