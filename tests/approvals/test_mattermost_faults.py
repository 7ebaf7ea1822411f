"""Each write to Mattermost through each way it can fail: afterwards it is there once, and the card says what is true.

As tests/test_vendor_faults.py does for Slack. Source: faults.md 3.4, facts M19, M20, M25 to M28.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.databases import drop_database, new_database
from tests.house import House
from tests.kit import Sent, buttons, card_of, press_body, sent, text_of

WAITING = Sent(mails=1, cards=1)
BANNING = Sent(mails=1, cards=1, issues=1, links=1)
WITHDRAWN = Sent(mails=2, cards=1, issues=1, comments=1, links=1)
Order = tuple[str, dict[str, Any]]
KINDS: tuple[Order, ...] = (
    ("reset_before", {}),
    ("503_before", {}),
    ("429", {"retry_after": "1"}),
    ("reset_after", {}),
    ("503_after", {}),
    ("hang_after", {"seconds": 3}),
    ("garbage_after", {"form": "html"}),
    ("garbage_after", {"form": "wrong_id"}),
)


@pytest.fixture(scope="module")
def quick(database_server: str) -> Iterator[House]:
    """Time-outs are short, and the server never remembers what it was asked before: only the look-up finds a post."""
    uri = new_database(database_server)
    with House(uri, chat="mattermost", read_timeout="0.8", sandbox={"mattermost_dedupe": False}) as built:
        yield built
    drop_database(database_server, uri)


def faulty(house: House, kind: Order, *methods: str) -> list[Any]:
    name, options = kind
    return [house.sandbox.world.faults.add("mattermost", method, name, **options) for method in methods]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: " ".join([kind[0], *map(str, kind[1].values())]))
def test_every_write_is_there_once(quick: House, kind: Order) -> None:
    house = quick
    posted = len(house.applied("post", "mattermost"))
    orders = faulty(house, kind, "posts.create")
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting", 40)
    assert sent(house, ticket) == WAITING
    assert len(house.applied("post", "mattermost")) == posted + 1
    orders += faulty(house, kind, "posts.patch")
    assert press_body(house, ticket, "approve", "bala")["status"] == 200
    house.wait_state(ticket, "banning", 40)
    assert sent(house, ticket) == BANNING
    house.wait(lambda: buttons(card_of(house, ticket)) == [], 20, "nobody can press any more")
    assert "Approved by @bala" in text_of(card_of(house, ticket))
    orders += faulty(house, kind, "posts.patch")
    house.tag(ticket, "data_deletion_withdrawn")
    house.wait_state(ticket, "withdrawn", 40)
    house.wait(lambda: "Withdrawn by the customer" in text_of(card_of(house, ticket)), 20, "the card says so")
    assert sent(house, ticket) == WITHDRAWN
    assert len(house.applied("post", "mattermost")) == posted + 1
    assert [order.fired for order in orders] == [1, 1, 1]
    unfinished = "SELECT e.verb, e.state FROM effects e JOIN cases c ON c.id = e.case_id WHERE c.ticket_id = %s"
    house.wait(lambda: not house.rows(f"{unfinished} AND e.state NOT IN ('done', 'void')", ticket), 20)


def test_posted_after_we_gave_up_on_it(database: str) -> None:
    """Within the quiet period the server may still carry out what it did not answer."""
    with House(database, chat="mattermost", read_timeout="0.8", mattermost_quiet="2.5") as house:
        late = house.sandbox.world.faults.add("mattermost", "posts.create", "late_commit", seconds=1.3)
        ticket = house.ticket()
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
        house.wait_state(ticket, "awaiting", 30)
        assert (late.fired, sent(house, ticket)) == (1, WAITING)
        assert len(house.applied("post", "mattermost")) == 1


def test_a_look_up_that_fails_or_sees_an_old_copy(quick: House) -> None:
    house, add = quick, quick.sandbox.world.faults.add
    posted = len(house.applied("post", "mattermost"))
    ticket = house.ticket()
    orders = [
        add("mattermost", "posts.create", "reset_after"),
        add("mattermost", "channels.posts", "readback_stale", times=1),
        add("mattermost", "channels.posts", "readback_fails", times=2),
    ]
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting", 40)
    assert sent(house, ticket) == WAITING
    assert len(house.applied("post", "mattermost")) == posted + 1
    assert [order.fired for order in orders] == [1, 1, 2]


def test_refused_credentials_kill_nothing(quick: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """401 is no answer about the case: it goes on once a person has renewed the token."""
    monkeypatch.setattr("app.ledger.perform.AUTH_WAIT", 0.3)
    house = quick
    ticket = house.ticket()
    refused = house.sandbox.world.faults.add("mattermost", "*", "401", times=None)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait(lambda: refused.fired >= 3, 25)
    assert not house.rows("SELECT 1 FROM events WHERE state = 'dead'")
    assert not house.rows("SELECT 1 FROM effects WHERE state = 'dead'")
    house.wait(lambda: sent(house, ticket) == Sent(mails=1))
    house.sandbox.world.faults.clear()
    house.wait_state(ticket, "awaiting", 30)
    assert sent(house, ticket) == WAITING


def test_a_form_that_cannot_be_opened_is_answered_and_decides_nothing(quick: House) -> None:
    house = quick
    ticket = house.to_awaiting()
    before = len(house.answers("aisyah"))
    refused = house.sandbox.world.faults.add("mattermost", "dialogs.open", "503_before")
    answer = press_body(house, ticket, "decline")
    assert (answer["status"], answer["problem"], refused.fired) == (200, "", 1)
    house.wait(lambda: len(house.answers("aisyah")) == before + 1, what="the presser is told")
    house.settle()
    assert house.case(ticket)["state"] == "awaiting"
    assert sent(house, ticket) == WAITING
    assert press_body(house, ticket, "decline")["form"]["status"] == 200
    house.wait_state(ticket, "declined")
