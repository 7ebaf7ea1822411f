"""Mattermost applies its answer to a press with the post as it was before the press: what closed the card meanwhile may
be undone, so it is closed once more (app.steps.close)."""

from __future__ import annotations

import copy

import pytest

from tests.approvals.seen import change, deaf, shape
from tests.house import House
from tests.kit import Sent, buttons, card_of, cards_of, sent, text_of


def sure_due(house: House) -> int:
    """The time of these timers has come; how many there were. Until they have been walked to their end."""
    names = house.rows("UPDATE timers SET due_at = now() WHERE what = 'look:sure' AND fired_at IS NULL RETURNING name")
    house.settle(30)
    return len(names)


@pytest.mark.parametrize("action", ["approve", "decline"])
def test_the_old_card_comes_back_and_is_closed_again(database: str, action: str) -> None:
    with House(database, chat="mattermost") as house:
        ticket = house.to_awaiting()
        open_one = copy.deepcopy(card_of(house, ticket))
        with house.sandbox.world.lock:
            old = copy.deepcopy(house.sandbox.world.mattermost.posts[open_one["id"]].props)
        house.press(action)
        house.wait_state(ticket, "banning" if action == "approve" else "declined")
        closed = text_of(card_of(house, ticket))
        with house.sandbox.world.lock:
            house.sandbox.world.mattermost.posts[open_one["id"]].props = old
        assert buttons(card_of(house, ticket)) == ["approve", "decline", "ask"]
        assert sure_due(house) >= 1
        assert buttons(card_of(house, ticket)) == []
        assert text_of(card_of(house, ticket)) == closed
        assert sure_due(house) == 0, "once is enough"


def test_a_replaced_card_too(database: str) -> None:
    with House(database, chat="mattermost") as house:
        ticket = house.to_awaiting()
        first = card_of(house, ticket)["id"]
        with house.sandbox.world.lock:
            old = copy.deepcopy(house.sandbox.world.mattermost.posts[first].props)
        deaf(house)
        change(house, ticket, name="Siti Aminah")
        house.press("approve")
        house.settle()
        assert shape(house, ticket) == ["Replaced", "open"]
        with house.sandbox.world.lock:
            house.sandbox.world.mattermost.posts[first].props = old
        assert sure_due(house) == 1
        assert shape(house, ticket) == ["Replaced", "open"]
        assert sent(house, ticket) == Sent(mails=1, cards=2)


def test_slack_needs_none_of_it(house: House) -> None:
    ticket = house.to_awaiting()
    house.press("approve")
    house.wait_state(ticket, "banning")
    assert sure_due(house) == 0
    assert len(cards_of(house, ticket)) == 1
