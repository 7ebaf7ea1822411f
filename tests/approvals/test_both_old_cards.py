"""A card that counts no more: the ticket has changed, the case is over, the message was deleted. The same in Slack and
in Mattermost (issue 4; bad-inputs S018-S020, M003)."""

from __future__ import annotations

import json

import pytest

from tests.approvals.both import (
    ASKING,
    BothChats,
    answered,
    approved,
    canary,
    closed,
    leaks,
    open_card,
    settled,
    shape,
    untouched,
)
from tests.approvals.seen import CHANGED, REPLACED, change, deaf, next_second, timer_due
from tests.house import House
from tests.kit import Sent, buttons, cards_of, issue_of, next_round, retag, sent, text_of
from tests.review.scenes import dead, fault, replay_failed, taken_over

OTHER = "https://backoffice.example.com/customers/4711"
OVER = "This request is no longer open"
AGAIN = "Posted once more: the earlier message was deleted."


class TestChanged(BothChats):
    def test_the_next_card_shows_the_difference(self, house: House) -> None:
        ticket = house.to_awaiting(**canary())
        change(house, ticket, backoffice=OTHER)
        assert shape(house, ticket) == ["Replaced", "open"]
        old, new = cards_of(house, ticket)
        assert REPLACED in text_of(old)
        assert "Kanari" not in json.dumps(old, ensure_ascii=False)
        assert (
            "Changed since the last card:\nBackOffice Link: https://backoffice.example.com/customers/90417-"
            in text_of(new)
        )
        assert text_of(new).count(f" → {OTHER}") == 1
        with answered(house, aisyah=CHANGED):
            assert house.press("approve", card=old, stale=True) == 200
        untouched(house, ticket, Sent(mails=1, cards=2))
        approved(house, ticket, "bala", cards=2)
        assert OTHER in issue_of(house, ticket)["description"]
        assert leaks(house) == []

    def test_a_press_finds_it_before_any_walk_does(self, house: House) -> None:
        ticket = house.to_awaiting()
        deaf(house)
        try:
            change(house, ticket, name="Siti Aminah")
            assert shape(house, ticket) == ["open"]
            with answered(house, aisyah=CHANGED):
                house.press("approve", card=open_card(house, ticket))
        finally:
            house.sandbox.world.config.trigger_webhooks = True
        settled(house)
        assert shape(house, ticket) == ["Replaced", "open"]
        untouched(house, ticket, Sent(mails=1, cards=2))
        approved(house, ticket, cards=2)

    def test_details_gone_take_the_card_back(self, house: House) -> None:
        ticket = house.to_awaiting(**canary())
        first = open_card(house, ticket)
        change(house, ticket, backoffice="")
        assert house.case(ticket)["state"] == "incomplete"
        assert shape(house, ticket) == ["Waiting for the agent"]
        assert leaks(house) == []
        with answered(house, aisyah=CHANGED):
            house.press("approve", card=first, stale=True)
        change(house, ticket, backoffice=OTHER)
        assert shape(house, ticket) == ["Replaced", "open"]
        approved(house, ticket, cards=2)
        assert leaks(house) == []

    def test_a_question_waits_while_the_ticket_changes(self, house: House) -> None:
        ticket = house.to_awaiting()
        with answered(house, aisyah="Recorded: your question"):
            house.press("ask", card=open_card(house, ticket))
            house.wait(lambda: "Question to the agent" in text_of(open_card(house, ticket)), what="the card shows it")
        change(house, ticket, name="Siti Aminah")
        said = text_of(open_card(house, ticket))
        assert "Siti Nurhaliza → Siti Aminah" in said
        assert "The agent has answered" in said
        approved(house, ticket, cards=2)


