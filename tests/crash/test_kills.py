"""Tickets on their whole way while worker and web process are each killed (kill -9) once a second: nothing is
lost, nothing happens twice (issue 2, "Must be shown"; faults.md F01, F20).

A delivery that meets no web process at all is refused. Whether Zendesk repeats it is not documented; the stand-in is
told that it does (`webhook_retry_refused`), in the place of the sweep that finds such tickets in production. A press
that got no answer shows a warning in the chat, and the supervisor presses again.

By default with 15 tickets; `make test-kills` takes a hundred (about two minutes, more than a hundred kills of each).
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.crash.crashkit import Crashing, each_effect_once, nothing_open

QUICK, ALL = 15, 100
AGAIN = 10.0  # seconds until a person who saw nothing happen tries once more
SANDBOX = {"webhook_retry_seconds": 0.5, "jira_retry_seconds": 0.5}


class Killer:
    """Kills both processes about once a second each, in no step with each other."""

    def __init__(self, house: Crashing) -> None:
        self._house = house
        self._over = threading.Event()
        self.kills: Counter[str] = Counter()
        self._threads = [threading.Thread(target=self._kill, args=(name,)) for name in ("web", "worker")]

    def __enter__(self) -> Killer:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _kill(self, name: str) -> None:
        chance = random.Random(name)
        while not self._over.wait(chance.uniform(0.7, 1.3)):
            self._house.kill_life(name)
            self.kills[name] += 1


def cards(house: Crashing) -> dict[int, str]:
    """Ticket -> the message whose buttons are still there."""
    found = {}
    for card in house.cards():
        number = card["text"].partition("#")[2].partition(">")[0]
        found[int(number)] = str(card["ts"])
    return found


class People:
    """What people do meanwhile: approve what waits for them, close what JIRA has; each again if it had no effect."""

    def __init__(self, house: Crashing, tickets: int) -> None:
        self._house = house
        self._tickets = tickets
        self._did: dict[str, float] = {}

    def carry_on(self) -> bool:
        """One look at chat and board. True when every case is done."""
        for ts in cards(self._house).values():
            if self._due(ts):
                self._house.press_until_taken({"ts": ts}, "approve")
        for issue in self._house.issues():
            if issue["status"] != "Done" and self._due(issue["key"]):
                self._house.move_issue(issue["key"], "Done")
        states = [row["state"] for row in self._house.rows("SELECT state FROM cases")]
        return len(states) == self._tickets and set(states) == {"done"}

    def _due(self, what: str) -> bool:
        if time.monotonic() - self._did.get(what, -AGAIN) < AGAIN:
            return False
        self._did[what] = time.monotonic()
        return True


@pytest.mark.timeout(400)
@pytest.mark.parametrize("number", [QUICK, pytest.param(ALL, marks=pytest.mark.long)])
def test_kill_both_every_second(database: str, tmp_path: Path, number: int) -> None:
    with Crashing(database, tmp_path, sandbox=SANDBOX, worker_concurrency="8") as house:
        tickets = [house.ticket() for _ in range(number)]
        with Killer(house) as killer:
            for ticket in tickets:
                house.tag(ticket, "data_deletion_request", "pref_stop_all")
            began = time.monotonic()
            people = People(house, number)
            while not people.carry_on():
                assert time.monotonic() - began < 300, Counter(
                    (row["kind"], row["state"], row["reason"]) for row in house.rows("SELECT * FROM events")
                ) + Counter(row["state"] for row in house.rows("SELECT * FROM cases"))
                time.sleep(0.3)
        house.settle(60)
        print(
            f"\n{time.monotonic() - began:.0f} s, kills {dict(killer.kills)}, deaths "
            f"{len(house.exit_codes('worker'))} worker {len(house.exit_codes('web'))} web"
        )
        assert set(house.exit_codes("worker")) == set(house.exit_codes("web")) == {-9}
        # A quiet machine is through within a few kills.
        assert min(len(house.exit_codes("worker")), len(house.exit_codes("web"))) >= 2
        count = Counter(
            (e["vendor"], e["kind"]) for e in house.sandbox.world.effects() if e.get("by", "desk") == "desk"
        )
        assert count["slack", "post"] == number
        assert count["jira", "create"] == number
        mails = Counter(e["target"] for e in house.sandbox.world.effects("zendesk", "mail"))
        assert mails == Counter({str(ticket): 1 for ticket in tickets})
        each_effect_once(house)
        nothing_open(house)
