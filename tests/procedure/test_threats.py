"""Regulatory Complaint Threats through the real doors: raised first, once, beside the request, decided by a person."""

from __future__ import annotations

import threading

from tests.house import House
from tests.kit import (
    Sent,
    agent_id,
    agent_says,
    buttons,
    cards_of,
    customer_says,
    deliver,
    quiet_for,
    sent,
    template_body,
    told,
)
from tests.procedure.threats_kit import (
    THREAT,
    URGENT,
    WORDS,
    deletion_cards,
    only_tag,
    person,
    press,
    raised,
    threat_cards,
    threats,
)


def test_sop_0_33_own_urgent_card_before_any_other_and_both_go_on(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket(**person(), comment=WORDS)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    first, second = cards_of(house, ticket)
    assert first["text"].startswith(URGENT)
    assert "Bank Negara and my lawyer" in first["text"]
    assert "Customer Name: Siti Nurhaliza" in first["text"]
    assert "Contact Number: +60 12-345 1" in first["text"]
    assert f"/agent/tickets/{ticket}|#{ticket}> (CS Only)" in first["text"]
    assert first["blocks"][0]["type"] == "header"
    assert buttons(first) == ["acknowledge", "false_alarm"]
    assert buttons(second) == ["approve", "decline", "ask"]  # the request goes on beside it
    assert sent(house, ticket) == Sent(mails=1, cards=2)
    assert {"desk_threat", "desk_waiting"} <= set(house.state_of(ticket)["tags"])
    [note] = [n for n in house.notes(ticket) if "regulatory complaint threat" in n]
    assert "a regulator, legal action" in note
    assert "lawyer" not in note  # kinds, never the customer's words
    assert "Siti" not in note

    press(house, second, "approve")
    house.wait_state(ticket, "banning")
    assert "desk_threat" in house.state_of(ticket)["tags"]  # the other case's mark does not take this one away
    assert buttons(threat_cards(house, ticket)[0]) == ["acknowledge", "false_alarm"]


def test_sop_2_8_a_person_by_name_ends_it_and_nothing_is_approved(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket(**person(), comment=WORDS)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    press(house, raised(house, ticket), "acknowledge", "U0BALA")
    house.settle()
    [case] = threats(house, ticket)
    assert (case["state"], case["decision"], case["decided_by"]) == ("done", "acknowledge", "U0BALA")
    assert house.case(ticket)["state"] == "awaiting"
    assert sent(house, ticket) == Sent(mails=1, cards=2)  # nothing to JIRA
    [card] = threat_cards(house, ticket)
    assert "<@U0BALA> takes care of it" in card["text"]
    assert buttons(card) == []
    assert not [w for w in ("Siti", "345 6", "Negara", "lawyer") if w in str(card["blocks"]) + card["text"]]
    assert "bala@example.com takes care of it" in [n for n in house.notes(ticket) if "complaint threat" in n][-1]
    told(house, "U0BALA", "you take care of this regulatory complaint threat")
    press(house, deletion_cards(house, ticket)[0], "approve")
    house.wait_state(ticket, "banning")


def test_sop_0_32_only_the_customers_own_words_count(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting(**person())
    agent_says(house, ticket, "He may go to the police or the tribunal, says my lawyer.")
    customer_says(house, ticket, "Thank you.\n\nOn 3 Nov 2026 at 10:00, Desk <desk@example.com> wrote:\n> see BNM\nBNM")
    customer_says(house, ticket, "> you wrote: take legal action\nNo need for that.\n-- \nLim, Lawyer")
    quiet_for(house)
    assert threats(house, ticket) == []
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert not [n for n in house.notes(ticket) if "complaint threat" in n]
    assert "desk_threat" not in house.state_of(ticket)["tags"]


def test_sop_0_7_beside_the_request_in_malay_too(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting(**person())
    customer_says(house, ticket, "Kalau tak padam, saya buat laporan polis dan adu ke Tribunal Pengguna.")
    card = raised(house, ticket)
    assert "saya buat laporan polis dan adu ke Tribunal Pengguna" in card["text"]
    [case] = threats(house, ticket)
    assert case["evidence"]["kinds"] == ["police", "tribunal"]
    assert case["evidence"]["rules"] == ["police_report", "tribunal"]
    for table in ("cases", "events", "effects", "journal"):  # rule names only, no words of the customer
        assert "laporan" not in str(house.rows(f"SELECT * FROM {table}"))
    assert house.case(ticket)["state"] == "awaiting"
    assert sent(house, ticket) == Sent(mails=1, cards=2)


def test_an_agent_flags_by_tag_alone(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket(**person())
    only_tag(house, ticket, THREAT)
    card = raised(house, ticket)
    assert "An agent has flagged the ticket" in card["text"]
    assert sent(house, ticket) == Sent(cards=1)  # no request: no mail, nothing to JIRA
    states = {(e["kind"], e["state"]) for e in house.rows("SELECT * FROM events WHERE ticket_id = %s", ticket)}
    assert states <= {("threat_seen", "done"), ("ticket_tagged", "done"), ("ticket_tagged", "ignored")}
    press(house, card, "false_alarm")
    assert "desk_threat" not in house.state_of(ticket)["tags"]
    deliver(house, template_body(ticket, THREAT, at="2030-01-01T00:00:00Z"))
    quiet_for(house)
    assert len(threat_cards(house, ticket)) == 1  # the flag that was judged is not raised again


def test_words_and_tag_are_one_case(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket(**person(), comment=WORDS)
    only_tag(house, ticket, THREAT)
    card = raised(house, ticket)
    assert "An agent has flagged the ticket" in card["text"]
    assert "Bank Negara" in card["text"]
    assert len(threats(house, ticket)) == 1
    assert sent(house, ticket) == Sent(cards=1)
    assert len([n for n in house.notes(ticket) if "complaint threat" in n]) == 1


def test_more_words_while_it_is_open_are_on_the_same_card(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket(**person(), comment=WORDS)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    customer_says(house, ticket, "Now I make a police report as well.")
    house.wait(lambda: "police report" in threat_cards(house, ticket)[0]["text"], what="the card shows the new words")
    house.settle()
    [card] = threat_cards(house, ticket)
    assert "Bank Negara" in card["text"]
    assert len(threats(house, ticket)) == 1
    notes = [n for n in house.notes(ticket) if "complaint threat" in n]
    assert len(notes) == 2
    assert "a regulator, legal action, the police" in notes[-1]
    assert sent(house, ticket) == Sent(mails=1, cards=2)
    press(house, card, "acknowledge")  # the renewed buttons work
    assert threats(house, ticket)[0]["state"] == "done"


def test_a_false_alarm_is_recorded_and_the_same_words_are_never_raised_again(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket(**person(), comment="My brother is a lawyer and he will write to you.")
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    press(house, raised(house, ticket), "false_alarm", "U0BALA")
    [case] = threats(house, ticket)
    assert (case["state"], case["decision"]) == ("declined", "false_alarm")
    assert case["evidence"]["rules"] == ["lawyer"]
    told(house, "U0BALA", "Recorded: false alarm")
    assert "desk_threat" not in house.state_of(ticket)["tags"]
    customer_says(house, ticket, "Any news?")
    quiet_for(house)
    assert len(threats(house, ticket)) == 1
    assert len(threat_cards(house, ticket)) == 1

    customer_says(house, ticket, "Then I go to the tribunal.")
    card = raised(house, ticket, 2)
    assert "I go to the tribunal" in card["text"]
    assert "brother" not in card["text"]  # what was judged is not shown again
    assert len(threat_cards(house, ticket)) == 2
    assert "desk_threat" in house.state_of(ticket)["tags"]
    assert sent(house, ticket).mails == 1


def test_what_a_customer_writes_stays_text_on_the_card(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket(**person(), comment="<!channel> *BNM* & {{ticket.id}} " + "x" * 4000)
    only_tag(house, ticket, "pref_stop_all")
    card = raised(house, ticket)
    assert "&lt;!channel&gt; *BNM* &amp; {{ticket.id}} xx" in card["text"]
    [quote] = [b for b in card["blocks"] if b["type"] == "section" and "BNM" in b["text"]["text"]]
    assert quote["text"]["type"] == "plain_text"
    assert len(quote["text"]["text"]) < 400


def test_twenty_deliveries_make_one_card(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket(**person(), comment=WORDS)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    bodies = [template_body(ticket, "data_deletion_request", "pref_stop_all", at=f"2026-11-2{n % 2}T00:00:0{n % 5}Z")
              for n in range(20)]  # fmt: skip
    callers = [threading.Thread(target=deliver, args=(house, body)) for body in bodies]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    house.wait_state(ticket, "awaiting")
    assert len(threat_cards(house, ticket)) == 1
    assert sent(house, ticket) == Sent(mails=1, cards=2)


def test_comments_that_nobody_may_read_do_not_stop_the_wish(shared_house: House) -> None:
    house = shared_house
    house.sandbox.world.faults.add("zendesk", "tickets.comments", "403", times=None)
    try:
        ticket = house.ticket(**person(), comment=WORDS)
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
        house.wait_state(ticket, "awaiting")
        assert sent(house, ticket) == Sent(mails=1, cards=1)
    finally:
        house.sandbox.world.faults.clear()


def test_while_comments_cannot_be_read_for_now_everything_waits(shared_house: House) -> None:
    house = shared_house
    house.sandbox.world.faults.add("zendesk", "tickets.comments", "503_before", times=10)
    ticket = house.ticket(**person(), comment=WORDS)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting", 30)
    assert cards_of(house, ticket)[0]["text"].startswith(URGENT)


def test_chat_down_the_threat_waits_and_the_mail_goes_out(house: House) -> None:
    house.sandbox.world.faults.add("slack", "chat.postMessage", "503_before", times=None)
    ticket = house.ticket(**person(), comment=WORDS)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait(lambda: sent(house, ticket).mails == 1, what="the customer is mailed")
    assert sent(house, ticket) == Sent(mails=1)
    house.sandbox.world.faults.clear()
    house.wait(lambda: len(cards_of(house, ticket)) == 2, 20, "both cards are there")
    house.settle()
    assert sent(house, ticket) == Sent(mails=1, cards=2)


def test_own_approvers_and_own_channel(database: str) -> None:
    """A threat has its own list and channel: who may approve deletions may not decide it, and the other way round."""
    with House(database, threat_approvers="U0BALA=bala@example.com", threat_channel="D00BALA") as house:
        ticket = house.ticket(**person(), comment=WORDS)
        house.tag(ticket, "data_deletion_request", "pref_stop_all", agent=agent_id(house, "bala@example.com"))
        house.wait_state(ticket, "awaiting")
        [threat], [deletion] = threat_cards(house, ticket), deletion_cards(house, ticket)
        assert threat["channel"] == "D00BALA"
        assert deletion["channel"] == "C0SUPERVISE"
        press(house, threat, "acknowledge", "U0AISYAH")
        told(house, "U0AISYAH", "not on the list of approvers")
        assert threats(house, ticket)[0]["state"] == "awaiting"
        press(house, deletion, "approve", "U0BALA")  # who tagged may not approve the deletion …
        told(house, "U0BALA", "you worked on the ticket yourself")
        press(house, threat, "acknowledge", "U0BALA")  # … but may take care of the threat
        assert threats(house, ticket)[0]["state"] == "done"
        assert house.case(ticket)["state"] == "awaiting"
        assert sent(house, ticket) == Sent(mails=1, cards=2)


def test_the_requester_may_not_decide_and_the_first_press_wins(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket(**{**person(), "email": "aisyah@example.com"}, comment=WORDS)
    only_tag(house, ticket, "pref_stop_all")
    card = raised(house, ticket)
    press(house, card, "false_alarm", "U0AISYAH")
    told(house, "U0AISYAH", "you worked on the ticket yourself")
    press(house, card, "acknowledge", "U0BALA")
    house.press("false_alarm", "U0BALA", card, stale=True)
    told(house, "U0BALA", "already taken care of")
    assert threats(house, ticket)[0]["decision"] == "acknowledge"


def test_a_withdrawal_does_not_end_the_threat(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket(**person(), comment=WORDS)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    house.tag(ticket, "data_deletion_withdrawn")
    house.wait_state(ticket, "withdrawn")
    card = raised(house, ticket)
    press(house, card, "acknowledge")
    assert threats(house, ticket)[0]["state"] == "done"
