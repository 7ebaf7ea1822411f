"""Lines of SOP 000 on the supervisors' card, word for word and in its order."""

from __future__ import annotations

from tests.house import House
from tests.kit import Sent, buttons, card_of, press_body, sent, told

FIRST = "Kindly assist to remove/update the following customer’s data based on their selected preference:"


def test_sop_0_18_card_to_the_supervisors_with_all_details_in_order(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting("pref_delete_all", requester={"name": "Siti Nurhaliza", "email": "card18@example.com"})
    card = card_of(house, ticket)
    heads = ("Kindly assist", "Customer Name:", "Contact Number:", "Ticket Link:", "BackOffice Link:")
    places = [card["text"].index(words) for words in (*heads, "Customer Preference:")]
    assert places == sorted(places)
    assert card["channel"] == house.sandbox.config.slack_channel
    assert buttons(card) == ["approve", "decline", "ask"]
    stranger = next(one["id"] for one in house.shown("slack")["people"] if not one["approver"])
    assert press_body(house, ticket, "approve", user=stranger)["status"] == 200
    told(house, stranger, "may not decide")
    assert house.case(ticket)["state"] == "awaiting"
    assert sent(house, ticket) == Sent(mails=1, cards=1)  # nothing went to JIRA


def test_sop_0_19_first_line_word_for_word(shared_house: House) -> None:
    ticket = shared_house.to_awaiting(requester={"name": "Siti Nurhaliza", "email": "card19@example.com"})
    card = card_of(shared_house, ticket)
    assert card["text"].splitlines()[0] == FIRST
    assert FIRST in str(card["blocks"][0])
    assert sent(shared_house, ticket) == Sent(mails=1, cards=1)
