"""A wish's life over several tickets and rounds: what crosses between them is neither lost nor done twice."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from app import joins
from app.events import TimeCame
from tests.house import House
from tests.kit import (
    NOTHING,
    Sent,
    buttons,
    card_of,
    cards_of,
    edit,
    issue_of,
    next_round,
    quiet_for,
    retag,
    sent,
)
from tests.procedure.bans_kit import asking, ban, due, time_comes
from tests.procedure.bans_kit import banning as banning_at_source
from tests.procedure.people import Person
from tests.review.scenes import REQUESTED, WITHDRAWN

__all__ = ["asking"]  # a fixture


def state(house: House, ticket: int, generation: int) -> dict[str, Any]:
    query = "SELECT * FROM cases WHERE ticket_id = %s AND generation = %s AND procedure = 'data_deletion'"
    return house.rows(query, ticket, generation)[0]


# ---- one person, several tickets


def test_a_first_ticket_that_was_taken_over_and_then_says_something_else_has_a_card_with_buttons(
    shared_house: House,
) -> None:
    """Its old card was closed when it joined: what it says now needs one of its own."""
    house, who = shared_house, Person(shared_house, 301)
    first = who.main("pref_stop_calls")
    second = who.main("pref_stop_all")
    house.wait_state(first, "joined")
    house.untag(first, "pref_stop_calls")
    house.tag(first, "pref_delete_all")
    house.wait_state(first, "awaiting")
    house.wait_state(second, "joined")
    assert [bool(buttons(card)) for card in cards_of(house, first)] == [False, True]
    assert sent(house, first) == Sent(mails=1, cards=2)
    reminders = "SELECT 1 FROM timers WHERE case_id = %s AND fired_at IS NULL AND starts_with(what, 'reminder')"
    assert house.rows(reminders, house.case(first)["id"])
    house.press("approve", card=cards_of(house, first)[-1])
    house.wait_state(first, "banning")
    assert sent(house, first) == Sent(mails=1, cards=2, issues=1, links=1)


def test_a_first_ticket_that_was_taken_over_and_still_asks_for_no_more_joins_again(shared_house: House) -> None:
    house, who = shared_house, Person(shared_house, 302)
    first = who.main("pref_stop_calls")
    second = who.main("pref_stop_all")
    house.wait_state(first, "joined")
    house.untag(first, "pref_stop_calls")
    house.tag(first, "pref_stop_sms")
    house.wait(lambda: house.case(first)["preference"] == ["stop_sms"], what="the wish is another one")
    case = house.wait_state(first, "joined")
    assert case["joined_to"] == house.case(second)["id"]
    assert sent(house, first) == Sent(mails=1, cards=1)
    assert buttons(card_of(house, first)) == []


def test_declined_while_another_ticket_joins(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The main case is decided between the look at it and the joining: nobody follows a case that is closed."""
    who, before, declined = Person(house, 303), joins.others, threading.Event()
    main = who.main()

    def others(*given: Any) -> Any:
        found = before(*given)
        if found and not declined.is_set():
            declined.set()
            house.press("decline", card=card_of(house, main))
            end = time.monotonic() + 3
            while house.case(main)["state"] == "awaiting" and time.monotonic() < end:
                time.sleep(0.02)
        return found

    monkeypatch.setattr(joins, "others", others)
    second = who.ticket("pref_stop_all")
    house.wait_state(main, "declined")
    house.wait_state(second, "awaiting")
    assert sent(house, second) == Sent(mails=1, cards=1)
    assert buttons(card_of(house, second))


def test_a_follower_of_whose_wish_nothing_is_left_is_withdrawn(shared_house: House) -> None:
    """The customer takes calls back on one ticket: the other ticket, which asked for calls alone, asks nobody."""
    house, who = shared_house, Person(shared_house, 304)
    main = who.main()
    calls = who.ticket("pref_stop_calls")
    house.wait_state(calls, "joined")
    house.tag(main, WITHDRAWN, "resume_calls")
    next_round(house, main, 2)
    house.wait_state(calls, "withdrawn")
    quiet_for(house)
    assert sent(house, calls) == NOTHING
    assert f"The customer withdrew this on ticket #{main}." in house.notes(calls)[-1]
    assert sent(house, main) == Sent(mails=2, cards=2)


