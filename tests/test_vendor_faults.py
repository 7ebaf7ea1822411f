"""Each effect through each way a vendor can fail: afterwards it is there once, and the case where it should be.

Every write of the whole way (macro, card, mark, note, issue, link, comment, the card's updates) meets the fault.
Source: faults.md 3.3, 3.4, 3.6 and the catalogue of 4.3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.databases import drop_database, new_database
from tests.house import House
from tests.kit import Sent, buttons, card_of, cards_of, events_of, press_body, sent

ALL = Sent(mails=2, cards=1, issues=1, comments=1, links=1)
STAGES = {  # what is written when: stage -> (vendor, method)
    "tag": (("zendesk", "tickets.update"), ("zendesk", "tags.add"), ("slack", "chat.postMessage")),
    "approve": (
        ("slack", "chat.postEphemeral"),
        ("jira", "create"),
        ("jira", "remotelink"),
        ("slack", "chat.update"),
        ("zendesk", "tags.add"),
        ("zendesk", "tags.remove"),
        ("zendesk", "tickets.update"),
    ),
    "withdraw": (("jira", "comment"), ("zendesk", "tickets.update"), ("slack", "chat.update")),
}
Order = tuple[str, dict[str, Any]]
BEFORE: tuple[Order, ...] = (
    ("reset_before", {}),
    ("503_before", {}),
    ("429", {"retry_after": "1"}),
    ("429", {"retry_after": "date", "seconds": 1}),
)
AFTER: tuple[Order, ...] = (
    ("reset_after", {}),
    ("503_after", {}),
    ("hang_after", {"seconds": 3}),
    ("garbage_after", {"form": "html"}),
    ("garbage_after", {"form": "truncated"}),
    ("garbage_after", {"form": "empty"}),
)


@pytest.fixture(scope="module")
def quick(database_server: str) -> Iterator[House]:
    """Time-outs are short: a hanging vendor is given up on after less than a second."""
    uri = new_database(database_server)
    with House(uri, read_timeout="0.8") as built:
        yield built
    drop_database(database_server, uri)


def order(house: House, stage: str, kinds: tuple[Order, ...]) -> list[Any]:
    """These faults, one after the other, for every write of the stage."""
    add = house.sandbox.world.faults.add
    return [add(vendor, method, name, **options) for vendor, method in STAGES[stage] for name, options in kinds]


def whole_way(house: House, kinds: tuple[Order, ...]) -> int:
    """Tag, approve, withdraw; every write of each meets the faults. The ticket."""
    orders = order(house, "tag", kinds)
    ticket = house.ticket(email=f"{len(house.applied('mail'))}.c@example.com")
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting", 40)
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    orders += order(house, "approve", kinds)
    press_body(house, ticket, "approve")
    house.wait_state(ticket, "banning", 40)
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
    orders += order(house, "withdraw", kinds)
    house.tag(ticket, "data_deletion_withdrawn")
    house.wait_state(ticket, "withdrawn", 40)
    assert [f"{o.vendor} {o.method} {o.fault}" for o in orders if o.fired != 1] == []
    return ticket


def check_ends_well(house: House, ticket: int) -> None:
    assert sent(house, ticket) == ALL
    assert buttons(card_of(house, ticket)) == []
    assert "Withdrawn by the customer" in card_of(house, ticket)["text"]
    state = house.state_of(ticket)
    assert [tag for tag in state["tags"] if tag.startswith("desk_")] == ["desk_withdrawn"]
    heads = [note.partition("\n")[0].rpartition(": ")[2] for note in house.notes(ticket)]
    assert list(dict.fromkeys(heads)) in (
        ["waiting for a supervisor", "approved, waiting for JIRA", "withdrawn by the customer"],
        ["waiting for a supervisor", "approved, JIRA is being asked", "approved, waiting for JIRA",
         "withdrawn by the customer"],
    )  # fmt: skip
    assert {event["state"] for event in events_of(house, ticket)} <= {"done", "ignored"}
    unfinished = "SELECT e.verb, e.state FROM effects e JOIN cases c ON c.id = e.case_id WHERE c.ticket_id = %s"
    assert house.rows(f"{unfinished} AND e.state NOT IN ('done', 'void')", ticket) == []


def test_refused_before_anything_was_done(quick: House) -> None:
    """Four refusals in a row for every write; then it is done, once."""
    before = len(quick.answers("U0AISYAH"))
    check_ends_well(quick, whole_way(quick, BEFORE))
    assert len(quick.answers("U0AISYAH")) == before + 1


@pytest.mark.parametrize("kind", AFTER, ids=lambda kind: " ".join([kind[0], *map(str, kind[1].values())]))
def test_done_but_the_answer_was_lost(quick: House, kind: Order) -> None:
    check_ends_well(quick, whole_way(quick, (kind,)))


def test_applied_after_we_gave_up_and_before_we_try_again(house: House) -> None:
    """Zendesk carries it out between our look-up and our next try: the stamp is fresh, only a second look helps."""
    world = house.sandbox.world
    world.faults.add("zendesk", "tickets.update", "late_commit", seconds=2.2)  # given up on after 1.5 s
    world.faults.add("zendesk", "tags.add", "slow", seconds=1.2)  # the same walk, after its look-up
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting", 30)
    assert world.faults.fired["late_commit"] == 1
    assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_applied_after_we_gave_up_on_it(database: str) -> None:
    """Within the quiet period the vendor may still carry out what it did not answer (faults Z2, S1, J1)."""
    with House(database, read_timeout="0.8", slack_quiet="2.5", jira_quiet="2.5", zendesk_quiet="0.2") as house:
        late = house.sandbox.world.faults.add
        late("zendesk", "tickets.update", "late_commit", seconds=1.3)
        late("slack", "chat.postMessage", "late_commit", seconds=1.3)
        ticket = house.ticket()
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
        house.wait_state(ticket, "awaiting", 30)
        assert sent(house, ticket) == Sent(mails=1, cards=1)
        late("jira", "create", "late_commit", seconds=1.3)
        press_body(house, ticket, "approve")
        house.wait_state(ticket, "banning", 30)
        late("jira", "comment", "late_commit", seconds=1.3)
        house.tag(ticket, "data_deletion_withdrawn")
        house.wait_state(ticket, "withdrawn", 30)
        assert house.sandbox.world.faults.fired["late_commit"] == 4
        check_ends_well(house, ticket)


def test_look_up_that_fails_or_lies_by_age(house: House) -> None:
    """The answer is lost, and the first looks find nothing: an old replica, an index that lags, an error."""
    add = house.sandbox.world.faults.add
    ticket = house.ticket()
    house.stop_worker()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    add("zendesk", "tickets.update", "reset_after")
    add("zendesk", "tickets.audits", "readback_stale", skip=1, times=1)  # the first one asks who tagged
    add("zendesk", "tickets.audits", "readback_fails", times=2)
    add("slack", "chat.postMessage", "reset_after")
    add("slack", "conversations.history", "readback_stale", times=1)
    add("slack", "conversations.history", "readback_fails", times=2)
    house.start_worker()
    house.wait_state(ticket, "awaiting", 30)
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    add("jira", "create", "reset_after")
    add("jira", "search", "readback_stale", times=2)
    add("jira", "search", "readback_fails", times=2)
    press_body(house, ticket, "approve")
    house.wait_state(ticket, "banning", 30)
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
    assert house.sandbox.world.faults.fired["readback_stale"] >= 3


@pytest.mark.parametrize("vendor", ["zendesk", "slack", "jira"])
def test_refused_credentials_kill_nothing(house: House, vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """401 is no answer about the case: nothing is dead, and it goes on once a person has renewed the credentials."""
    monkeypatch.setattr("app.ledger.perform.AUTH_WAIT", 0.3)
    ticket = house.ticket()
    if vendor == "jira":
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
        house.wait_state(ticket, "awaiting")
    refused = house.sandbox.world.faults.add(vendor, "*", "401", times=None)
    if vendor == "jira":
        press_body(house, ticket, "approve")
    else:
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait(lambda: refused.fired >= 3, 25)
    assert not house.rows("SELECT 1 FROM events WHERE state = 'dead'")
    assert not house.rows("SELECT 1 FROM effects WHERE state = 'dead'")
    expected = {"zendesk": Sent(), "slack": Sent(mails=1), "jira": Sent(mails=1, cards=1)}[vendor]
    house.wait(lambda: sent(house, ticket) == expected)
    house.sandbox.world.faults.clear()
    house.wait_state(ticket, "banning" if vendor == "jira" else "awaiting", 30)
    banned = Sent(mails=1, cards=1, issues=1, links=1)
    assert sent(house, ticket) == (banned if vendor == "jira" else Sent(mails=1, cards=1))


def test_slack_down_does_not_delay_the_mail(house: House) -> None:
    house.sandbox.world.faults.add("slack", "*", "outage", times=None)
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait(lambda: sent(house, ticket).mails == 1 and "desk_waiting" in house.state_of(ticket)["tags"], 5)
    late = "Unclear whether it was done: card to the supervisors"
    house.wait(lambda: [note for note in house.notes(ticket) if late in note], what="the note says so")
    assert cards_of(house, ticket) == []
    other = house.ticket(email="other@example.com")  # and no other case waits behind it
    house.tag(other, "data_deletion_request", "pref_stop_sms")
    house.wait(lambda: sent(house, other).mails == 1, 5)
    house.sandbox.world.faults.clear()
    for one in (ticket, other):
        house.wait_state(one, "awaiting")
        assert sent(house, one) == Sent(mails=1, cards=1)
    assert late not in house.notes(ticket)[-1]
    assert len(house.notes(ticket)) <= 4  # not one a try


def test_zendesk_refusing_updates_delays_neither_card_nor_issue(house: House) -> None:
    """Decided, asked for and done while the e-mail waits; then it goes out, once."""
    house.sandbox.world.faults.add("zendesk", "tickets.update", "503_before", times=None)
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait(lambda: sent(house, ticket).cards == 1, 5)
    press_body(house, ticket, "approve")
    house.wait(lambda: sent(house, ticket) == Sent(cards=1, issues=1, links=1), 10)
    house.move_issue(house.issues()[0]["key"], "Done")
    house.wait(lambda: house.case(ticket)["state"] == "done", 10)
    assert house.replies(ticket) == house.notes(ticket) == []
    house.sandbox.world.faults.clear()
    house.wait(lambda: sent(house, ticket).mails == 1, what="the e-mail, after all")
    house.settle()
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
    assert "done according to JIRA" in house.notes(ticket)[-1]
    assert 'macro "Data Deletion Request"): sent' in house.notes(ticket)[-1]
