"""A replay of many, its worker killed again and again in the middle: each effect once all the same."""

from __future__ import annotations

import random
import time

import pytest

from tests.cli_kit import Cli
from tests.kit import Sent, press_body, sent
from tests.processes import Processes

TICKETS, KILLS = 8, 6


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_in_the_middle_of_a_bulk_replay(database: str, seed: int) -> None:
    moments = random.Random(seed)
    with Processes(database) as house:
        cli = Cli(house)
        house.sandbox.world.faults.add("jira", "create", "403", times=None)
        tickets = [house.to_awaiting(email=f"c{number}@example.com") for number in range(TICKETS)]
        for ticket in tickets:
            press_body(house, ticket, "approve")
        failed = "SELECT reason FROM events WHERE state = 'dead'"
        house.wait(lambda: len(house.rows(failed)) == TICKETS, 30, "all have failed")
        house.settle()
        house.sandbox.world.faults.clear()
        cli("replay", "--cause", house.rows(failed)[0]["reason"], "--yes")
        for _ in range(KILLS):
            time.sleep(moments.uniform(0.1, 1.5))
            house.kill("worker")
        house.wait(lambda: cli.json("replay", "--progress")[0]["ended_at"], 60, "it is over")
        for ticket in tickets:
            house.wait_state(ticket, "banning", 60)
        assert [sent(house, ticket) for ticket in tickets] == [Sent(mails=1, cards=1, issues=1, links=1)] * TICKETS
        assert house.deaths["worker"]
        [row] = cli.json("replay", "--progress")
        assert (row["total"], row["queued"], row["refused"]) == (TICKETS, TICKETS, 0)
