"""Threats and the desk's own watches: each card is first, says what it decides, and is decided once."""

from __future__ import annotations

from typing import Any

from click.testing import CliRunner

from app.cli import main
from tests.house import House
from tests.kit import (
    Sent,
    buttons,
    cards_of,
    customer_says,
    deliver,
    next_second,
    press_body,
    quiet_for,
    sent,
    template_body,
)
from tests.review.scenes import REQUESTED, THREAT, WITHDRAWN

WORDS = "I will go to Bank Negara and my lawyer knows about this."


def threats(house: House, ticket: int) -> list[dict[str, Any]]:
    query = "SELECT * FROM cases WHERE ticket_id = %s AND procedure = %s ORDER BY generation"
    return house.rows(query, ticket, THREAT)


def raised(house: House, words: str = WORDS) -> tuple[int, dict[str, Any]]:
    """A ticket whose threat waits for a supervisor, beside its request; its urgent card."""
    ticket = house.ticket(comment=words)
    house.tag(ticket, REQUESTED, "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    return ticket, urgent(house, ticket)[-1]


def urgent(house: House, ticket: int) -> list[dict[str, Any]]:
    return [m for m in cards_of(house, ticket) if "Regulatory Complaint Threat" in m["text"]]


# ---- threats


def test_a_button_decides_only_what_was_on_the_card(house: House) -> None:
    """New words that are not shown yet: 'false alarm' on the old ones must not close them unread."""
    ticket, card = raised(house)
    order = house.sandbox.world.faults.add("slack", "chat.update", "503_before", times=None)
    customer_says(house, ticket, "Now I make a police report as well.")
    house.wait(lambda: order.fired, what="the new words could not be shown")
    house.press("false_alarm", card=card)
    house.wait(lambda: "more to this threat since" in str(house.answers("U0AISYAH")), what="the presser is told")
    assert threats(house, ticket)[0]["state"] == "awaiting"
    house.sandbox.world.faults.remove(order)
    house.wait(lambda: "police report" in urgent(house, ticket)[0]["text"], what="the card shows the new words")
    house.settle()
    house.press("false_alarm", card=urgent(house, ticket)[0])
    house.settle()
    assert [case["state"] for case in threats(house, ticket)] == ["declined"]
    assert sent(house, ticket) == Sent(mails=1, cards=2)


def test_words_that_reach_slack_late_do_not_open_a_decided_card(database: str) -> None:
    with House(database, slack_quiet="5") as house:
        ticket, _ = raised(house)
        house.sandbox.world.faults.add("slack", "chat.update", "late_commit", seconds=4)
        customer_says(house, ticket, "Now I make a police report as well.")
        house.wait(lambda: "police report" in urgent(house, ticket)[0]["text"], what="the new words are there")
        house.press("acknowledge", card=urgent(house, ticket)[0])
        house.wait(lambda: threats(house, ticket)[0]["state"] == "done" or house.answers("U0AISYAH"))
        house.settle(20)
        if threats(house, ticket)[0]["state"] != "done":  # pressed on words of which nobody knew that they were there
            house.press("acknowledge", card=urgent(house, ticket)[0])
        house.wait_state(ticket, "done", procedure=THREAT)
        updates = house.sandbox.world.effects
        house.wait(lambda: len(updates("slack", "update")) >= 3, what="the lost one, its repeat and the closing one")
        house.settle()
        [card] = urgent(house, ticket)
        assert buttons(card) == []
        assert "police" not in card["text"]


def test_the_urgent_card_is_first_also_after_an_outage_of_the_chat(house: House) -> None:
    house.sandbox.world.faults.add("slack", "chat.postMessage", "503_before", times=1)
    ticket, _ = raised(house)
    first, second = cards_of(house, ticket)
    assert "Regulatory Complaint Threat" in first["text"]
    assert "approve" in buttons(second)
    assert sent(house, ticket) == Sent(mails=1, cards=2)


def test_an_urgent_card_that_can_never_be_posted_does_not_hold_the_request(database: str) -> None:
    with House(database, threat_channel="C0NOWHERE") as house:
        ticket = house.ticket(comment=WORDS)
        house.tag(ticket, REQUESTED, "pref_stop_all")
        house.wait_state(ticket, "awaiting")
        assert sent(house, ticket) == Sent(mails=1, cards=1)
        [event] = house.rows("SELECT state FROM events WHERE kind = 'threat_seen'")
        assert event["state"] == "dead"


def test_a_flag_whose_audit_is_out_of_sight_is_not_raised_again(house: House) -> None:
    ticket = house.ticket()
    house.tag(ticket, THREAT)
    deliver(house, template_body(ticket, THREAT))
    house.wait_state(ticket, "awaiting", procedure=THREAT)
    world = house.sandbox.world
    with world.lock:  # as after five hundred newer ones
        kept = [a for a in world.zendesk.tickets[ticket].audits if THREAT not in str(a)]
        world.zendesk.tickets[ticket].audits = kept
    house.press("false_alarm", card=urgent(house, ticket)[0])
    house.settle()
    deliver(house, template_body(ticket, THREAT, at="2030-01-01T00:00:00Z"))
    quiet_for(house)
    assert len(threats(house, ticket)) == 1
    assert sent(house, ticket) == Sent(cards=1)


def test_a_replayed_event_of_an_earlier_round_begins_no_new_one(house: House) -> None:
    ticket, card = raised(house)
    house.press("false_alarm", card=card)
    house.settle()
    customer_says(house, ticket, "Then I go to the tribunal.")
    house.wait(lambda: len(threats(house, ticket)) == 2, what="the next round")
    house.settle()
    house.press("acknowledge", card=urgent(house, ticket)[-1])
    house.settle()
    first = threats(house, ticket)[0]["evidence"]["events"][0]
    house.rows("UPDATE events SET state = 'dead', case_id = NULL WHERE id = %s RETURNING 1", first)
    done = CliRunner().invoke(main, ["events", "replay", str(first)], env=house.environment)
    assert done.exit_code == 0, done.output
    house.settle()
    assert [case["state"] for case in threats(house, ticket)] == ["declined", "done"]
    assert sent(house, ticket) == Sent(mails=1, cards=3)


# ---- the account's own tags


MAPPED = {"desk_tags": f"{WITHDRAWN}=customer_back,{THREAT}=going_public"}


def test_urgent_is_what_the_account_calls_so(database: str) -> None:
    with House(database, **MAPPED) as house:
        house.stop_worker()
        for tag in (REQUESTED, "customer_back", "going_public"):
            assert deliver(house, template_body(9, tag, at="2026-11-22T00:00:00Z")) == 200
        jobs = house.rows("SELECT priority FROM procrastinate_jobs WHERE task_name = 'desk:run' ORDER BY id")
        assert [job["priority"] for job in jobs] == [0, 10, 10]
        house.start_worker()


def test_the_issue_yields_to_a_withdrawal_under_the_accounts_own_tag(database: str) -> None:
    with House(database, **MAPPED) as house:
        ticket = house.to_awaiting()
        house.stop_worker()
        next_second()
        house.tag(ticket, "customer_back")
        deliver(house, template_body(ticket, REQUESTED, "customer_back"))
        with house.sql() as conn:
            conn.execute(
                "UPDATE events SET state = 'dead', reason = 'forbidden' WHERE detail->'tags' ? 'customer_back'"
            )
        house.untag(ticket, "customer_back")
        house.start_worker()
        press_body(house, ticket, "approve")
        house.wait(lambda: "the withdrawal is carried out first" in house.notes(ticket)[-1], what="the note tells")
        assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_no_reminder_of_a_card_that_is_not_out_yet(house: House) -> None:
    order = house.sandbox.world.faults.add("slack", "chat.postMessage", "503_before", times=None)
    ticket = house.ticket(comment=WORDS)
    deliver(house, template_body(ticket, "pref_stop_all"))
    house.tag(ticket, THREAT)
    deliver(house, template_body(ticket, THREAT))
    house.wait(lambda: order.fired, what="the urgent card waits for the chat")
    [case] = threats(house, ticket)
    due = "UPDATE timers SET due_at = now() WHERE what = 'reminder:overdue' AND case_id = %s RETURNING 1"
    query = "SELECT 1 FROM events WHERE detail->>'what' = 'reminder:overdue' AND state = 'waiting'"
    # Again and again: a walk of the case that is just under way may set its timers to their own times once more.
    house.wait(lambda: house.rows(query) or (house.rows(due, case["id"]) and None), what="so does the reminder")
    house.sandbox.world.faults.remove(order)
    house.settle()
    first, second = cards_of(house, ticket)
    assert buttons(first) == ["acknowledge", "false_alarm"]
    assert second["thread_ts"] == first["ts"]
