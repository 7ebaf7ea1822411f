"""A message that somebody has deleted is posted once more, however that is found out; the second time the agent and an
administrator are told (issue 4)."""

from __future__ import annotations

import pytest

from tests.approvals.seen import change, deaf, open_card, shape, timer_due
from tests.house import House
from tests.kit import (
    Sent,
    buttons,
    card_of,
    cards_of,
    customer_says,
    next_round,
    press_body,
    retag,
    sent,
    text_of,
)

AGAIN = "Posted once more: the earlier message was deleted."
THREAT = "regulatory_threat"
WAYS = {"look": "look:1", "renewal": "refresh:1", "reminder": "reminder:50"}


def looks(house: House, ticket: int, procedure: str = "data_deletion") -> list[str]:
    """The looks for the message that are still to come."""
    query = "SELECT what FROM timers WHERE case_id = %s AND fired_at IS NULL AND starts_with(what, 'look')"
    return [row["what"] for row in house.rows(query, house.case(ticket, procedure)["id"])]


@pytest.mark.parametrize("way", WAYS)
def test_posted_once_more_and_decided_on(shared_house: House, way: str) -> None:
    house = shared_house
    ticket = house.to_awaiting()
    first = card_of(house, ticket)
    token = next(e["value"] for b in first["blocks"] for e in b.get("elements", []) if "value" in e)
    house.delete(first)
    timer_due(house, ticket, WAYS[way])
    second = open_card(house, ticket)
    reminders = [card for card in cards_of(house, ticket) if not buttons(card)]
    assert len(reminders) == (way == "reminder")
    assert text_of(second).startswith(text_of(first).partition("Please decide")[0])
    assert AGAIN in text_of(second)
    assert "posted once more" in house.notes(ticket)[-1]
    assert house.case(ticket)["chat_ts"] == second["ts"]
    assert looks(house, ticket) == ["look:2"] if way == "look" else "look:2" in looks(house, ticket)
    house.press("approve", card=second, value=token)  # from the copy that somebody still had on the screen
    house.wait_state(ticket, "banning")
    assert not [card for card in cards_of(house, ticket) if buttons(card)]
    assert sent(house, ticket) == Sent(mails=1, cards=1 + len(reminders), issues=1, links=1)


def test_there_all_the_time_it_is_looked_for_again_in_a_day(house: House) -> None:
    ticket = house.to_awaiting()
    for _ in range(2):
        timer_due(house, ticket, "look:1")
        assert looks(house, ticket) == ["look:1"]
        assert shape(house, ticket) == ["open"]
    hours = "SELECT extract(epoch FROM due_at - now()) / 3600 AS left FROM timers WHERE what = 'look:1'"
    assert 23 < house.rows(hours)[0]["left"] <= 24
    house.press("approve")
    house.wait_state(ticket, "banning")
    timer_due(house, ticket, "look:1")  # decided: nothing to look for
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)


def test_deleted_again_nobody_is_asked_until_the_agent_tags_anew(house: House) -> None:
    ticket = house.to_awaiting()
    house.delete(card_of(house, ticket))
    timer_due(house, ticket, "look:1")
    house.delete(card_of(house, ticket))
    timer_due(house, ticket, "look:2")
    assert sent(house, ticket) == Sent(mails=1)
    note = house.notes(ticket)[-1]
    assert "deleted in chat twice" in note
    assert "Next: an administrator finds out why the card is deleted" in note
    customer_says(house, ticket)
    house.settle()
    assert (sent(house, ticket), house.notes(ticket)[-1]) == (Sent(mails=1), note)
    retag(house, ticket)
    next_round(house, ticket, 2)
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert "deleted" not in house.notes(ticket)[-1]
    house.press("approve")
    house.wait_state(ticket, "banning")


def test_deleted_and_changed_is_one_next_card_with_the_difference(house: House) -> None:
    ticket = house.to_awaiting()
    deaf(house)
    house.delete(card_of(house, ticket))
    change(house, ticket, name="Siti Aminah")
    timer_due(house, ticket, "look:1")
    assert shape(house, ticket) == ["open"]
    assert "Siti Nurhaliza → Siti Aminah" in text_of(open_card(house, ticket))
    house.delete(card_of(house, ticket))  # this message has not been posted once more yet
    timer_due(house, ticket, "look:2")
    assert "Siti Nurhaliza → Siti Aminah" in text_of(open_card(house, ticket))
    house.press("decline")
    house.wait_state(ticket, "declined")


def test_chat_cannot_say_whether_it_is_there(house: House) -> None:
    """Not knowing is not deleted: the look waits."""
    ticket = house.to_awaiting()
    house.sandbox.world.faults.add("slack", "conversations.history", "503_before", times=2)
    timer_due(house, ticket, "look:1")
    assert shape(house, ticket) == ["open"]
    assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_a_threats_card_too(house: House) -> None:
    ticket = house.ticket(comment="I will go to Bank Negara.")
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    house.wait_state(ticket, "awaiting", procedure=THREAT)
    urgent = cards_of(house, ticket)[0]
    house.delete(urgent)
    timer_due(house, ticket, "look:1", THREAT)
    request, again = cards_of(house, ticket)
    assert text_of(again).startswith(text_of(urgent).partition("Please")[0])
    assert looks(house, ticket, THREAT) == ["look:2"]
    house.delete(again)
    timer_due(house, ticket, "look:2", THREAT)
    assert [card["ts"] for card in cards_of(house, ticket)] == [request["ts"]]
    assert [note for note in house.notes(ticket) if "deleted in chat twice" in note] != []
    customer_says(house, ticket, "Now I make a police report as well.")
    house.settle()
    assert len(cards_of(house, ticket)) == 1
    press_body(house, ticket, "approve")
    house.wait_state(ticket, "banning")
