"""`desk sweep`: at once, further back in bounded portions, and on where it was stopped."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.clients.shape import moment
from app.sweep_spans import PORTION
from tests.cli_kit import Cli
from tests.house import House
from tests.kit import NOTHING, Sent, events_of, sent

REQUEST = "data_deletion_request"
YEAR = timedelta(days=365)
BETWEEN = re.compile(r"tags:\w+ updated>=(\S+) updated<(\S+)")


@pytest.fixture
def long_ago(house: House) -> list[int]:
    """Tickets of nine years, five years and two hundred days ago, whose webhooks were all lost; the desk has swept
    since."""
    house.sandbox.config.drop_webhooks = 1.0
    house.rows(
        "INSERT INTO ourselves VALUES ('swept_until', %s) RETURNING 1", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    )
    tickets = []
    for number, ago in enumerate((9 * YEAR, 5 * YEAR, timedelta(days=200))):
        tickets.append(house.ticket(tags=[REQUEST, "pref_stop_all"], email=f"c{number}@example.com"))
        with house.sandbox.world.lock:
            house.sandbox.world.zendesk.tickets[tickets[-1]].updated = datetime.now(UTC) - ago
    return tickets


def portions(house: House) -> list[tuple[datetime, datetime]]:
    """What was searched for in portions, in the order of asking; a search that was repeated is one."""
    asked = [one["query"]["query"] for one in house.sandbox.world.arrived("zendesk", "search.export")]
    found = [BETWEEN.fullmatch(words) for words in asked]
    return list(dict.fromkeys((moment(one[1]), moment(one[2])) for one in found if one))


def swept(house: House) -> list[dict[str, Any]]:
    return house.rows("SELECT detail FROM journal WHERE what = 'swept'")


def kept(house: House) -> list[dict[str, Any]]:
    return house.rows("SELECT value FROM ourselves WHERE name = 'sweep_from'")


@pytest.mark.long
def test_c020_ten_years_back_in_bounded_portions(house: House, cli: Cli, long_ago: list[int]) -> None:
    """C020."""
    cli("sweep")
    house.wait(lambda: swept(house), what="a sweep as always")
    assert [events_of(house, ticket) for ticket in long_ago] == [[], [], []]
    assert portions(house) == []

    assert "back to" in cli("sweep", "--since", "10y").stdout
    house.wait(lambda: len(swept(house)) == 2, 40, "the sweep further back")
    house.settle(40)
    assert [sent(house, ticket) for ticket in long_ago] == [Sent(mails=1, cards=1)] * 3
    asked = portions(house)
    assert timedelta(0) <= asked[0][0] - (datetime.now(UTC) - 10 * YEAR) + timedelta(minutes=1) < timedelta(minutes=2)
    assert all(timedelta(0) < end - begin <= PORTION for begin, end in asked)
    assert [end for _, end in asked[:-1]] == [begin for begin, _ in asked[1:]], "none left out, none twice"
    pages = house.sandbox.world.arrived("zendesk", "search.export")
    assert all(int(one["query"]["page[size]"]) <= 100 for one in pages)
    assert kept(house) == []
    assert [row["action"] for row in cli.json("audit", "list")] == ["sweep.asked", "sweep.asked"]

    cli("sweep")  # what was asked for once is not looked at for ever
    house.wait(lambda: len(swept(house)) == 3, what="a sweep as always")
    assert portions(house) == asked


def test_stopped_in_the_middle_it_goes_on_there(house: House, cli: Cli, long_ago: list[int]) -> None:
    world = house.sandbox.world
    outage = world.faults.add("zendesk", "search.export", "500", times=None, skip=3 * 10)
    cli("sweep", "--since", "10y")
    house.wait(lambda: outage.fired, what="Zendesk fails in the eleventh portion")
    waiting = "SELECT 1 FROM events WHERE kind = 'time_came' AND state = 'waiting' AND failures > 0"
    house.wait(lambda: house.rows(waiting), what="the sweep waits")
    house.stop_worker()
    seen = portions(house)
    [row] = kept(house)
    assert moment(row["value"]) == seen[10][0] == seen[9][1]
    assert sent(house, long_ago[2]) == NOTHING
    world.faults.remove(outage)
    house.start_worker()
    house.wait(lambda: swept(house), 40, "it comes to its end")
    house.settle(40)
    after = portions(house)
    assert after[:10] == seen[:10], "what was seen whole was not asked for again"
    assert [end for _, end in after[:-1]] == [begin for begin, _ in after[1:]]
    assert len(world.arrived("zendesk", "search.export")) < 3 * len(after) + 30
    assert [sent(house, ticket) for ticket in long_ago] == [Sent(mails=1, cards=1)] * 3
    assert kept(house) == []


def test_older_is_asked_for_while_a_sweep_is_under_way(house: House, cli: Cli, long_ago: list[int]) -> None:
    world = house.sandbox.world
    outage = world.faults.add("zendesk", "search.export", "500", times=None, skip=6)
    cli("sweep", "--since", "6y")
    house.wait(lambda: outage.fired, what="it has begun")
    cli("sweep", "--since", "10y")
    cli("sweep", "--since", "1y")  # less than what is asked for already
    world.faults.remove(outage)
    house.wait(lambda: sent(house, long_ago[0]) == Sent(mails=1, cards=1), 40, "the oldest is found")
    house.wait(lambda: not kept(house), 40, "all of it was looked at")
    house.settle(40)
    assert [sent(house, ticket) for ticket in long_ago] == [Sent(mails=1, cards=1)] * 3
