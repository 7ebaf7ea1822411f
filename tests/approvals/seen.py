"""What tests of a card's life say often: the ticket changes, a timer comes, the cards of a ticket in a row."""

from __future__ import annotations

import time
from typing import Any

from tests.house import House
from tests.kit import buttons, cards_of, edit, text_of

CHANGED = "The details on the ticket have changed since this card was posted"
REPLACED = "Replaced: the details on the ticket have changed"


def next_second() -> None:
    """Two updates of a ticket within one second are one fact to the door (facts Z3.3)."""
    time.sleep(1.02 - time.time() % 1)


def change(house: House, ticket: int, **fields: str) -> None:
    """An agent changes fields of the ticket; until the desk has seen to it."""
    next_second()
    edit(house, ticket, **fields)
    house.settle()


def prefer(house: House, ticket: int, old: str, new: str) -> None:
    next_second()
    house.call(f"/sandbox/tickets/{ticket}/tags", {"add": [new], "remove": [old], "agent": None})
    house.settle()


def deaf(house: House) -> None:
    """From now on no webhook tells the desk of a changed ticket."""
    house.sandbox.world.config.trigger_webhooks = False


def open_card(house: House, ticket: int) -> dict[str, Any]:
    """The only card of the ticket that still has buttons."""
    [card] = [card for card in cards_of(house, ticket) if buttons(card)]
    return card


def shape(house: House, ticket: int) -> list[str]:
    """The ticket's cards in order: `open`, or the first words of a closed one."""
    return ["open" if buttons(card) else text_of(card).split(":")[0] for card in cards_of(house, ticket)]


def timer_due(house: House, ticket: int, what: str, procedure: str = "data_deletion") -> None:
    """The time of this timer of the case has come; until it has been walked to its end."""
    name = f"case:{house.case(ticket, procedure)['id']}:{what}"
    query = "SELECT 1 FROM events WHERE fact LIKE %s AND walk > 0"
    before = len(house.rows(query, f"time:{name}:%"))
    with house.sql() as conn:
        made = conn.execute("UPDATE timers SET due_at = now() WHERE name = %s AND fired_at IS NULL", (name,))
        assert made.rowcount == 1, house.rows("SELECT name, fired_at FROM timers ORDER BY name")
    house.wait(lambda: len(house.rows(query, f"time:{name}:%")) > before, what=f"{name} is walked")
    house.settle()
