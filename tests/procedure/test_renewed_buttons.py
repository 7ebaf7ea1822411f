"""A card's buttons live as long as the wish waits: they are renewed before they expire, and never after a decision."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.points import EFFECT_POINTS
from tests.approvals.seen import change, deaf
from tests.crash.crashkit import Crashing, each_effect_once, nothing_open
from tests.house import House
from tests.kit import (
    Sent,
    buttons,
    card_of,
    cards_of,
    customer_says,
    generations,
    next_round,
    press_body,
    quiet_for,
    retag,
    sent,
    told,
)

THREAT = "regulatory_threat"
WAITING = Sent(mails=1, cards=1)


def token(card: dict[str, Any]) -> str:
    """What the card's first button carries."""
    return str(next(e["value"] for b in card["blocks"] if b["type"] == "actions" for e in b["elements"]))


def shown(card: dict[str, Any]) -> str:
    """All that people see of the card: everything but the tokens."""
    actions = [(e["action_id"], e.get("text")) for b in card["blocks"] if b["type"] == "actions" for e in b["elements"]]
    return str([card["text"], [b.get("text") for b in card["blocks"]], actions])


def updates(house: House, card: dict[str, Any]) -> int:
    """How often this message was really changed."""
    return len([e for e in house.sandbox.world.effects("slack", "update") if e["target"] == card["ts"]])


def timers(house: House, ticket: int, procedure: str = "data_deletion") -> list[str]:
    """The renewals that are still to come."""
    query = "SELECT what FROM timers WHERE case_id = %s AND fired_at IS NULL AND starts_with(what, 'refresh')"
    return [row["what"] for row in house.rows(query, house.case(ticket, procedure)["id"])]


def due(house: House, ticket: int, number: int = 1, procedure: str = "data_deletion") -> None:
    """The time of this renewal has come; until it has been walked, but perhaps not to its end."""
    case = house.case(ticket, procedure)["id"]
    name = f"case:{case}:refresh:{number}"
    before = len(house.rows("SELECT 1 FROM events WHERE fact LIKE %s", f"time:{name}:%"))
    with house.sql() as conn:
        query = "UPDATE timers SET due_at = now() WHERE name = %s AND fired_at IS NULL"
        assert conn.execute(query, (name,)).rowcount == 1, timers(house, ticket, procedure)
    fired = "SELECT 1 FROM events WHERE fact LIKE %s AND walk > 0"
    house.wait(lambda: len(house.rows(fired, f"time:{name}:%")) > before, what=f"{name} is walked")


def renewals(house: House, ticket: int, procedure: str = "data_deletion") -> list[dict[str, Any]]:
    query = "SELECT * FROM effects WHERE case_id = %s AND verb = 'renew_card' ORDER BY id"
    return house.rows(query, house.case(ticket, procedure)["id"])


def aged(house: House, ticket: int, *verbs: str) -> None:
    """These effects were done long ago."""
    with house.sql() as conn:
        conn.execute(
            "UPDATE effects SET sent_at = sent_at - interval '30 days', done_at = done_at - interval '30 days'"
            " WHERE case_id = %s AND verb = ANY(%s)",
            (house.case(ticket)["id"], list(verbs)),
        )


@pytest.mark.timeout(60)
def test_buttons_live_as_long_as_the_wish_waits(database: str) -> None:
    with House(database, approval_life="3") as house:
        ticket = house.to_awaiting()
        card = card_of(house, ticket)
        old, seen, notes = token(card), {token(card)}, house.notes(ticket)

        def another() -> bool:
            now = token(card_of(house, ticket))
            new = now not in seen
            seen.add(now)
            return new

        for _ in range(2):  # each at 80 % of the life, so that the first token has expired after them
            house.wait(another, 20, "the buttons are renewed")
        press_body(house, ticket, "approve", value=old)
        told(house, "U0AISYAH", "This button is too old")
        assert house.case(ticket)["state"] == "awaiting"
        assert sent(house, ticket) == WAITING
        assert house.notes(ticket) == notes, "a renewal is nothing an agent has to read about"
        assert shown(card_of(house, ticket)) == shown(card)
        house.wait(another, 20, "and once more")
        press_body(house, ticket, "approve")
        house.wait_state(ticket, "banning")
        assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
        assert buttons(card_of(house, ticket)) == []


