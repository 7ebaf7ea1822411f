"""A card says how its case stands: state, clock, who decided and when, JIRA's key and status; updated in place.

And no button is left on a decided case once chat is back. Source: features part 3 (11), SOP 000 sections 2 and 3.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from tests.databases import drop_database, new_database
from tests.house import House
from tests.kit import Sent, agent_says, buttons, cards_of, sent, text_of
from tests.people import DETAILS
from tests.rooms import Message

APPROVED = Sent(mails=1, cards=1, issues=1, links=1)


@pytest.fixture(scope="module", params=["slack", "mattermost"])
def house(request: pytest.FixtureRequest, database_server: str) -> Iterator[House]:
    """One desk in each chat for the tests that look at a ticket of their own."""
    uri = new_database(database_server)
    with House(uri, chat=request.param) as built:
        yield built
    drop_database(database_server, uri)


def card(house: House, ticket: int) -> Message:
    """The ticket's card: what came first about it."""
    return cards_of(house, ticket)[0]


def says(house: House, ticket: int, *words: str) -> str:
    """Until the ticket's card says all of this; its text."""
    house.wait(lambda: all(word in text_of(card(house, ticket)) for word in words), what=f"the card says {words}")
    house.settle()
    return text_of(card(house, ticket))


def who(house: House, name: str = "aisyah") -> str:
    """How the chat is told whom it shows."""
    return f"<@{house.user(name)}>" if house.room.name == "slack" else f"@{name}"


def stamp(at: datetime) -> str:
    """The moment in the desk's own zone, which both chats are given."""
    return at.astimezone(ZoneInfo("Asia/Kuala_Lumpur")).strftime("%Y-%m-%d %H:%M")


def updates(house: House) -> int:
    return len(house.applied("update", house.room.name))


def past_due(house: House, ticket: int) -> None:
    """The case's due date has just passed."""
    case = house.case(ticket)["id"]
    with house.sql() as conn:
        conn.execute("UPDATE cases SET due_at = now() - interval '1 second' WHERE id = %s", (case,))
        done = conn.execute(
            "UPDATE timers SET due_at = now() WHERE case_id = %s AND what = 'reminder:overdue' AND fired_at IS NULL",
            (case,),
        )
        assert done.rowcount == 1


def test_a_waiting_card_says_when_it_is_due(house: House) -> None:
    ticket = house.to_awaiting()
    assert f"Please decide by {stamp(house.case(ticket)['due_at'])}" in text_of(card(house, ticket))
    past_due(house, ticket)
    text = says(house, ticket, "OVERDUE: was due by")
    assert buttons(card(house, ticket)) == ["approve", "decline", "ask"], "it can be decided all the same"
    assert "Siti Nurhaliza" in text
    house.press("approve", card=card(house, ticket))
    house.wait_state(ticket, "banning")
    assert sent(house, ticket).issues == 1


def test_a_decided_card_says_who_and_when_and_what_jira_says(house: House) -> None:
    ticket = house.to_awaiting()
    house.press("approve", card=card(house, ticket))
    case = house.wait_state(ticket, "banning")
    key, decided = case["jira_key"], f"Approved by {who(house)}, {stamp(case['decided_at'])}"
    text = says(house, ticket, f"{key}, status: To Do", f"Due by {stamp(case['due_at'])}")
    assert text.startswith(decided)
    notes, before = house.notes(ticket), updates(house)

    house.move_issue(key, "In Progress")
    says(house, ticket, f"{key}, status: In Progress")
    after = house.case(ticket)
    assert (after["state"], after["jira_status"]) == ("banning", "In Progress")
    assert after["moved_at"] == case["moved_at"], "the case is where it was"
    assert house.notes(ticket) == notes, "no note for it"
    assert updates(house) == before + 1, "one update in place"
    assert sent(house, ticket) == APPROVED

    house.move_issue(key, "Done")
    done = house.wait_state(ticket, "done")
    text = says(house, ticket, "status: Done", f"Done according to JIRA, {stamp(done['moved_at'])}")
    assert decided in text
    assert "ue by" not in text, "nothing is due any more"
    house.move_issue(key, "To Do")
    house.wait_state(ticket, "banning")
    says(house, ticket, "status: To Do", "Waiting for the JIRA support team")
    assert buttons(card(house, ticket)) == []