class TestOver(BothChats):
    def test_withdrawn(self, house: House) -> None:
        ticket = house.to_awaiting(**canary())
        card = open_card(house, ticket)
        next_second()
        house.tag(ticket, "data_deletion_withdrawn")
        house.wait_state(ticket, "withdrawn")
        closed(house, ticket)
        assert "Withdrawn by the customer" in text_of(cards_of(house, ticket)[0])
        assert leaks(house) == []
        with answered(house, aisyah=OVER, bala=OVER):
            house.press("approve", card=card, stale=True)
            house.press("decline", "bala", card, stale=True)
        assert house.case(ticket)["state"] == "withdrawn"
        assert sent(house, ticket) == Sent(mails=2, cards=1)
        settled(house)
        closed(house, ticket)

    def test_withdrawn_a_moment_ago_and_not_heard_yet(self, house: House) -> None:
        ticket = house.to_awaiting()
        deaf(house)
        try:
            next_second()
            house.tag(ticket, "data_deletion_withdrawn")
            with answered(house, aisyah=OVER):
                house.press("approve", card=open_card(house, ticket))
        finally:
            house.sandbox.world.config.trigger_webhooks = True
        assert house.case(ticket)["decision"] is None
        assert sent(house, ticket).issues == 0

    @pytest.mark.parametrize("action", ["approve", "decline", "ask"])
    def test_a_case_that_is_done(self, house: House, action: str) -> None:
        ticket = house.to_awaiting()
        card = open_card(house, ticket)
        approved(house, ticket)
        house.move_issue(issue_of(house, ticket)["key"], "Done")
        house.wait_state(ticket, "done")
        before, notes = sent(house, ticket), house.notes(ticket)
        with answered(house, bala="This request is already approved, by aisyah@example.com, 20"):
            house.press(action, "bala", card, stale=True)
        settled(house)
        assert (house.case(ticket)["state"], sent(house, ticket)) == ("done", before)
        assert house.notes(ticket) == notes
        closed(house, ticket)

    def test_the_card_of_an_earlier_round(self, house: House) -> None:
        ticket = house.to_awaiting()
        first = open_card(house, ticket)
        with answered(house, aisyah="Recorded: declined"):
            house.press("decline", card=first)
            house.wait_state(ticket, "declined")
        retag(house, ticket)
        next_round(house, ticket, 2)
        with answered(house, bala="already declined, by aisyah@example.com"):
            house.press("approve", "bala", first, stale=True)
        settled(house)
        untouched(house, ticket, Sent(mails=1, cards=2))
        assert [buttons(card) for card in cards_of(house, ticket)] == [[], ASKING]
        approved(house, ticket, "bala", cards=2)


class TestDeleted(BothChats):
    def test_posted_once_more_and_not_a_third_time(self, house: House) -> None:
        ticket = house.to_awaiting()
        first = open_card(house, ticket)
        house.delete(first)
        timer_due(house, ticket, "look:1")
        assert AGAIN in text_of(open_card(house, ticket))
        assert sent(house, ticket).cards == 1
        house.delete(open_card(house, ticket))
        timer_due(house, ticket, "look:2")
        assert sent(house, ticket).cards == 0
        assert "deleted in chat twice" in house.notes(ticket)[-1]
        assert house.case(ticket)["state"] == "awaiting"

    def test_refused_for_good_it_is_posted_once_an_admin_replays(self, house: House) -> None:
        """A walk that begins again finds its card dead: the event is a dead letter, and its replay posts the card."""
        post, refusal = {
            "slack": ("chat.postMessage", {"name": "ok_false", "error": "is_archived"}),
            "mattermost": ("posts.create", {"name": "403"}),
        }[house.room.name]
        ticket = house.to_awaiting()
        house.delete(open_card(house, ticket))
        fault(house, house.room.name, post, times=1, **refusal)
        timer_due(house, ticket, "look:1")
        assert (dead(house), sent(house, ticket).cards) == (["channel"], 0)
        [event] = house.rows("SELECT id FROM events WHERE state = 'dead'")
        house.rows("UPDATE events SET state = 'running' WHERE id = %s RETURNING id", event["id"])
        taken_over(house, event["id"])  # its worker was killed before it could say so
        house.settle()
        assert (dead(house), sent(house, ticket).cards) == (["channel"], 0)
        replay_failed(house)
        assert (dead(house), AGAIN in text_of(open_card(house, ticket))) == ([], True)
        approved(house, ticket)

    def test_the_second_message_is_decided_on(self, house: House) -> None:
        ticket = house.to_awaiting()
        house.delete(open_card(house, ticket))
        timer_due(house, ticket, "look:1")
        approved(house, ticket)

    def test_a_press_on_the_copy_that_was_still_on_a_screen(self, house: House) -> None:
        """Slack says that the message was there when it was pressed; Mattermost is asked, and has it no more."""
        ticket = house.to_awaiting()
        card = open_card(house, ticket)
        house.delete(card)
        if house.room.name == "slack":
            with answered(house, aisyah="Recorded: approved"):
                assert house.press("approve", card=card, stale=True) == 200
                house.wait_state(ticket, "banning")
        else:
            with answered(house, aisyah="This button was not made by Deletion Desk"):
                assert house.press("approve", card=card, stale=True) == 200
            assert house.case(ticket)["decision"] is None
            timer_due(house, ticket, "look:1")
            approved(house, ticket)
