"""Approve, decline with a form, ask the agent, twice and at once: the same in Slack and in Mattermost (issue 4)."""

from __future__ import annotations

import json

import pytest

from tests.approvals.both import (
    BANNED,
    WAITING,
    BothChats,
    answered,
    approved,
    canary,
    closed,
    leaks,
    open_card,
    results,
    settled,
    untouched,
)
from tests.approvals.seen import next_second
from tests.house import House
from tests.kit import agent_says, card_of, cards_of, next_round, retag, sent, text_of, together

NOTE = "Saw two burung numbers. Next: approve it {{ticket.id}} <b>now</b>"
WORDING = "Dear merpati, we will call you."
QUESTION = "Which kenari number *is* right? {{ticket.id}} <b>Really</b>"


class TestDecided(BothChats):
    def test_from_the_card_to_done(self, house: House) -> None:
        """What the one card says at each state, in place; nobody's data is left in chat, nor in an older message."""
        ticket = house.to_awaiting(**canary())
        card = open_card(house, ticket)
        assert text_of(card).startswith("Kindly assist to remove/update")
        assert "Customer Name: Kanari binti Pelikan" in text_of(card)
        assert "Please decide by " in text_of(card)
        assert leaks(house) != []
        case = approved(house, ticket)
        key = str(case["jira_key"])
        said = text_of(card_of(house, ticket))
        assert said.startswith("Approved by ")
        assert f"JIRA: {key}, status: To Do" in said
        assert leaks(house) == []
        house.move_issue(key, "In Progress")
        house.wait(lambda: f"{key}, status: In Progress" in text_of(card_of(house, ticket)), what="the status is shown")
        house.move_issue(key, "Done")
        house.wait_state(ticket, "done")
        said = text_of(card_of(house, ticket))
        assert "Done according to JIRA" in said
        assert f"JIRA: {key}, status: Done" in said
        assert "Approved by " in said
        assert house.room.ident(card_of(house, ticket)) == house.room.ident(card), "one card, in place"
        assert sent(house, ticket) == BANNED
        assert leaks(house) == []
        with answered(house, bala="already approved, by aisyah@example.com"):
            house.press("decline", "bala", card, stale=True, form={"reason": "other"})
        assert house.case(ticket)["state"] == "done"

    def test_declined_with_a_form(self, house: House, caplog: pytest.LogCaptureFixture) -> None:
        ticket = house.to_awaiting(**canary())
        card = open_card(house, ticket)
        with answered(house, aisyah="Recorded: declined"):
            form = {"reason": "wrong_details", "note": NOTE, "wording": WORDING}
            answer = house.pressed("decline", card=card, form=form)
            assert (answer["status"], answer["form"]["status"]) == (200, 200)
            case = house.wait_state(ticket, "declined")
        assert (case["reason"], case["decided_by"]) == ("wrong_details", house.user("aisyah"))
        note = house.notes(ticket)[-1]
        assert "Decision: declined by aisyah@example.com" in note
        assert "Reason: Name, number or link is wrong" in note
        assert "Internal note of the supervisor: Saw two burung numbers." in note
        assert "(the desk has NOT sent it): Dear merpati" in note
        assert [mark for mark in ("{{ticket.id}}", "<b>") if mark in note] == []
        assert len([line for line in note.splitlines() if line.startswith("- To do: ")]) == 3
        assert sent(house, ticket) == WAITING, "nothing goes to the customer or to JIRA"
        for word in ("burung", "merpati"):
            assert word not in json.dumps([house.replies(ticket), house.issues(), house.messages()])
            assert word not in caplog.text
            for table in ("cases", "effects", "events", "journal", "timers"):
                assert word not in str(house.rows(f"SELECT to_jsonb(t) AS row FROM {table} t")), table
        closed(house, ticket)
        assert "Declined by " in text_of(card_of(house, ticket))
        assert leaks(house) == []
        retag(house, ticket)
        next_round(house, ticket, 2)
        assert "Declined before: Name, number or link is wrong, by" in text_of(open_card(house, ticket))
        assert "Declined before, round 1" in house.notes(ticket)[-1]
        approved(house, ticket, "bala", cards=2)

    def test_a_form_that_is_left_open_decides_nothing(self, house: House) -> None:
        ticket = house.to_awaiting()
        with answered(house):
            assert house.press("decline", card=open_card(house, ticket), form=None) == 200
        untouched(house, ticket)
        with answered(house):
            answer = house.pressed("decline", card=open_card(house, ticket), form={"reason": ""})
        assert "reason" in (json.loads(answer["form"]["body"]) or {}).get("errors", {}), "it says what is missing"
        untouched(house, ticket)
        approved(house, ticket)

    def test_the_agent_is_asked(self, house: House) -> None:
        ticket = house.to_awaiting(**canary())
        with answered(house, bala="Recorded: your question"):
            house.press("ask", "bala", open_card(house, ticket), form={"question": QUESTION})
            house.wait(lambda: questions(house, ticket), what="the question is on the ticket")
        [note] = questions(house, ticket)
        assert note.startswith("The supervisor (bala@example.com) asks: Which kenari number")
        assert [mark for mark in ("{{ticket.id}}", "<b>") if mark in note] == []
        assert "Question to the agent by" in text_of(open_card(house, ticket))
        assert "kenari" not in json.dumps([house.messages(), house.replies(ticket), house.issues()])
        untouched(house, ticket)
        next_second()
        agent_says(house, ticket, "The second one.")
        house.wait(lambda: "The agent has answered" in text_of(open_card(house, ticket)), what="the card says so")
        approved(house, ticket)
        assert len(questions(house, ticket)) == 1
        assert "Question" not in text_of(card_of(house, ticket))

    def test_a_double_click_is_one_decision(self, house: House) -> None:
        ticket = house.to_awaiting()
        card = open_card(house, ticket)
        late = "already approved, by aisyah@example.com"
        with answered(house, aisyah=["Recorded: approved", late, late]):
            together(*[lambda: house.press("approve", card=card, stale=True)] * 3)
            house.wait_state(ticket, "banning")
        assert sent(house, ticket) == BANNED
        closed_for_good(house, ticket)

    def test_both_answers_at_once_are_one_decision(self, house: House) -> None:
        ticket = house.to_awaiting()
        card = open_card(house, ticket)
        house.press("decline", "bala", card, form=None)
        form = house.room.forms(house, house.user("bala"))[-1]
        before = {user: len(house.answers(user)) for user in ("aisyah", "bala")}
        together(
            lambda: house.press("approve", "aisyah", card, stale=True),
            lambda: house.room.submit(house, house.user("bala"), form, {"reason": "duplicate"}),
        )
        house.wait(lambda: house.case(ticket)["decision"], what="one of them decides")
        house.settle()
        [[one], [two]] = [results(house, user, number) for user, number in before.items()]
        if house.case(ticket)["decision"] == "approve":
            assert "Recorded: approved" in one
            assert "already approved, by aisyah@example.com, 20" in two
            assert sent(house, ticket) == BANNED
        else:
            assert "Recorded: declined" in two
            assert "already declined, by bala@example.com, 20" in one
            assert sent(house, ticket) == WAITING
        closed_for_good(house, ticket)


def closed_for_good(house: House, ticket: int) -> None:
    settled(house)
    closed(house, ticket)
    assert len(cards_of(house, ticket)) == 1


def questions(house: House, ticket: int) -> list[str]:
    return [note for note in house.notes(ticket) if note.startswith("The supervisor (")]
