"""Dead, frozen and stopping workers: tickets go on elsewhere within 30 s, nothing goes out twice (F20, F21, F28)."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.crash.crashkit import Crashing, each_effect_once, nothing_open
from tests.kit import Sent, card_of, sent
from tests.processes import Processes

FROZEN_AT = ("effect.after_claim/apply_macro",)
ALSO_FROZEN_AT = (
    "effect.before_claim/apply_macro",
    "effect.after_claim/ask_supervisor",
    "effect.after_call/open_jira",
    "walk.before_finish",
    "effect.before_plan/apply_macro",
    "effect.after_call/apply_macro",
    "effect.after_call/ask_supervisor",
    "effect.before_claim/open_jira",
    "effect.after_claim/open_jira",
)


class Two(Crashing):
    """A second worker beside the first; the ordered deaths and freezes are the first one's."""

    def second(self) -> None:
        """Start it, and wait until it takes part."""
        before = self.rows("SELECT max(id) AS id FROM procrastinate_workers")[0]["id"] or 0
        command = [sys.executable, "-m", "tests.crash.forks", "worker2", str(self.folder)]
        self.COMMANDS = {**self.COMMANDS, "worker2": command}
        self.deaths["worker2"] = []
        chaos = {name: self.environment.pop(name) for name in ("CHAOS_POINT", "CHAOS_STOP")}
        self.launch("worker2")
        self.environment |= chaos
        self.wait(lambda: self.rows("SELECT 1 FROM procrastinate_workers WHERE id > %s", before), 25, "a second worker")


@pytest.mark.parametrize(
    ("settings", "within"),
    [
        ({}, 6.0),
        pytest.param({"heartbeat": "5", "stalled_after": "15", "zendesk_quiet": "0.4"}, 30.0, marks=pytest.mark.long),
    ],
    ids=["quick", "defaults"],
)
def test_a_killed_workers_job_is_taken_over_by_another(
    database: str, tmp_path: Path, settings: dict[str, str], within: float
) -> None:
    with Two(database, tmp_path, points=("effect.after_claim/apply_macro",), **settings) as house:
        house.COMMANDS["worker"] = [sys.executable, "-c", "import time; time.sleep(600)"]  # it never comes back
        ticket = house.ticket()
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
        house.wait(house.fired, 15, "the worker has died")
        died = time.monotonic()
        house.kill("worker")  # its supervisor too, which the house replaces by one that does nothing
        house.second()
        house.wait(lambda: sent(house, ticket).mails, within + 5, "the mail is sent")
        assert time.monotonic() - died < within
        house.wait_state(ticket, "awaiting")
        assert sent(house, ticket) == Sent(mails=1, cards=1)
        each_effect_once(house)
        nothing_open(house)


@pytest.mark.parametrize(
    "place", [*FROZEN_AT, *(pytest.param(place, marks=pytest.mark.long) for place in ALSO_FROZEN_AT)]
)
def test_a_frozen_worker_that_wakes_up_sends_nothing(database: str, tmp_path: Path, place: str) -> None:
    with Two(database, tmp_path, stops=(place,)) as house:
        if place.endswith("open_jira"):
            ticket = house.to_awaiting()
            house.press_until_taken(card_of(house, ticket), "approve")
        else:
            ticket = house.ticket()
            house.tag(ticket, "data_deletion_request", "pref_stop_all")
        house.wait(lambda: house.fired() == [place], 15, "the worker is frozen")
        frozen = house.pid("worker")
        house.second()
        state = "banning" if place.endswith("open_jira") else "awaiting"
        house.wait_state(ticket, state, 20)
        arrived = len(house.sandbox.world.arrivals)
        expected = Sent(mails=1, cards=1, **({"issues": 1, "links": 1} if state == "banning" else {}))
        assert sent(house, ticket) == expected
        os.kill(frozen, signal.SIGCONT)
        time.sleep(1.5)
        writes = [a for a in house.sandbox.world.arrivals[arrived:] if a["verb"] in ("PUT", "POST")]
        assert not [a for a in writes if "auth" not in a["method"]]
        assert house.pid("worker") == frozen  # it lives, and takes part again
        assert sent(house, ticket) == expected
        each_effect_once(house)
        nothing_open(house)


@pytest.mark.long
def test_a_worker_frozen_within_a_transaction_holds_its_locks_for_ten_seconds_only(
    database: str, tmp_path: Path
) -> None:
    with Two(database, tmp_path, stops=("case.before_open",)) as house:
        ticket = house.ticket()
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
        house.wait(house.fired, 15, "the worker is frozen")
        within = (
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%%'"
        )
        assert house.rows(within)
        frozen = house.pid("worker")
        house.second()
        house.wait_state(ticket, "awaiting", 20)
        house.wait(lambda: not house.rows(within), 15, "the server has ended the transaction")
        os.kill(frozen, signal.SIGCONT)
        time.sleep(1.5)
        assert house.pid("worker") == frozen
        assert sent(house, ticket) == Sent(mails=1, cards=1)
        each_effect_once(house)
        nothing_open(house)


@pytest.mark.long
def test_a_frozen_worker_does_not_end_the_job_that_another_runs(database: str, tmp_path: Path) -> None:
    """Else the next event of the ticket would run beside it, and a kill of the other would lose the event."""
    with Two(database, tmp_path, stops=("walk.before_finish",), read_timeout="20") as house:
        ticket = house.ticket()
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
        house.wait(house.fired, 15, "the worker is frozen")
        frozen = house.pid("worker")
        house.sandbox.world.faults.add("zendesk", "*", "slow", times=None, seconds=5)
        house.second()
        doing = "SELECT worker_id, attempts FROM procrastinate_jobs WHERE task_name = 'desk:run' AND status = 'doing'"
        house.wait(lambda: [r for r in house.rows(doing) if r["attempts"]], 15, "another has taken it over")
        os.kill(frozen, signal.SIGCONT)
        time.sleep(2)
        assert house.rows(doing)
        house.sandbox.world.faults.clear()
        house.wait_state(ticket, "awaiting", 20)
        assert sent(house, ticket) == Sent(mails=1, cards=1)
        nothing_open(house)


def test_sigterm_ends_the_worker_in_time_also_while_a_vendor_hangs(database: str, tmp_path: Path) -> None:
    slow = {"read_timeout": "15", "stop_within": "20"}
    with Processes(database, **slow) as house:
        ticket = house.ticket()
        house.sandbox.world.faults.add("zendesk", "tickets.update", "hang_after", times=1, seconds=60)
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
        house.wait(lambda: house.rows("SELECT 1 FROM effects WHERE verb = 'apply_macro' AND state = 'sending'"), 15)
        began = time.monotonic()
        house.kill("worker", signal.SIGTERM)
        house.wait(lambda: house.deaths["worker"], 26, "the worker has ended")
        assert time.monotonic() - began <= 25
        assert house.deaths["worker"] == [0]
        house.wait_state(ticket, "awaiting", 30)
        assert sent(house, ticket) == Sent(mails=1, cards=1)
        each_effect_once(house)
        nothing_open(house)


def test_sigterm_of_an_idle_worker_is_quick(database: str) -> None:
    with Processes(database) as house:
        house.wait(lambda: house.rows("SELECT 1 FROM procrastinate_workers"), 15)
        began = time.monotonic()
        house.kill("worker", signal.SIGTERM)
        house.wait(lambda: house.deaths["worker"] == [0], 10)
        assert time.monotonic() - began < 5
        ticket = house.to_awaiting()
        assert len(house.rows("SELECT 1 FROM cases WHERE ticket_id = %s", ticket)) == 1
