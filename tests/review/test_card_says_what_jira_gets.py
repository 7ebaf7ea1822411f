"""A supervisor approves what the card says, and JIRA gets exactly that: reviewers' findings D and E."""

from __future__ import annotations

import time

import pytest

from sandbox.faults import Fault
from tests.house import House
from tests.kit import Sent, card_of, edit, issue_of, quiet_for, sent, told
from tests.review.scenes import REQUESTED, effects, fault, mend

CALLS, EVERYTHING = "pref_stop_calls", "pref_delete_all"
CHANGED = "The preference on the ticket was changed after the "


def card_waits(house: House) -> tuple[int, Fault]:
    """A ticket about calls, acknowledged, whose card Slack refuses for the moment; (ticket, the refusal)."""
    refusal = fault(house, "slack", "chat.postMessage", "429", retry_after="60")
    ticket = house.ticket()
    house.tag(ticket, REQUESTED, CALLS)
    house.wait(lambda: [effect for effect in effects(house, "ask_supervisor") if effect["attempts"]])
    house.wait(lambda: sent(house, ticket) == Sent(mails=1))
    return ticket, refusal


def chooses_everything(house: House, ticket: int) -> None:
    house.call(f"/sandbox/tickets/{ticket}/tags", {"add": [EVERYTHING], "remove": [CALLS], "agent": None})


def test_preference_changed_while_the_card_waits(house: House) -> None:
    ticket, refusal = card_waits(house)
    chooses_everything(house, ticket)
    house.wait(lambda: house.case(ticket)["preference"] == ["delete_all"])
    assert sent(house, ticket) == Sent(mails=1)
    mend(house, refusal)
    house.settle()
    card = card_of(house, ticket)["text"]
    assert "Delete personal data completely" in card
    house.press("approve")
    house.wait_state(ticket, "banning")
    assert "personal data deleted completely" in issue_of(house, ticket)["description"]
    assert "delete personal data" in house.notes(ticket)[-1]
    assert CHANGED not in house.notes(ticket)[-1]
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)


@pytest.mark.parametrize("way", ["event", "trigger without conditions"])
def test_preference_changed_after_the_card_is_out(database: str, way: str) -> None:
    """The next card says so; an approval is of what the supervisor has read (tests/approvals/test_seen.py)."""
    by_event = {"event_subscription": True, "trigger_webhooks": False}
    with House(database, sandbox=by_event if way == "event" else {"trigger_guard": False}) as house:
        ticket = house.to_awaiting(CALLS)
        card = card_of(house, ticket)
        time.sleep(1.02 - time.time() % 1)  # not within the second of the earlier update (facts Z3.3)
        chooses_everything(house, ticket)
        house.wait(lambda: sent(house, ticket) == Sent(mails=1, cards=2), what="the next card")
        house.settle()
        house.press("approve", card=card, stale=True)
        told(house, "aisyah", "have changed since this card was posted")
        assert sent(house, ticket) == Sent(mails=1, cards=2)
        house.press("approve")
        house.wait_state(ticket, "banning")
        assert "personal data deleted completely" in issue_of(house, ticket)["description"]
        assert "delete personal data" in house.notes(ticket)[-1]
        assert CHANGED not in house.notes(ticket)[-1]
        assert sent(house, ticket) == Sent(mails=1, cards=2, issues=1, links=1)


def test_contact_number_broken_while_the_card_waits(house: House) -> None:
    """No card with half a customer on it: the note names the field, and the mended ticket gets its card, once."""
    ticket, refusal = card_waits(house)
    edit(house, ticket, contact="garbage")
    house.wait_state(ticket, "incomplete")
    mend(house, refusal)
    quiet_for(house)
    assert sent(house, ticket) == Sent(mails=1)
    assert "Contact number is not a valid number" in house.notes(ticket)[-1]
    edit(house, ticket, contact="+60 12-345 6789")
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert "+60 12-345 6789" in card_of(house, ticket)["text"]
    assert "Contact number" not in house.notes(ticket)[-1]
