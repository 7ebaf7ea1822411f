"""The JIRA issue after approval: reopened, moved, cloned, deleted, refused; with its webhook and without."""

from __future__ import annotations

import time

import pytest

from tests.house import House
from tests.kit import Sent, card_of, quiet_for, sent, text_of
from tests.procedure.bans_kit import (
    asked,
    asking,
    ban,
    banning,
    comments,
    completed,
    due,
    mails,
    time_comes,
    wishes,
)
from tests.review.scenes import fault

__all__ = ["asking"]  # a fixture

DONE = Sent(mails=2, cards=1, issues=1, links=1)


def newer_round_of(house: House, ticket: int) -> None:
    """A round after this one, as a new tag opens it; waiting for a supervisor."""
    house.rows(
        "INSERT INTO cases (ticket_id, procedure, generation, state) SELECT ticket_id, procedure, generation + 1,"
        " 'awaiting' FROM cases WHERE ticket_id = %s RETURNING id",
        ticket,
    )


def first(house: House, ticket: int) -> dict[str, object]:
    return house.rows("SELECT * FROM cases WHERE ticket_id = %s AND generation = 1", ticket)[0]


def without_webhook(house: House, key: str, what: str, **given: str) -> None:
    """Somebody does this at the board, and JIRA's webhook is lost."""
    house.sandbox.world.config.drop_webhooks = 1.0
    try:
        house.call(f"/sandbox/jira/{key}/{what}", given)
        house.settle()
    finally:
        house.sandbox.world.config.drop_webhooks = 0.0


def an_hour_later(house: House, ticket: int) -> None:
    """The hourly look at issues that a case waits for."""
    house.rows("UPDATE cases SET changed_at = now() - interval '2 hours' WHERE ticket_id = %s RETURNING id", ticket)
    house.rows(
        "UPDATE events SET received_at = received_at - interval '2 hours',"
        " fact = CASE WHEN fact LIKE 'look:%%' THEN fact || ':before' ELSE fact END WHERE ticket_id = %s RETURNING id",
        ticket,
    )
    house.worker_desk._rescued = time.monotonic() - 3600
    query = "SELECT 1 FROM events WHERE ticket_id = %s AND fact LIKE 'look:%%' AND fact NOT LIKE '%%:before'"
    house.wait(lambda: house.rows(query, ticket), what="a look")
    house.settle()


def test_reopened_after_it_was_done(asking: House) -> None:
    """done -> banning: nothing holds any more; done again -> the source is asked again, and nobody is told twice."""
    house = asking
    ticket, key, customer = completed(house)
    assert sent(house, ticket) == DONE
    house.move_issue(key, "In Progress")
    case = house.wait_state(ticket, "banning")
    assert case["closed_at"] is None
    assert {state for state, _ in wishes(house, ticket).values()} == {"asked"}
    assert due(house, ticket) == []
    assert "come back to life" in house.notes(ticket)[-1]
    assert "Waiting for the JIRA support team" in card_of(house, ticket)["text"]
    before = len(asked(house, customer))
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    assert len(asked(house, customer)) == before + 4
    assert "come back to life" not in house.notes(ticket)[-1]
    assert "confirmed at the ban's source" in card_of(house, ticket)["text"]
    assert due(house, ticket) == ["recheck:1", "recheck:7", "recheck:30"]
    assert sent(house, ticket) == DONE


def test_reopened_while_the_source_disagrees(asking: House) -> None:
    house = asking
    ticket, key, customer = banning(house)
    house.move_issue(key, "Done")
    house.wait_state(ticket, "verifying")
    house.move_issue(key, "To Do")
    house.wait_state(ticket, "banning")
    assert due(house, ticket) == []
    house.move_issue(key, "Done")  # still nothing is banned: JIRA is told once more, it is another claim
    house.wait_state(ticket, "verifying")
    assert len(comments(house, ticket)) == 2
    ban(house, customer)
    time_comes(house, ticket, "recheck:look-1")
    house.wait_state(ticket, "done")


def test_refused_after_it_was_done_and_while_it_is_verified(asking: House) -> None:
    house = asking
    ticket, key, _ = completed(house)
    house.move_issue(key, "Won't do")
    house.wait_state(ticket, "needs_person")
    assert "without being carried out (Won't Do)" in house.notes(ticket)[-1]
    assert due(house, ticket) == []

    other, key, _ = banning(house)
    house.move_issue(key, "Done")
    house.wait_state(other, "verifying")
    house.move_issue(key, "Won't do")
    house.wait_state(other, "needs_person")
    assert "without being carried out (Won't Do)" in house.notes(other)[-1]
    assert "NOT banned" not in house.notes(other)[-1]
    house.move_issue(key, "In Progress")  # they think again
    house.wait_state(other, "banning")
    assert mails(house, other) == []


@pytest.mark.parametrize("webhook", [True, False])
def test_deleted_after_it_was_done(asking: House, webhook: bool) -> None:
    house = asking
    ticket, key, _ = completed(house)
    if webhook:
        house.call(f"/sandbox/jira/{key}/delete", {})
    else:
        without_webhook(house, key, "delete")
        assert house.case(ticket)["state"] == "done"
        house.rows("UPDATE timers SET due_at = now() WHERE what = 'recheck:1' AND fired_at IS NULL RETURNING name")
    case = house.wait_state(ticket, "needs_person")
    assert case["closed_at"] is None
    assert case["reason"] == "jira_deleted"
    assert f"{key} can no longer be found" in house.notes(ticket)[-1]
    assert "status:" not in text_of(card_of(house, ticket)), "an issue that is gone has none"


