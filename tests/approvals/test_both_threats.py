"""A threat that two persons must judge alike: the same in Slack and in Mattermost (issue 4; bad-inputs S032)."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

import pytest

from tests.approvals.both import BothChats, answered, closed_threat, results, settled, threat_card
from tests.approvals.staff import NOT_LISTED, agent, user_of
from tests.house import House
from tests.kit import Sent, buttons, cards_of, customer_says, sent, text_of, together

THREAT = "regulatory_threat"
FIRST, AGAIN = "your answer is the first of two", "You have given this answer already"
TAKEN, FALSE = "you take care of this regulatory complaint threat", "Recorded: false alarm"
BOTH = ["acknowledge", "false_alarm"]
APPROVERS = ",".join(f"{name}={name}@example.com" for name in ("aisyah", "bala", "chen"))
_numbers = itertools.count(1)


class TestTwoPersons(BothChats):
    settings: ClassVar = {"threat_two_persons": "true", "approvers": APPROVERS}

    @pytest.fixture
    def ticket(self, house: House) -> int:
        """A ticket with an urgent card that waits, beside the card of the request."""
        if not any(user.email == "chen@example.com" for user in house.sandbox.world.zendesk.users.values()):
            agent(house, "chen@example.com")
        number = house.to_awaiting(email=f"two{next(_numbers)}@example.com")
        customer_says(house, number, "I will go to Bank Negara.")
        house.wait(lambda: len(cards_of(house, number)) == 2, what="the urgent card")
        house.settle()
        return number

    def says(self, house: House, ticket: int, user: str, action: str, words: str) -> None:
        with answered(house, **{user: words}):
            assert house.press(action, user, threat_card(house, ticket)) == 200

    def undecided(self, house: House, ticket: int) -> None:
        case = house.case(ticket, THREAT)
        assert (case["state"], case["decision"]) == ("awaiting", None)
        assert buttons(threat_card(house, ticket)) == BOTH
        assert sent(house, ticket) == Sent(mails=1, cards=2)

    def decided(self, house: House, ticket: int, state: str, by: str) -> dict[str, Any]:
        case = house.wait_state(ticket, state, procedure=THREAT)
        assert case["decided_by"] == house.user(by)
        closed_threat(house, ticket)
        assert house.case(ticket)["state"] == "awaiting", "the request has its own card, which one person decides"
        return case

    def test_the_second_person_with_the_same_answer_decides(self, house: House, ticket: int) -> None:
        self.says(house, ticket, "aisyah", "acknowledge", FIRST)
        self.undecided(house, ticket)
        assert text_of(threat_card(house, ticket)).count("Answer 1 of 2: ") == 1
        self.says(house, ticket, "aisyah", "acknowledge", AGAIN)
        self.undecided(house, ticket)
        stale = threat_card(house, ticket)
        self.says(house, ticket, "bala", "acknowledge", TAKEN)
        self.decided(house, ticket, "done", "bala")
        with answered(house, chen="already taken care of, by bala@example.com"):
            house.press("acknowledge", "chen", stale, stale=True)
        assert sent(house, ticket) == Sent(mails=1, cards=2)

    def test_two_different_answers_stand_until_a_third_person(self, house: House, ticket: int) -> None:
        self.says(house, ticket, "aisyah", "acknowledge", FIRST)
        self.says(house, ticket, "bala", "false_alarm", FIRST)
        self.undecided(house, ticket)
        assert text_of(threat_card(house, ticket)).count("Answer 1 of 2: ") == 2
        self.says(house, ticket, "chen", "false_alarm", FALSE)
        self.decided(house, ticket, "declined", "chen")

    def test_two_accounts_of_one_person_count_once(self, house: House, ticket: int) -> None:
        self.says(house, ticket, "bala", "acknowledge", FIRST)
        bala, chen = user_of(house, "bala@example.com"), user_of(house, "chen@example.com")
        chen.email, bala.more_emails = "wei@example.com", ["chen@example.com"]
        try:
            self.says(house, ticket, "chen", "acknowledge", AGAIN)
            self.undecided(house, ticket)
        finally:
            chen.email, bala.more_emails = "chen@example.com", []
        self.says(house, ticket, "aisyah", "acknowledge", TAKEN)
        self.decided(house, ticket, "done", "aisyah")

    def test_who_may_not_decide_does_not_count(self, house: House, ticket: int) -> None:
        self.says(house, ticket, "guest", "acknowledge", NOT_LISTED)
        self.says(house, ticket, "aisyah", "acknowledge", FIRST)
        self.undecided(house, ticket)

    def test_new_words_ask_everybody_anew(self, house: House, ticket: int) -> None:
        self.says(house, ticket, "aisyah", "acknowledge", FIRST)
        customer_says(house, ticket, "Now I make a police report as well.")
        house.wait(lambda: "police report" in text_of(threat_card(house, ticket)), what="the card shows the new words")
        house.settle()
        self.says(house, ticket, "bala", "acknowledge", FIRST)
        self.undecided(house, ticket)
        self.says(house, ticket, "aisyah", "acknowledge", TAKEN)
        self.decided(house, ticket, "done", "aisyah")

    def test_both_at_the_same_moment(self, house: House, ticket: int) -> None:
        card = threat_card(house, ticket)
        before = {user: len(house.answers(user)) for user in ("aisyah", "bala")}
        together(*(lambda u=user: house.press("acknowledge", u, card, stale=True) for user in before))
        house.wait_state(ticket, "done", procedure=THREAT)
        told = [text for user, number in before.items() for text in results(house, user, number)]
        assert sorted((FIRST in text, TAKEN in text) for text in told) == [(False, True), (True, False)]
        settled(house)
        closed_threat(house, ticket)
        assert len(house.rows("SELECT 1 FROM votes WHERE case_id = %s", house.case(ticket, THREAT)["id"])) == 2
