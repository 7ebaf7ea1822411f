"""Rates and breakers: one message a second to a channel, places in line, a 429 that is nobody's failure (S19-S21)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from app.db import Connection, Database
from app.ledger import vendors
from app.ledger.vendors import DOWN, RATE, Limit, Wait, admit
from tests.house import House
from tests.kit import Sent, buttons, cards_of, sent

SLOW = Limit(60, 1)  # one a second
ROW = "slack:posts:C0X"
Ask = Callable[..., Wait]


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    db = Database(database, size=1)
    db.open()
    with db.each() as made:
        yield made
    db.close()


@pytest.fixture
def ask(conn: Connection) -> Ask:
    return lambda **given: admit(conn, "slack", **{"limit": SLOW, "row": ROW, **given})


def later(conn: Connection, seconds: float) -> None:
    """So much time has passed for every row."""
    conn.execute(
        "UPDATE vendors SET busy_until = busy_until - make_interval(secs => %(s)s),"
        " line_until = line_until - make_interval(secs => %(s)s),"
        " open_until = open_until - make_interval(secs => %(s)s)",
        {"s": seconds},
    )


def places(waits: list[Wait]) -> list[int]:
    assert {wait.why for wait in waits} == {RATE}
    return [round(wait.seconds) for wait in waits]


def test_who_finds_no_room_gets_a_place_of_their_own(conn: Connection, ask: Ask) -> None:
    assert ask() == Wait()
    assert places([ask() for _ in range(4)]) == [1, 2, 3, 5], (
        "a little more than a second each: urgent ones come between"
    )
    assert places([ask(first=True), ask(first=True)]) == [1, 1], "an urgent one takes no place and is not behind them"
    later(conn, 1.01)
    assert places([ask()]) == [5], "there is room, but those in line come first"
    assert ask(first=True) == Wait()
    later(conn, 60)
    assert ask() == Wait(), "nobody is left in line"


def test_a_burst_may_run_ahead_and_then_there_is_a_line(conn: Connection) -> None:
    limit = Limit(60, 10)
    waits = [admit(conn, "zendesk", limit) for _ in range(13)]
    assert waits[:10] == [Wait()] * 10
    assert places(waits[10:]) == [1, 2, 3]


def test_each_limit_counts_by_itself(conn: Connection, ask: Ask) -> None:
    assert ask() == Wait()
    assert ask(row="slack:posts:C0Y") == ask(row="slack:updates") == ask(row="") == Wait()
    assert ask(row="slack:updates").why == RATE


def test_a_vendor_that_is_down_gives_no_places_and_takes_one_probe(conn: Connection, ask: Ask) -> None:
    for _ in range(vendors.FAILURES):
        vendors.failed(conn, "slack", "timeout")
    waits = [ask(row="slack:updates"), ask()]
    assert [(wait.why, round(wait.seconds)) for wait in waits] == [(DOWN, 30)] * 2
    later(conn, 30.1)
    assert ask() == Wait(), "the probe"
    assert [(w.why, round(w.seconds)) for w in (ask(row="slack:updates"), ask())] == [(DOWN, 30)] * 2
    later(conn, 20)
    vendors.failed(conn, "slack", "timeout")  # it took 20 seconds
    assert round(ask().seconds) == 10, "the next probe is due half a minute after this one began"
    later(conn, 10.1)
    assert ask(row="slack:answers") == Wait()
    conn.execute(f"{vendors.WELL} 'slack'")
    assert ask(row="slack:updates") == Wait()


def test_room_for_what_is_read_early(conn: Connection, ask: Ask) -> None:
    """Only where nobody waits, and never of a vendor that is not well."""
    room = lambda: vendors.has_room(conn, ROW, SLOW)  # noqa: E731
    ask()
    conn.execute("UPDATE vendors SET busy_until = '-infinity' WHERE name = %s", (ROW,))
    assert room()
    assert ask() == Wait()
    assert not room(), "the next call would wait"
    ask()
    conn.execute("UPDATE vendors SET busy_until = '-infinity' WHERE name = %s", (ROW,))
    assert not room(), "somebody is in line"
    later(conn, 60)
    assert room()
    vendors.failed(conn, ROW, "timeout")
    assert not room()


def test_the_vendor_is_left_alone_for_as_long_as_it_asked(conn: Connection, ask: Ask) -> None:
    assert ask() == Wait()
    vendors.leave_alone(conn, ROW, SLOW, 40)
    assert places([ask(), ask(), ask(first=True)]) == [40, 41, 40]
    assert ask(row="slack:updates") == Wait(), "the other methods are not meant"
    later(conn, 40.1)
    assert ask(first=True) == Wait()


@pytest.mark.parametrize("chat", ["slack", "mattermost"])
def test_a_429_is_nobodys_failure_and_stops_no_other_method(database: str, chat: str) -> None:
    update = {"slack": "chat.update", "mattermost": "posts.patch"}[chat]
    with House(database, chat=chat, retry_cap="1") as house:
        ticket = house.to_awaiting()
        refused = house.sandbox.world.faults.add(chat, update, "429", times=None, retry_after="1")
        house.press("approve")
        house.wait(lambda: refused.fired >= 2, what="the update is refused")
        other = house.ticket()
        house.tag(other, "data_deletion_request", "pref_stop_all")
        house.wait(lambda: cards_of(house, other), what="another card is posted meanwhile")
        house.wait(lambda: house.answers("aisyah"), what="whoever pressed is told meanwhile")
        house.wait(lambda: refused.fired > vendors.FAILURES, 20, "refused more often than a vendor may fail")
        assert house.rows("SELECT failures FROM vendors WHERE failures > 0") == []
        house.sandbox.world.faults.clear()
        house.wait(lambda: buttons(cards_of(house, ticket)[0]) == [], what="the card is closed")
        house.settle()
        assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
