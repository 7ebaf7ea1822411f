"""What may still happen to a case whose details are forgotten works without them (features 1.12; docs/security.md)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app import forget
from tests.house import House
from tests.kit import (
    Sent,
    arrivals,
    buttons,
    card_of,
    cards_of,
    events_of,
    issue_of,
    next_round,
    quiet_for,
    retag,
    sent,
    text_of,
    told,
)
from tests.people import DETAILS
from tests.procedure.api_kit import desk_command
from tests.procedure.bans_kit import asked, asking, comments, completed, due, person
from tests.procedure.forgetting_kit import (
    CLEARED,
    WITHDRAWN,
    WORDS,
    aged,
    declined,
    done,
    done_and_forgotten,
    forget_now,
    forgotten,
    kept,
    nothing_failed,
    nothing_is_due,
)
from tests.review.scenes import event_of

__all__ = ["asking"]  # a fixture


@pytest.mark.long
def test_issue_reopened_and_done_again(shared_house: House) -> None:
    """Without a source of the ban nobody needs the details: JIRA's word counts, as before."""
    house = shared_house
    ticket, key = done_and_forgotten(house)
    house.move_issue(key, "In Progress")
    house.wait_state(ticket, "banning")
    assert "come back to life" in house.notes(ticket)[-1]
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
    aged(house, ticket)
    nothing_failed(house)


@pytest.mark.long
def test_issue_refused(shared_house: House) -> None:
    house = shared_house
    ticket, key = done_and_forgotten(house)
    house.move_issue(key, "Won't do")
    house.wait_state(ticket, "needs_person")
    assert "without being carried out (Won't Do)" in house.notes(ticket)[-1]
    nothing_failed(house)


@pytest.mark.long
def test_issue_moved_to_another_project(shared_house: House) -> None:
    house = shared_house
    ticket, key = done_and_forgotten(house)
    house.call(f"/sandbox/jira/{key}/move", {"to": "OPS"})
    house.settle()
    case = house.case(ticket)
    assert (case["state"], case["jira_key"] != key) == ("done", True)
    house.move_issue(case["jira_key"], "In Progress")
    house.wait_state(ticket, "banning")
    nothing_failed(house)


@pytest.mark.long
def test_ban_that_is_to_be_proved_goes_to_a_person(asking: House) -> None:
    """The source cannot be asked about somebody forgotten: nobody guesses, and JIRA is not blamed for it."""
    house = asking
    ticket, key, customer = completed(house)
    forgotten(house, ticket)
    before = len(asked(house, customer))
    house.move_issue(key, "In Progress")
    house.wait_state(ticket, "banning")
    house.move_issue(key, "Done")
    case = house.wait_state(ticket, "needs_person")
    note = house.notes(ticket)[-1]
    assert (case["reason"], case["closed_at"]) == (forget.FORGOTTEN, None)
    assert CLEARED in note
    assert f"JIRA: {key}, done " in note
    assert "NOT banned" not in note
    assert "does not know the customer" not in note
    assert due(house, ticket) == []
    assert (len(asked(house, customer)), comments(house, ticket)) == (before, [])
    calls, claim = arrivals(house), event_of(house, ticket, "issue_changed")
    assert desk_command(house, "events", "replay", "--from-start", str(claim["id"])).exit_code == 0
    quiet_for(house, 0.3)
    assert (arrivals(house), house.case(ticket)["reason"]) == (calls, forget.FORGOTTEN), "said once"

    house.move_issue(key, "Won't do")  # the support team's newer word is what the person reads
    house.wait(lambda: "without being carried out (Won't Do)" in house.notes(ticket)[-1])
    assert CLEARED not in house.notes(ticket)[-1]
    nothing_failed(house)

    retag(house, ticket)  # the next round reads the ticket anew
    next_round(house, ticket, 2)
    house.press("approve")
    key = str(house.wait_state(ticket, "banning")["jira_key"])
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    assert len(asked(house, customer)) == before + 4
    nothing_failed(house)


@pytest.mark.long
def test_list_that_lets_the_customer_in_again_goes_to_a_person(asking: House, tmp_path: Path) -> None:
    house = asking
    ticket, _, customer = completed(house)
    forgotten(house, ticket)
    path = tmp_path / "list.csv"
    path.write_text(f"phone,subscribed\n{person(customer)[0]},yes\n")
    desk_command(house, "suppress", "import", str(path), "--source", "crm", "--force")
    house.wait_state(ticket, "needs_person")
    assert CLEARED in house.notes(ticket)[-1]
    assert comments(house, ticket) == []
    nothing_failed(house)


@pytest.mark.parametrize("channels", [(), ("calls",)])
def test_withdrawal(shared_house: House, channels: tuple[str, ...]) -> None:
    house = shared_house
    ticket, _ = done(house)
    forgotten(house, ticket)
    house.tag(ticket, WITHDRAWN, *(f"resume_{channel}" for channel in channels))
    case = house.wait_state(ticket, "done" if channels else "withdrawn")
    house.wait(lambda: sent(house, ticket).comments == 1)
    assert case["withdrawal"]["channels"] == [*channels]
    assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, comments=1, links=1)
    nothing_failed(house)


