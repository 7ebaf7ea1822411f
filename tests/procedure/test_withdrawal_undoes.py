"""A withdrawal undoes what can be undone, at every point of a case, wholly or for named channels (0.28-0.30)."""

from __future__ import annotations

import time

import pytest

from tests.house import House
from tests.kit import (
    CONSENT,
    NOTHING,
    REQUEST,
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
    retag,
    sent,
)
from tests.review.scenes import approved_unheard

REQUESTED, WITHDRAWN = "data_deletion_request", "data_deletion_withdrawn"


def consents(house: House, ticket: int) -> int:
    return len([text for text in house.replies(ticket) if "agree to continue receiving promotional calls" in text])


def acknowledged(house: House, ticket: int) -> int:
    return len([text for text in house.replies(ticket) if "We have received your request" in text])


def wishes(house: House, ticket: int) -> dict[str, str]:
    rows = house.rows(
        "SELECT wish, w.state FROM wishes w JOIN cases c ON c.id = w.case_id WHERE ticket_id = %s"
        " AND generation = (SELECT max(generation) FROM cases WHERE ticket_id = %s)",
        *(ticket, ticket),
    )
    return {row["wish"]: row["state"] for row in rows}


def withdraw(house: House, ticket: int, *channels: str) -> None:
    house.tag(ticket, WITHDRAWN, *(f"resume_{channel}" for channel in channels))


def comments(house: House, ticket: int) -> list[str]:
    return [str(comment).replace("\\", "") for comment in issue_of(house, ticket)["comments"]]


# ---- in whole


def test_sop_0_28_note_lists_what_already_happened_and_who_undoes_it(shared_house: House) -> None:
    house = shared_house
    ticket, key = house.to_banning("pref_stop_all")
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    withdraw(house, ticket)
    case = house.wait_state(ticket, "withdrawn")
    assert case["withdrawal"]["from"] == "done"
    assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, comments=1, links=1)
    note = house.notes(ticket)[-1]
    for words in (
        "The customer withdrew the request",
        f'E-mail to the customer (macro "{REQUEST}"): sent',
        f'E-mail to the customer (macro "{CONSENT}"): sent',
        "Card to the supervisors: closed, its buttons are gone.",
        "Decision: approved by",
        f"JIRA: {key}, the support team is told of the withdrawal.",
        "The ban had been reported as done before the withdrawal.",
        "Undone by the desk: all channels may be used for offers again.",
        f"Undone by the JIRA support team: the ban ({key}).",
        "no further action is required",
    ):
        assert words in note, words
    assert set(wishes(house, ticket).values()) == {"withdrawn"}


def test_sop_0_29_nothing_else_is_sent(shared_house: House) -> None:
    """Before the card: no card, no issue; later updates of the ticket send nothing either."""
    house = shared_house
    ticket = house.ticket(fields={"backoffice": ""})
    house.tag(ticket, REQUESTED, "pref_stop_all")
    house.wait_state(ticket, "incomplete")
    withdraw(house, ticket)
    house.wait_state(ticket, "withdrawn")
    assert sent(house, ticket) == Sent(mails=1)
    edit(house, ticket, backoffice="https://backoffice.example.com/customers/3")
    quiet_for(house)
    assert sent(house, ticket) == Sent(mails=1)
    assert consents(house, ticket) == 1


# ---- for named channels


def test_before_the_card_the_rest_goes_on_in_the_same_case(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket(fields={"backoffice": ""})
    house.tag(ticket, REQUESTED, "pref_stop_all")
    house.wait_state(ticket, "incomplete")
    withdraw(house, ticket, "calls")
    house.settle()
    assert house.case(ticket)["state"] == "incomplete"
    assert sent(house, ticket) == Sent(mails=1)
    assert consents(house, ticket) == 1
    edit(house, ticket, backoffice="https://backoffice.example.com/customers/3")
    case = house.wait_state(ticket, "awaiting")
    assert (case["generation"], case["preference"]) == (1, ["stop_sms", "stop_email", "stop_push"])
    assert sent(house, ticket) == Sent(mails=2, cards=1)
    assert (acknowledged(house, ticket), consents(house, ticket)) == (1, 1)
    assert "Stop only specific types of communication (SMS, Email, Push Notification)" in card_of(house, ticket)["text"]
    house.press("approve", card=card_of(house, ticket))  # the withdrawal's tag is still on the ticket
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, links=1)
    assert "Stop SMS, Email, Push Notification" in issue_of(house, ticket)["summary"]