def test_a_status_that_moves_back_is_shown_again(house: House) -> None:
    """The same words for the second time are an update of their own."""
    ticket = house.to_awaiting()
    house.press("approve", card=card(house, ticket))
    key = house.wait_state(ticket, "banning")["jira_key"]
    for status in ("In Progress", "To Do", "In Progress"):
        house.move_issue(key, status)
        says(house, ticket, f"status: {status}")
    before = updates(house)
    agent_says(house, ticket)  # another walk of the case changes nothing on it
    house.settle()
    assert updates(house) == before


def test_an_approved_wish_that_is_overdue_says_so(house: House) -> None:
    ticket = house.to_awaiting()
    house.press("approve", card=card(house, ticket))
    house.wait_state(ticket, "banning")
    past_due(house, ticket)
    says(house, ticket, "OVERDUE: was due by")
    assert buttons(card(house, ticket)) == []
    assert len(cards_of(house, ticket)) == 1, "nobody is reminded of what is decided"


def test_a_withdrawn_card_still_says_who_had_approved(house: House) -> None:
    ticket = house.to_awaiting()
    house.press("approve", card=card(house, ticket))
    house.wait_state(ticket, "banning")
    time.sleep(1.05 - time.time() % 1)
    house.tag(ticket, "data_deletion_withdrawn")
    case = house.wait_state(ticket, "withdrawn")
    withdrawn = f"Withdrawn by the customer, {stamp(case['moved_at'])}"
    text = says(house, ticket, withdrawn, f"Approved by {who(house)}")
    assert "ue by" not in text, "nothing is due any more"


def test_no_button_is_left_when_chat_is_back(database: str) -> None:
    """An outage longer than the pauses grow: afterwards the card is closed within two probes, not after RETRY_CAP.

    PROBE_INTERVAL is 30 s by default, so within a minute; here everything is faster.
    """
    with House(database, retry_base="0.5", retry_cap="600", probe_interval="0.5") as house:
        tickets = [house.to_awaiting() for _ in range(2)]
        world = house.sandbox.world
        world.faults.add("slack", "*", "503_before", times=None)
        time.sleep(1.05 - time.time() % 1)
        for ticket in tickets:
            house.tag(ticket, "data_deletion_withdrawn")
        tries = "SELECT 1 FROM effects WHERE verb = 'update_card' HAVING sum(attempts) >= 12"
        house.wait(lambda: house.rows(tries), 40, "the pauses would be minutes by now")
        assert all(buttons(card(house, ticket)) for ticket in tickets)
        world.faults.clear()
        house.wait(lambda: not any(buttons(card(house, ticket)) for ticket in tickets), 5, "no button is left")
        house.settle()
        assert [sent(house, ticket).cards for ticket in tickets] == [1, 1]


@pytest.mark.parametrize("chat", ["slack", "mattermost"])
def test_personal_data_leaves_the_channel_when_the_case_is_closed(database: str, chat: str) -> None:
    """S10: names, numbers, addresses and links of customers are in no message and no thread, whatever became of it."""
    with House(database, chat=chat, digest_at="09:00") as house:
        tickets = [house.to_awaiting() for _ in range(4)]
        fire(house, "reminder:50", "digest")
        cards = {ticket: card(house, ticket) for ticket in tickets}
        secrets = [DETAILS["name"], "Siti", "345 6", "0123456", "@example.com", "customers/42"]
        assert [word for word in secrets if word in str(cards)], "they were there"
        banning, done, declined, withdrawn = tickets
        for ticket, action in ((banning, "approve"), (done, "approve"), (declined, "decline")):
            house.press(action, "bala", cards[ticket])
        house.move_issue(house.wait_state(done, "banning")["jira_key"], "Done")
        time.sleep(1.05 - time.time() % 1)
        house.tag(withdrawn, "data_deletion_withdrawn")
        for ticket, state in zip(tickets, ("banning", "done", "declined", "withdrawn"), strict=True):
            house.wait_state(ticket, state)
        fire(house, "reminder:overdue")
        for ticket in tickets:
            about = cards_of(house, ticket)
            assert len(about) >= 3, "the card, a reminder below it, the daily list"
            assert buttons(about[0]) == []
        assert [word for word in secrets if word in str(house.messages())] == []


def fire(house: House, *timers: str) -> None:
    with house.sql() as conn:
        conn.execute("UPDATE timers SET due_at = now() WHERE what = ANY(%s) AND fired_at IS NULL", (list(timers),))
    names = "SELECT 1 FROM timers WHERE what = ANY(%s) AND fired_at IS NULL AND due_at <= now()"
    house.wait(lambda: not house.rows(names, list(timers)), what=f"{timers} have fired")
    house.settle()
