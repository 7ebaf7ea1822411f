"""Details and words of people leave the desk some time after their case is closed, by the day, counted (features 1.12;
docs/security.md)."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from app import duties, forget, walk
from app.inbox import Stored
from app.ledger.perform import WalkLostError
from tests.house import House
from tests.kit import (
    arrivals,
    deliver,
    quiet_for,
)
from tests.procedure.api_kit import desk_command
from tests.procedure.bans_kit import asked, asking, completed, due, time_comes
from tests.procedure.forgetting_kit import (
    PROOF,
    WITHDRAWN,
    aged,
    declined,
    done,
    forget_now,
    kept,
    nothing_failed,
    proof,
    runs,
)
from tests.review.scenes import event_of, fault, mend, taken_over, waits

__all__ = ["asking"]  # a fixture


def test_details_and_words_of_old_cases_are_cleared_and_counted(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "app")
    (finished, _), refused, young, waiting = done(house), declined(house), declined(house), house.to_awaiting()
    house.press("ask", form={"question": "Which of the two pelikans?"})
    house.settle()
    withdrawn = house.to_awaiting()
    house.tag(withdrawn, WITHDRAWN)
    house.wait_state(withdrawn, "withdrawn")
    aged(house, finished, refused, withdrawn)
    aged(house, young, days=44)
    looks = "SELECT 1 FROM timers WHERE starts_with(what, 'threats:') AND fired_at IS NULL"
    house.wait(lambda: not house.rows(looks), what="the later looks at the tickets are over")
    house.settle()
    before, calls = proof(house), arrivals(house)

    assert forget_now(house) == [{"details": 3, "words": 1, "dead_letters": 0}]
    quiet_for(house, 0.3)
    assert [kept(house, ticket) for ticket in (finished, refused, withdrawn)] == [[], [], []]
    assert kept(house, young) == kept(house, waiting) == ["details", "words"]
    assert arrivals(house) == calls, "no vendor has heard of it"
    after = proof(house)
    for name in PROOF:
        lost = [row for row in before[name] if row not in after[name] and "desk:forget" not in str(row)]
        assert lost == [], f"{name}: all proof stays"
    assert ("forget.done", 4) in [(r.message, getattr(r, "count", None)) for r in caplog.records]

    assert forget_now(house) == [{"details": 0, "words": 0, "dead_letters": 0}], "once is enough"
    nothing_failed(house)


def test_bodies_that_could_not_be_used_are_cleared(house: House) -> None:
    assert deliver(house, b'{"type": "desk.tag", "name": "Siti"}', "1") == 200
    assert deliver(house, b'{"type": "desk.tag", "name": "Siti Nur"}', "2") == 200
    old, young = house.rows("SELECT id FROM events WHERE kind = 'dead' AND body IS NOT NULL ORDER BY id")
    house.rows("UPDATE events SET received_at = now() - interval '46 days' WHERE id = %s RETURNING id", old["id"])
    house.rows("UPDATE events SET received_at = now() - interval '44 days' WHERE id = %s RETURNING id", young["id"])
    assert forget_now(house) == [{"details": 0, "words": 0, "dead_letters": 1}]
    assert house.rows("SELECT id FROM events WHERE body IS NOT NULL") == [young]
    shown = desk_command(house, "events", "show", str(old["id"]))
    assert (shown.exit_code, "Traceback" in shown.output) == (0, False)


@pytest.mark.long
def test_the_number_of_days_is_a_setting(database: str) -> None:
    with House(database, forget_case_days="100") as house:
        ticket = declined(house)
        aged(house, ticket, days=99)
        forget_now(house)
        assert kept(house, ticket) == ["details", "words"]
        aged(house, ticket, days=2)
        forget_now(house)
        assert kept(house, ticket) == []
        assert {
            row["days"] for row in house.rows("SELECT detail->'days' AS days FROM journal WHERE what = 'forgotten'")
        } == {100}


def test_what_is_still_due_keeps_what_it_needs(asking: House) -> None:
    """The last look at a ban was put off; a withdrawal waits for Zendesk."""
    house = asking
    ticket, _, customer = completed(house)
    aged(house, ticket, but="recheck:30")
    forget_now(house)
    assert kept(house, ticket) == ["details"]
    before = len(asked(house, customer))
    time_comes(house, ticket, "recheck:30")
    assert len(asked(house, customer)) == before + 4
    assert due(house, ticket) == []

    down = fault(house, "zendesk", "*", "503_before")
    house.tag(ticket, WITHDRAWN)
    waits(house, ticket, tag=WITHDRAWN)
    forget_now(house)
    assert kept(house, ticket) == ["details"]
    mend(house, down)
    house.wait_state(ticket, "withdrawn")
    aged(house, ticket)
    forget_now(house)
    assert kept(house, ticket) == []
    nothing_failed(house)


@pytest.mark.long
def test_what_has_failed_lately_keeps_what_its_replay_may_need(shared_house: House) -> None:
    house = shared_house
    ticket = declined(house)
    aged(house, ticket)
    press = event_of(house, ticket, "button_pressed")["id"]
    dead = "UPDATE events SET state = 'dead', changed_at = now() - make_interval(days => %s) WHERE id = %s RETURNING id"
    for days, left in ((44, ["details", "words"]), (46, [])):
        house.rows(dead, days, press)
        forget_now(house)
        assert kept(house, ticket) == left
    calls = arrivals(house)
    assert desk_command(house, "events", "replay", str(press)).exit_code == 0
    house.settle()
    assert (arrivals(house), house.case(ticket)["state"]) == (calls, "declined")
    nothing_failed(house)


def test_many_are_cleared_in_batches_one_right_after_the_other(house: House) -> None:
    house.rows(
        "INSERT INTO cases (ticket_id, procedure, generation, state, closed_at, sealed)"
        " SELECT 1000 + n, 'data_deletion', 1, 'declined', now() - interval '50 days', 'x'"
        " FROM generate_series(1, 1100) n RETURNING id"
    )
    assert [run["details"] for run in forget_now(house, times=3)] == [500, 500, 100]
    assert house.rows("SELECT 1 FROM cases WHERE sealed IS NOT NULL") == []
    house.settle()
    [timer] = house.rows("SELECT fired_at, due_at - now() AS pause FROM timers WHERE name = 'desk:forget'")
    assert timer["fired_at"] is None
    assert 23 < timer["pause"].total_seconds() / 3600 <= 24


def test_a_killed_run_loses_nothing_and_counts_nothing_twice(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = declined(house), declined(house)
    aged(house, first)
    aged(house, second, days=44)
    hit: list[int] = []
    finish = walk.Walker._finish

    def killed(self: walk.Walker, stored: Stored, verdict: walk.Verdict) -> None:
        if stored.detail.get("what") == "forget" and not hit:
            hit.append(stored.id)
            raise WalkLostError
        finish(self, stored, verdict)

    with monkeypatch.context() as within:
        within.setattr(walk.Walker, "_finish", killed)
        house.rows("UPDATE timers SET due_at = now() WHERE name = 'desk:forget' RETURNING name")
        house.wait(lambda: hit)
    [event] = house.rows("SELECT id, state FROM events WHERE fact LIKE 'time:desk:forget:%%'")
    assert event["state"] == "running"
    aged(house, second, days=2)
    taken_over(house, event["id"])
    house.wait(lambda: len(runs(house)) == 2)
    house.settle()
    assert [(run["details"], run["words"]) for run in runs(house)] == [(1, 1), (1, 1)]
    assert kept(house, first) == kept(house, second) == []


@pytest.mark.long
def test_what_is_not_counted_is_not_cleared(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk dies between the two: all of the batch is done again. Should it never end well, the next day comes."""
    ticket = declined(house)
    aged(house, ticket)
    real, seen = forget.clear, list[str]()

    def dies(*given: Any) -> dict[str, int]:
        seen.append(str(real(*given)))
        raise RuntimeError

    with monkeypatch.context() as within:
        within.setattr(forget, "clear", dies)
        house.rows("UPDATE timers SET due_at = now() WHERE name = 'desk:forget' RETURNING name")
        house.wait(lambda: house.rows("SELECT 1 FROM events WHERE fact LIKE 'time:desk:forget:%%' AND state = 'dead'"))
    assert len(seen) == walk.BUG_TRIES
    assert kept(house, ticket) == ["details", "words"]
    assert runs(house) == []
    [timer] = house.rows("SELECT fired_at FROM timers WHERE name = 'desk:forget'")
    assert timer["fired_at"] is None
    forget_now(house)
    assert kept(house, ticket) == []


def test_a_day_that_was_lost_is_followed_by_the_next(house: House) -> None:
    house.rows("UPDATE timers SET fired_at = now() WHERE name = 'desk:forget' RETURNING name")
    with house.desk.db.tx() as conn:
        duties.keep_up(conn, house.desk)
    assert house.rows("SELECT 1 FROM timers WHERE name = 'desk:forget' AND fired_at IS NULL AND due_at > now()")
