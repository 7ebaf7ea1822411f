"""Two things at once: an approval and a withdrawal, and a worker that dies between an effect and its entry in the case.

Reviewers' findings C, M, N; faults.md F8, F20. Counted at the stand-ins.
"""

from __future__ import annotations

import pytest

from tests.house import House
from tests.kit import Sent, buttons, card_of, issue_of, quiet_for, sent, told
from tests.review.scenes import REQUESTED, WITHDRAWN, effects, event_of, fault, killed_at, mend, taken_over, waits

WITHDRAWN_IN_TIME = Sent(mails=2, cards=1)


def test_approval_while_a_withdrawal_waits_for_zendesk(house: House) -> None:
    """The withdrawal is recorded and cannot be carried out yet; a press meanwhile decides nothing."""
    ticket = house.to_awaiting()
    fault(house, "zendesk", "*", "503_before")
    house.tag(ticket, WITHDRAWN)
    waits(house, ticket, tag=WITHDRAWN)
    house.press("approve")
    waits(house, ticket, "button_pressed")
    assert house.case(ticket)["state"] == "awaiting"
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    mend(house)
    house.wait_state(ticket, "withdrawn", 25)
    assert sent(house, ticket) == WITHDRAWN_IN_TIME
    assert buttons(card_of(house, ticket)) == []
    told(house, "U0AISYAH", "This request is no longer open")
    assert house.case(ticket)["decision"] is None


def test_approved_before_but_jira_comes_back_first(house: House) -> None:
    """Approved while JIRA is down, withdrawn while Zendesk is down: JIRA comes back first and still hears nothing."""
    ticket = house.to_awaiting()
    jira = fault(house, "jira", "create", "503_before")
    house.press("approve")
    house.wait(lambda: [e for e in effects(house, "open_jira") if e["attempts"]])
    zendesk = fault(house, "zendesk", "*", "503_before")
    house.tag(ticket, WITHDRAWN)
    waits(house, ticket, tag=WITHDRAWN)
    mend(house, jira)
    house.wait(lambda: [e for e in effects(house, "open_jira") if e["reason"] == "withdrawal"], what="it gives way")
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    mend(house, zendesk)
    house.wait_state(ticket, "withdrawn", 25)
    quiet_for(house, 0.3)
    assert sent(house, ticket) == WITHDRAWN_IN_TIME
    assert [e["state"] for e in effects(house, "open_jira")] == ["void"]


def test_a_wait_does_not_cost_a_withdrawal_its_place(database: str) -> None:
    """Back from its wait it still goes before requests that were queued meanwhile."""
    with House(database, worker_concurrency="1") as house:
        ticket = house.to_awaiting()
        fault(house, "zendesk", "*", "503_before")
        house.tag(ticket, WITHDRAWN)
        waits(house, ticket, tag=WITHDRAWN)
        house.stop_worker()
        mend(house)
        others = [house.ticket(email=f"c{number}@example.com") for number in range(3)]
        for other in others:
            house.tag(other, REQUESTED, "pref_stop_all")
        new = "SELECT 1 FROM events WHERE kind = 'ticket_tagged' AND state = 'queued' AND walk = 0"
        house.wait(lambda: len(house.rows(new)) == len(others))
        house.desk.requeue(event_of(house, ticket, tag=WITHDRAWN)["id"])  # its wait is over, if it is not already
        house.start_worker()
        for other in others:
            house.wait_state(other, "awaiting")
        mailed = [int(mail["target"]) for mail in house.applied("mail") if mail["actor_id"] == desk_user(house)]
        assert mailed[:2] == [ticket, ticket]  # the acknowledgement long ago, then the withdrawal before all else
        assert sorted(mailed[2:]) == others
        assert sent(house, ticket) == WITHDRAWN_IN_TIME


def withdrawal_carried_out(house: House, ticket: int) -> None:
    """Its event has come to its end, while another one of the ticket still has no worker."""
    house.wait(lambda: house.case(ticket)["state"] == "withdrawn")
    house.wait(lambda: event_of(house, ticket, tag=WITHDRAWN)["state"] == "done")


