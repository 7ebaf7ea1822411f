"""Scenes of a waiting card: the ticket changes, the message is deleted, the agent is asked, answers, it is decided."""

from __future__ import annotations

import time
from typing import Any

from tests.crash.crashkit import Crashing
from tests.crash.flowkit import MOVES, TIMERS, WAIT, WALK, Act, Scene, all_sent, awaiting, due_now, each, open_cards
from tests.kit import Sent, agent_says, buttons, cards_of, edit, sent, text_of

OTHER = "https://backoffice.example.com/customers/other-{}"


def until(house: Crashing, tickets: list[int], what: str, met: Any) -> None:
    for ticket in tickets:
        house.wait(lambda ticket=ticket: met(ticket), WAIT, what)
    house.settle(WAIT)


def one_is_open(house: Crashing, tickets: list[int]) -> None:
    """The newest card of each ticket, and no older one, asks for a decision."""
    for ticket in tickets:
        assert [bool(buttons(card)) for card in cards_of(house, ticket)][-1]
        assert len(open_cards(house, ticket)) == 1


def changed(house: Crashing, tickets: list[int]) -> None:
    time.sleep(1.02 - time.time() % 1)  # not within the second of an earlier update (facts Z3.3)
    for number, ticket in enumerate(tickets):
        edit(house, ticket, backoffice=OTHER.format(number))
    until(house, tickets, "the next card", lambda ticket: sent(house, ticket).cards == 2)
    one_is_open(house, tickets)
    all_sent(house, tickets, Sent(mails=1, cards=2))
    for number, ticket in enumerate(tickets):
        assert f" → {OTHER.format(number)}" in text_of(open_cards(house, ticket)[0])


def deleted(house: Crashing, tickets: list[int]) -> None:
    for ticket in tickets:
        house.delete(open_cards(house, ticket)[0])
    due_now(house, "look:2")
    until(house, tickets, "posted once more", lambda ticket: open_cards(house, ticket))
    one_is_open(house, tickets)
    all_sent(house, tickets, Sent(mails=1, cards=2))
    assert house.rows("SELECT 1 FROM timers WHERE what = 'look:2' AND fired_at IS NULL") == []


def questions(house: Crashing, ticket: int) -> list[str]:
    return [note for note in house.notes(ticket) if note.startswith("The supervisor (")]


def asked(house: Crashing, tickets: list[int]) -> None:
    for ticket in tickets:
        house.press_until_taken(open_cards(house, ticket)[0], "ask")
    until(house, tickets, "the card shows it", lambda t: "Question to the agent" in text_of(cards_of(house, t)[-1]))
    one_is_open(house, tickets)
    assert [len(questions(house, ticket)) for ticket in tickets] == [1] * len(tickets)


def answered(house: Crashing, tickets: list[int]) -> None:
    time.sleep(1.02 - time.time() % 1)
    for ticket in tickets:
        agent_says(house, ticket, "It is the second one.")
    until(house, tickets, "the card shows it", lambda t: "has answered" in text_of(cards_of(house, t)[-1]))
    one_is_open(house, tickets)
    assert [len(questions(house, ticket)) for ticket in tickets] == [1] * len(tickets)


def declined(house: Crashing, tickets: list[int]) -> None:
    each(house, tickets, "declined", lambda ticket: house.press_until_taken(open_cards(house, ticket)[0], "decline"))
    for ticket in tickets:
        assert not [card for card in cards_of(house, ticket) if buttons(card)]
        assert house.notes(ticket)[-1].count("To do: ") >= 2
    all_sent(house, tickets, Sent(mails=1, cards=2))


CARDS = Scene(
    lambda house: awaiting(house, 7),
    (
        Act(("ask_supervisor", "update_card"), ("note", *MOVES, *WALK), changed),
        Act(("ask_supervisor", *MOVES), ("note", *TIMERS, *WALK), deleted),
        Act(("ask_agent", "show_words"), ("answer", "note", *MOVES, *WALK), asked),
        Act(("show_words",), ("note", *MOVES, *WALK), answered),
        Act(("update_card", "answer"), ("mark", "note", *MOVES, *WALK), declined),
    ),
)
