"""One person, several tickets: one case, one card, one issue; an unverified duplicate blocks nothing (4.2, 0.21)."""

from __future__ import annotations

import threading

from app.joins import covers
from tests.house import House
from tests.kit import (
    NOTHING,
    Sent,
    buttons,
    card_of,
    cards_of,
    customer_says,
    edit,
    generations,
    issue_of,
    next_round,
    quiet_for,
    sent,
)
from tests.procedure.people import Person

REQUESTED, WITHDRAWN = "data_deletion_request", "data_deletion_withdrawn"


def test_what_covers_what() -> None:
    everything, stop, some = ("delete_all",), ("stop_all",), ("stop_calls", "stop_sms")
    assert all(covers(everything, asked) for asked in (everything, stop, some))
    assert [covers(stop, asked) for asked in (everything, stop, some)] == [False, True, True]
    assert [covers(some, asked) for asked in (everything, stop, some, ("stop_sms",), ("stop_push",))] == [
        *(False, False, True, True, False)
    ]


def test_sop_4_2_second_ticket_follows_the_first_to_the_end(shared_house: House) -> None:
    house, who = shared_house, Person(shared_house, 101)
    main = who.main()
    second = who.ticket("pref_stop_calls", mail="other101@example.com")  # by phone alone
    case = house.wait_state(second, "joined")
    assert case["joined_to"] == house.case(main)["id"]
    assert sent(house, second) == NOTHING
    note = house.notes(second)[-1]
    assert f"The same customer's ticket #{main} carries this wish" in note
    assert "not sent here, the customer is acknowledged on the other ticket" in note
    assert "desk_waiting" in house.state_of(second)["tags"]
    house.wait(lambda: f"also asked on ticket #{second}" in house.notes(main)[-1], what="the main ticket says so")
    house.settle()
    edit(house, second, name="Siti Nurhaliza binti Tarudin")
    quiet_for(house)
    assert (sent(house, second), house.notes(second)[-1]) == (NOTHING, note)
    house.press("approve", card=card_of(house, main))
    house.wait_state(main, "banning")
    key = issue_of(house, main)["key"]
    house.move_issue(key, "Done")
    house.wait_state(main, "done")
    house.wait_state(second, "done")
    assert f"Done together with ticket #{main}, JIRA: {key}." in house.notes(second)[-1]
    assert "desk_done" in house.state_of(second)["tags"]
    assert (sent(house, main), sent(house, second)) == (Sent(mails=1, cards=1, issues=1, links=1), NOTHING)


def test_sop_0_21_one_number_in_every_form_joins(shared_house: House) -> None:
    house, who = shared_house, Person(shared_house, 102)
    main = who.main()
    for turn, form in enumerate(("017-102 4321", "60171024321", "0060 17 1024321", "(017) 102.4321")):
        ticket = who.ticket("pref_stop_all", phone=form, mail=f"form{turn}@example.com")
        assert house.wait_state(ticket, "joined")["joined_to"] == house.case(main)["id"], form
        assert sent(house, ticket) == NOTHING
    assert len(cards_of(house, main)) == 1


def test_by_mail_only(shared_house: House) -> None:
    """Two numbers, both in order, and one address."""
    house, one = shared_house, {"name": "Siti Nurhaliza", "email": "again103@example.com"}
    main, second = (
        house.ticket(requester=one, phone=None, fields={"contact": contact}) for contact in ("0171034321", "0195550103")
    )
    house.tag(main, REQUESTED, "pref_stop_all")
    house.wait_state(main, "awaiting")
    house.tag(second, REQUESTED, "pref_stop_all")
    assert house.wait_state(second, "joined")["joined_to"] == house.case(main)["id"]
    assert (sent(house, main), sent(house, second)) == (Sent(mails=1, cards=1), NOTHING)


def test_another_person_does_not_join(shared_house: House) -> None:
    house = shared_house
    Person(house, 104).main()
    other = Person(house, 105).main()
    assert sent(house, other) == Sent(mails=1, cards=1)


def test_unverified_duplicate_first_genuine_second(shared_house: House) -> None:
    """What is incomplete is never joined to, and never has a card."""
    house, who = shared_house, Person(shared_house, 106)
    duplicate = who.ticket("pref_stop_all", fields={"backoffice": ""})
    house.wait_state(duplicate, "incomplete")
    genuine = who.main()
    assert sent(house, genuine) == Sent(mails=1, cards=1)
    assert sent(house, duplicate) == NOTHING
    edit(house, duplicate, backoffice="https://backoffice.example.com/customers/106")
    assert house.wait_state(duplicate, "joined")["joined_to"] == house.case(genuine)["id"]
    assert sent(house, duplicate) == NOTHING


