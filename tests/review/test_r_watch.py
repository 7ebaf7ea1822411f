"""Review of the watch: threats, presses on their cards, the sweep, the digest, the clock."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from app import check, sweep
from app.cli import main
from tests.house import House
from tests.kit import (
    NOTHING,
    Sent,
    buttons,
    cards_of,
    customer_says,
    deliver,
    edit,
    events_of,
    press_body,
    quiet_for,
    sent,
    template_body,
)

REQUEST, WITHDRAWN, THREAT = "data_deletion_request", "data_deletion_withdrawn", "regulatory_threat"
WORDS = "I will go to Bank Negara and my lawyer knows about this."


def next_second() -> None:
    time.sleep(1.05 - time.time() % 1)


def threats(house: House, ticket: int) -> list[dict[str, Any]]:
    query = "SELECT * FROM cases WHERE ticket_id = %s AND procedure = %s ORDER BY generation"
    return house.rows(query, ticket, THREAT)


def raised(house: House, words: str = WORDS) -> tuple[int, dict[str, Any]]:
    """A ticket whose threat waits for a supervisor, beside its request; its urgent card."""
    ticket = house.ticket(comment=words)
    house.tag(ticket, REQUEST, "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    return ticket, urgent(house, ticket)[-1]


def urgent(house: House, ticket: int) -> list[dict[str, Any]]:
    return [m for m in cards_of(house, ticket) if "Regulatory Complaint Threat" in m["text"]]


def sweep_now(house: House) -> dict[str, Any]:
    """One whole sweep; its event."""
    [row] = house.rows("SELECT coalesce(max(id), 0) AS id FROM events")
    house.rows("UPDATE timers SET due_at = now(), fired_at = NULL WHERE name = 'desk:sweep' RETURNING 1")
    query = "SELECT * FROM events WHERE detail->>'what' = 'sweep' AND id > %s AND state IN ('done', 'dead')"
    [event] = house.wait(lambda: house.rows(query, row["id"]), 20, "a sweep")
    house.settle()
    return dict(event)


# ---- threats


def test_a_button_decides_only_what_was_on_the_card(house: House) -> None:
    """New words that are not shown yet: 'false alarm' on the old ones must not close them unread."""
    ticket, card = raised(house)
    order = house.sandbox.world.faults.add("slack", "chat.update", "503_before", times=None)
    customer_says(house, ticket, "Now I make a police report as well.")
    house.wait(lambda: order.fired, what="the new words could not be shown")
    house.press("false_alarm", card=card)
    house.wait(lambda: "more to this threat since" in str(house.answers("U0AISYAH")), what="the presser is told")
    assert threats(house, ticket)[0]["state"] == "awaiting"
    house.sandbox.world.faults.remove(order)
    house.wait(lambda: "police report" in urgent(house, ticket)[0]["text"], what="the card shows the new words")
    house.settle()
    house.press("false_alarm", card=urgent(house, ticket)[0])
    house.settle()
    assert [case["state"] for case in threats(house, ticket)] == ["declined"]
    assert sent(house, ticket) == Sent(mails=1, cards=2)


def test_words_that_reach_slack_late_do_not_open_a_decided_card(database: str) -> None:
    with House(database, slack_quiet="5") as house:
        ticket, _ = raised(house)
        house.sandbox.world.faults.add("slack", "chat.update", "late_commit", seconds=4)
        customer_says(house, ticket, "Now I make a police report as well.")
        house.wait(lambda: "police report" in urgent(house, ticket)[0]["text"], what="the new words are there")
        house.press("acknowledge", card=urgent(house, ticket)[0])
        house.wait(lambda: threats(house, ticket)[0]["state"] == "done" or house.answers("U0AISYAH"))
        house.settle(20)
        if threats(house, ticket)[0]["state"] != "done":  # pressed on words of which nobody knew that they were there
            house.press("acknowledge", card=urgent(house, ticket)[0])
        house.wait_state(ticket, "done", procedure=THREAT)
        updates = house.sandbox.world.effects
        house.wait(lambda: len(updates("slack", "update")) >= 3, what="the lost one, its repeat and the closing one")
        house.settle()
        [card] = urgent(house, ticket)
        assert buttons(card) == []
        assert "police" not in card["text"]


def test_the_urgent_card_is_first_also_after_an_outage_of_the_chat(house: House) -> None:
    house.sandbox.world.faults.add("slack", "chat.postMessage", "503_before", times=1)
    ticket, _ = raised(house)
    first, second = cards_of(house, ticket)
    assert "Regulatory Complaint Threat" in first["text"]
    assert "approve" in buttons(second)
    assert sent(house, ticket) == Sent(mails=1, cards=2)


def test_an_urgent_card_that_can_never_be_posted_does_not_hold_the_request(database: str) -> None:
    with House(database, threat_channel="C0NOWHERE") as house:
        ticket = house.ticket(comment=WORDS)
        house.tag(ticket, REQUEST, "pref_stop_all")
        house.wait_state(ticket, "awaiting")
        assert sent(house, ticket) == Sent(mails=1, cards=1)
        [event] = house.rows("SELECT state FROM events WHERE kind = 'threat_seen'")
        assert event["state"] == "dead"


def test_a_flag_whose_audit_is_out_of_sight_is_not_raised_again(house: House) -> None:
    ticket = house.ticket()
    house.tag(ticket, THREAT)
    deliver(house, template_body(ticket, THREAT))
    house.wait_state(ticket, "awaiting", procedure=THREAT)
    world = house.sandbox.world
    with world.lock:  # as after five hundred newer ones
        kept = [a for a in world.zendesk.tickets[ticket].audits if THREAT not in str(a)]
        world.zendesk.tickets[ticket].audits = kept
    house.press("false_alarm", card=urgent(house, ticket)[0])
    house.settle()
    deliver(house, template_body(ticket, THREAT, at="2030-01-01T00:00:00Z"))
    quiet_for(house)
    assert len(threats(house, ticket)) == 1
    assert sent(house, ticket) == Sent(cards=1)


def test_a_replayed_event_of_an_earlier_round_begins_no_new_one(house: House) -> None:
    ticket, card = raised(house)
    house.press("false_alarm", card=card)
    house.settle()
    customer_says(house, ticket, "Then I go to the tribunal.")
    house.wait(lambda: len(threats(house, ticket)) == 2, what="the next round")
    house.settle()
    house.press("acknowledge", card=urgent(house, ticket)[-1])
    house.settle()
    first = threats(house, ticket)[0]["evidence"]["events"][0]
    house.rows("UPDATE events SET state = 'dead', case_id = NULL WHERE id = %s RETURNING 1", first)
    done = CliRunner().invoke(main, ["events", "replay", str(first)], env=house.environment)
    assert done.exit_code == 0, done.output
    house.settle()
    assert [case["state"] for case in threats(house, ticket)] == ["declined", "done"]
    assert sent(house, ticket) == Sent(mails=1, cards=3)


# ---- the account's own tags


MAPPED = {"desk_tags": f"{WITHDRAWN}=customer_back,{THREAT}=going_public"}


def test_urgent_is_what_the_account_calls_so(database: str) -> None:
    with House(database, **MAPPED) as house:
        house.stop_worker()
        for tag in (REQUEST, "customer_back", "going_public"):
            assert deliver(house, template_body(9, tag, at="2026-11-22T00:00:00Z")) == 200
        jobs = house.rows("SELECT priority FROM procrastinate_jobs WHERE task_name = 'desk:run' ORDER BY id")
        assert [job["priority"] for job in jobs] == [0, 10, 10]
        house.start_worker()


def test_the_issue_yields_to_a_withdrawal_under_the_accounts_own_tag(database: str) -> None:
    with House(database, **MAPPED) as house:
        ticket = house.to_awaiting()
        house.stop_worker()
        next_second()
        house.tag(ticket, "customer_back")
        deliver(house, template_body(ticket, REQUEST, "customer_back"))
        with house.sql() as conn:
            conn.execute(
                "UPDATE events SET state = 'dead', reason = 'forbidden' WHERE detail->'tags' ? 'customer_back'"
            )
        house.untag(ticket, "customer_back")
        house.start_worker()
        press_body(house, ticket, "approve")
        house.wait(lambda: "the withdrawal is carried out first" in house.notes(ticket)[-1], what="the note tells")
        assert sent(house, ticket) == Sent(mails=1, cards=1)


# ---- the sweep


def test_what_was_handled_by_hand_before_the_desk_stays_so(database: str) -> None:
    house = House(database, sandbox={"drop_webhooks": 1.0})
    handled = house.ticket(tags=[REQUEST, "pref_stop_all"], status="solved")
    next_second()
    with house:
        late = house.ticket()
        house.tag(late, REQUEST, "pref_stop_all")
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
        patch.setattr(sweep, "_since", lambda *_: 1 / 0)
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
    house.tag(ticket, REQUEST)
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


def test_no_reminder_of_a_card_that_is_not_out_yet(house: House) -> None:
    order = house.sandbox.world.faults.add("slack", "chat.postMessage", "503_before", times=None)
    ticket = house.ticket(comment=WORDS)
    deliver(house, template_body(ticket, "pref_stop_all"))
    house.tag(ticket, THREAT)
    deliver(house, template_body(ticket, THREAT))
    house.wait(lambda: order.fired, what="the urgent card waits for the chat")
    [case] = threats(house, ticket)
    due = "UPDATE timers SET due_at = now() WHERE what = 'reminder:overdue' AND case_id = %s RETURNING 1"
    query = "SELECT 1 FROM events WHERE detail->>'what' = 'reminder:overdue' AND state = 'waiting'"
    # Again and again: a walk of the case that is just under way may set its timers to their own times once more.
    house.wait(lambda: house.rows(query) or (house.rows(due, case["id"]) and None), what="so does the reminder")
    house.sandbox.world.faults.remove(order)
    house.settle()
    first, second = cards_of(house, ticket)
    assert buttons(first) == ["acknowledge", "false_alarm"]
    assert second["thread_ts"] == first["ts"]


def test_the_follower_of_another_tickets_case_is_not_extended(house: House) -> None:
    one = {"email": "one@example.com", "phone": "0123456000", "fields": {"contact": "+60 12-345 6000"}}
    house.to_awaiting("pref_delete_all", **one)
    second = house.ticket(**one)
    house.tag(second, REQUEST, "pref_delete_all")
    house.wait_state(second, "joined")
    due = house.case(second)["due_at"]
    command = ["cases", "extend", str(second), "--reason", "complexity", "--by", "privacy_officer"]
    done = CliRunner().invoke(main, command, env=house.environment)
    assert done.exit_code == 1
    assert "another ticket" in done.output
    assert house.case(second)["due_at"] == due