def test_reopened_without_a_webhook_is_found_on_day_one(asking: House) -> None:
    house = asking
    ticket, key, _ = completed(house)
    without_webhook(house, key, "transition", to="To Do")
    assert house.case(ticket)["state"] == "done"
    time_comes(house, ticket, "recheck:1")
    house.wait_state(ticket, "banning")
    assert "come back to life" in house.notes(ticket)[-1]


@pytest.mark.parametrize("state", ["banning", "verifying", "needs_person"])
def test_a_lost_webhook_is_found_by_the_hourly_look(asking: House, state: str) -> None:
    house = asking
    ticket, key, customer = banning(house)
    if state != "banning":
        house.move_issue(key, "Done" if state == "verifying" else "Won't do")
        house.wait_state(ticket, state)
        without_webhook(house, key, "transition", to="To Do")
        an_hour_later(house, ticket)
        house.wait_state(ticket, "banning")
    ban(house, customer)
    without_webhook(house, key, "transition", to="Done")
    an_hour_later(house, ticket)
    house.wait_state(ticket, "done")
    assert len(mails(house, ticket)) == 1


def test_hourly_looks_tell_nobody_anything_new(asking: House) -> None:
    house = asking
    ticket, key, _ = banning(house)
    house.move_issue(key, "Done")
    house.wait_state(ticket, "verifying")
    time_comes(house, ticket, "recheck:look-1")
    said, told = house.notes(ticket), comments(house, ticket)
    an_hour_later(house, ticket)
    an_hour_later(house, ticket)
    assert (house.notes(ticket), comments(house, ticket)) == (said, told)
    assert due(house, ticket) == ["recheck:look-2"], "they do not put the source's own looks back"
    assert house.case(ticket)["state"] == "verifying"


def test_moved_to_another_project_is_followed(asking: House) -> None:
    house = asking
    ticket, key, customer = banning(house)
    new = house.call(f"/sandbox/jira/{key}/move", {"to": "OPS"})["key"]
    assert new.startswith("OPS-")
    house.wait(lambda: house.case(ticket)["jira_key"] == new, what="the new key")
    house.settle()
    assert house.case(ticket)["state"] == "banning"
    assert new in house.notes(ticket)[-1]
    ban(house, customer)
    house.move_issue(new, "Done")
    house.wait_state(ticket, "done")
    assert sent(house, ticket) == DONE


def test_moved_without_a_webhook_is_followed_under_its_old_key(asking: House) -> None:
    house = asking
    ticket, key, customer = banning(house)
    without_webhook(house, key, "move", to="OPS")
    ban(house, customer)
    [issue] = [i for i in house.issues() if f"#{ticket})" in i["summary"]]
    without_webhook(house, issue["key"], "transition", to="Done")
    an_hour_later(house, ticket)
    assert house.wait_state(ticket, "done")["jira_key"] == issue["key"]


def test_a_comment_is_not_made_twice_because_the_issue_was_moved(asking: House) -> None:
    house = asking
    ticket, key, _ = banning(house)
    fault(house, "jira", "comment", "503_after", times=1)
    lost = fault(house, "jira", "comments", "503_before")
    house.move_issue(key, "Done")
    unknown = "SELECT 1 FROM effects WHERE verb = 'comment_jira' AND state = 'unknown'"
    house.wait(lambda: house.rows(unknown), what="nobody knows whether it is there")
    house.call(f"/sandbox/jira/{key}/move", {"to": "OPS"})
    house.wait(
        lambda: len(house.rows("SELECT 1 FROM events WHERE kind = 'issue_changed' AND ticket_id = %s", ticket)) > 2
    )
    house.sandbox.world.faults.remove(lost)
    house.wait(lambda: not house.rows(unknown), what="it is known")
    assert house.wait_state(ticket, "verifying")["jira_key"].startswith("OPS-")
    assert len(comments(house, ticket)) == 1


def test_a_clone_is_somebody_elses_issue(asking: House) -> None:
    """It carries our label, but another id: whatever becomes of it says nothing of our case."""
    house = asking
    ticket, key, _ = banning(house)
    clone = house.call(f"/sandbox/jira/{key}/clone", {})["key"]
    house.settle()
    house.move_issue(clone, "Done")
    quiet_for(house, 0.3)
    assert house.case(ticket)["state"] == "banning"
    assert house.case(ticket)["jira_key"] == key
    house.call(f"/sandbox/jira/{clone}/delete", {})
    quiet_for(house, 0.3)
    assert house.case(ticket)["state"] == "banning"


def test_an_earlier_round_does_not_stand_up_beside_a_newer_one(asking: House) -> None:
    """Only a remark on its note: the newer round decides, and the database would refuse two open ones."""
    house = asking
    ticket, key, _ = completed(house)
    newer_round_of(house, ticket)
    house.move_issue(key, "To Do")
    house.wait(lambda: "A newer round of this ticket is open" in house.notes(ticket)[-1], what="a remark")
    house.settle()
    assert first(house, ticket)["state"] == "done"
    assert due(house, ticket) == ["recheck:1", "recheck:7", "recheck:30"], "the newer round may still be declined"
    assert house.rows("SELECT reason FROM events WHERE ticket_id = %s AND state = 'dead'", ticket) == []
    assert sent(house, ticket).comments == 0
    assert mails(house, ticket) != []