def desk_user(house: House) -> int:
    return house.sandbox.world.zendesk.desk_user_id


def test_killed_between_the_issue_and_the_case(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The issue is there, the case does not know its key, and the withdrawal comes first: JIRA is told all the same."""
    ticket = house.to_awaiting()
    config = house.sandbox.world.config
    with killed_at(monkeypatch, "effect.after_outcome", "open_jira") as hit:
        config.drop_webhooks = 1.0  # JIRA's own "issue created" is lost, too
        house.press("approve")
        house.wait(lambda: hit)
        config.drop_webhooks = 0.0
    assert (house.case(ticket)["state"], house.case(ticket)["jira_key"]) == ("approved", None)
    house.tag(ticket, WITHDRAWN)
    told_jira = Sent(mails=2, cards=1, issues=1, comments=1)
    withdrawal_carried_out(house, ticket)
    assert sent(house, ticket) == told_jira
    taken_over(house, event_of(house, ticket, "button_pressed")["id"])
    house.settle()
    assert sent(house, ticket) == told_jira
    case, issue = house.case(ticket), issue_of(house, ticket)
    assert (case["state"], case["jira_key"]) == ("withdrawn", issue["key"])
    assert "the customer withdrew the request" in str(issue["comments"]).replace("\\", "")
    assert f"{issue['key']}, the support team is told of the withdrawal" in house.notes(ticket)[-1]
    assert buttons(card_of(house, ticket)) == []


def test_killed_between_the_issue_and_the_case_and_nothing_else(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a withdrawal the next worker goes on where the dead one stood: one issue, linked, one answer."""
    ticket = house.to_awaiting()
    config = house.sandbox.world.config
    with killed_at(monkeypatch, "effect.after_outcome", "open_jira") as hit:
        config.drop_webhooks = 1.0
        house.press("approve")
        house.wait(lambda: hit)
        config.drop_webhooks = 0.0
    taken_over(house, event_of(house, ticket, "button_pressed")["id"])
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
    told(house, "U0AISYAH", "Recorded: approved")


def test_killed_between_the_card_and_the_case(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The card is there, the case does not know where, and the withdrawal comes first: its buttons go all the same."""
    ticket = house.ticket()
    with killed_at(monkeypatch, "effect.after_outcome", "ask_supervisor") as hit:
        house.tag(ticket, REQUESTED, "pref_stop_all")
        house.wait(lambda: hit)
    assert house.case(ticket)["chat_ts"] is None
    card = card_of(house, ticket)
    house.tag(ticket, WITHDRAWN)
    withdrawal_carried_out(house, ticket)
    assert sent(house, ticket) == WITHDRAWN_IN_TIME
    assert buttons(card_of(house, ticket)) == []
    [first] = house.rows("SELECT id FROM events WHERE state = 'running'")
    taken_over(house, first["id"])
    house.settle()
    house.press("approve", card=card, stale=True)
    told(house, "U0AISYAH", "This request is no longer open")
    assert sent(house, ticket) == WITHDRAWN_IN_TIME
    assert house.case(ticket)["state"] == "withdrawn"


def test_a_walk_that_was_taken_over_moves_no_case(house: House) -> None:
    """A worker was frozen while it asked Slack who pressed; its event is another's by then: it decides nothing."""
    ticket = house.to_awaiting()
    slow = fault(house, "slack", "users.info", "slow", times=1, seconds=1.0)
    house.press("approve")
    house.wait(lambda: slow.fired)
    with house.sql() as conn:
        conn.execute("UPDATE events SET walk = walk + 1 WHERE kind = 'button_pressed'")  # another walk has begun
    quiet = "SELECT 1 FROM procrastinate_jobs WHERE status = 'doing' AND task_name = 'desk:run'"
    house.wait(lambda: not house.rows(quiet), what="the frozen walk ends")
    case = house.case(ticket)
    assert (case["state"], case["decision"]) == ("awaiting", None)
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert house.answers("U0AISYAH") == []
    taken_over(house, event_of(house, ticket, "button_pressed")["id"])
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
    told(house, "U0AISYAH", "Recorded: approved")
