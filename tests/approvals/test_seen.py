"""A decision is bound to what was seen: a ticket that says something else makes the next card, which shows the
difference, and a press on an old one decides nothing (issue 4)."""

from __future__ import annotations

import json

import pytest

from app.tokens import Tokens
from tests.approvals.seen import CHANGED, REPLACED, change, deaf, next_second, open_card, prefer, shape, timer_due
from tests.house import House
from tests.kit import (
    Sent,
    agent_id,
    buttons,
    cards_of,
    customer_says,
    edit,
    issue_of,
    sent,
    text_of,
    told,
)
from tests.review.scenes import killed_at, taken_over

OTHER_LINK = "https://backoffice.example.com/customers/4711"
NEW = {
    "name": ("Siti Aminah Nurhaliza", "Customer Name: Siti Nurhaliza → Siti Aminah Nurhaliza"),
    "backoffice": (OTHER_LINK, f"BackOffice Link: https://backoffice.example.com/customers/42 → {OTHER_LINK}"),
}


@pytest.mark.parametrize("field", ["name", "backoffice", "preference"])
def test_a_field_changes_and_the_next_card_shows_the_difference(shared_house: House, field: str) -> None:
    house = shared_house
    ticket = house.to_awaiting("pref_stop_calls")
    first = open_card(house, ticket)
    if field == "preference":
        prefer(house, ticket, "pref_stop_calls", "pref_stop_all")
        line = "Customer Preference: stop only Calls → stop all offers and communication"
    else:
        change(house, ticket, **{field: NEW[field][0]})
        line = NEW[field][1]
    assert shape(house, ticket) == ["Replaced", "open"]
    old, new = cards_of(house, ticket)
    assert (old["ts"], REPLACED in text_of(old)) == (first["ts"], True)
    assert "Siti" not in json.dumps(old)
    assert "backoffice.example.com" not in json.dumps(old)
    said = text_of(new)
    assert f"Changed since the last card:\n{line}" in said
    assert said.count(" → ") == 1, "only what has changed"
    assert said.startswith("Kindly assist to remove/update"), "the SOP's text in full"
    assert sent(house, ticket) == Sent(mails=1, cards=2), "no second acknowledgement"
    assert "because the details on the ticket have changed" in house.notes(ticket)[-1]

    before = len(house.answers("aisyah"))
    house.press("approve", card=old, stale=True)
    house.wait(lambda: len(house.answers("aisyah")) > before, what="the press is answered")
    house.settle()
    assert CHANGED in house.answers("aisyah")[-1]
    assert house.case(ticket)["state"] == "awaiting"
    house.press("approve", card=new)
    house.wait_state(ticket, "banning")
    issue = issue_of(house, ticket)
    assert (OTHER_LINK in issue["description"]) == (field == "backoffice")
    assert ("Stop Calls" in issue["summary"]) == (field != "preference")
    assert [buttons(card) for card in cards_of(house, ticket)] == [[], []]
    assert sent(house, ticket) == Sent(mails=1, cards=2, issues=1, links=1)


def test_what_a_field_said_is_kept_sealed_and_leaves_the_card_with_the_decision(house: House, caplog: object) -> None:
    ticket = house.to_awaiting(fields={"name": "Siti Kanari Nurhaliza"})
    change(house, ticket, name="Siti Nurhaliza binti Ali")
    assert "Siti Kanari Nurhaliza → Siti Nurhaliza binti Ali" in text_of(open_card(house, ticket))
    for table in ("cases", "effects", "events", "journal", "timers"):
        assert "Kanari" not in str(house.rows(f"SELECT to_jsonb(t) AS row FROM {table} t")), table
    assert "Kanari" not in "".join(house.notes(ticket))
    house.press("approve", card=open_card(house, ticket))
    house.wait_state(ticket, "banning")
    assert "Kanari" not in json.dumps(cards_of(house, ticket), ensure_ascii=False)
    assert "Kanari" not in getattr(caplog, "text", "")


def test_a_press_finds_it_changed_before_any_walk_does(house: House) -> None:
    ticket = house.to_awaiting()
    deaf(house)
    change(house, ticket, backoffice=OTHER_LINK)
    assert shape(house, ticket) == ["open"]
    house.press("approve")
    told(house, "aisyah", CHANGED)
    assert house.case(ticket)["decision"] is None
    assert shape(house, ticket) == ["Replaced", "open"]
    assert sent(house, ticket) == Sent(mails=1, cards=2)
    house.press("approve", "bala", open_card(house, ticket))
    case = house.wait_state(ticket, "banning")
    assert case["decided_by"] == house.user("bala")
    assert OTHER_LINK in issue_of(house, ticket)["description"]
    assert sent(house, ticket) == Sent(mails=1, cards=2, issues=1, links=1)


