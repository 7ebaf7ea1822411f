"""Sweep, clock and `desk check`: a look that came late, broke or was taken apart costs nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from app import check, sweep_spans
from app.cli import main
from tests.house import House
from tests.kit import (
    NOTHING,
    Sent,
    edit,
    events_of,
    next_second,
    sent,
)
from tests.review.scenes import REQUESTED, WITHDRAWN


def sweep_now(house: House) -> dict[str, Any]:
    """One whole sweep; its event."""
    [row] = house.rows("SELECT coalesce(max(id), 0) AS id FROM events")
    house.rows("UPDATE timers SET due_at = now(), fired_at = NULL WHERE name = 'desk:sweep' RETURNING 1")
    query = "SELECT * FROM events WHERE detail->>'what' = 'sweep' AND id > %s AND state IN ('done', 'dead')"
    [event] = house.wait(lambda: house.rows(query, row["id"]), 20, "a sweep")
    house.settle()
    return dict(event)


# ---- the sweep


def test_what_was_handled_by_hand_before_the_desk_stays_so(database: str) -> None:
    house = House(database, sandbox={"drop_webhooks": 1.0})
    handled = house.ticket(tags=[REQUESTED, "pref_stop_all"], status="solved")
    next_second()
    with house:
        late = house.ticket()
        house.tag(late, REQUESTED, "pref_stop_all")
        house.call(f"/sandbox/tickets/{late}/status", {"status": "solved"})
        sweep_now(house)  # the first ever: only what is not solved
        assert events_of(house, handled) == events_of(house, late) == []
        next_second()
        house.call(f"/sandbox/tickets/{handled}/status", {"status": "closed"})  # Zendesk itself, days later
        sweep_now(house)
        assert events_of(house, handled) == []
        assert sent(house, handled) == NOTHING
        house.wait_state(late, "awaiting")  # tagged since the desk is there: its webhook was lost
        assert sent(house, late) == Sent(mails=1, cards=1)


def test_two_tags_in_one_second_and_the_second_webhook_is_lost(house: House) -> None:
    ticket = house.to_awaiting()
    house.sandbox.config.drop_webhooks = 1.0
    next_second()
    house.tag(ticket, WITHDRAWN)
    world = house.sandbox.world
    with world.lock:  # the request in that same second, and a change of our own after it
        at = world.zendesk.tickets[ticket].updated
        world.zendesk.tickets[ticket].updated = at + timedelta(seconds=1)
    stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    with house.sql() as conn:
        conn.execute(
            "UPDATE events SET detail = detail || jsonb_build_object('updated_at', %s::text)"
            " WHERE kind = 'ticket_tagged' AND ticket_id = %s",
            (stamp, ticket),
        )
    next_second()
    sweep_now(house)
    house.wait_state(ticket, "withdrawn")
    heard = len(events_of(house, ticket))
    sweep_now(house)
    assert len(events_of(house, ticket)) == heard
    house.sandbox.config.drop_webhooks = 0.0


def test_a_sweep_that_breaks_is_seen_and_the_next_one_comes(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sweep_spans, "spans", lambda *_: 1 / 0)
        event = sweep_now(house)
    assert (event["state"], event["reason"]) == ("dead", "code")
    [timer] = house.rows("SELECT fired_at FROM timers WHERE name = 'desk:sweep'")
    assert timer["fired_at"] is None
    assert sweep_now(house)["state"] == "done"


def test_a_chain_that_is_broken_is_mended_while_the_worker_runs(database: str) -> None:
    with House(database, digest_at="09:00") as house:
        house.rows("UPDATE timers SET fired_at = now() WHERE name IN ('desk:sweep', 'desk:digest') RETURNING 1")
        house.worker_desk._rescued = 0.0
        fired = "SELECT 1 FROM timers WHERE fired_at IS NOT NULL"
        house.wait(lambda: not house.rows(fired), what="both come round again")


# ---- desk check


def test_check_shows_the_word_lists_overdue_review() -> None:
    assert check._threat_words(date(2027, 5, 22)).level == "ok"
    found = check._threat_words(date(2027, 5, 23))
    assert (found.level, "words.toml" in found.text) == ("warn", True)


def test_check_looks_at_the_search(house: House) -> None:
    def found() -> check.Finding:
        return next(f for f in check.run(house.settings()) if f.name == "zendesk search")

    assert found().level == "ok"
    house.sandbox.world.faults.add("zendesk", "search.export", "403", times=None)
    assert found().level == "FAIL"


# ---- the clock


def test_a_digest_that_has_nothing_left_to_tell_leaves_nothing_open(database: str) -> None:
    with House(database, digest_at="09:00") as house:
        ticket = house.to_awaiting()
        order = house.sandbox.world.faults.add("slack", "chat.postMessage", "503_before", times=None)
        house.rows("UPDATE timers SET due_at = now() WHERE name = 'desk:digest' RETURNING 1")
        house.wait(lambda: order.fired, what="the digest waits for the chat")
        house.rows("UPDATE cases SET state = 'void', closed_at = now() WHERE ticket_id = %s RETURNING 1", ticket)
        house.sandbox.world.faults.remove(order)
        house.settle()
        [effect] = house.rows("SELECT state FROM effects WHERE verb = 'digest'")
        assert effect["state"] == "void"
        assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_a_clock_set_anew_reminds_again(house: House) -> None:
    """Half-way came while the details were missing: nobody could decide, nobody was reminded."""
    ticket = house.ticket(fields={"backoffice": ""})
    house.tag(ticket, REQUESTED)
    case = house.wait_state(ticket, "incomplete")
    assert case["clock"]["kind"] == "unknown"
    due = "UPDATE timers SET due_at = now() WHERE what = 'reminder:50' AND case_id = %s RETURNING 1"
    house.rows(due, case["id"])
    house.wait(lambda: house.rows("SELECT 1 FROM timers WHERE what = 'reminder:50' AND fired_at IS NOT NULL"))
    house.settle()
    next_second()
    edit(house, ticket, backoffice="https://backoffice.example.com/customers/42")
    house.tag(ticket, "pref_delete_all")
    house.wait_state(ticket, "awaiting")
    [timer] = house.rows("SELECT * FROM timers WHERE what = 'reminder:50'")
    assert timer["fired_at"] is None
    assert timer["due_at"] > datetime.now(UTC)


def test_the_follower_of_another_tickets_case_is_not_extended(house: House) -> None:
    one = {"email": "one@example.com", "phone": "0123456000", "fields": {"contact": "+60 12-345 6000"}}
    house.to_awaiting("pref_delete_all", **one)
    second = house.ticket(**one)
    house.tag(second, REQUESTED, "pref_delete_all")
    house.wait_state(second, "joined")
    due = house.case(second)["due_at"]
    command = ["cases", "extend", str(second), "--reason", "complexity", "--by", "privacy_officer"]
    done = CliRunner().invoke(main, command, env=house.environment)
    assert done.exit_code == 1
    assert "another ticket" in done.output
    assert house.case(second)["due_at"] == due
