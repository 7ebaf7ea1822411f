"""The consent ledger itself: corrections, walks at once or lost, thousands in one query."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from app import cases, inbox, wish
from app.consent import ledger
from app.consent.person import Identifier
from app.errors import StoreError
from app.ledger.perform import Owner, WalkLostError
from app.settings import CHANNELS
from app.steps import Steps
from tests.house import House
from tests.procedure.consent_kit import NAMED, Someone, entries, numbers, said, stopped


@pytest.fixture
def two(shared_house: House) -> tuple[House, cases.Case, cases.Case]:
    """Two cases of nobody yet."""
    made = []
    with shared_house.desk.db.tx() as conn:
        for _ in range(2):
            made.append(cases.open_case(conn, next(numbers), "data_deletion", tag_audit_id=None, tagger_id=7))
    return shared_house, made[0], made[1]


def say(house: House, case: cases.Case, who: Someone, *channels: str, **more: Any) -> int:
    ids = [Identifier("phone", who.digests[0])]
    with house.desk.db.tx() as conn:
        return ledger.sync(conn, said_on(case, **more), identifiers=ids, channels=channels)


def said_on(case: cases.Case, wished_at: datetime | None = None) -> ledger.Said:
    return ledger.Said(case, "7", "en:0", wished_at or case.received_at)


def test_a_correction_of_one_case_never_lifts_the_ban_of_another(two: tuple[House, cases.Case, cases.Case]) -> None:
    house, one, other = two
    who = Someone()
    assert say(house, one, who, "sms", "calls") == 2
    assert say(house, other, who, "sms") == 1
    assert say(house, one, who, "calls") == 1  # the sms of the first one was a mistake
    assert stopped(house, who.digests[0]) == {"sms", "calls"}
    assert say(house, other, who) == 1
    assert stopped(house, who.digests[0]) == {"calls"}
    assert say(house, one, who, "sms", "calls") == 1  # and it was none after all
    assert stopped(house, who.digests[0]) == {"sms", "calls"}
    assert say(house, one, who, "sms", "calls") == 0


def test_a_no_that_was_lifted_elsewhere_comes_back_only_with_a_newer_wish(
    two: tuple[House, cases.Case, cases.Case],
) -> None:
    house, one, other = two
    who, later = Someone(), one.received_at + timedelta(hours=1)
    say(house, one, who, *NAMED)
    ids = [Identifier("phone", who.digests[0])]
    with house.desk.db.tx() as conn:
        before, after = said_on(other, one.received_at - timedelta(hours=1)), said_on(other, later)
        assert ledger.lift(conn, before, identifiers=ids, channels=("calls",)) == 0
        assert ledger.lift(conn, after, identifiers=ids, channels=()) == 0
        assert ledger.lift(conn, after, identifiers=ids, channels=("calls",)) == 2
        assert ledger.lift(conn, after, identifiers=ids, channels=("calls",)) == 0
    assert say(house, one, who, *NAMED) == 0
    assert stopped(house, who.digests[0]) == {"sms", "email", "push"}
    assert say(house, one, who, *NAMED, wished_at=later + timedelta(seconds=1)) == 2
    assert stopped(house, who.digests[0]) == set(CHANNELS)


def test_two_walks_at_once_make_one_entry(two: tuple[House, cases.Case, cases.Case]) -> None:
    house, one, _ = two
    who, start, made = Someone(), threading.Barrier(6), []

    def walk() -> None:
        start.wait()
        made.append(say(house, one, who, *NAMED))

    threads = [threading.Thread(target=walk) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [0, 0, 0, 0, 0, 5]
    assert len(said(house, who.digests[0])) == 5


def test_thousands_are_answered_in_one_query(two: tuple[House, cases.Case, cases.Case]) -> None:
    house, one, other = two
    people = [f"{number:064x}" for number in range(3000)]
    with house.desk.db.tx() as conn:
        common = ("sms", False, "7", "en:0", "asked", one.received_at)
        ledger.append(conn, [ledger.New(Identifier("phone", p), *common, case_id=one.id) for p in people[::3]])
        ledger.append(
            conn,
            [ledger.New(Identifier("phone", p), "sms", True, *common[2:], case_id=other.id) for p in people[::2]],
        )
        found = ledger.standing(conn, people, "offers", "sms")
    assert list(found) == people
    for place, digest in enumerate(people):
        entry = found[digest]
        if place % 3 == 0:
            assert entry
            assert not entry.allowed
        elif place % 2 == 0:
            assert entry
            assert entry.allowed
        else:
            assert entry is None


def test_a_walk_that_is_lost_writes_nothing(two: tuple[House, cases.Case, cases.Case]) -> None:
    """Another worker has taken the event over: neither the ledger nor the case is touched by the zombie."""
    house, _, _ = two
    who = Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request", "pref_stop_sms")
    house.wait_state(ticket, "awaiting")
    before, event = entries(house, who), house.rows("SELECT max(id) AS id FROM events WHERE ticket_id = %s", ticket)
    with house.desk.db.tx() as conn:
        case = cases.latest(conn, ticket, "data_deletion")
        assert case is not None
        assert not inbox.owns(conn, event[0]["id"], 99)
    do = Steps(house.worker_desk.tools(), Owner(event[0]["id"], 99), case)
    unclear = wish.read(do.ticket(), do.requester(), house.settings())
    with pytest.raises(WalkLostError):
        do.stop_offers(case, replace(unclear, preference=("stop_all",)))
    with pytest.raises(WalkLostError):
        do.restore_offers(case)
    assert entries(house, who) == before


def test_half_a_write_is_none(two: tuple[House, cases.Case, cases.Case]) -> None:
    """The process ends after the entries, before the commit: none is there, and the next walk writes them."""
    house, one, _ = two
    who = Someone()

    def dies() -> None:
        with house.desk.db.tx() as conn:
            ids = [Identifier("phone", who.digests[0])]
            ledger.sync(conn, said_on(one), identifiers=ids, channels=NAMED)
            conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(StoreError):
        dies()
    assert said(house, who.digests[0]) == []
    assert say(house, one, who, *NAMED) == 5