def test_wider_second_takes_an_undecided_first_over(shared_house: House) -> None:
    house, who = shared_house, Person(shared_house, 107)
    first = who.main("pref_stop_calls")
    third = who.ticket("pref_stop_calls")
    house.wait_state(third, "joined")
    second = who.main("pref_delete_all")
    house.wait_state(first, "joined")
    assert buttons(card_of(house, first)) == []
    assert f"Replaced by ticket #{second}" in card_of(house, first)["text"]
    assert buttons(card_of(house, second))
    assert {house.case(t)["joined_to"] for t in (first, third)} == {house.case(second)["id"]}
    assert (sent(house, first), sent(house, second)) == (Sent(mails=1, cards=1), Sent(mails=1, cards=1))
    house.press("approve", card=card_of(house, second))
    house.wait_state(second, "banning")
    house.move_issue(issue_of(house, second)["key"], "Done")
    for ticket in (second, first, third):
        house.wait_state(ticket, "done")
    assert f"Replaced by ticket #{second}" in card_of(house, first)["text"]
    assert f"Done together with ticket #{second}" in house.notes(third)[-1]
    assert sent(house, second) == Sent(mails=1, cards=1, issues=1, links=1)
    assert (sent(house, first).issues, sent(house, third)) == (0, NOTHING)


def test_wider_second_beside_a_decided_first_stands_on_its_own(shared_house: House) -> None:
    house, who = shared_house, Person(shared_house, 108)
    first = who.main("pref_stop_calls")
    house.press("approve", card=card_of(house, first))
    key = house.wait_state(first, "banning")["jira_key"]
    second = who.main("pref_stop_all")
    assert f"has a case on ticket #{first} (JIRA: {key}), which does not cover this wish" in house.notes(second)[-1]
    assert sent(house, second) == Sent(mails=1, cards=1)
    assert house.case(first)["state"] == "banning"