def test_a_withdrawal_from_elsewhere_walked_again_does_not_reach_a_newer_wish(house: House) -> None:
    """It names a round that is void; the customer has asked anew since, and it is walked late."""
    who = Person(house, 309)
    main = who.main()
    second = who.ticket("pref_stop_all")
    house.wait_state(second, "joined")
    house.tag(main, WITHDRAWN, "resume_sms")
    next_round(house, main, 2)
    house.tag(second, WITHDRAWN)
    house.wait_state(main, "withdrawn")
    house.untag(main, WITHDRAWN, "resume_sms")
    retag(house, main)
    next_round(house, main, 3)
    event = TimeCame(
        fact="again", what=f"withdrawn:{house.case(second)['id']}:all", case_id=state(house, main, 1)["id"]
    )
    assert house.desk.submit(event, sender="desk")
    quiet_for(house)
    assert house.case(main)["state"] == "awaiting"
    assert buttons(cards_of(house, main)[-1])


def test_unclear_from_another_ticket_nobody_decides(shared_house: House) -> None:
    """All data shall be deleted here, and calls go on there: the agent asks first."""
    house, who = shared_house, Person(shared_house, 310)
    main = who.main("pref_delete_all")
    second = who.ticket("pref_stop_all")
    house.wait_state(second, "joined")
    house.tag(second, WITHDRAWN, "resume_calls")
    house.wait(lambda: "names channels to go on with" in house.notes(main)[-1], what="the note asks")
    house.settle()
    house.press("approve", "U0BALA", card_of(house, main))
    house.wait(lambda: house.answers("U0BALA"), what="nobody may decide meanwhile")
    house.settle()
    assert house.case(main)["decision"] is None
    assert sent(house, main) == Sent(mails=1, cards=1)


def test_only_what_is_taken_back_now_is_taken_back_elsewhere(shared_house: House) -> None:
    """Calls had been given back on the first ticket before the second one stopped them anew."""
    house, who = shared_house, Person(shared_house, 311)
    first = who.main()
    house.tag(first, WITHDRAWN, "resume_calls")
    next_round(house, first, 2)
    time.sleep(1.05 - time.time() % 1)
    second = who.main()
    house.wait_state(first, "joined")
    house.tag(first, "resume_sms")
    case = next_round(house, second, 2)
    assert case["preference"] == ["stop_calls", "stop_email", "stop_push"]


def test_a_withdrawal_on_a_ticket_of_its_own_finds_the_running_case(shared_house: House) -> None:
    """The customer writes anew: the withdrawal's ticket has never had a request."""
    house, who = shared_house, Person(shared_house, 313)
    waiting, approved = who.main("pref_stop_calls"), None
    house.press("approve", card=card_of(house, waiting))
    key = house.wait_state(waiting, "banning")["jira_key"]
    approved, waiting = waiting, who.main("pref_stop_all")
    fresh = who.ticket()
    time.sleep(1.05 - time.time() % 1)
    house.tag(fresh, WITHDRAWN)
    for ticket in (fresh, waiting, approved):
        house.wait_state(ticket, "withdrawn")
    assert buttons(card_of(house, waiting)) == []
    assert sent(house, fresh) == Sent(mails=1)
    assert sent(house, waiting) == Sent(mails=1, cards=1)
    assert sent(house, approved) == Sent(mails=1, cards=1, issues=1, comments=1, links=1)
    assert f"The customer withdrew this on ticket #{fresh}." in house.notes(approved)[-1]
    assert f"Undone by the JIRA support team: the ban ({key})." in house.notes(approved)[-1]
    retag(house, waiting)  # a newer wish: later updates of the withdrawal's ticket leave it alone
    next_round(house, waiting, 2)
    edit(house, fresh, name="Siti Nurhaliza binti Tarudin")
    quiet_for(house)
    assert house.case(waiting)["state"] == "awaiting"


