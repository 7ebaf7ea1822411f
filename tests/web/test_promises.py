"""The door's promises to whoever presses, in both chats: an answer in time, never more than is true (S027, M020)."""

from __future__ import annotations

import os
import signal
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from tests.house import House
from tests.kit import Sent, sent

WAITING = Sent(mails=1, cards=1)
NOT_RECORDED = "Your press could not be recorded. Nothing changed"


@pytest.fixture(params=["slack", "mattermost"])
def house(request: pytest.FixtureRequest, database: str) -> Iterator[House]:
    with House(database, chat=request.param) as made:
        yield made


def presses(house: House) -> list[str]:
    """The presses and forms that are recorded, and what became of them."""
    return [row["state"] for row in house.rows("SELECT state FROM events WHERE sender IN ('slack', 'mattermost')")]


def heard(house: House, user: str, words: str) -> None:
    house.wait(lambda: any(words in text for text in house.answers(user)), what=f"{user} is told {words!r}")


@contextmanager
def locked(house: House) -> Iterator[None]:
    """Nobody can write an event."""
    with psycopg.connect(house.uri) as conn:
        conn.execute("LOCK TABLE events IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def frozen(house: House) -> Iterator[None]:
    """The database's processes that the desk talks to do not move, and so do not say "too late" either."""
    with psycopg.connect(house.uri) as conn:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"
        pids = [row[0] for row in conn.execute(query, ("deletion-desk",)).fetchall()]
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@contextmanager
def impatient(house: House) -> Iterator[None]:
    """Mattermost as M020 wants it answered: it gives up after two seconds, and what comes later is an error to whoever
    pressed. (Slack always gives up after three, S11.)"""
    config = house.sandbox.world.config
    usual, config.mattermost_integration_timeout = config.mattermost_integration_timeout, 2.0
    try:
        yield
    finally:
        config.mattermost_integration_timeout = usual


@pytest.mark.parametrize("trouble", [locked, frozen])
def test_a_press_that_cannot_be_recorded(house: House, trouble: Callable[[House], contextmanager[None]]) -> None:
    ticket = house.to_awaiting()
    house.stop_worker()
    card = house.card()
    # For as long as it takes: whoever waited for the store would never answer.
    with impatient(house), trouble(house):
        answer = house.pressed("approve", card=card)
        assert (answer["status"], answer["warning"], answer["timed_out"]) == (200, False, False)
    heard(house, "aisyah", NOT_RECORDED)
    assert presses(house) == [], "and what was said stays true"
    house.start_worker()
    house.settle()
    assert house.case(ticket)["state"] == "awaiting"
    assert sent(house, ticket) == WAITING
    house.press("approve", card=card)
    house.wait_state(ticket, "banning")


def test_a_form_that_cannot_be_recorded(house: House) -> None:
    ticket = house.to_awaiting()
    house.press("decline", form=None)
    (form,) = house.room.forms(house, house.user("aisyah"))
    with impatient(house), locked(house):
        answer = house.room.submit(house, house.user("aisyah"), form, {"reason": "other"})
        assert answer["status"] == 200
        assert NOT_RECORDED in answer["body"]
    assert house.room.forms(house, house.user("aisyah")) == [form], "it stays open"
    assert presses(house) == []
    assert house.room.submit(house, house.user("aisyah"), form, {"reason": "other"})["status"] == 200
    assert house.wait_state(ticket, "declined")["decided_by"] == house.user("aisyah")


def test_a_press_while_no_worker_lives(house: House) -> None:
    ticket = house.to_awaiting()
    house.stop_worker()
    house.wait(lambda: not house.desk.working(), what="the desk sees that no worker is there")
    house.press("approve")
    heard(house, "aisyah", "Recorded; nothing is decided yet")
    house.press("decline", "bala", form={"reason": "duplicate"})
    heard(house, "bala", "Recorded; nothing is decided yet")
    assert presses(house) == ["queued", "queued"]
    assert house.case(ticket)["state"] == "awaiting"
    assert sent(house, ticket) == WAITING
    house.start_worker()
    assert house.wait_state(ticket, "banning")["decided_by"] == house.user("aisyah")
    heard(house, "aisyah", "Recorded: approved")
    heard(house, "bala", "already approved")


def test_a_press_while_a_worker_lives_is_not_called_late(house: House) -> None:
    ticket = house.to_awaiting()
    house.press("approve")
    house.wait_state(ticket, "banning")
    assert not [text for text in house.answers("aisyah") if "nothing is decided yet" in text]


def alarms(house: House) -> list[str]:
    with urllib.request.urlopen(f"{house.url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return sorted(line for line in text.splitlines() if line.startswith("desk_alarms_total"))


def test_forged_presses_raise_an_alarm(house: House) -> None:
    ticket = house.to_awaiting()
    forged = {"context": {"token": "forged"}} if house.room.name == "mattermost" else {"value": "forged"}
    house.press("approve", **forged)
    heard(house, "aisyah", "This button was not made by Deletion Desk")
    assert alarms(house) == ['desk_alarms_total{reason="token_forged"} 1.0']
    house.settle()
    assert house.case(ticket)["state"] == "awaiting"
    assert sent(house, ticket) == WAITING
