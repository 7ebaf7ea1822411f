"""A group of the chat may decide beside APPROVERS: read at the press, members mapped to agents by their profile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import Result

from app import approvers
from app.clients import make_chat
from app.clients.chat import Chat
from app.errors import UnknownOutcomeError
from tests.approvals.staff import BANNED, NO_AGENT, NOT_LISTED, SELF, WAITING, agent, approves, assign, refused
from tests.house import House
from tests.kit import agent_id, agent_says, card_of, cards_of, customer_says, next_second, sent, told
from tests.procedure.api_kit import desk_command
from tests.review.scenes import fault, mend, waits

GROUP = "usergroups.users.list"


@pytest.fixture
def house(database: str) -> Iterator[House]:
    """Aisyah is on the list, Bala and Chen are in the group; Chen is an agent by the address of her profile."""
    with House(database, approvers="aisyah=aisyah@example.com", approvers_group="approvers") as built:
        built.change("aisyah", approver=False)
        built.change("chen", approver=True)
        agent(built, "chen@example.com")
        yield built


def test_a_member_decides_as_the_agent_of_their_profile(house: House) -> None:
    ticket = house.to_awaiting()
    assert approves(house, ticket, "chen")["decided_as"] == "chen@example.com"
    assert "chen@example.com" in house.notes(ticket)[-1]
    listed = house.to_awaiting()
    approves(house, listed, "aisyah")  # on the list, and no member


def test_a_member_who_asks_is_named_on_the_ticket(house: House) -> None:
    ticket = house.to_awaiting()
    house.press("ask", "chen", card_of(house, ticket))
    house.wait(
        lambda: "Question of the supervisor chen@example.com" in house.notes(ticket)[-1], what="the note says so"
    )
    next_second()
    agent_says(house, ticket)
    house.settle()
    assert "chen@example.com" in next(line for line in house.notes(ticket)[-1].splitlines() if "answered; the" in line)
    assert house.user("chen") not in house.notes(ticket)[-1]


@pytest.mark.parametrize("by", ["U0CHEN", "Chen@example.com"])
def test_a_member_extends_the_due_date_and_is_named(house: House, by: str) -> None:
    ticket = house.to_awaiting("pref_delete_all")
    due = house.case(ticket)["due_at"]
    assert extend(house, ticket, by).exit_code == 0
    assert house.case(ticket)["due_at"] > due
    house.wait(lambda: "extended once by chen@example.com" in house.notes(ticket)[-1], what="the note says so")
    [line] = house.rows("SELECT * FROM journal WHERE what = 'extended' AND case_id = %s", house.case(ticket)["id"])
    assert line["detail"]["by"] == "U0CHEN"


def test_who_may_not_decide_may_not_extend(house: House) -> None:
    ticket = house.to_awaiting("pref_delete_all")
    due = house.case(ticket)["due_at"]
    house.change("chen", deleted=True)
    for by in ("U0CHEN", "chen@example.com", "U0GUEST", "guest@example.com", "siti@example.com"):
        said = extend(house, ticket, by)
        assert (said.exit_code, "somebody who may decide" in said.stderr) == (1, True), by
    fault(house, "slack", GROUP, "503_before")
    said = extend(house, ticket, "U0BALA")
    assert (said.exit_code, "cannot be read now" in said.stderr) == (1, True)
    assert house.case(ticket)["due_at"] == due
    assert extend(house, ticket, "aisyah@example.com").exit_code == 0, "on the list: nobody needs to be asked"


def extend(house: House, ticket: int, by: str) -> Result:
    return desk_command(house, "cases", "extend", str(ticket), "--reason", "complexity", "--by", by)


def test_removed_from_the_group_a_moment_ago(house: House) -> None:
    """S013: the copy that doors may use says otherwise for a minute; the decision reads the group."""
    ticket = house.to_awaiting()
    worker = house.worker_desk
    chat = make_chat(worker.settings)
    assert approvers.may_try(worker.settings, worker.db, chat, "data_deletion", house.user("chen"))
    house.change("chen", approver=False)
    assert approvers.may_try(worker.settings, worker.db, chat, "data_deletion", house.user("chen"))
    refused(house, ticket, "chen", NOT_LISTED)
    house.change("chen", approver=True)
    approves(house, ticket, "chen")


def test_a_member_without_an_address_or_an_agent_is_told_so(house: House) -> None:
    ticket = house.to_awaiting()
    house.change("chen", email="")
    refused(house, ticket, "chen", NO_AGENT)
    house.change("chen", email="chen@elsewhere.example")
    refused(house, ticket, "chen", NO_AGENT, 2)
    house.change("chen", email="siti@example.com")  # a customer's: no agent's, and hers who asked on the first ticket
    refused(house, ticket, "chen", SELF)
    refused(house, house.to_awaiting(), "chen", NO_AGENT, 3)


def test_four_eyes_hold_for_members_too(house: House) -> None:
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all", agent=agent_id(house, "chen@example.com"))
    house.wait_state(ticket, "awaiting")
    refused(house, ticket, "chen", SELF)
    other = house.to_awaiting()
    assign(house, other, None)
    approves(house, ticket, "bala")
    approves(house, other, "chen")


def test_while_the_group_cannot_be_read_its_members_wait_and_the_listed_do_not(house: House) -> None:
    waiting, listed = house.to_awaiting(), house.to_awaiting()
    fault(house, "slack", GROUP, "503_before")
    house.press("approve", "chen", card_of(house, waiting))
    waits(house, waiting, "button_pressed")
    assert house.case(waiting)["decision"] is None
    assert sent(house, waiting) == WAITING
    house.press("approve", "aisyah", card_of(house, listed))
    house.wait(lambda: house.case(listed)["state"] == "banning", what="the listed one's press decides")
    mend(house)
    house.wait_state(waiting, "banning")
    assert sent(house, waiting) == BANNED


def test_a_group_that_is_not_there_is_for_an_admin_to_mend(database: str) -> None:
    with House(database, approvers_group="S0NOSUCH", approvers="aisyah=aisyah@example.com") as house:
        ticket = house.to_awaiting()
        house.press("approve", "bala")
        told(house, "bala", "could not be checked whether you may decide")
        assert house.case(ticket)["state"] == "awaiting"
        assert sent(house, ticket) == WAITING
        assert "who may decide cannot be read" in house.notes(ticket)[-1]
        approves(house, ticket, "aisyah")


def test_threats_have_a_group_of_their_own(database: str) -> None:
    """Then the list and the group of deletions do not count for them (D10)."""
    with House(database, threat_approvers_group="approvers") as house:
        house.change("aisyah", approver=False)
        ticket = house.to_awaiting()
        customer_says(house, ticket, "I will go to Bank Negara.")
        house.wait(lambda: len(cards_of(house, ticket)) == 2, what="the urgent card")
        house.settle()
        threat = next(card for card in cards_of(house, ticket) if "Complaint Threat" in card["text"])
        house.press("acknowledge", "aisyah", threat)
        told(house, "aisyah", NOT_LISTED)
        assert house.case(ticket, "regulatory_threat")["state"] == "awaiting"
        house.press("acknowledge", "bala", threat)
        assert house.wait_state(ticket, "done", procedure="regulatory_threat")["decided_as"] == "bala@example.com"
        assert sent(house, ticket).issues == 0


def groups_read(house: House) -> int:
    with house.sandbox.world.lock:
        return len([a for a in house.sandbox.world.arrivals if a["method"] == GROUP])


def test_doors_and_reminders_use_a_copy_and_never_fail(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, db, now = house.worker_desk.settings, house.worker_desk.db, [1000.0]
    monkeypatch.setattr("app.approvers.time.monotonic", lambda: now[0])
    chat, chen, bala = make_chat(settings), house.user("chen"), house.user("bala")

    def may(user: str) -> bool:
        return approvers.may_try(settings, db, chat, "data_deletion", user)

    assert may(chen)
    assert may(bala)
    assert list(approvers.on_duty(settings, db, chat, "data_deletion")) == [house.user("aisyah"), bala, chen]
    assert groups_read(house) == 1  # one copy for all of it
    house.change("bala", approver=False)
    now[0] += 59
    assert may(bala)
    assert groups_read(house) == 1
    now[0] += 2
    assert not may(bala)
    assert groups_read(house) == 2
    assert not may(bala)  # a stranger's presses read the group every few seconds, not each time
    assert groups_read(house) == 2
    house.change("bala", approver=True)
    now[0] += 6
    assert may(bala)  # added a moment ago
    assert groups_read(house) == 3

    fault(house, "slack", GROUP, "503_before")
    now[0] += 61
    assert may(chen)  # nobody can say: the worker decides
    assert may("U0STRANGER")
    assert groups_read(house) == 4  # and a chat that is down is not asked at each press
    assert list(approvers.on_duty(settings, db, chat, "data_deletion")) == [house.user("aisyah")]
    mend(house)
    now[0] += 6
    assert not may("U0STRANGER")


def test_what_the_decision_reads_is_no_copy(house: House) -> None:
    settings, db = house.worker_desk.settings, house.worker_desk.db
    chat: Chat = make_chat(settings)
    for _ in range(3):
        assert approvers.listed_now(settings, db, chat, "data_deletion", house.user("chen")) == ""
    assert groups_read(house) == 3
    assert approvers.listed_now(settings, db, chat, "data_deletion", house.user("guest")) is None
    assert approvers.listed_now(settings, db, chat, "data_deletion", house.user("aisyah")) == "aisyah@example.com"
    fault(house, "slack", GROUP, "503_before")
    with pytest.raises(UnknownOutcomeError):
        approvers.listed_now(settings, db, chat, "data_deletion", house.user("chen"))
