"""Tagging a ticket again is safe and explained: what goes on, or what stands already (issue 3; faults F04)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.house import House
from tests.kit import Sent, cards_of, customer_says, edit, generations, next_round, quiet_for, retag, sent

GOES_ON = "The case goes on where it stood; nothing is sent twice."


@pytest.fixture
def unguarded(shared_house: House) -> Iterator[House]:
    """Triggers without their condition on `desk_approved`, which only saves traffic."""
    shared_house.sandbox.world.config.trigger_guard = False
    yield shared_house
    shared_house.sandbox.world.config.trigger_guard = True


def test_sop_0_3_a_tag_put_on_again_while_details_are_missing(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket(fields={"backoffice": ""})
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "incomplete")
    retag(house, ticket)
    house.wait(lambda: GOES_ON in house.notes(ticket)[-1], what="the note explains")
    house.settle()
    assert "BackOffice link is missing" in house.notes(ticket)[-1]
    assert sent(house, ticket) == Sent()
    assert generations(house, ticket) == 1
    edit(house, ticket, backoffice="https://backoffice.example.com/customers/9")
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_while_a_supervisor_is_asked(unguarded: House) -> None:
    house = unguarded
    ticket = house.to_awaiting()
    seen = house.notes(ticket)
    retag(house, ticket)
    house.wait(lambda: len(house.notes(ticket)) > len(seen), what="one note more")
    quiet_for(house)
    [told] = house.notes(ticket)[len(seen) :]
    assert GOES_ON in told
    assert "The ticket was tagged again, 20" in told
    retag(house, ticket)  # once more, and once more a note
    house.wait(lambda: len(house.notes(ticket)) > len(seen) + 1, what="a note for the second time")
    quiet_for(house)
    customer_says(house, ticket)  # a mere update is none
    quiet_for(house)
    assert len(house.notes(ticket)) == len(seen) + 2
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert generations(house, ticket) == 1


def test_after_the_approval_the_note_says_what_stands(unguarded: House) -> None:
    house = unguarded
    ticket, key = house.to_banning()
    seen = house.notes(ticket)
    retag(house, ticket)
    house.wait(lambda: len(house.notes(ticket)) > len(seen), what="one note more")
    quiet_for(house)
    [told] = house.notes(ticket)[len(seen) :]
    assert f"The request is approved already by farah@example.com, JIRA: {key}; nothing to do" in told or (
        "The request is approved already by" in told and f"JIRA: {key}; nothing to do" in told
    )
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    retag(house, ticket)  # done: a new wish
    next_round(house, ticket, 2)
    assert sent(house, ticket) == Sent(mails=2, cards=2, issues=1, links=1)
    assert GOES_ON not in house.notes(ticket)[-1]


def test_sop_0_18_one_card_however_often_it_is_tagged(unguarded: House) -> None:
    house = unguarded
    ticket = house.to_awaiting()
    for _ in range(2):
        retag(house, ticket)
        house.settle()
    assert len(cards_of(house, ticket)) == 1
    assert sent(house, ticket) == Sent(mails=1, cards=1)
