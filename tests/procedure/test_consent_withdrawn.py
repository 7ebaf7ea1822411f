"""The consent ledger when a wish is withdrawn: yes again for what is named, over all tickets of the person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.consent import ledger
from app.settings import CHANNELS
from tests.house import House
from tests.kit import customer_says, next_round, retag
from tests.procedure.consent_kit import NAMED, Someone, both, entries, stopped, withdraw


def test_a_withdrawal_lifts_all(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    withdraw(house, ticket)
    house.wait_state(ticket, "withdrawn")
    assert both(house, who) == set()
    lifted = [row for row in entries(house, who) if row["allowed"]]
    assert [(row["reason"], row["ticket_id"], row["corrects"]) for row in lifted] == [("withdrawn", ticket, None)] * 10


def test_a_withdrawal_lifts_only_the_channels_named(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    withdraw(house, ticket, "calls")
    assert both(house, who) == {"sms", "email", "push"}
    above = [row["allowed"] for row in entries(house, who) if row["channel"] == "any"]
    assert above == [False, False, True, True]  # not all offers are banned any more


def test_sop_4_1_what_we_knew_on_day_x(shared_house: House) -> None:
    house, who = shared_house, Someone()
    before = house.rows("SELECT clock_timestamp() AS at")[0]["at"]
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    between = house.rows("SELECT clock_timestamp() AS at")[0]["at"]
    withdraw(house, ticket)
    house.wait_state(ticket, "withdrawn")
    phone = who.digests[0]
    assert stopped(house, phone, before) == set()
    assert stopped(house, phone, between) == set(CHANNELS)
    assert stopped(house, phone) == set()
    with house.desk.db.tx() as conn:
        told = ledger.history(conn, [phone])
    assert [e.allowed for e in told] == [False] * 5 + [True] * 5
    assert {e.channel for e in told[:5]} == {e.channel for e in told[5:]} == set(NAMED)
    assert [e.recorded_at for e in told] == sorted(e.recorded_at for e in told)


def test_a_withdrawal_on_one_ticket_lifts_another_tickets_ban_of_the_same_person(shared_house: House) -> None:
    house, who = shared_house, Someone()
    first, second = who.ticket(house), who.ticket(house)
    house.tag(first, "data_deletion_request", "pref_stop_all")
    house.wait_state(first, "awaiting")
    house.press("decline", card=house.card())
    house.wait_state(first, "declined")
    withdraw(house, second)
    assert both(house, who) == set()
    yes = [row for row in entries(house, who) if row["allowed"]]
    assert {(row["case_id"], row["reason"]) for row in yes} == {
        (house.case(first)["id"], "withdrawn"),  # each yes belongs to the case whose no it ends
        (house.case(second)["id"], "consented"),  # and to calls, the customer has said yes on this ticket
    }
    assert {row["ticket_id"] for row in yes} == {second}
    customer_says(house, first)
    house.settle()
    assert both(house, who) == set()  # a mere update of the older wish's ticket is no newer wish


def test_an_old_withdrawal_walked_again_does_not_lift_a_newer_no(shared_house: House) -> None:
    house, who = shared_house, Someone()
    first, second = who.ticket(house), who.ticket(house)
    withdraw(house, first)
    house.wait_state(first, "withdrawn")
    # An audit has whole seconds: the next wish is of a later one.
    house.wait(lambda: datetime.now(UTC) > house.case(first)["opened_at"] + timedelta(seconds=1.1), what="a second")
    house.tag(second, "data_deletion_request", "pref_stop_all")
    house.wait_state(second, "awaiting")
    customer_says(house, first)  # walks the withdrawal again
    house.settle()
    assert both(house, who) == set(CHANNELS)


def test_sop_3_4_the_customer_never_has_to_repeat_it(shared_house: House) -> None:
    """Said once, by mail or call, it holds for phone and mail alike, in each form and for each of the channels."""
    house, who = shared_house, Someone()
    ticket = who.ticket(house, fields={"contact": f"012 {str(who.number)[:3]}-{str(who.number)[3:]}"})
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    assert both(house, who) == set(CHANNELS)
    call = Someone()
    ticket = house.ticket(
        requester={"name": "Siti Nurhaliza", "email": None, "phone": call.phone}, fields={"contact": ""}
    )
    house.tag(ticket, "data_deletion_request", "pref_stop_calls")
    house.wait(lambda: entries(house, call), what="the call's wish is in the ledger")
    house.settle()
    assert stopped(house, call.digests[0]) == {"calls"}


def test_consent_to_calls_names_the_ticket(shared_house: House) -> None:
    """Nothing was ever stopped: the yes that the customer gives is an entry all the same (SOP 000, macro of 0.30)."""
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    withdraw(house, ticket)
    house.wait_state(ticket, "withdrawn")
    rows = entries(house, who)
    assert [(r["channel"], r["allowed"], r["reason"], r["ticket_id"]) for r in rows] == [
        ("calls", True, "consented", ticket)
    ] * 2
    customer_says(house, ticket)
    house.settle()
    assert entries(house, who) == rows


def test_channels_withdrawn_before_the_wish_is_clear_are_not_stopped_again(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request")
    house.wait_state(ticket, "incomplete")
    withdraw(house, ticket, "calls")
    assert both(house, who) == {"sms", "email", "push"}
    customer_says(house, ticket)
    house.settle()
    assert both(house, who) == {"sms", "email", "push"}


def test_a_new_round_corrects_what_a_declined_one_said(shared_house: House) -> None:
    """The supervisor declined because the customer meant something else: the newer wish of the same ticket counts."""
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    house.press("decline", card=house.card())
    first = house.wait_state(ticket, "declined")
    assert both(house, who) == set(CHANNELS)
    house.untag(ticket, "pref_stop_all")
    house.settle()
    retag(house, ticket)
    next_round(house, ticket, 2, "incomplete")
    assert both(house, who) == set(CHANNELS)  # not clear yet: nothing is given back
    house.tag(ticket, "pref_stop_sms")
    next_round(house, ticket, 2)
    assert both(house, who) == {"sms"}
    corrected = [row for row in entries(house, who) if row["case_id"] == first["id"] and row["allowed"]]
    assert {row["channel"] for row in corrected} == set(NAMED) - {"sms"}
    assert all(row["corrects"] for row in corrected)


def test_a_withdrawal_in_part_reaches_the_persons_other_ticket_in_part_only(shared_house: House) -> None:
    """Two tickets of one number and two addresses: what is taken back on one is taken back for both, and no more."""
    house, who, alias = shared_house, Someone(), Someone()
    requester = {"name": "Siti Nurhaliza", "email": alias.mail, "phone": who.phone}
    first, second = who.ticket(house), who.ticket(house, requester=requester)
    for ticket in (first, second):
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
        house.wait(lambda ticket=ticket: house.rows("SELECT 1 FROM consents WHERE ticket_id = %s", ticket))
        house.settle()
    withdraw(house, second, "calls")
    rest = {"sms", "email", "push"}
    # The first ticket's own address is known to its case alone, which hears of it by a timer.
    house.wait(lambda: stopped(house, who.digests[1]) == rest, what="the other ticket's case has heard of it")
    house.settle()
    assert both(house, who) == rest
    assert stopped(house, alias.digests[1]) == rest
    customer_says(house, first)
    customer_says(house, second)
    house.settle()
    assert both(house, who) == rest
    assert stopped(house, alias.digests[1]) == rest


def test_both_tags_at_once_restore_nothing(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request", "pref_stop_all", "data_deletion_withdrawn")
    house.settle()
    assert "both_tags" in house.case(ticket)["problems"]
    assert [row for row in entries(house, who) if row["allowed"]] == []