@pytest.mark.parametrize(
    "place",
    [("effect.after_outcome", "answer"), ("effect.after_plan", "ask_supervisor"), ("effect.after_claim", "update_card"),
     ("effect.after_call", "ask_supervisor")],
    ids=" ".join,
)  # fmt: skip
def test_killed_after_the_presser_was_told_the_next_card_comes_all_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch, place: tuple[str, str]
) -> None:
    ticket = house.to_awaiting()
    deaf(house)
    change(house, ticket, backoffice=OTHER_LINK)
    with killed_at(monkeypatch, *place) as hit:
        house.press("approve")
        house.wait(lambda: hit, what="the walk has ended there")
    taken_over(house, house.rows("SELECT id FROM events WHERE kind = 'button_pressed'")[0]["id"])
    house.settle(30)
    told(house, "aisyah", CHANGED)
    assert shape(house, ticket) == ["Replaced", "open"]
    assert sent(house, ticket) == Sent(mails=1, cards=2)


def test_changed_and_changed_back_unseen_is_the_same_card(house: House) -> None:
    ticket = house.to_awaiting()
    deaf(house)
    change(house, ticket, name="Siti Aminah")
    change(house, ticket, name="Siti Nurhaliza")
    customer_says(house, ticket)
    house.press("approve")
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)


def test_a_card_that_was_replaced_stays_so_though_the_ticket_says_it_again(house: House) -> None:
    ticket = house.to_awaiting()
    change(house, ticket, name="Siti Aminah")
    change(house, ticket, name="Siti Nurhaliza")
    assert shape(house, ticket) == ["Replaced", "Replaced", "open"]
    one, two, three = cards_of(house, ticket)
    for number, old in enumerate((one, two), start=1):
        house.press("approve", "bala", old, stale=True)
        told(house, "bala", CHANGED, number)
    assert house.case(ticket)["state"] == "awaiting"
    house.press("decline", card=three)
    house.wait_state(ticket, "declined")
    assert [buttons(card) for card in cards_of(house, ticket)] == [[], [], []]


def test_details_gone_take_the_card_back_until_the_agent_mends_them(house: House) -> None:
    ticket = house.to_awaiting()
    first = open_card(house, ticket)
    change(house, ticket, backoffice="")
    assert house.case(ticket)["state"] == "incomplete"
    assert shape(house, ticket) == ["Waiting for the agent"]
    assert "Siti" not in json.dumps(cards_of(house, ticket))
    assert "BackOffice link is missing" in house.notes(ticket)[-1]
    assert "Card to the supervisors: closed, because details are missing now" in house.notes(ticket)[-1]
    house.press("approve", card=first, stale=True)
    told(house, "aisyah", CHANGED)
    change(house, ticket, backoffice=OTHER_LINK)
    assert house.case(ticket)["state"] == "awaiting"
    assert shape(house, ticket) == ["Replaced", "open"]
    assert f"customers/42 → {OTHER_LINK}" in text_of(open_card(house, ticket))
    assert sent(house, ticket) == Sent(mails=1, cards=2)
    change(house, ticket, name="")  # the requester's own name counts then: another card, the name in full
    change(house, ticket, contact="12")
    assert house.case(ticket)["state"] == "incomplete"
    assert not [card for card in cards_of(house, ticket) if buttons(card)]
    house.tag(ticket, "data_deletion_withdrawn")
    house.wait_state(ticket, "withdrawn")
    assert not [card for card in cards_of(house, ticket) if buttons(card)]
    assert "Withdrawn by the customer" in text_of(cards_of(house, ticket)[-1])


def test_somebody_copied_later_takes_no_card_back(house: House) -> None:
    ticket = house.to_awaiting()
    bala = agent_id(house, "bala@example.com")
    with house.sandbox.world.lock:
        house.sandbox.world.zendesk.tickets[ticket].collaborator_ids = [bala]
    customer_says(house, ticket)
    house.settle()
    assert shape(house, ticket) == ["open"]
    house.press("approve")
    house.wait_state(ticket, "banning")


def test_after_the_decision_the_ticket_changes_nothing(database: str) -> None:
    with House(database, sandbox={"trigger_guard": False}) as house:
        ticket, _ = house.to_banning("pref_stop_calls")
        prefer(house, ticket, "pref_stop_calls", "pref_stop_all")
        change(house, ticket, backoffice=OTHER_LINK)
        assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
        assert house.case(ticket)["preference"] == ["stop_calls"]
        assert "changed after the decision" in house.notes(ticket)[-1]


