"""THREAT_TWO_PERSONS: a threat's card is decided by two persons' same answer, each counted once (S032, issue 4)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from app import cases, decide, votes
from app.ledger.perform import WalkLostError
from tests.approvals.staff import agent, user_of
from tests.databases import drop_database, new_database
from tests.house import House
from tests.kit import Sent, buttons, cards_of, customer_says, sent, text_of, together, told
from tests.review.scenes import fault, mend, taken_over

THREAT = "regulatory_threat"
FIRST, AGAIN = "your answer is the first of two", "You have given this answer already"
APPROVERS = "aisyah=aisyah@example.com,bala=bala@example.com,chen=chen@example.com"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def house(database_server: str) -> Iterator[House]:
    """Three agents may decide; two must agree about a threat."""
    uri = new_database(database_server)
    with House(uri, threat_two_persons="true", approvers=APPROVERS) as built:
        agent(built, "chen@example.com")
        yield built
    drop_database(database_server, uri)


def threat(house: House) -> int:
    """A ticket with an urgent card that waits."""
    number = next(_numbers)
    ticket = house.to_awaiting(email=f"two{number}@example.com")
    customer_says(house, ticket, "I will go to Bank Negara.")
    house.wait(lambda: open_card(house, ticket), what="the urgent card")
    house.settle()
    return ticket


def urgent(house: House, ticket: int) -> dict[str, Any]:
    [card] = [card for card in cards_of(house, ticket) if "Complaint Threat" in text_of(card)]
    return card


def open_card(house: House, ticket: int) -> bool:
    return any("Complaint Threat" in text_of(card) and buttons(card) for card in cards_of(house, ticket))


def press(house: House, ticket: int, user: str, action: str = "acknowledge") -> None:
    house.press(action, user, urgent(house, ticket))
    house.settle()


def case_of(house: House, ticket: int) -> dict[str, Any]:
    return house.case(ticket, THREAT)


def votes_of(house: House, ticket: int) -> list[dict[str, Any]]:
    return house.rows("SELECT * FROM votes WHERE case_id = %s ORDER BY event_id", case_of(house, ticket)["id"])


def undecided(house: House, ticket: int) -> None:
    assert (case_of(house, ticket)["state"], case_of(house, ticket)["decision"]) == ("awaiting", None)
    assert buttons(urgent(house, ticket)) == ["acknowledge", "false_alarm"]
    assert sent(house, ticket) == Sent(mails=1, cards=2)


def heard(house: House, user: str) -> list[str]:
    """What this person has been told since this was last asked."""
    answers = house.answers(user)
    before = _heard.get((house.uri, user), 0)
    _heard[house.uri, user] = len(answers)
    return answers[before:]


_heard: dict[tuple[str, str], int] = {}


@pytest.fixture(autouse=True)
def _listen(house: House) -> None:
    for user in ("aisyah", "bala", "chen"):
        heard(house, user)


def only(house: House, user: str, words: str) -> None:
    """This person has been told one thing since, in these words."""
    [answer] = heard(house, user)
    assert words in answer


def test_the_second_person_with_the_same_answer_decides(house: House) -> None:
    ticket = threat(house)
    press(house, ticket, "aisyah")
    only(house, "aisyah", FIRST)
    undecided(house, ticket)
    press(house, ticket, "bala")
    only(house, "bala", "you take care of this regulatory complaint threat")
    case = house.wait_state(ticket, "done", procedure=THREAT)
    assert (case["decision"], case["decided_by"], case["decided_as"]) == ("acknowledge", "U0BALA", "bala@example.com")
    assert buttons(urgent(house, ticket)) == []
    assert house.case(ticket)["state"] == "awaiting"  # the request has its own card, which one person decides
    assert sent(house, ticket) == Sent(mails=1, cards=2)
    stale = next(card for card in cards_of(house, ticket) if "Complaint Threat" in text_of(card))
    house.press("acknowledge", "chen", stale, stale=True)
    house.settle()
    only(house, "chen", "already taken care of, by bala@example.com")


def test_the_card_says_that_one_of_two_has_answered(house: House) -> None:
    ticket = threat(house)
    assert "Answer 1 of 2" not in text_of(urgent(house, ticket))
    press(house, ticket, "aisyah")
    assert text_of(urgent(house, ticket)).count("Answer 1 of 2: <@U0AISYAH>, ") == 1
    assert "“I take care of it”. A second person decides with the same answer." in text_of(urgent(house, ticket))
    press(house, ticket, "bala", "false_alarm")
    assert text_of(urgent(house, ticket)).count("Answer 1 of 2: ") == 2
    assert "“False alarm”" in text_of(urgent(house, ticket))
    press(house, ticket, "chen", "false_alarm")
    assert "Answer 1 of 2" not in text_of(urgent(house, ticket))


def test_one_person_counts_once_and_may_change_their_mind(house: House) -> None:
    ticket = threat(house)
    for count in range(3):
        press(house, ticket, "aisyah")
        only(house, "aisyah", AGAIN if count else FIRST)
        undecided(house, ticket)
    press(house, ticket, "aisyah", "false_alarm")
    only(house, "aisyah", FIRST)
    press(house, ticket, "bala")  # what she said first does not count any more
    only(house, "bala", FIRST)
    undecided(house, ticket)
    press(house, ticket, "bala", "false_alarm")
    only(house, "bala", "Recorded: false alarm")
    assert house.wait_state(ticket, "declined", procedure=THREAT)["decided_by"] == "U0BALA"


def test_two_different_answers_stand_and_a_third_person_decides(house: House) -> None:
    ticket = threat(house)
    press(house, ticket, "aisyah")
    press(house, ticket, "bala", "false_alarm")
    only(house, "bala", FIRST)
    undecided(house, ticket)
    press(house, ticket, "chen")
    only(house, "chen", "you take care of")
    case = house.wait_state(ticket, "done", procedure=THREAT)
    assert (case["decision"], case["decided_by"]) == ("acknowledge", "U0CHEN")


def test_two_chat_accounts_of_one_agent_count_once(house: House) -> None:
    """S032: by the agent they are, whichever of its addresses each account leads to."""
    ticket = threat(house)
    press(house, ticket, "bala")
    bala = user_of(house, "bala@example.com")
    chen = user_of(house, "chen@example.com")
    chen.email, bala.more_emails = "wei@example.com", ["chen@example.com"]
    press(house, ticket, "chen")
    only(house, "chen", AGAIN)
    undecided(house, ticket)
    chen.email, bala.more_emails = "chen@example.com", []
    house.change("chen", email="bala@example.com")  # an agent of her own, but her profile says who she is
    press(house, ticket, "chen", "false_alarm")
    only(house, "chen", FIRST)
    house.change("chen", email="chen@example.com")
    press(house, ticket, "aisyah", "false_alarm")
    only(house, "aisyah", "Recorded: false alarm")
    assert house.wait_state(ticket, "declined", procedure=THREAT)["decided_by"] == "U0AISYAH"


def test_who_may_not_decide_does_not_count(house: House) -> None:
    ticket = threat(house)
    press(house, ticket, "aisyah")
    house.press("acknowledge", "guest", urgent(house, ticket))
    told(house, "guest", "not on the list")
    undecided(house, ticket)
    assert len(votes_of(house, ticket)) == 1


def test_new_words_ask_everybody_anew(house: House) -> None:
    ticket = threat(house)
    press(house, ticket, "aisyah")
    customer_says(house, ticket, "Now I make a police report as well.")
    house.wait(lambda: "police report" in text_of(urgent(house, ticket)), what="the card shows the new words")
    house.settle()
    assert "Answer 1 of 2" not in text_of(urgent(house, ticket))
    press(house, ticket, "bala")
    only(house, "bala", FIRST)
    undecided(house, ticket)
    heard(house, "aisyah")
    press(house, ticket, "aisyah")
    only(house, "aisyah", "you take care of")
    house.wait_state(ticket, "done", procedure=THREAT)


@pytest.mark.parametrize("round_", range(3))
def test_both_at_the_same_moment(house: House, round_: int) -> None:
    ticket = threat(house)
    card = urgent(house, ticket)
    together(*(lambda user=user: house.press("acknowledge", user, card) for user in ("aisyah", "bala")))
    house.wait_state(ticket, "done", procedure=THREAT)
    answers = heard(house, "aisyah") + heard(house, "bala")
    assert sorted(FIRST in answer for answer in answers) == [False, True]
    assert len(votes_of(house, ticket)) == 2


@pytest.mark.parametrize("place", ["vote.before_write", "vote.after_write"])
def test_a_walk_that_ends_around_a_vote(house: House, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Neither lost nor counted twice, for the first answer and for the one that decides."""
    ticket, hit = threat(house), list[str]()

    def point(name: str) -> None:
        if name == place and not hit:
            hit.append(name)
            raise WalkLostError

    monkeypatch.setattr(decide, "point", point)
    for user, words in (("aisyah", FIRST), ("bala", "you take care of")):
        hit.clear()
        house.press("acknowledge", user, urgent(house, ticket))
        house.wait(lambda: hit, what="the walk has ended there")
        [event] = house.rows("SELECT id FROM events WHERE state = 'running'")
        taken_over(house, event["id"])
        house.settle()
        only(house, user, words)
    house.wait_state(ticket, "done", procedure=THREAT)
    assert len(votes_of(house, ticket)) == 2


def test_an_answer_that_waits_for_chat_does_not_undo_a_later_one(house: House) -> None:
    """Her first answer's walk ends after her second one's: the second one stands."""
    ticket = threat(house)
    fault(house, "slack", "chat.postEphemeral", "503_before")
    house.press("acknowledge", "aisyah", urgent(house, ticket))
    house.wait(lambda: house.rows("SELECT 1 FROM events WHERE state = 'waiting'"), what="the answer waits")
    house.press("false_alarm", "aisyah", urgent(house, ticket))
    house.wait(lambda: len(votes_of(house, ticket)) == 2, what="both are taken")
    mend(house)
    house.settle()
    with house.desk.db.tx() as conn:
        case = cases.load(conn, case_of(house, ticket)["id"])
        assert case is not None
        assert [(vote.chat_user, vote.action) for vote in votes.of(conn, case)] == [("U0AISYAH", "false_alarm")]
    undecided(house, ticket)
