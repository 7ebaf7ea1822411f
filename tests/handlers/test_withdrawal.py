"""SOP 000, "If Customer Withdraws Request": at whatever point it comes, the card dies and nothing new goes to JIRA."""

from __future__ import annotations

import pytest

from app import cases
from tests.house import House
from tests.kit import (
    CONSENT,
    NOTHING,
    REQUEST,
    Sent,
    buttons,
    card_of,
    cards_of,
    events_of,
    issue_of,
    next_round,
    quiet_for,
    retag,
    sent,
    told,
)
from tests.review.scenes import approved_unheard

WITHDRAWN = "data_deletion_withdrawn"
NEVER_MIND = "it does not apply here"


def consents(house: House, ticket: int) -> int:
    """How often the consent macro's own words went out."""
    return len([text for text in house.replies(ticket) if "agree to continue receiving promotional calls" in text])


def test_while_the_card_waits(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting("pref_stop_all")
    card = card_of(house, ticket)
    house.tag(ticket, WITHDRAWN)
    house.wait_state(ticket, "withdrawn")
    closed = card_of(house, ticket)
    assert buttons(closed) == []
    assert "Withdrawn by the customer" in closed["text"]
    assert "Siti" not in closed["text"]
    assert consents(house, ticket) == 1
    assert sent(house, ticket) == Sent(mails=2, cards=1)  # the acknowledgement before, the consent now; no JIRA
    note = house.notes(ticket)[-1]
    assert "The customer withdrew the request" in note
    assert f'E-mail to the customer (macro "{CONSENT}"): sent' in note
    assert {"desk_withdrawn"} == {tag for tag in house.state_of(ticket)["tags"] if tag.startswith("desk_")}

    before = house.answers("U0BALA")
    house.press("approve", "U0BALA", card, stale=True)  # Slack had not refreshed yet
    house.wait(lambda: len(house.answers("U0BALA")) > len(before))
    house.settle()
    assert "no longer open" in house.answers("U0BALA")[-1]
    assert house.case(ticket)["decision"] is None
    assert sent(house, ticket) == Sent(mails=2, cards=1)


def test_before_there_is_a_card(shared_house: House) -> None:
    """Details were missing, nothing had been sent; the withdrawal ends it without a card."""
    house = shared_house
    ticket = house.ticket(fields={"backoffice": ""})
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "incomplete")
    house.tag(ticket, WITHDRAWN)
    house.wait_state(ticket, "withdrawn")
    assert sent(house, ticket) == Sent(mails=1)
    assert consents(house, ticket) == 1
    house.untag(ticket, WITHDRAWN)
    house.call(f"/sandbox/tickets/{ticket}/fields", {"backoffice": "https://backoffice.example.com/customers/1"})
    quiet_for(house)
    assert sent(house, ticket) == Sent(mails=1)  # the old request is not taken up again by itself
    assert REQUEST not in house.notes(ticket)[-1]


def test_only_a_channel_that_is_no_call(shared_house: House) -> None:
    """The consent macro speaks of calls: where calls are not concerned it is not sent, and the note says so."""
    house = shared_house
    ticket = house.to_awaiting("pref_stop_sms")
    house.tag(ticket, WITHDRAWN)
    house.wait_state(ticket, "withdrawn")
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert consents(house, ticket) == 0
    assert buttons(card_of(house, ticket)) == []
    assert f'(macro "{CONSENT}"): not sent, {NEVER_MIND}' in house.notes(ticket)[-1]


def test_after_approval(shared_house: House) -> None:
    """The issue is open already: JIRA is told once, by one comment; JIRA's later Done is told to a person."""
    house = shared_house
    ticket, key = house.to_banning("pref_stop_calls")
    house.tag(ticket, WITHDRAWN)
    house.wait_state(ticket, "withdrawn")
    assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, comments=1, links=1)
    [comment] = issue_of(house, ticket)["comments"]
    assert "the customer withdrew the request. Please stop, undo what was already changed" in str(comment).replace(
        "\\", ""
    )
    note = house.notes(ticket)[-1]
    assert "after it was approved" in note
    assert f"JIRA: {key}, the support team is told of the withdrawal" in note
    assert "Withdrawn by the customer" in card_of(house, ticket)["text"]
    notes = house.notes(ticket)
    house.move_issue(key, "Done")
    quiet_for(house, 0.3)
    assert house.case(ticket)["state"] == "withdrawn"
    assert sent(house, ticket).comments == 1
    assert house.notes(ticket)[:-1] == notes
    assert "JIRA reports the ban as done although the customer withdrew" in house.notes(ticket)[-1]