def test_while_the_card_waits_a_new_card_asks_for_the_rest(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting("pref_stop_all")
    withdraw(house, ticket, "calls", "sms")
    case = next_round(house, ticket, 2)
    assert case["preference"] == ["stop_email", "stop_push"]
    old, new = cards_of(house, ticket)
    assert (buttons(old), bool(buttons(new))) == ([], True)
    assert "(Email, Push Notification)" in new["text"]
    assert (acknowledged(house, ticket), consents(house, ticket)) == (1, 1)  # no second acknowledgement
    assert sent(house, ticket) == Sent(mails=2, cards=2)
    note = house.notes(ticket)[-1]
    assert "Calls, SMS may be used for offers again. The rest of the wish stands." in note
    assert "stop only Email, Push Notification" in note
    assert f'(macro "{REQUEST}"): sent in an earlier round already' in note
    assert {"desk_waiting"} == {tag for tag in house.state_of(ticket)["tags"] if tag.startswith("desk_")}

    seen = house.notes(ticket)
    customer_says(house, ticket)  # a later update changes nothing
    quiet_for(house)
    assert (generations(house, ticket), house.notes(ticket)) == (2, seen)
    assert sent(house, ticket) == Sent(mails=2, cards=2)
    house.press("approve", card=cards_of(house, ticket)[-1])
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(mails=2, cards=2, issues=1, links=1)
    assert "Stop Email, Push Notification" in issue_of(house, ticket)["summary"]


def test_sop_0_30_no_calls_among_the_channels_no_macro_and_the_note_says_why(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting("pref_stop_calls", "pref_stop_sms")
    withdraw(house, ticket, "sms")
    case = next_round(house, ticket, 2)
    assert case["preference"] == ["stop_calls"]
    assert sent(house, ticket) == Sent(mails=1, cards=2)
    assert f'(macro "{CONSENT}"): not sent, calls are not among the channels' in house.notes(ticket)[-1]
    house.tag(ticket, "resume_calls")  # and then calls too: nothing is left, so all of it is withdrawn
    house.wait_state(ticket, "withdrawn")
    assert sent(house, ticket) == Sent(mails=2, cards=2)
    assert consents(house, ticket) == 1
    assert [buttons(card) for card in cards_of(house, ticket)] == [[], []]


@pytest.mark.parametrize("point", ["after the issue", "after done"])
def test_after_approval_jira_is_told_what_to_restore_and_what_stays(shared_house: House, point: str) -> None:
    house = shared_house
    ticket, key = house.to_banning("pref_stop_all")
    if point == "after done":
        house.move_issue(key, "Done")
        house.wait_state(ticket, "done")
    state = house.case(ticket)["state"]
    withdraw(house, ticket, "calls")
    house.wait(lambda: sent(house, ticket).comments, what="JIRA is told")
    house.settle()
    case = house.case(ticket)
    assert (case["state"], case["generation"]) == (state, 1)
    assert case["preference"] == ["stop_sms", "stop_email", "stop_push"]
    assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, comments=1, links=1)
    [comment] = comments(house, ticket)
    assert "Please restore: Calls. Please keep banned: SMS, Email, Push Notification." in comment
    assert f"the JIRA support team ({key}) restores Calls; banned stays: SMS, Email, Push" in house.notes(ticket)[-1]
    found = wishes(house, ticket)
    assert {wish for wish, of in found.items() if of == "withdrawn"} == {"offers", "calls"}

    seen = house.notes(ticket)
    edit(house, ticket, name="Siti Nurhaliza binti Tarudin")
    quiet_for(house)
    assert house.notes(ticket) == seen
    house.tag(ticket, "resume_sms")  # a second one, later
    house.wait(lambda: sent(house, ticket).comments == 2, what="JIRA is told of the second")
    house.settle()
    assert "Please restore: Calls, SMS. Please keep banned: Email, Push Notification." in comments(house, ticket)[-1]
    assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, comments=2, links=1)
    if point == "after the issue":
        house.move_issue(key, "Done")
        house.wait_state(ticket, "done")
        assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, comments=2, links=1)


def test_approved_and_the_issue_is_not_there_yet(house: House) -> None:
    """The issue is opened for what is left; nothing is to be restored."""
    house.sandbox.world.faults.add("jira", "*", "outage", times=None)
    ticket = house.to_awaiting("pref_stop_all")
    house.press("approve")
    house.wait(lambda: house.case(ticket)["state"] == "approved", what="approved")
    withdraw(house, ticket, "email")
    house.wait(lambda: house.case(ticket)["withdrawal"], what="taken back")
    house.sandbox.world.faults.clear()
    house.wait_state(ticket, "banning", 25)
    assert house.case(ticket)["preference"] == ["stop_calls", "stop_sms", "stop_push"]
    assert "Stop Calls, SMS, Push Notification" in issue_of(house, ticket)["summary"]
    assert sent(house, ticket).issues == 1
    assert sent(house, ticket).mails == 1


