"""One event of a ticket at a time, in order; a waiting one holds up nobody; withdrawals go first (issue 2 point 3)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psycopg
import pytest
from psycopg.rows import dict_row

from app import inbox
from app.desk import Desk
from app.engine import Worker
from app.errors import StoreError
from app.events import TicketTagged
from tests.house import House


class Walks:
    """A worker whose walks only note when they ran, and take as long as told."""

    def __init__(self, desk: Desk, house: House) -> None:
        self.desk = desk
        self.ran: list[tuple[int, float, float]] = []  # event, begun, ended
        self.seconds: dict[int, float] = {}
        self.waits: dict[int, float] = {}  # event -> seconds it waits at its first walk
        self._one = threading.Lock()
        self.stopping = threading.Event()
        worker = Worker(house.uri, house.settings(), self.walk, desk.requeue, desk.rescue, self.stopping)
        self.thread = threading.Thread(target=worker.run, daemon=True)

    def walk(self, event_id: int) -> None:
        with self.desk.db.tx() as conn:
            stored = inbox.begin(conn, event_id)
        if stored is None:
            return
        begun = time.monotonic()
        time.sleep(self.seconds.get(event_id, 0.02))
        with self._one:
            self.ran.append((event_id, begun, time.monotonic()))
            wait = self.waits.pop(event_id, None)
        with self.desk.db.tx() as conn:
            if wait is None:
                inbox.end(conn, stored, "done")
            else:
                at = datetime.now(UTC) + timedelta(seconds=wait)
                inbox.end(conn, stored, "waiting", next_at=at)
                self.desk.engine.run_later(conn, event_id, at)

    def order(self) -> list[int]:
        return [event for event, _, _ in sorted(self.ran, key=lambda ran: ran[1])]

    def wait_for(self, walks: int, seconds: float = 15.0) -> None:
        end = time.monotonic() + seconds
        while len(self.ran) < walks:
            assert time.monotonic() < end, self.ran
            time.sleep(0.02)


@pytest.fixture
def desk(house: House) -> Desk:
    house.stop_worker()
    return house.desk


@pytest.fixture
def walks(house: House, desk: Desk) -> Iterator[Walks]:
    made = Walks(desk, house)
    yield made
    made.stopping.set()
    if made.thread.ident:
        made.thread.join(10)


def event(ticket: int, number: int, *tags: str) -> TicketTagged:
    at = f"2026-01-01T00:{number // 60:02}:{number % 60:02}Z"
    named = tags or ("data_deletion_request",)  # each with a tag of its own, or the loop fuse would hold them
    return TicketTagged(f"test:{ticket}:{number}", ticket, tuple(sorted((*named, f"n{number}"))), None, at)


def submit(desk: Desk, wanted: TicketTagged) -> int:
    assert desk.submit(wanted, sender="zendesk")
    with desk.db.tx() as conn:
        row = conn.execute("SELECT id FROM events WHERE fact = %s", (wanted.fact,)).fetchone()
    assert row
    return int(row["id"])


def test_events_of_a_ticket_run_one_at_a_time_and_in_order(desk: Desk, walks: Walks) -> None:
    mine = [submit(desk, event(1, number)) for number in range(12)]
    others = [submit(desk, event(ticket, 0)) for ticket in range(2, 14)]
    walks.seconds = {mine[0]: 1.0}
    walks.thread.start()
    walks.wait_for(24)
    ran = sorted((ran for ran in walks.ran if ran[0] in mine), key=lambda ran: ran[1])
    assert [number for number, _, _ in ran] == mine
    for (_, _, ended), (_, begun, _) in pairwise(ran):
        assert ended <= begun
    first_ended = ran[0][2]
    assert all(ended < first_ended for number, _, ended in walks.ran if number in others)  # nobody waited for it


def test_a_waiting_event_does_not_hold_up_the_next_of_its_ticket(desk: Desk, walks: Walks) -> None:
    first, second = submit(desk, event(1, 0)), submit(desk, event(1, 1))
    walks.waits = {first: 1.0}
    walks.thread.start()
    walks.wait_for(3)
    assert walks.order() == [first, second, first]
    (_, _, parked), (_, begun, _), (_, again, _) = sorted(walks.ran, key=lambda ran: ran[1])
    assert begun - parked < 0.8 < again - parked


def test_withdrawals_and_threats_overtake_a_backlog(desk: Desk, walks: Walks) -> None:
    backlog = [submit(desk, event(ticket, 0)) for ticket in range(1, 41)]
    withdrawal = submit(desk, event(1, 1, "data_deletion_withdrawn"))
    threat = submit(desk, event(99, 1, "regulatory_threat"))
    walks.thread.start()
    walks.wait_for(42)
    assert set(walks.order()[:2]) == {withdrawal, threat}
    assert walks.order().index(backlog[0]) > walks.order().index(withdrawal)


def test_an_event_and_its_job_are_committed_together_or_not_at_all(
    desk: Desk, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str, verb: str = "") -> None:
        if name == "door.before_commit":
            raise psycopg.OperationalError("the connection is lost just before the commit")

    jobs = "SELECT id FROM procrastinate_jobs WHERE task_name = 'desk:run'"
    monkeypatch.setattr("app.desk.point", refuse)
    with pytest.raises(StoreError):
        desk.submit(event(1, 0), sender="zendesk")
    assert not house.rows("SELECT id FROM events")
    assert not house.rows(jobs)
    monkeypatch.undo()
    submit(desk, event(1, 0))
    assert len(house.rows(jobs)) == 1


def test_the_engine_itself_defers_inside_our_transaction(desk: Desk, house: House) -> None:
    jobs = "SELECT id FROM procrastinate_jobs WHERE task_name = 'desk:run'"
    with psycopg.connect(house.uri, row_factory=dict_row) as conn:
        desk.engine.run_event(conn, 1, 1, 0)
        assert conn.execute(jobs).fetchall()
        assert not house.rows(jobs)
        conn.rollback()
    assert not house.rows(jobs)


def test_the_same_fact_again_makes_no_second_job(desk: Desk, house: House) -> None:
    submit(desk, event(1, 0))
    assert not desk.submit(event(1, 0), sender="zendesk")
    assert len(house.rows("SELECT id FROM procrastinate_jobs WHERE task_name = 'desk:run'")) == 1


def test_a_walk_that_cannot_write_is_run_again(desk: Desk, house: House, walks: Walks) -> None:
    wanted = submit(desk, event(1, 0))
    failures = [StoreError("no", "store"), psycopg.errors.DiskFull("no")]
    real = walks.walk

    def walk(event_id: int) -> None:
        if failures:
            raise failures.pop()
        real(event_id)

    worker = Worker(house.uri, house.settings(), walk, desk.requeue, desk.rescue, walks.stopping)
    walks.thread = threading.Thread(target=worker.run, daemon=True)
    walks.thread.start()
    walks.wait_for(1)
    assert not failures
    assert walks.order() == [wanted]