def test_one_update_at_80_percent_and_the_next_from_there(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting()
    card = card_of(house, ticket)
    life = timedelta(seconds=house.settings().approval_life)
    for number in (1, 2):
        [posted, *made] = house.rows(
            "SELECT sent_at FROM effects WHERE case_id = %s AND verb IN ('ask_supervisor', 'renew_card') ORDER BY id",
            house.case(ticket)["id"],
        )
        newest = made[-1] if made else posted
        [timer] = house.rows("SELECT due_at FROM timers WHERE what = %s AND case_id = %s", f"refresh:{number}",
                             house.case(ticket)["id"])  # fmt: skip
        assert timer["due_at"] == newest["sent_at"] + 0.8 * life
        customer_says(house, ticket)  # walks of the ticket meanwhile renew nothing and set nothing else
        house.settle()
        assert timers(house, ticket) == [f"refresh:{number}"]
        assert updates(house, card) == number - 1
        due(house, ticket, number)
        house.settle()
        assert updates(house, card) == number
    assert timers(house, ticket) == ["refresh:3"]
    assert shown(card_of(house, ticket)) == shown(card)
    assert sent(house, ticket) == WAITING


@pytest.mark.parametrize("action", ["approve", "decline"])
def test_after_a_decision_nothing_is_renewed(shared_house: House, action: str) -> None:
    house = shared_house
    ticket = house.to_awaiting()
    press_body(house, ticket, action)
    house.wait_state(ticket, "banning" if action == "approve" else "declined")
    closed, before = card_of(house, ticket), sent(house, ticket)
    count = updates(house, closed)
    due(house, ticket)
    house.settle()
    assert card_of(house, ticket)["blocks"] == closed["blocks"]
    assert buttons(card_of(house, ticket)) == []
    assert (updates(house, closed), sent(house, ticket)) == (count, before)
    assert renewals(house, ticket) == timers(house, ticket) == []


def test_decided_while_the_chat_refuses_the_renewal(shared_house: House) -> None:
    """The renewal waits for the chat, a press comes in meanwhile: the renewal is dropped, the card is closed."""
    house = shared_house
    ticket = house.to_awaiting()
    value = token(card_of(house, ticket))
    order = house.sandbox.world.faults.add("slack", "chat.update", "503_before", times=None)
    due(house, ticket)
    house.wait(lambda: [r for r in renewals(house, ticket) if r["attempts"]], what="it was tried")
    press_body(house, ticket, "approve", value=value)
    house.wait(lambda: house.case(ticket)["state"] == "banning", what="it is decided")
    house.sandbox.world.faults.remove(order)
    house.settle(30)
    assert [r["state"] for r in renewals(house, ticket)] == ["void"]
    assert buttons(card_of(house, ticket)) == []
    assert updates(house, card_of(house, ticket)) == len(
        house.rows("SELECT 1 FROM effects WHERE case_id = %s AND verb = 'update_card' AND state = 'done'",
                   house.case(ticket)["id"])
    )  # fmt: skip
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)


def test_a_renewal_that_arrives_late_does_not_open_a_decided_card(database: str) -> None:
    """Its answer was lost; Slack carries it out while the press is being walked."""
    with House(database, slack_quiet="4") as house:
        ticket = house.to_awaiting()
        value = token(card_of(house, ticket))
        house.sandbox.world.faults.add("slack", "chat.update", "late_commit", seconds=3)
        due(house, ticket)
        lost = "SELECT 1 FROM effects WHERE verb = 'renew_card' AND state = 'unknown'"
        house.wait(lambda: house.rows(lost), what="nobody knows what became of the renewal")
        press_body(house, ticket, "approve", value=value)
        house.wait_state(ticket, "banning", 20)
        assert [e["target"] for e in house.sandbox.world.effects("slack", "update")] == [
            card_of(house, ticket)["ts"]
        ] * 2
        assert buttons(card_of(house, ticket)) == []
        assert "Siti" not in card_of(house, ticket)["text"]
        assert [r["state"] for r in renewals(house, ticket)] == ["void"]


