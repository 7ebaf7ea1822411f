"""JIRA says something after the case is closed: the ticket's note tells a person, and nothing is sent."""

from __future__ import annotations

from tests.house import House
from tests.kit import Sent, quiet_for, sent
from tests.review.scenes import WITHDRAWN

BANNED_AFTER_ALL = "JIRA reports the ban as done although the customer withdrew"
REOPENED = "the case has come back to life"


def test_withdrawn_but_the_ban_is_carried_out_all_the_same(shared_house: House) -> None:
    house = shared_house
    ticket, key = house.to_banning()
    house.tag(ticket, WITHDRAWN)
    house.wait_state(ticket, "withdrawn")
    before = Sent(mails=2, cards=1, issues=1, comments=1, links=1)
    assert sent(house, ticket) == before
    house.move_issue(key, "In Progress")
    quiet_for(house, 0.3)
    assert BANNED_AFTER_ALL not in "".join(house.notes(ticket))
    house.move_issue(key, "Done")
    house.wait(lambda: BANNED_AFTER_ALL in house.notes(ticket)[-1], what="the note says so")
    house.settle()
    assert house.case(ticket)["state"] == "withdrawn"
    assert sent(house, ticket) == before
    house.move_issue(key, "To Do")  # taken back
    house.wait(lambda: BANNED_AFTER_ALL not in house.notes(ticket)[-1], what="and no longer")
    house.settle()
    assert sent(house, ticket) == before


def test_done_and_reopened(shared_house: House) -> None:
    house = shared_house
    ticket, key = house.to_banning()
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    before = Sent(mails=1, cards=1, issues=1, links=1)
    assert sent(house, ticket) == before
    house.move_issue(key, "In Progress")
    house.wait_state(ticket, "banning")
    assert REOPENED in house.notes(ticket)[-1]
    assert sent(house, ticket) == before
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    assert REOPENED not in house.notes(ticket)[-1]
    assert sent(house, ticket) == before