def test_channels_taken_back_on_a_ticket_of_its_own(shared_house: House) -> None:
    house, who = shared_house, Person(shared_house, 314)
    main, fresh = who.main(), who.ticket()
    house.tag(fresh, WITHDRAWN, "resume_email")
    case = next_round(house, main, 2)
    assert case["preference"] == ["stop_calls", "stop_sms", "stop_push"]
    assert [bool(buttons(card)) for card in cards_of(house, main)] == [False, True]
    assert (sent(house, main), sent(house, fresh)) == (Sent(mails=1, cards=2), NOTHING)


def test_whoever_a_follower_names_besides_may_have_offers_again(shared_house: House) -> None:
    """Joined by the address; the other ticket's number is another one."""
    house, who = shared_house, Person(shared_house, 315)
    one = {"name": "Siti Nurhaliza", "email": who.mail}
    main, second = (house.ticket(requester=one, phone=None, fields={"contact": f"01931503{n}"}) for n in (15, 16))
    house.tag(main, REQUESTED, "pref_stop_all")
    house.wait_state(main, "awaiting")
    house.tag(second, REQUESTED, "pref_stop_all")
    house.wait_state(second, "joined")
    house.tag(main, WITHDRAWN)
    house.wait_state(second, "withdrawn")
    stopped = (
        "SELECT channel FROM (SELECT DISTINCT ON (person, channel, case_id) channel, allowed FROM consents"
        " WHERE case_id = %s ORDER BY person, channel, case_id, id DESC) latest WHERE NOT allowed"
    )
    assert house.rows(stopped, house.case(second)["id"]) == []


# ---- one ticket, several rounds


def test_channels_taken_back_are_restored_where_an_earlier_round_banned_them(shared_house: House) -> None:
    house, who = shared_house, Person(shared_house, 316)
    ticket = who.main()
    house.press("approve", card=card_of(house, ticket))
    house.move_issue(house.wait_state(ticket, "banning")["jira_key"], "Done")
    house.wait_state(ticket, "done")
    retag(house, ticket)
    next_round(house, ticket, 2)
    house.tag(ticket, WITHDRAWN, "resume_push")
    next_round(house, ticket, 3)
    house.wait(lambda: sent(house, ticket).comments, what="JIRA is told")
    house.settle()
    assert state(house, ticket, 1)["preference"] == ["stop_calls", "stop_sms", "stop_email"]
    assert sent(house, ticket).comments == 1
    assert "restore: Push Notification." in str(issue_of(house, ticket)["comments"][-1]).replace("\\", "")
    assert [bool(buttons(card)) for card in cards_of(house, ticket)] == [False, False, True]
    marks = {tag for tag in house.state_of(ticket)["tags"] if tag.startswith("desk_")}
    assert marks == {"desk_waiting"}


def test_a_withdrawal_undoes_what_an_earlier_round_had_done(shared_house: House) -> None:
    """Done, tagged anew, and then withdrawn: JIRA hears of it where the ban is."""
    house, who = shared_house, Person(shared_house, 312)
    ticket = who.main()
    house.press("approve", card=card_of(house, ticket))
    key = house.wait_state(ticket, "banning")["jira_key"]
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    retag(house, ticket)
    next_round(house, ticket, 2)
    house.tag(ticket, WITHDRAWN)
    house.wait_state(ticket, "withdrawn")
    house.wait(lambda: sent(house, ticket).comments, what="JIRA is told")
    house.settle()
    assert "withdr" in str(issue_of(house, ticket)["comments"][-1]).lower()
    assert f"Undone by the JIRA support team: the ban ({key})." in house.notes(ticket)[-1]
    quiet_for(house)
    assert sent(house, ticket).comments == 1


def test_a_ban_is_looked_at_on_day_one_although_a_newer_round_was_declined(asking: House) -> None:
    house = asking
    ticket, key, customer = banning_at_source(house)
    ban(house, customer)
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    retag(house, ticket)
    next_round(house, ticket, 2)
    house.press("decline", card=cards_of(house, ticket)[-1])
    next_round(house, ticket, 2, "declined")
    ban(house, customer, sms=False)
    time_comes(house, ticket, "recheck:1")
    assert state(house, ticket, 1)["state"] == "verifying"
    assert "NOT banned for: SMS." in house.notes(ticket)[-1]
    ban(house, customer)
    time_comes(house, ticket, "recheck:look-1")
    assert state(house, ticket, 1)["state"] == "done"
    assert due(house, ticket)