def test_tagged_again(shared_house: House) -> None:
    """A new round reads the ticket anew; it knows that the one before was declined, not in what words."""
    house = shared_house
    ticket = declined(house)
    forgotten(house, ticket)
    retag(house, ticket)
    next_round(house, ticket, 2)
    card = cards_of(house, ticket)[-1]
    assert buttons(card) == ["approve", "decline", "ask"]
    for words in (DETAILS["name"], DETAILS["backoffice"], "Declined before"):
        assert words in text_of(card)
    house.press("approve", card=card)
    house.wait_state(ticket, "banning")
    assert DETAILS["backoffice"] in issue_of(house, ticket)["description"].replace("\\", "")
    assert kept(house, ticket) == ["details"]
    nothing_is_due(house, ticket)
    forget_now(house)
    assert kept(house, ticket) == ["details"], "the open round is not touched"
    nothing_failed(house)


@pytest.mark.long
def test_ticket_that_has_joined_comes_back_with_the_other(shared_house: House) -> None:
    house = shared_house
    phone = "+60 12-999 0001"
    first = house.to_awaiting(phone=phone, fields={"contact": phone}, email="one@example.com")
    second = house.ticket(phone=phone, fields={"contact": phone}, email="two@example.com")
    house.tag(second, "data_deletion_request", "pref_stop_all")
    house.wait_state(second, "joined")
    house.press("approve", card=card_of(house, first))
    key = str(house.wait_state(first, "banning")["jira_key"])
    house.move_issue(key, "Done")
    house.wait_state(second, "done")
    forgotten(house, first, second)
    house.move_issue(key, "To Do")
    house.wait_state(first, "banning")
    house.wait_state(second, "joined")
    house.move_issue(key, "Done")
    house.wait_state(second, "done")
    nothing_failed(house)


@pytest.mark.long
def test_shown_to_an_admin(shared_house: House) -> None:
    house = shared_house
    ticket = declined(house)
    before = desk_command(house, "cases", "show", str(ticket), "--json")
    forgotten(house, ticket)
    after = desk_command(house, "cases", "show", str(ticket), "--json")
    assert (before.exit_code, after.exit_code) == (0, 0)
    [now], [then] = json.loads(after.stdout), json.loads(before.stdout)
    assert now["effects"] == then["effects"]
    assert {**now["case"], "closed_at": ""} == {**then["case"], "closed_at": ""}
    press = event_of(house, ticket, "button_pressed")
    assert desk_command(house, "events", "show", str(press["id"])).exit_code == 0


@pytest.mark.long
def test_replayed_by_an_admin(asking: House) -> None:
    """From the top, and nothing happens: a look finds nobody to ask about, a press has decided, its words are out."""
    house = asking
    ticket, _, customer = completed(house)
    refused = declined(house)
    forgotten(house, ticket, refused)
    calls, asks = arrivals(house), len(asked(house, customer))
    walked = [row for one in (ticket, refused) for row in events_of(house, one) if row["state"] == "done"]
    assert {row["kind"] for row in walked} == {"ticket_tagged", "button_pressed", "issue_changed", "time_came"}
    replay = desk_command(house, "events", "replay", "--from-start", *(str(row["id"]) for row in walked))
    assert replay.exit_code == 0, replay.output
    quiet_for(house, 0.3)
    assert [house.case(one)["state"] for one in (ticket, refused)] == ["done", "declined"]
    assert (arrivals(house), len(asked(house, customer))) == (calls, asks)
    nothing_failed(house)


def test_press_on_the_old_card(shared_house: House) -> None:
    """The presser is told, and nothing else happens: the note with the supervisor's words stays the last one."""
    house = shared_house
    ticket = house.to_awaiting()
    card = card_of(house, ticket)
    house.press("decline", card=card, form=WORDS)
    house.wait_state(ticket, "declined")
    forgotten(house, ticket)
    calls, notes = arrivals(house), house.notes(ticket)
    assert "Kanari" in notes[-1]
    house.press("approve", "bala", card, stale=True)
    told(house, "bala", "already")
    quiet_for(house, 0.3)
    assert (arrivals(house), house.notes(ticket)) == (calls, notes)
    nothing_failed(house)


def test_nothing_is_guessed_where_the_details_are_missing(shared_house: House) -> None:
    """It cannot come to this by the schedule. If it does, what needs the link stops, and the note says why."""
    house = shared_house
    ticket = house.to_awaiting()
    house.rows("UPDATE cases SET sealed = NULL WHERE ticket_id = %s RETURNING id", ticket)
    house.press("approve", card=card_of(house, ticket))
    house.wait(lambda: event_of(house, ticket, "button_pressed")["state"] == "dead")
    assert event_of(house, ticket, "button_pressed")["reason"] == forget.FORGOTTEN
    assert "the customer's details were cleared from this case" in house.notes(ticket)[-1]
    assert sent(house, ticket) == Sent(mails=1, cards=1)
