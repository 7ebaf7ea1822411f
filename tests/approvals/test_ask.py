"""The third button: a question goes to the ticket as an internal note, once, and the card waits (issue 4)."""

from __future__ import annotations

import json

import pytest

from tests.approvals.seen import change, next_second, open_card
from tests.house import House
from tests.kit import Sent, agent_says, buttons, card_of, customer_says, quiet_for, sent, text_of, told

WORDS = "Which kanari number *is* right? {{ticket.id}} <b>Really</b>"
ASKED = {"question": WORDS}
QUESTION = "The supervisor (aisyah@example.com) asks: "


def questions(house: House, ticket: int) -> list[str]:
    return [note for note in house.notes(ticket) if note.startswith("The supervisor (")]


def asks(house: House, ticket: int, **more: object) -> None:
    house.press("ask", card=open_card(house, ticket), form=ASKED, **more)
    house.wait(lambda: questions(house, ticket), what="the question is on the ticket")
    house.settle()


def test_asked_answered_and_decided(house: House) -> None:
    ticket = house.to_awaiting()
    asks(house, ticket)
    [note] = questions(house, ticket)
    assert note.startswith(QUESTION + "Which kanari number")
    assert "{{ticket.id}}" not in note, "no placeholder is expanded"
    assert "<b>" not in note
    told(house, "aisyah", "Recorded: your question")
    said = text_of(card_of(house, ticket))
    assert "Question to the agent by" in said
    assert "answered" not in said
    assert buttons(card_of(house, ticket)) == ["approve", "decline", "ask"]
    assert house.case(ticket)["state"] == "awaiting"
    last = house.notes(ticket)[-1]
    assert "Question of the supervisor aisyah@example.com" in last
    assert "Next: the agent answers the supervisor's question" in last
    assert sent(house, ticket) == Sent(mails=1, cards=1)

    next_second()
    customer_says(house, ticket)  # the customer's words are no answer of the agent
    house.settle()
    assert "has answered" not in text_of(card_of(house, ticket))
    next_second()
    agent_says(house, ticket, "The second one.")
    house.settle()
    assert "The agent has answered, see the ticket." in text_of(card_of(house, ticket))
    assert "answered; the card says so" in house.notes(ticket)[-1]
    assert "Next: a supervisor approves or declines" in house.notes(ticket)[-1]
    house.press("approve", "bala")
    house.wait_state(ticket, "banning")
    assert "Question" not in text_of(card_of(house, ticket))
    assert len(questions(house, ticket)) == 1
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)


def test_the_words_are_on_the_ticket_and_nowhere_else(house: House, caplog: pytest.LogCaptureFixture) -> None:
    ticket = house.to_awaiting()
    asks(house, ticket)
    for table in ("cases", "effects", "events", "journal", "timers"):
        assert "kanari" not in str(house.rows(f"SELECT to_jsonb(t) AS row FROM {table} t")), table
    assert "kanari" not in caplog.text
    assert "kanari" not in json.dumps(house.messages())
    assert "kanari" not in "".join(house.replies(ticket))
    assert "kanari" not in str(house.issues())


def test_the_ticket_is_mended_instead_of_a_note(house: House) -> None:
    ticket = house.to_awaiting()
    asks(house, ticket)
    change(house, ticket, name="Siti Aminah")
    said = text_of(open_card(house, ticket))
    assert "Siti Nurhaliza → Siti Aminah" in said
    assert "The agent has answered" in said


def test_two_questions_are_two_notes_and_the_card_shows_the_newer(house: House) -> None:
    ticket = house.to_awaiting()
    asks(house, ticket)
    house.press("ask", "bala", form={"question": "And the name?"})
    house.wait(lambda: len(questions(house, ticket)) == 2)
    house.settle()
    assert house.case(ticket)["asked"]["by"] == house.user("bala")
    assert text_of(card_of(house, ticket)).count("Question to the agent") == 1
    assert "And the name?" in questions(house, ticket)[-1]


@pytest.mark.parametrize("fault", ["503_before", "503_after", "hang_after", "late_commit"])
def test_once_whatever_zendesk_does(database: str, fault: str) -> None:
    with House(database, read_timeout="0.5", zendesk_quiet="1.5") as house:
        ticket = house.to_awaiting()
        more = {"seconds": 1} if fault in ("hang_after", "late_commit") else {}
        house.sandbox.world.faults.add("zendesk", "tickets.update", fault, times=1, **more)
        asks(house, ticket)
        quiet_for(house, 1.5)
        assert len(questions(house, ticket)) == 1


def test_the_question_and_its_note_start_no_loop(database: str) -> None:
    with House(database, sandbox={"trigger_guard": False}) as house:
        ticket = house.to_awaiting()
        asks(house, ticket)
        quiet_for(house, 1.2)
        before = len(house.rows("SELECT 1 FROM events WHERE sender <> 'desk'")), house.notes(ticket)
        quiet_for(house, 1.2)
        assert (len(house.rows("SELECT 1 FROM events WHERE sender <> 'desk'")), house.notes(ticket)) == before
        assert "has answered" not in text_of(card_of(house, ticket))


def test_decided_before_the_question_could_be_put(house: House) -> None:
    """Zendesk is away; another supervisor decides meanwhile: then nobody needs an answer any more."""
    ticket = house.to_awaiting()
    refusal = house.sandbox.world.faults.add("zendesk", "tickets.update", "503_before", times=None)
    house.press("ask", form=ASKED)
    house.wait(lambda: house.rows("SELECT 1 FROM effects WHERE verb = 'ask_agent' AND attempts > 0"))
    house.press("approve", "bala")
    house.wait(lambda: house.case(ticket)["state"] == "banning")
    house.sandbox.world.faults.remove(refusal)
    house.settle(30)
    assert questions(house, ticket) == []
    assert [row["state"] for row in house.rows("SELECT state FROM effects WHERE verb = 'ask_agent'")] == ["void"]
