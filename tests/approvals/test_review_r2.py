"""What a reviewer looked for in a card's life: withdrawn while the next card is on its way, three rounds in a row, a
card of an older release that is replaced twice."""

from __future__ import annotations

from tests.approvals.seen import next_second, open_card, shape, timer_due
from tests.house import House
from tests.kit import Sent, buttons, card_of, cards_of, customer_says, edit, sent, text_of
from tests.review.scenes import fault, mend

OTHER_LINK = "https://backoffice.example.com/customers/4711"


def replacing(house: House, ticket: int) -> None:
    """The ticket has changed, the old card is closed, and the next one has no room in chat yet."""
    next_second()
    edit(house, ticket, backoffice=OTHER_LINK)
    waiting = "SELECT 1 FROM effects WHERE verb = 'ask_supervisor' AND arg LIKE '%%:2' AND attempts > 0"
    house.wait(lambda: house.rows(waiting) and shape(house, ticket) == ["Replaced"], what="the next card waits")


def test_withdrawn_before_the_next_card_is_out(house: House) -> None:
    """The only card there ever was says how the case ended; the note waits for no card any more."""
    ticket = house.to_awaiting()
    refusal = fault(house, "slack", "chat.postMessage", "429", retry_after="1")
    replacing(house, ticket)
    house.tag(ticket, "data_deletion_withdrawn")
    house.wait_state(ticket, "withdrawn")
    mend(house, refusal)
    house.settle(30)
    [card] = cards_of(house, ticket)
    assert buttons(card) == []
    assert "Withdrawn by the customer" in text_of(card)
    assert "newer card" not in text_of(card)
    assert "not posted yet" not in house.notes(ticket)[-1]
    assert "Card to the supervisors: closed" in house.notes(ticket)[-1]
    assert sent(house, ticket).cards == 1


def test_mended_again_after_details_were_gone_while_the_next_card_waited(house: House) -> None:
    ticket = house.to_awaiting()
    refusal = fault(house, "slack", "chat.postMessage", "429", retry_after="1")
    replacing(house, ticket)
    next_second()
    edit(house, ticket, backoffice="")
    house.wait_state(ticket, "incomplete")
    house.wait(lambda: shape(house, ticket) == ["Waiting for the agent"], what="the card says so")
    next_second()
    edit(house, ticket, backoffice=OTHER_LINK)
    house.wait(lambda: house.case(ticket)["state"] == "awaiting", what="the change is walked")
    mend(house, refusal)
    house.settle(30)
    assert shape(house, ticket) == ["Replaced", "open"]
    assert f"customers/42 → {OTHER_LINK}" in text_of(open_card(house, ticket))
    house.press("approve", card=open_card(house, ticket))
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(mails=1, cards=2, issues=1, links=1)


def test_the_card_of_the_round_before_the_last_is_closed_too(house: House) -> None:
    """Withdrawn in part twice, while chat takes messages and no updates: no card keeps its buttons for good."""
    ticket = house.to_awaiting("pref_stop_all")
    refusal = fault(house, "slack", "chat.update", "429", retry_after="1")
    for number, channel in enumerate(("sms", "email"), start=2):
        next_second()
        house.tag(ticket, "data_deletion_withdrawn", f"resume_{channel}")
        # The next round's; or the same round's, when the first withdrawal's event, which waits, is walked first.
        house.wait(lambda n=number: len(cards_of(house, ticket)) == n, what="the next card")
    mend(house, refusal)
    house.settle(40)
    assert [bool(buttons(card)) for card in cards_of(house, ticket)] == [False, False, True]


def test_a_card_of_an_older_release_replaced_before_the_next_one_was_out(house: House) -> None:
    """The difference is from the card that was there, not from one that nobody has seen."""
    ticket = house.to_awaiting()
    with house.sql() as conn:
        conn.execute("UPDATE cases SET card = '{}' WHERE ticket_id = %s", (ticket,))
        conn.execute("UPDATE effects SET evidence = evidence - 'seen' - 'face' WHERE verb = 'ask_supervisor'")
    refusal = fault(house, "slack", "chat.postMessage", "429", retry_after="1")
    replacing(house, ticket)
    before = house.case(ticket)["card"]
    next_second()
    edit(house, ticket, backoffice=f"{OTHER_LINK}2")
    house.wait(lambda: house.case(ticket)["card"]["seen"] != before["seen"], what="the change is walked")
    mend(house, refusal)
    house.settle(30)
    assert f"customers/42 → {OTHER_LINK}2" in text_of(open_card(house, ticket))


def test_a_question_is_put_though_details_are_missing_meanwhile(house: House) -> None:
    """Its asker was told that it is asked."""
    ticket = house.to_awaiting()
    refusal = fault(house, "zendesk", "tickets.update", "429", retry_after="1")
    house.press("ask", card=card_of(house, ticket), form={"question": "Which number is right?"})
    met = "SELECT 1 FROM effects WHERE verb = 'ask_agent' AND attempts > 0"
    house.wait(lambda: house.rows(met) and "Recorded: your question" in str(house.answers("aisyah")), what="it waits")
    next_second()
    edit(house, ticket, backoffice="")
    house.wait(lambda: house.case(ticket)["state"] == "incomplete", what="the change is walked")
    mend(house, refusal)
    house.settle(30)
    assert [note for note in house.notes(ticket) if "Which number is right?" in note] != []
    next_second()
    edit(house, ticket, backoffice=OTHER_LINK)
    house.wait_state(ticket, "awaiting")
    assert len([note for note in house.notes(ticket) if "Which number is right?" in note]) == 1
    assert "Question to the agent by" in text_of(open_card(house, ticket))


def test_looked_for_again_tomorrow_though_the_ticket_is_updated(house: House) -> None:
    ticket = house.to_awaiting()
    timer_due(house, ticket, "look:1")
    hours = "SELECT extract(epoch FROM due_at - now()) / 3600 AS left FROM timers WHERE what = 'look:1'"
    next_second()
    customer_says(house, ticket)
    house.settle()
    assert house.rows(hours)[0]["left"] > 23


def test_a_thread_that_takes_no_reply_is_no_deleted_card(house: House) -> None:
    """The reminder goes to the channel; the card's buttons are renewed as before."""
    ticket = house.to_awaiting()
    fault(house, "slack", "chat.postMessage", "ok_false", times=1, error="cannot_reply_to_message")
    timer_due(house, ticket, "reminder:50")
    assert len(cards_of(house, ticket)) == 2
    timer_due(house, ticket, "refresh:1")
    renewals = "SELECT what FROM timers WHERE starts_with(what, 'refresh') AND fired_at IS NULL"
    assert [row["what"] for row in house.rows(renewals)] == ["refresh:2"]