def test_chat_down_it_waits_and_renews_later(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting()
    card, notes = card_of(house, ticket), house.notes(ticket)
    house.sandbox.world.faults.add("slack", "chat.update", "429", times=2, retry_after="0")
    house.sandbox.world.faults.add("slack", "chat.update", "503_after", times=1)
    due(house, ticket)
    house.wait(lambda: [r for r in renewals(house, ticket) if r["state"] == "done"], 20, "renewed after all")
    house.settle()
    assert timers(house, ticket) == ["refresh:2"]
    assert shown(card_of(house, ticket)) == shown(card)
    assert sent(house, ticket) == WAITING
    assert house.notes(ticket)[: len(notes)] == notes
    press_body(house, ticket, "decline")
    house.wait_state(ticket, "declined")


def test_a_withdrawal_that_is_on_the_ticket_comes_first(house: House) -> None:
    """Its own event decides; until it has come nothing is renewed, and no other card is made."""
    ticket = house.to_awaiting()
    deaf(house)
    house.tag(ticket, "data_deletion_withdrawn")
    change(house, ticket, name="Siti Aminah")
    due(house, ticket)
    house.settle()
    assert renewals(house, ticket) == []
    assert timers(house, ticket) == ["refresh:1"], "it is looked at again"
    assert sent(house, ticket) == WAITING
    house.untag(ticket, "data_deletion_withdrawn")
    due(house, ticket)
    house.settle()
    assert sent(house, ticket) == Sent(mails=1, cards=2), "now the next card"


def test_a_new_round_only_when_the_last_renewal_has_expired(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting()
    due(house, ticket)
    house.settle()
    aged(house, ticket, "ask_supervisor")  # the card is old, its buttons are not
    retag(house, ticket)
    house.settle()
    assert generations(house, ticket) == 1
    assert sent(house, ticket) == WAITING
    aged(house, ticket, "renew_card")
    with house.sql() as conn:  # nothing could renew them
        conn.execute("DELETE FROM timers WHERE case_id = %s", (house.case(ticket)["id"],))
    retag(house, ticket)
    next_round(house, ticket, 2)
    assert [bool(buttons(card)) for card in cards_of(house, ticket)] == [False, True]


def test_a_threats_card_too(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket(comment="I will go to Bank Negara.")
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    house.wait_state(ticket, "awaiting", procedure=THREAT)
    threat, request = cards_of(house, ticket)
    notes = house.notes(ticket)
    for number in (1, 2):
        due(house, ticket, number, THREAT)
        house.settle()
        assert (updates(house, threat), updates(house, request)) == (number, 0)
    assert shown(cards_of(house, ticket)[0]) == shown(threat)
    assert timers(house, ticket, THREAT) == ["refresh:3"]
    assert house.notes(ticket) == notes
    assert sent(house, ticket) == Sent(mails=1, cards=2)
    house.press("acknowledge", card=cards_of(house, ticket)[0])
    house.wait_state(ticket, "done", procedure=THREAT)
    due(house, ticket, 3, THREAT)
    quiet_for(house, 0.1)
    assert buttons(cards_of(house, ticket)[0]) == []
    assert len(renewals(house, ticket, THREAT)) == 2
    assert timers(house, ticket) == ["refresh:1"], "the request's own card goes on"


@pytest.mark.long
@pytest.mark.timeout(120)
def test_killed_around_a_renewal_one_card_with_live_buttons(database: str, tmp_path: Path) -> None:
    """The worker dies at each place of the effect, and between it and the next timer."""
    points = tuple(f"{place}/renew_card" for place in EFFECT_POINTS)
    with Crashing(database, tmp_path, points=points) as house:
        tickets = [house.to_awaiting(), house.to_awaiting()]
        for number in (1, 2):
            with house.sql() as conn:
                conn.execute("UPDATE timers SET due_at = now() WHERE what = %s", (f"refresh:{number}",))
            house.wait(
                lambda number=number: all(timers(house, t) == [f"refresh:{number + 1}"] for t in tickets),
                60,
                "the next renewal is planned",
            )
        house.settle(30)
        assert sorted(house.fired()) == sorted(points)
        for ticket in tickets:
            assert [r["state"] for r in renewals(house, ticket)] == ["done", "done"]
            assert sent(house, ticket) == WAITING
        each_effect_once(house)
        house.press_until_taken(card_of(house, tickets[0]), "approve")
        house.wait_state(tickets[0], "banning", 30)
        assert buttons(card_of(house, tickets[1])) == ["approve", "decline", "ask"]
        nothing_open(house)
