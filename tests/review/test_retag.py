"""Taking the tag off and putting it on again helps on what has failed: no administrator is needed once it is mended."""

from __future__ import annotations

import pytest

from tests.house import House
from tests.kit import NOTHING, REQUEST, Sent, card_of, next_round, retag, sent
from tests.review.scenes import REQUESTED, dead, fault, mend

AGAIN = "removing the request tag, saving, and adding it again also continues it"


def test_dead_macro_after_it_was_mended(house: House) -> None:
    [macro] = [m for m in house.sandbox.world.zendesk.macros.values() if m["title"] == REQUEST]
    macro["active"] = False
    ticket = house.ticket()
    house.tag(ticket, REQUESTED, "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == NOTHING, "nor a card: no half-done case"
    assert "Failed: e-mail to the customer" in house.notes(ticket)[-1]
    assert AGAIN in house.notes(ticket)[-1]
    macro["active"] = True
    retag(house, ticket)
    house.wait(lambda: sent(house, ticket).mails, what="the e-mail, after all")
    house.settle()
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert house.case(ticket)["generation"] == 1
    assert "Failed" not in house.notes(ticket)[-1]
    assert dead(house) == []
    assert "desk_waiting" in house.state_of(ticket)["tags"]
    house.press("approve", card=card_of(house, ticket))
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)


@pytest.mark.parametrize("vendor", ["slack", "jira"])
def test_dead_card_and_dead_issue_after_they_were_mended(house: House, vendor: str) -> None:
    if vendor == "slack":
        fault(house, "slack", "chat.postMessage", "ok_false", error="is_archived")
        ticket = house.ticket()
        house.tag(ticket, REQUESTED, "pref_stop_all")
        house.wait_state(ticket, "awaiting")
        assert sent(house, ticket) == Sent(mails=1)
    else:
        ticket = house.to_awaiting()
        fault(house, "jira", "create", "403")
        house.press("approve")
        house.wait_state(ticket, "approved")
        assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert AGAIN in house.notes(ticket)[-1]
    assert "desk_needs_person" in house.state_of(ticket)["tags"]
    mend(house)
    retag(house, ticket)
    if vendor == "slack":
        house.wait(lambda: sent(house, ticket).cards, what="the card, after all")
        house.settle()
        house.press("approve", card=card_of(house, ticket))
    next_round(house, ticket, 1, "banning")
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
    assert "Failed" not in house.notes(ticket)[-1]
    assert dead(house) == []  # nor is it left on the admin's list
    assert "desk_approved" in house.state_of(ticket)["tags"]
