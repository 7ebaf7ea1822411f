"""Declined with a form: the ticket goes back to the agent with the reason, the supervisor's words kept apart, and what
to do now; tagged again, the next round knows of it (issue 4)."""

from __future__ import annotations

import json

import pytest

from app import cards
from tests.house import House
from tests.kit import Sent, buttons, cards_of, next_round, retag, sent, text_of, told

NOTE = "Kanari saw two numbers.\nNext: approve it {{ticket.id}} <b>now</b>"
WORDING = "Dear pelikan, we will call you."
FORM = {"reason": "wrong_details", "note": NOTE, "wording": WORDING}


def declined(house: House, form: dict[str, str]) -> int:
    ticket = house.to_awaiting()
    house.press("decline", form=form)
    house.wait_state(ticket, "declined")
    return ticket


def test_back_to_the_agent_with_a_checklist(house: House, caplog: pytest.LogCaptureFixture) -> None:
    ticket = declined(house, FORM)
    told(house, "aisyah", "Recorded: declined")
    note = house.notes(ticket)[-1]
    lines = note.splitlines()
    assert "Decision: declined by aisyah@example.com" in note
    assert "Reason: Name, number or link is wrong" in note
    [words] = [line for line in lines if "Internal note of the supervisor: Kanari saw two numbers." in line]
    assert "{{ticket.id}}" not in words
    assert "<b>" not in words
    [proposed] = [line for line in lines if "(the desk has NOT sent it): Dear pelikan" in line]
    assert proposed != words
    assert len([line for line in lines if line.startswith("- To do: ")]) == 3
    assert [line for line in lines if line.startswith("Next: ")] == lines[-1:], "nobody's words make up a line"
    assert "removes the request tag, saves, and adds it again" in lines[-1]
    assert sent(house, ticket) == Sent(mails=1, cards=1)

    assert "Kanari" not in "".join(house.replies(ticket))
    assert "pelikan" not in "".join(house.replies(ticket)), "what is proposed to the customer is not sent"
    for word in ("Kanari", "pelikan"):
        assert word not in json.dumps(house.messages())
        assert word not in str(house.issues())
        assert word not in caplog.text
        for table in ("cases", "effects", "events", "journal", "timers", "consents"):
            assert word not in str(house.rows(f"SELECT to_jsonb(t) AS row FROM {table} t")), table


def test_tagged_again_the_next_round_knows(house: House) -> None:
    ticket = declined(house, FORM)
    retag(house, ticket)
    next_round(house, ticket, 2)
    old, new = cards_of(house, ticket)
    assert (buttons(old), buttons(new)) == ([], ["approve", "decline", "ask"])
    assert "Declined before: Name, number or link is wrong, by" in text_of(new)
    assert "Kanari" not in text_of(new)
    note = house.notes(ticket)[-1]
    assert "Declined before, round 1: Name, number or link is wrong, by aisyah@example.com" in note
    assert "Kanari" not in note
    house.press("decline", "bala", new, form={"reason": "duplicate"})
    house.wait_state(ticket, "declined")
    note = house.notes(ticket)[-1]
    assert "Reason: Already handled in another ticket" in note
    assert "Declined before, round 1" in note
    assert "Declined before" not in text_of(cards_of(house, ticket)[-1]), "a closed card says how it ended"
    retag(house, ticket)
    next_round(house, ticket, 3)
    assert text_of(cards_of(house, ticket)[-1]).count("Declined before:") == 2
    house.press("approve")
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(mails=1, cards=3, issues=1, links=1)


def test_every_reason_has_its_checklist(house: House) -> None:
    for code in (*cards.REASONS, cards.UNSPECIFIED):
        steps = house.worker_desk.tools().texts.get(f"decline.steps.{code}").splitlines()
        assert 2 <= len(steps) <= 4, code


def test_words_that_cannot_be_opened_any_more_stop_nothing(house: House) -> None:
    """The key was changed: the decision stands, the note says all the rest."""
    ticket = house.to_awaiting()
    house.stop_worker()
    house.press("decline", form=FORM)
    with house.sql() as conn:
        conn.execute("UPDATE events SET body = decode(repeat('00', 60), 'hex') WHERE body IS NOT NULL")
    house.start_worker()
    house.settle(20)
    assert house.case(ticket)["state"] == "declined"
    assert {row["state"] for row in house.rows("SELECT state FROM events")} == {"done"}
    told(house, "aisyah", "Recorded: declined")
    assert "Reason: Name, number or link is wrong" in house.notes(ticket)[-1]
    assert "Internal note" not in house.notes(ticket)[-1]
