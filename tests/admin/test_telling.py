"""Failures are told to the admins' channel: the first of a cause at once, others counted; the trail's head daily."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app import alerts
from tests.cli_kit import Cli
from tests.house import House
from tests.kit import press_body, quiet_for, text_of

CHANNEL = "D00BALA"  # a second place to post to


@pytest.fixture
def telling(database: str) -> Iterator[House]:
    with House(database, admin_channel=CHANNEL) as house:
        yield house


def told(house: House) -> list[str]:
    return [text_of(m) for m in house.messages() if m["channel"] == CHANNEL and "Failed:" in text_of(m)]


def fail_at_jira(house: House, *numbers: int) -> None:
    before = house.rows("SELECT count(*) AS n FROM events WHERE state = 'dead'")[0]["n"]
    for number in numbers:
        press_body(house, house.to_awaiting(email=f"c{number}@example.com"), "approve")
    house.wait(
        lambda: house.rows("SELECT count(*) AS n FROM events WHERE state = 'dead'")[0]["n"] == before + len(numbers),
        what="they have failed",
    )
    house.settle()


def test_the_first_at_once_the_others_counted(telling: House, monkeypatch: pytest.MonkeyPatch) -> None:
    telling.sandbox.world.faults.add("jira", "create", "403", times=None)
    fail_at_jira(telling, 1)
    [first] = telling.wait(lambda: told(telling), what="the first is told")
    assert "Failed: 1. Cause: the desk's account may not do this." in first
    assert f"{telling.url}/admin/failures" in str(telling.messages())
    fail_at_jira(telling, 2, 3)
    quiet_for(telling, 0.5)
    assert told(telling) == [first]  # an hour has not passed
    [timer] = telling.rows("SELECT due_at > now() AS later FROM timers WHERE starts_with(what, 'alert:')")
    assert timer["later"]
    telling.rows("UPDATE timers SET due_at = now() WHERE starts_with(what, 'alert:') RETURNING name")
    telling.wait(lambda: len(told(telling)) == 2, what="the second message")
    assert "Failed: 3." in told(telling)[1]


def test_what_has_been_seen_to_is_not_told(telling: House) -> None:
    telling.sandbox.world.faults.add("jira", "create", "403", times=None)
    fail_at_jira(telling, 1)
    telling.wait(lambda: told(telling), what="the first is told")
    fail_at_jira(telling, 2)
    telling.rows("UPDATE events SET state = 'void' WHERE state = 'dead' RETURNING id")
    telling.rows("UPDATE timers SET due_at = now() WHERE starts_with(what, 'alert:') RETURNING name")
    quiet_for(telling, 1.0)
    assert len(told(telling)) == 1


def test_without_a_channel_nothing_is_told(house: House) -> None:
    house.sandbox.world.faults.add("jira", "create", "403", times=None)
    fail_at_jira(house, 1)
    quiet_for(house, 0.3)
    assert [m for m in house.messages() if "Failed:" in text_of(m) and m["channel"] == CHANNEL] == []
    assert house.rows("SELECT 1 AS yes FROM timers WHERE starts_with(what, 'alert:')") == []


def test_the_trails_head_goes_outside_daily(telling: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/tmp")
    cli = Cli(telling)
    cli("pause", "jira", "--reason", "a row")
    head = cli("audit", "head").output.strip()
    telling.rows("UPDATE timers SET due_at = now() WHERE what = 'audit_head' RETURNING name")

    def heads() -> list[Any]:
        return [text_of(m) for m in telling.messages() if "Audit trail:" in text_of(m)]

    telling.wait(heads, what="the head is told")
    [text] = heads()
    number, mac = head.split(":")
    assert f"{number} rows" in text
    assert mac in text
    cli("audit", "verify", "--head", head)
    assert timedelta(hours=1) == alerts.PAUSE
