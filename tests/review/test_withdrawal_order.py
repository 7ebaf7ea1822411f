"""Withdrawals that have come in and are not carried out yet: what waits for them, and what never may."""

from __future__ import annotations

from tests.house import House
from tests.kit import Sent, card_of, edit, next_second, sent

REQUEST, WITHDRAWN = ("data_deletion_request", "pref_stop_all"), "data_deletion_withdrawn"


def test_withdrawals_taken_back_do_not_wait_for_each_other(house: House) -> None:
    refused = house.sandbox.world.faults.add("slack", "chat.postMessage", "429", times=None, retry_after="1")
    ticket = house.ticket()
    house.tag(ticket, *REQUEST)
    house.wait(lambda: refused.fired, what="the card was refused")
    house.stop_worker()
    house.sandbox.world.faults.clear()
    next_second()
    house.tag(ticket, WITHDRAWN)
    next_second()
    edit(house, ticket, name="Siti Nurhaliza binti Tarudin")
    next_second()
    house.untag(ticket, WITHDRAWN)
    house.start_worker()
    house.wait_state(ticket, "awaiting")
    house.wait(lambda: sent(house, ticket) == Sent(mails=1, cards=1), what="one mail and one card")


def test_a_dead_withdrawal_stops_the_issue_and_is_told(house: House) -> None:
    ticket = house.to_awaiting()
    house.stop_worker()
    next_second()
    house.tag(ticket, WITHDRAWN)
    house.sandbox.world.hooks.quiet()
    with house.sql() as conn:
        conn.execute("UPDATE events SET state = 'dead', reason = 'forbidden' WHERE detail->'tags' ? %s", (WITHDRAWN,))
    house.untag(ticket, WITHDRAWN)
    house.start_worker()
    house.press("approve", card=card_of(house, ticket))
    house.wait(lambda: "the withdrawal is carried out first" in house.notes(ticket)[-1], what="the note tells")
    assert "an administrator" in house.notes(ticket)[-1]
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    house.untag(ticket, "data_deletion_request")
    next_second()
    house.tag(ticket, "data_deletion_request")  # the agent follows the note: the request stands
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)


def test_withdrawn_while_the_case_is_being_opened(house: House) -> None:
    slow = house.sandbox.world.faults.add("zendesk", "tickets.audits", "slow", seconds=1.2, times=1)
    ticket = house.ticket()
    house.tag(ticket, *REQUEST)
    house.wait(lambda: slow.fired, what="the first walk is under way")
    house.tag(ticket, WITHDRAWN)
    house.wait_state(ticket, "withdrawn")
    assert sent(house, ticket).cards == 0
    assert [reply for reply in house.replies(ticket) if "received your request" in reply] == []
    assert sent(house, ticket).issues == 0


def test_a_press_on_a_ticket_nobody_may_read_is_answered(house: House) -> None:
    ticket = house.to_awaiting()
    house.sandbox.world.faults.add("zendesk", "tickets.show", "403", times=None)
    house.press("approve", card=card_of(house, ticket))
    house.wait(lambda: house.answers("U0AISYAH"), what="the presser is told")
    assert "no longer open" in house.answers("U0AISYAH")[-1] or "not open" in house.answers("U0AISYAH")[-1]
    assert house.case(ticket)["state"] == "awaiting"
    assert sent(house, ticket) == Sent(mails=1, cards=1)
