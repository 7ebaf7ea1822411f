"""The same wish heard several times: one case, one e-mail, one card, one issue (faults F02 to F06)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.house import House
from tests.kit import (
    Sent,
    card_of,
    cards_of,
    deliver,
    events_of,
    generations,
    issue_of,
    press_body,
    sent,
    template_body,
    together,
)

ACKNOWLEDGED = Sent(mails=1, cards=1)
BANNED = Sent(mails=1, cards=1, issues=1, links=1)
TAGS = ("data_deletion_request", "pref_stop_all")


def messages(house: House, ticket: int) -> list[dict[str, Any]]:
    """What Zendesk told us about the ticket, each fact once."""
    return [event for event in events_of(house, ticket) if event["sender"] == "zendesk"]


def test_same_delivery_fifty_times_at_once(house: House) -> None:
    house.sandbox.world.config.trigger_webhooks = False  # every delivery is the test's own
    ticket = house.ticket()
    house.tag(ticket, *TAGS)
    body = template_body(ticket, *TAGS, actor=1)
    ready, statuses = threading.Barrier(50), []

    def send() -> None:
        ready.wait(10)
        statuses.append(deliver(house, body))

    threads = [threading.Thread(target=send) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [200] * 50
    house.wait_state(ticket, "awaiting")
    assert len(messages(house, ticket)) == 1
    assert generations(house, ticket) == 1
    assert sent(house, ticket) == ACKNOWLEDGED

    press_body(house, ticket, "approve")
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == BANNED
    assert deliver(house, body) == 200  # much later
    house.settle()
    assert len(messages(house, ticket)) == 1
    assert sent(house, ticket) == BANNED


def test_trigger_and_event_subscription_and_extra_copies(house: House) -> None:
    """Two triggers for one tag, each delivered three times, some under another invocation id."""
    config = house.sandbox.world.config
    config.event_subscription, config.duplicate_webhooks = True, 2
    ticket = house.ticket()
    house.tag(ticket, *TAGS)
    house.wait_state(ticket, "awaiting")
    facts = {event["fact"].split(":")[1] == "event" for event in messages(house, ticket)}
    assert facts == {True, False}  # both bodies came through
    assert generations(house, ticket) == 1
    assert sent(house, ticket) == ACKNOWLEDGED
    press_body(house, ticket, "approve")
    house.wait_state(ticket, "banning")
    house.move_issue(issue_of(house, ticket)["key"], "Done")
    house.wait_state(ticket, "done")
    assert sent(house, ticket) == BANNED
    assert generations(house, ticket) == 1
    assert len(house.notes(ticket)) == len(set(house.notes(ticket)))


def test_replayed_under_another_invocation_id_and_time(house: House) -> None:
    house.sandbox.world.config.trigger_webhooks = False
    ticket = house.ticket()
    house.tag(ticket, *TAGS)
    when = datetime.now(UTC)
    bodies = [
        template_body(ticket, *TAGS, actor=1, at=(when + timedelta(seconds=n)).strftime("%Y-%m-%dT%H:%M:%SZ"))
        for n in (0, 0, 1, 2)  # the trigger ran again: other facts about the same wish
    ]
    for number, body in enumerate(bodies):
        assert deliver(house, body, f"01J0000000000000000000000{number}") == 200
    house.wait_state(ticket, "awaiting")
    assert len(messages(house, ticket)) == 3
    assert generations(house, ticket) == 1
    assert sent(house, ticket) == ACKNOWLEDGED
    press_body(house, ticket, "decline")
    house.wait_state(ticket, "declined")
    time.sleep(0.1)
    late = template_body(ticket, *TAGS, actor=1, at=(when + timedelta(seconds=9)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    for body in (*bodies, late):
        assert deliver(house, body, "01J00000000000000000000009") == 200
    house.settle()
    assert generations(house, ticket) == 1  # the tag itself was not put on again
    assert sent(house, ticket) == ACKNOWLEDGED
    assert "approve" not in str(card_of(house, ticket)["blocks"])


def at_once(house: House, body: bytes, times: int = 20) -> None:
    """The same delivery, so often and at the same moment."""
    ready, statuses = threading.Barrier(times), []

    def send() -> None:
        ready.wait(10)
        statuses.append(deliver(house, body))

    threads = [threading.Thread(target=send) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [200] * times


def consents(house: House, ticket: int) -> Counter[tuple[Any, ...]]:
    """The ledger's entries of the ticket."""
    rows = house.rows("SELECT * FROM consents WHERE ticket_id = %s", ticket)
    return Counter((row["person"], row["channel"], row["allowed"], row["reason"]) for row in rows)


def banned(house: House) -> int:
    """A ticket whose issue is with JIRA; from here on every delivery is the test's own."""
    ticket, _ = house.to_banning()
    house.sandbox.world.config.trigger_webhooks = False
    return ticket


def test_same_withdrawal_twenty_times_at_once(house: House) -> None:
    ticket = banned(house)
    house.tag(ticket, "data_deletion_withdrawn")
    body = template_body(ticket, *TAGS, "data_deletion_withdrawn", actor=1)
    at_once(house, body)
    house.wait_state(ticket, "withdrawn")
    assert deliver(house, body) == 200
    house.settle()
    assert len(messages(house, ticket)) == 2
    assert generations(house, ticket) == 1
    assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, comments=1, links=1)
    assert max(consents(house, ticket).values()) == 1