def test_two_at_once_one_card(house: House) -> None:
    """Eight tickets of one person are walked by the workers at the same moment: exactly one of them asks."""
    who = Person(house, 109)
    tickets = [who.ticket() for _ in range(8)]
    start = threading.Barrier(len(tickets))

    def tag(ticket: int) -> None:
        start.wait()
        house.tag(ticket, REQUESTED, "pref_stop_all")

    threads = [threading.Thread(target=tag, args=(ticket,)) for ticket in tickets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    house.wait(
        lambda: len(house.rows("SELECT 1 FROM cases WHERE state IN ('joined', 'awaiting')")) == 8, 30, "all read"
    )
    house.settle(30)
    states = sorted(row["state"] for row in house.rows("SELECT state FROM cases"))
    assert states == ["awaiting", *["joined"] * 7]
    assert sum(sent(house, ticket).cards for ticket in tickets) == 1
    assert sum(sent(house, ticket).mails for ticket in tickets) == 1
    [main] = house.rows("SELECT id FROM cases WHERE state = 'awaiting'")
    assert {row["joined_to"] for row in house.rows("SELECT joined_to FROM cases WHERE state = 'joined'")} == {
        main["id"]
    }


def test_main_declined_the_other_asks_for_itself(shared_house: House) -> None:
    house, who = shared_house, Person(shared_house, 110)
    main, tickets = who.main(), []
    for _ in range(2):
        tickets.append(who.ticket("pref_stop_all"))
        house.wait_state(tickets[-1], "joined")
    house.press("decline", card=card_of(house, main))
    house.wait_state(main, "declined")
    house.wait(lambda: sorted(house.case(t)["state"] for t in tickets) == ["awaiting", "joined"], what="one asks anew")
    house.settle()
    assert sorted(sent(house, ticket).cards for ticket in tickets) == [0, 1]
    [asks] = [ticket for ticket in tickets if house.case(ticket)["state"] == "awaiting"]
    assert generations(house, asks) == 2
    house.press("approve", card=card_of(house, asks))
    house.wait_state(asks, "banning")
    assert sent(house, asks) == Sent(mails=1, cards=1, issues=1, links=1)
    assert sent(house, main) == Sent(mails=1, cards=1)


def test_withdrawal_on_the_follower_withdraws_all(shared_house: House) -> None:
    house, who = shared_house, Person(shared_house, 111)
    main = who.main()
    house.press("approve", card=card_of(house, main))
    house.wait_state(main, "banning")
    tickets = [who.ticket("pref_stop_all"), who.ticket("pref_stop_sms")]
    for ticket in tickets:
        house.wait_state(ticket, "joined")
    house.tag(tickets[0], WITHDRAWN)
    for ticket in (tickets[0], main, tickets[1]):
        house.wait_state(ticket, "withdrawn")
    assert sent(house, main) == Sent(mails=1, cards=1, issues=1, comments=1, links=1)
    assert (sent(house, tickets[0]), sent(house, tickets[1])) == (Sent(mails=1), NOTHING)  # the consent, once
    assert f"The customer withdrew this on ticket #{tickets[0]}." in house.notes(main)[-1]
    assert "Withdrawn by the customer" in card_of(house, main)["text"]
    for ticket in (main, *tickets):
        assert "desk_withdrawn" in house.state_of(ticket)["tags"]


def test_withdrawal_in_part_on_the_follower(shared_house: House) -> None:
    """The main case is asked for anew without the channel, on its own ticket, and everybody follows the new round."""
    house, who = shared_house, Person(shared_house, 112)
    main = who.main()
    tickets = [who.ticket("pref_stop_all"), who.ticket("pref_stop_all")]
    for ticket in tickets:
        house.wait_state(ticket, "joined")
    house.tag(tickets[0], WITHDRAWN, "resume_calls")
    case = next_round(house, main, 2)
    rest = ["stop_sms", "stop_email", "stop_push"]
    assert case["preference"] == rest
    for ticket in tickets:
        assert (house.case(ticket)["state"], house.case(ticket)["joined_to"]) == ("joined", case["id"])
        assert house.case(ticket)["preference"] == rest
    assert [bool(buttons(card)) for card in cards_of(house, main)] == [False, True]
    stopped = (
        "SELECT DISTINCT channel FROM (SELECT DISTINCT ON (person, channel, case_id) channel, allowed FROM consents"
        " WHERE person IN (SELECT person FROM consents WHERE ticket_id = %s)"
        " ORDER BY person, channel, case_id, id DESC) latest WHERE NOT allowed ORDER BY channel"
    )
    assert [row["channel"] for row in house.rows(stopped, main)] == ["email", "push", "sms"]
    assert sent(house, main) == Sent(mails=1, cards=2)
    assert (sent(house, tickets[0]), sent(house, tickets[1])) == (Sent(mails=1), NOTHING)
    customer_says(house, main)  # its own tags still say stop all
    customer_says(house, tickets[1])
    quiet_for(house)
    assert (house.case(main)["preference"], generations(house, main)) == (rest, 2)
    assert house.case(tickets[1])["state"] == "joined"
    assert sent(house, main) == Sent(mails=1, cards=2)


def test_follower_that_wants_more_by_now_stands_on_its_own(shared_house: House) -> None:
    house, who = shared_house, Person(shared_house, 113)
    main = who.main("pref_stop_sms")
    second = who.ticket("pref_stop_sms")
    house.wait_state(second, "joined")
    house.untag(second, "pref_stop_sms")
    house.tag(second, "pref_delete_all")
    house.wait_state(second, "awaiting")
    house.wait_state(main, "joined")
    assert buttons(card_of(house, main)) == []
    assert sent(house, second) == Sent(mails=1, cards=1)


def test_sop_0_15_the_newest_wish_of_the_customer_wins(shared_house: House) -> None:
    """Withdrawn on the main ticket: nobody's ticket asks any more."""
    house, who = shared_house, Person(shared_house, 114)
    main = who.main()
    second = who.ticket("pref_stop_all")
    house.wait_state(second, "joined")
    house.tag(main, WITHDRAWN)
    house.wait_state(main, "withdrawn")
    house.wait_state(second, "withdrawn")
    assert f"The customer withdrew this on ticket #{main}." in house.notes(second)[-1]
    assert sent(house, second) == NOTHING
    assert buttons(card_of(house, main)) == []


def test_sop_0_4_deletion_is_asked_for_in_the_words_of_the_sop(shared_house: House) -> None:
    house = shared_house
    deletion = Person(house, 115).main("pref_delete_all")
    assert "Delete personal data completely (subject to compliance retention)" in card_of(house, deletion)["text"]
    assert sent(house, deletion) == Sent(mails=1, cards=1)


def test_sop_0_5_opt_out_works_without_any_deletion(shared_house: House) -> None:
    house = shared_house
    ticket = Person(house, 116).main("pref_stop_all")
    text = card_of(house, ticket)["text"]
    assert "Delete personal data" not in text
    assert "Ban from all offers" in text
    house.press("approve", card=card_of(house, ticket))
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
