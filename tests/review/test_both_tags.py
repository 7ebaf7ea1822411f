"""Request and withdrawal on one ticket: nothing is sent while nobody knows which counts, and either answer is taken.

Reviewers' findings H, H2 and X. The triggers are those of the README, with their conditions.
"""

from __future__ import annotations

from tests.house import House
from tests.kit import CONSENT, Sent, buttons, cards_of, next_round, next_second, quiet_for, sent
from tests.review.scenes import BOTH, REQUESTED, WITHDRAWN

ASK = "the agent asks the customer, then removes the tag that is wrong"


def asks_the_agent(house: House, ticket: int) -> None:
    """The newest note, and nobody else, says that the two tags contradict each other."""
    house.wait(lambda: house.notes(ticket) and BOTH in house.notes(ticket)[-1], what="the note asks the agent")
    house.settle()
    assert ASK in house.notes(ticket)[-1]


def both_at_once(house: House) -> int:
    ticket = house.ticket()
    house.tag(ticket, REQUESTED, "pref_stop_all", WITHDRAWN)
    asks_the_agent(house, ticket)
    quiet_for(house, 0.3)
    assert sent(house, ticket) == Sent()
    assert house.replies(ticket) == []
    return ticket


def test_removing_the_withdrawal_begins_the_request(shared_house: House) -> None:
    house = shared_house
    ticket = both_at_once(house)
    house.untag(ticket, WITHDRAWN)
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert BOTH not in house.notes(ticket)[-1]
    house.press("approve", card=cards_of(house, ticket)[-1])
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)


def test_removing_the_request_confirms_the_withdrawal(shared_house: House) -> None:
    house = shared_house
    ticket = both_at_once(house)
    house.untag(ticket, REQUESTED)
    house.wait(lambda: sent(house, ticket).mails, what="the withdrawal is confirmed to the customer")
    house.settle()
    assert sent(house, ticket) == Sent(mails=1)
    assert "agree to continue receiving promotional calls" in house.replies(ticket)[0]
    note = house.notes(ticket)[-1]
    assert BOTH not in note
    assert f'E-mail to the customer (macro "{CONSENT}"): sent' in note
    assert house.case(ticket)["state"] == "withdrawn"
    assert "desk_withdrawn" in house.state_of(ticket)["tags"]


def test_request_that_was_never_seen_without_the_withdrawal(shared_house: House) -> None:
    """One after the other, but the worker was away: both are there when it looks."""
    house = shared_house
    ticket = house.ticket()
    house.stop_worker()
    house.tag(ticket, REQUESTED, "pref_stop_all")
    next_second()
    house.tag(ticket, WITHDRAWN)
    house.start_worker()
    asks_the_agent(house, ticket)
    assert sent(house, ticket) == Sent()
    house.untag(ticket, WITHDRAWN)
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_request_tagged_anew_beside_an_old_withdrawal(shared_house: House) -> None:
    """The customer asks again, and the agent leaves the old withdrawal's tag on the ticket."""
    house = shared_house
    ticket = house.to_awaiting()
    house.tag(ticket, WITHDRAWN)
    house.wait_state(ticket, "withdrawn")
    before = Sent(mails=2, cards=1)
    assert sent(house, ticket) == before
    assert BOTH not in house.notes(ticket)[-1]  # a request that is known is simply withdrawn
    next_second()
    house.untag(ticket, REQUESTED)
    house.settle()
    next_second()
    house.tag(ticket, REQUESTED)
    asks_the_agent(house, ticket)
    assert sent(house, ticket) == before
    house.untag(ticket, WITHDRAWN)
    next_round(house, ticket, 2)
    assert sent(house, ticket) == Sent(mails=3, cards=2)
    assert [bool(buttons(card)) for card in cards_of(house, ticket)] == [False, True]
