"""What has failed is replayed again and again while its cause is still there: nothing that was done is done twice.

A thousand approvals that JIRA refuses, replayed twenty times and then once more, mended: `make test-dead`; here some.
What has happened is counted at the stand-ins; that each replay was a walk of each event, in the journal.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from app import bulk
from app.desk import Desk
from tests.admin.pageskit import person
from tests.cli_kit import Cli
from tests.house import House
from tests.kit import Sent
from tests.processes import Processes
from tests.rooms import room_of

CAUSE = "forbidden"
# `desk work`, in which a bulk replay takes a hundred at a time: at sixty a minute this test would take six hours.
PACED = (
    "from datetime import timedelta\nfrom app import bulk\nfrom app.cli import main\n"
    "bulk.PORTION, bulk.PAUSE = 100, timedelta(milliseconds=10)\nmain(['work'])"
)
Start = Callable[[House, int], None]


class TwoWorkers(Processes):
    """The web process and two workers."""

    COMMANDS: ClassVar = {
        "web": Processes.COMMANDS["web"],
        "worker": [sys.executable, "-c", PACED],
        "second": [sys.executable, "-c", PACED],
    }

    def start(self) -> None:
        self.deaths["second"] = []
        super().start()
        self.desk = Desk(self.settings(), uri=self.uri, pool=2)  # accounts are made by it

    def stop(self) -> None:
        super().stop()
        self.desk.db.close()


@pytest.fixture
def processes(database: str) -> Iterator[TwoWorkers]:
    with TwoWorkers(database) as built:
        yield built
        assert built.deaths == {"web": [], "worker": [], "second": []}


def by_page(house: House, number: int) -> None:
    """The dry run first, as the page wants it."""
    operator = person(house, "operator")
    plan = operator.post("/admin/failures/replay", act="dry", cause=CAUSE)
    assert f"{number} events have failed of this cause" in plan.text
    [mark] = [had["value"] for had in plan.all("input", name="mark")]
    assert "replay" in operator.act("/admin/failures/replay", act="run", cause=CAUSE, mark=mark).text


def by_command(house: House, number: int) -> None:
    assert f"{number} events have failed" in Cli(house)("bulk", "start", CAUSE, "--yes").output


def died(house: House, number: int) -> dict[int, str]:
    """So many tickets, approved, whose customers were told; JIRA refused each issue. Ticket -> its press's event."""
    tickets = []
    for _ in range(number):
        tickets.append(house.ticket())
        house.tag(tickets[-1], "data_deletion_request", "pref_stop_all")
    until(house, "SELECT 1 FROM cases WHERE chat_ts IS NOT NULL HAVING count(*) = %s", number)
    house.settle(60)
    house.sandbox.world.faults.add("jira", "create", "403", times=None)
    for card in house.cards():
        assert house.press("approve", card=card) == 200
    until(house, "SELECT 1 FROM events WHERE state = 'dead' HAVING count(*) = %s", number)
    house.settle(60)
    return {row["ticket_id"]: row["id"] for row in house.rows("SELECT ticket_id, id FROM events WHERE state = 'dead'")}


def until(house: House, query: str, *values: Any) -> None:
    """Asked a few times a second: it may take minutes, on the cores that the workers need."""
    house.wait(lambda: house.rows(query, *values) or time.sleep(0.2), 600, query)


def replayed(house: House, start: Start, number: int) -> None:
    """All of them, to the end of the last walk."""
    start(house, number)
    until(house, "SELECT 1 FROM bulk_replays HAVING count(*) = count(ended_at)")
    house.settle(60)


def done_rows(house: House) -> dict[int, str]:
    return {
        row["id"]: row["row"] for row in house.rows("SELECT id, e::text AS row FROM effects e WHERE state = 'done'")
    }


def happened(house: House) -> list[dict[str, Any]]:
    """Every effect at any vendor, in its order."""
    return house.sandbox.world.effects()


def refusals(house: House) -> int:
    """How often JIRA was asked for an issue."""
    return house.sandbox.world.faults.fired["403"]


def all_sent(house: House) -> dict[int, Sent]:
    """What happened for each ticket, as tests.kit.sent, in one look at each stand-in."""
    mails = Counter(int(mail["target"]) for mail in happened(house) if mail["kind"] == "mail")
    cards: Counter[int] = Counter()
    for message in house.messages():
        link = None if message["ephemeral_to"] else re.search(r"#(\d+)[>\]]", room_of(message).raw(message))
        cards.update([int(link[1])] if link else [])
    issues, links = Counter[int](), Counter[int]()
    for issue in house.issues():
        [ticket] = re.findall(r"#(\d+)\)", issue["summary"])
        issues[int(ticket)] += 1
        links[int(ticket)] += len(issue["links"])
    tickets = {*mails, *cards, *issues}
    return {one: Sent(mails[one], cards[one], issues[one], links=links[one]) for one in tickets}


def nothing_twice(house: House, number: int, times: int) -> None:
    """Replayed `times` while JIRA refuses, by page and by command in turns; then JIRA is mended."""
    events = died(house, number)
    assert len(events) == number
    done, effects, asked = done_rows(house), happened(house), refusals(house)
    assert all_sent(house) == dict.fromkeys(events, Sent(mails=1, cards=1))
    for turn in range(1, times + 1):
        replayed(house, by_page if turn % 2 else by_command, number)
        assert happened(house) == effects, turn
        assert done_rows(house) == done, turn
        assert refusals(house) - asked == turn * number
        dead = "SELECT event_id, count(*) AS times FROM journal WHERE what = 'event_dead' GROUP BY 1"
        assert {row["event_id"]: row["times"] for row in house.rows(dead)} == dict.fromkeys(events.values(), turn + 1)
    house.sandbox.world.faults.clear()
    replayed(house, by_page, number)
    ends = "SELECT state, count(*) AS n FROM cases WHERE ticket_id > 0 GROUP BY 1"  # 0: the desk's own messages
    assert house.rows(ends) == [{"state": "banning", "n": number}]
    assert house.rows("SELECT 1 FROM events WHERE state = 'dead'") == []
    assert all_sent(house) == dict.fromkeys(events, Sent(mails=1, cards=1, issues=1, links=1))
    assert happened(house)[: len(effects)] == effects
    assert done.items() <= done_rows(house).items()


def test_replays_while_the_vendor_is_broken_touch_nothing_that_is_done(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PAUSE", bulk.PAUSE / 1000)
    monkeypatch.setattr(bulk, "PORTION", 15)
    nothing_twice(house, number=20, times=3)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_thousand_dead_letters_twenty_times_over(processes: TwoWorkers) -> None:
    nothing_twice(processes, number=bulk.LIMIT, times=20)