def test_same_withdrawal_in_part_twenty_times_at_once(house: House) -> None:
    ticket = banned(house)
    house.tag(ticket, "data_deletion_withdrawn", "resume_calls")
    body = template_body(ticket, *TAGS, "data_deletion_withdrawn", "resume_calls", actor=1)
    at_once(house, body)
    house.wait(lambda: sent(house, ticket).comments, what="JIRA is told")
    house.settle()
    assert deliver(house, body) == 200
    house.settle()
    assert generations(house, ticket) == 1
    assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, comments=1, links=1)
    assert max(consents(house, ticket).values()) == 1


def test_same_threat_twenty_times_at_once(house: House) -> None:
    house.sandbox.world.config.trigger_webhooks = False
    ticket = house.ticket(comment="Please stop, or I will go to Bank Negara.")
    house.tag(ticket, *TAGS, "regulatory_threat")
    body = template_body(ticket, *TAGS, "regulatory_threat", actor=1)
    at_once(house, body)
    house.wait_state(ticket, "awaiting", procedure="regulatory_threat")
    house.wait_state(ticket, "awaiting")
    assert deliver(house, body) == 200
    house.settle()
    assert generations(house, ticket) == 2  # the request and the threat beside it
    assert sent(house, ticket) == Sent(mails=1, cards=2)
    assert len([e for e in events_of(house, ticket) if e["kind"] == "threat_seen"]) == 2  # the words and the flag


def test_same_second_ticket_twenty_times_at_once(house: House) -> None:
    """Two more tickets of one person, tagged at once, each delivered ten times: both join the first."""
    who: dict[str, Any] = {"phone": "0127770001", "email": "one@example.com"}
    fields = {"contact": "0127770001"}
    main = house.to_awaiting(**who, fields=fields)
    house.sandbox.world.config.trigger_webhooks = False
    others = [house.ticket(**who, fields=fields) for _ in range(2)]
    for ticket in others:
        house.tag(ticket, *TAGS)
    bodies = [template_body(ticket, *TAGS, actor=1) for ticket in others]
    threads = [threading.Thread(target=at_once, args=(house, body, 10)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for ticket in others:
        case = house.wait_state(ticket, "joined")
        assert case["joined_to"] == house.case(main)["id"]
        assert generations(house, ticket) == 1
        assert sent(house, ticket) == Sent()
        assert max(consents(house, ticket).values()) == 1
    assert sent(house, main) == ACKNOWLEDGED
    press_body(house, main, "approve")
    house.wait_state(main, "banning")
    assert sent(house, main) == BANNED
    assert [sent(house, ticket) for ticket in others] == [Sent(), Sent()]


def twenty_of_each(house: House, vendor: str, patch: pytest.MonkeyPatch) -> list[int | None]:
    """From now on whatever this vendor sends comes twenty times at the same moment; the list of all answers."""
    hooks, statuses = house.sandbox.world.hooks, []
    post = hooks.post

    def crowd(sender: str, url: str, headers: dict[str, str], body: bytes, event: str, *more: Any, **named: Any) -> Any:
        answers = []

        def send() -> None:
            answers.append(post(sender, url, headers, body, event, 15.0))

        together(*[send] * (20 if sender == vendor else 1))
        statuses.extend(answer.status for answer in answers if sender == vendor)
        return answers[0]

    patch.setattr(hooks, "post", crowd)
    return statuses


def test_same_done_of_jira_twenty_times_at_once(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a second message to the customer: it goes out once."""
    with House(database, completion_macro="Opt-Out Confirmation") as house:
        ticket, key = house.to_banning()
        statuses = twenty_of_each(house, "jira", monkeypatch)
        house.move_issue(key, "Done")
        house.wait_state(ticket, "done")
        assert statuses == [200] * 20
        moved = "SELECT * FROM events WHERE kind = 'issue_changed' AND fact LIKE '%%jira:issue_updated'"
        assert len(house.rows(moved)) == 1
        assert generations(house, ticket) == 1
        assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, links=1)
        assert len(house.notes(ticket)) == len(set(house.notes(ticket)))


@pytest.mark.parametrize("chat", ["slack", "mattermost"])
def test_same_press_on_a_threat_twenty_times_at_once(database: str, monkeypatch: pytest.MonkeyPatch, chat: str) -> None:
    with House(database, chat=chat) as house:
        ticket = house.ticket(comment="Please stop, or I will go to Bank Negara.")
        house.tag(ticket, *TAGS)
        house.wait_state(ticket, "awaiting", procedure="regulatory_threat")
        house.wait_state(ticket, "awaiting")
        urgent, _ = cards_of(house, ticket)
        statuses = twenty_of_each(house, chat, monkeypatch)
        house.press("acknowledge", card=urgent)
        case = house.wait_state(ticket, "done", procedure="regulatory_threat")
        assert statuses == [200] * 20
        assert (case["decision"], case["decided_by"]) == ("acknowledge", house.user("aisyah"))
        assert len([event for event in events_of(house, ticket) if event["kind"] == "button_pressed"]) == 1
        assert [answer for answer in house.answers("aisyah") if "you take care of this" in answer] != []
        assert generations(house, ticket) == 2  # the request and the threat beside it
        assert sent(house, ticket) == Sent(mails=1, cards=2)
        assert house.case(ticket)["state"] == "awaiting", "the request is not decided by it"
        assert len(house.notes(ticket)) == len(set(house.notes(ticket)))