def test_after_it_was_done(shared_house: House) -> None:
    house = shared_house
    ticket, key = house.to_banning()
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    house.tag(ticket, WITHDRAWN)
    house.wait_state(ticket, "withdrawn")
    assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, comments=1, links=1)
    assert consents(house, ticket) == 1
    assert "Withdrawn by the customer" in card_of(house, ticket)["text"]

    house.untag(ticket, WITHDRAWN)  # and changes their mind once more
    retag(house, ticket)
    next_round(house, ticket, 2)
    assert sent(house, ticket) == Sent(mails=3, cards=2, issues=1, comments=1, links=1)
    assert house.replies(ticket)[-1].startswith("Dear Siti,\n\nThank you for contacting us.")


def test_without_any_request(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket()
    house.tag(ticket, WITHDRAWN)
    house.wait_state(ticket, "withdrawn")
    assert sent(house, ticket) == Sent(mails=1)
    assert consents(house, ticket) == 1
    [note] = house.notes(ticket)
    assert "No request was open on this ticket" in note


def test_both_tags_at_once(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all", WITHDRAWN)
    house.wait_state(ticket, "withdrawn")
    assert (sent(house, ticket).cards, sent(house, ticket).issues) == (0, 0)
    assert not [text for text in house.replies(ticket) if "We have received your request" in text]
    assert "the request tag and the withdrawal tag at once" in house.notes(ticket)[-1]
    assert len(house.rows("SELECT 1 FROM cases WHERE ticket_id = %s", ticket)) == 1


def test_recorded_while_the_desk_is_about_to_send(house: House) -> None:
    """Each effect looks at the case once more, in the moment of its claim (faults D4)."""
    slow = house.sandbox.world.faults.add("zendesk", "macros.preview", "slow", seconds=1.0)
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait(lambda: slow.fired)
    with house.desk.db.tx() as conn:  # as another process would, between our reading and our sending
        case = cases.latest(conn, ticket, "data_deletion")
        assert case is not None
        assert cases.move(conn, case, "withdrawn", of=cases.OPEN_STATES)
    house.settle()
    assert sent(house, ticket) == NOTHING
    assert house.replies(ticket) == []


@pytest.mark.parametrize("where", ["never posted", "posted, answer lost"])
def test_while_slack_is_down(house: House, where: str) -> None:
    """The first event waits for Slack. The card never appears afterwards; one that is there loses its buttons."""
    faults = house.sandbox.world.faults
    if where == "never posted":
        faults.add("slack", "*", "outage", times=None)
    else:
        faults.add("slack", "chat.postMessage", "reset_after")
        faults.add("slack", "conversations.history", "readback_fails", times=None)
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait(lambda: sent(house, ticket).mails == 1 and events_of(house, ticket)[0]["state"] == "waiting")
    house.tag(ticket, WITHDRAWN)
    house.wait(lambda: house.case(ticket)["state"] == "withdrawn")
    house.wait(lambda: sent(house, ticket).mails == 2, what="consent goes out while Slack is down")
    faults.clear()
    house.settle(25)
    quiet_for(house)
    assert sent(house, ticket) == Sent(mails=2, cards=0 if where == "never posted" else 1)
    assert [buttons(card) for card in cards_of(house, ticket)] == ([] if where == "never posted" else [[]])
    open_effects = "SELECT verb, state FROM effects WHERE state NOT IN ('done', 'void')"
    assert house.rows(open_effects) == []


def test_while_jira_s_answer_is_lost(house: House) -> None:
    """Approved, the issue is there but nobody told us: JIRA is told of the withdrawal all the same."""
    ticket = approved_unheard(house, "pref_stop_sms")
    house.tag(ticket, WITHDRAWN)
    house.wait(lambda: house.case(ticket)["state"] == "withdrawn")
    house.sandbox.world.faults.clear()
    house.settle(25)
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, comments=1)
    assert buttons(card_of(house, ticket)) == []


def test_press_while_the_card_s_answer_is_lost(house: House) -> None:
    """The card is there, the desk does not know it yet, and a supervisor is quick: the card is closed all the same."""
    faults = house.sandbox.world.faults
    faults.add("slack", "chat.postMessage", "reset_after")
    faults.add("slack", "conversations.history", "readback_fails", times=None)
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait(lambda: sent(house, ticket).cards)
    house.press("approve")
    house.wait(lambda: sent(house, ticket).issues)
    faults.clear()
    house.settle(25)
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
    assert buttons(card_of(house, ticket)) == []
    told(house, "U0AISYAH", "Recorded: approved")