def test_approved_and_jira_s_answer_is_lost(house: House) -> None:
    """The issue may be there and say the whole wish: JIRA is told once, when it is found."""
    ticket = approved_unheard(house, "pref_stop_all")
    withdraw(house, ticket, "push")
    house.wait(lambda: house.case(ticket)["withdrawal"], what="taken back")
    house.sandbox.world.faults.clear()
    house.wait_state(ticket, "banning", 25)
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, comments=1, links=1)
    assert "Please restore: Push Notification. Please keep banned: Calls, SMS, Email." in comments(house, ticket)[-1]


def test_delete_all_beside_channels_is_for_the_agent_to_ask(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting("pref_delete_all")
    withdraw(house, ticket, "calls")
    house.wait(lambda: "names channels to go on with" in house.notes(ticket)[-1], what="the note asks")
    house.settle()
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert house.case(ticket)["state"] == "awaiting"
    house.press("approve", "U0BALA", card_of(house, ticket))
    house.wait(lambda: house.answers("U0BALA"), what="nobody may decide meanwhile")
    assert house.case(ticket)["decision"] is None
    time.sleep(1.05 - time.time() % 1)  # the same tags within the same second would be the same fact
    house.untag(ticket, WITHDRAWN, "resume_calls")  # a misunderstanding: the request stands
    house.wait(lambda: "names channels to go on with" not in house.notes(ticket)[-1], what="the note is mended")
    house.settle()
    house.press("approve", card=card_of(house, ticket))
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)


def test_both_tags_at_once_with_channels_named_is_the_request_without_them(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket()
    house.tag(ticket, REQUESTED, "pref_stop_all", WITHDRAWN, "resume_push")
    case = house.wait_state(ticket, "awaiting")
    assert case["preference"] == ["stop_calls", "stop_sms", "stop_email"]
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert (acknowledged(house, ticket), consents(house, ticket)) == (1, 0)


def test_delete_all_and_channels_at_once_before_anything(shared_house: House) -> None:
    house = shared_house
    ticket = house.ticket()
    house.tag(ticket, REQUESTED, "pref_delete_all", WITHDRAWN, "resume_push")
    house.wait_state(ticket, "incomplete")
    assert sent(house, ticket) == NOTHING
    assert "names channels to go on with" in house.notes(ticket)[-1]


def test_a_channel_that_was_never_stopped_changes_nothing_of_the_wish(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting("pref_stop_sms")
    withdraw(house, ticket, "calls")
    house.wait(lambda: consents(house, ticket), what="consent to calls is confirmed")
    house.settle()
    case = house.case(ticket)
    assert (case["state"], case["generation"], case["preference"]) == ("awaiting", 1, ["stop_sms"])
    assert sent(house, ticket) == Sent(mails=2, cards=1)


def test_declined_and_tagged_anew_beside_a_withdrawal_in_part(shared_house: House) -> None:
    """The tags of the part stay on the ticket; the request's tag still begins a round, of what is left."""
    house = shared_house
    ticket = house.to_awaiting("pref_stop_all")
    withdraw(house, ticket, "calls")
    next_round(house, ticket, 2)
    house.press("decline", card=cards_of(house, ticket)[-1])
    next_round(house, ticket, 2, "declined")
    retag(house, ticket)
    case = next_round(house, ticket, 3)
    assert case["preference"] == ["stop_sms", "stop_email", "stop_push"]
    assert sent(house, ticket) == Sent(mails=2, cards=3)


def test_withdrawn_in_part_while_the_acknowledgement_s_answer_is_lost(house: House) -> None:
    """The next round must know whether the customer has been told: no second e-mail."""
    ticket = house.to_awaiting("pref_stop_all")
    with house.sql() as conn:  # as a worker leaves it that dies before the answer is written down
        conn.execute("UPDATE effects SET state = 'unknown', done_at = NULL WHERE verb = 'apply_macro'")
    withdraw(house, ticket, "sms")
    next_round(house, ticket, 2)
    assert acknowledged(house, ticket) == 1
    assert sent(house, ticket) == Sent(mails=1, cards=2)
    assert len([card for card in cards_of(house, ticket) if buttons(card)]) == 1