def test_who_had_to_do_with_the_first_card_may_not_decide_on_the_next(house: House) -> None:
    ticket, bala = house.ticket(), agent_id(house, "bala@example.com")
    with house.sandbox.world.lock:
        house.sandbox.world.zendesk.tickets[ticket].assignee_id = bala
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    barred = house.case(ticket)["barred"]
    with house.sandbox.world.lock:
        house.sandbox.world.zendesk.tickets[ticket].assignee_id = None
    change(house, ticket, name="Siti Aminah")
    assert set(barred) <= set(house.case(ticket)["barred"])


def test_the_renewal_of_the_buttons_finds_it(house: House) -> None:
    ticket = house.to_awaiting()
    deaf(house)
    change(house, ticket, name="Siti Aminah")
    assert shape(house, ticket) == ["open"]
    timer_due(house, ticket, "refresh:1")
    assert shape(house, ticket) == ["Replaced", "open"]
    assert house.rows("SELECT 1 FROM effects WHERE verb = 'renew_card'") == []
    timer_due(house, ticket, "refresh:2/1")  # the new card's own renewals go on
    assert [row["arg"] for row in house.rows("SELECT arg FROM effects WHERE verb = 'renew_card'")] == ["2/1"]
    assert shape(house, ticket) == ["Replaced", "open"]
    house.press("approve", card=open_card(house, ticket))
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(mails=1, cards=2, issues=1, links=1)


@pytest.mark.parametrize("fault", ["429", "503_after", "hang_after", "late_commit"])
def test_the_next_card_comes_once_whatever_chat_does(database: str, fault: str) -> None:
    with House(database, read_timeout="0.5", slack_quiet="1.5") as house:
        ticket = house.to_awaiting()
        more = (
            {"retry_after": "0"} if fault == "429" else {"seconds": 1} if fault in ("hang_after", "late_commit") else {}
        )
        for method in ("chat.postMessage", "chat.update"):
            house.sandbox.world.faults.add("slack", method, fault, times=1, **more)
        change(house, ticket, backoffice=OTHER_LINK)
        house.settle(30)
        assert shape(house, ticket) == ["Replaced", "open"]
        house.press("approve", card=open_card(house, ticket))
        house.wait_state(ticket, "banning")
        assert sent(house, ticket) == Sent(mails=1, cards=2, issues=1, links=1)


def test_a_card_that_was_never_sent_follows_the_ticket(house: House) -> None:
    refusal = house.sandbox.world.faults.add("slack", "chat.postMessage", "429", times=None, retry_after="60")
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait(lambda: house.rows("SELECT 1 FROM effects WHERE verb = 'ask_supervisor' AND attempts > 0"))
    before = house.case(ticket)["card"]
    next_second()
    edit(house, ticket, backoffice=OTHER_LINK)
    house.wait(lambda: house.case(ticket)["card"]["seen"] != before["seen"], what="the change is walked")
    assert sent(house, ticket) == Sent(mails=1)
    house.sandbox.world.faults.remove(refusal)
    house.settle(40)
    assert shape(house, ticket) == ["open"]
    assert OTHER_LINK in text_of(open_card(house, ticket))
    assert "Changed since" not in text_of(open_card(house, ticket))


def test_a_card_of_an_older_release_is_bound_as_well(house: House) -> None:
    """Its buttons say nothing of what was seen; the case knew the details by another hash."""
    tickets = [house.to_awaiting() for _ in range(2)]
    settings = house.settings()
    tokens = Tokens(settings.secret_key.get_secret_value(), settings.approval_life)
    for ticket in tickets:
        case = house.case(ticket)
        details = house.desk.vault.digest("card", json.dumps(["Siti Nurhaliza", number_of(house, ticket)]))
        with house.sql() as conn:
            conn.execute("UPDATE cases SET card = '{}' WHERE id = %s", (case["id"],))
            conn.execute(
                "UPDATE effects SET evidence = evidence - 'seen' - 'face' || jsonb_build_object('details', %s::text)"
                " WHERE case_id = %s AND verb = 'ask_supervisor'",
                (details, case["id"]),
            )
    old = {t: tokens._buttons.dumps([house.case(t)["id"], 1, "data_deletion", "approve"]) for t in tickets}
    deaf(house)
    change(house, tickets[1], backoffice=OTHER_LINK)
    for ticket in tickets:
        house.press("approve", card=cards_of(house, ticket)[0], value=old[ticket])
    house.wait_state(tickets[0], "banning")
    told(house, "aisyah", CHANGED)
    assert shape(house, tickets[1]) == ["Replaced", "open"]
    assert "Changed since the last card:" in text_of(open_card(house, tickets[1]))


def number_of(house: House, ticket: int) -> str:
    [line] = [line for line in text_of(open_card(house, ticket)).splitlines() if line.startswith("Contact Number")]
    return line.partition(": ")[2]
