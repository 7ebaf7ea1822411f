"""A due date in the note and on the clock: reminders to one supervisor after the other, exactly once (features 3.1)."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.crash.crashkit import Crashing, each_effect_once, nothing_open
from tests.house import House
from tests.kit import Sent, agent_id, agent_says, buttons, cards_of, sent
from tests.people import DETAILS
from tests.procedure.clocks_kit import ADVICE, clocked, digests, fire, replies, timers_of

__all__ = ["clocked"]  # a fixture


def test_the_note_shows_the_due_date_and_says_what_it_is(clocked: House) -> None:
    ticket = clocked.to_awaiting("pref_delete_all")
    case = clocked.case(ticket)
    note = clocked.notes(ticket)[-1]
    local = case["due_at"].astimezone(ZoneInfo("Asia/Kuala_Lumpur"))
    assert f"Due by {local:%Y-%m-%d %H:%M}: delete personal data, 21 calendar day(s) from receipt" in note
    assert ADVICE in note
    assert "PDPA 2010 s.42(3)" in note
    assert "Our own aim for the decision" in note
    assert (local.date() - case["received_at"].astimezone(local.tzinfo).date()).days == 21
    times = timers_of(clocked, ticket)
    assert set(times) == {"reminder:50", "reminder:80", "reminder:overdue"}
    assert times["reminder:50"] < times["reminder:80"] < times["reminder:overdue"] == case["due_at"]
    for part in ("50", "80"):
        at = times[f"reminder:{part}"].astimezone(local.tzinfo)
        assert (9 <= at.hour < 18, at.weekday() < 5) == (True, True), "nobody is reminded outside working hours"


def test_sop_3_1_one_supervisor_is_reminded_after_the_other_and_nothing_is_approved(clocked: House) -> None:
    ticket = clocked.to_awaiting()
    fire(clocked, ticket, "50")
    [first] = replies(clocked, ticket)
    assert "<@U0AISYAH>" in first["text"]
    assert "<@U0BALA>" not in first["text"]
    assert ADVICE in first["text"]
    assert not buttons(first)
    assert not [word for word in (*DETAILS.values(), "siti@") if word in str(first)], "nothing personal"
    fire(clocked, ticket, "80")
    assert "<@U0BALA>" in replies(clocked, ticket)[1]["text"]
    fire(clocked, ticket, "overdue")
    last = replies(clocked, ticket)[2]["text"]
    assert "<@U0AISYAH>, <@U0BALA>" in last
    assert "overdue" in last
    assert clocked.case(ticket)["state"] == "awaiting"
    assert "The due date has passed without a decision" in clocked.notes(ticket)[-1]
    assert sent(clocked, ticket) == Sent(mails=1, cards=4)  # the card and three reminders, no issue
    agent_says(clocked, ticket)
    clocked.settle()
    assert len(replies(clocked, ticket)) == 3, "a later walk reminds nobody"


def test_who_may_not_decide_is_not_reminded(clocked: House) -> None:
    ticket = clocked.ticket()
    agent = agent_id(clocked, "aisyah@example.com")
    clocked.tag(ticket, "data_deletion_request", "pref_stop_all", agent=agent)
    clocked.wait_state(ticket, "awaiting")
    fire(clocked, ticket, "50")
    [first] = replies(clocked, ticket)
    assert "<@U0BALA>" in first["text"]
    assert "AISYAH" not in first["text"]


@pytest.mark.parametrize("action", ["approve", "decline"])
def test_nobody_is_reminded_after_a_decision(clocked: House, action: str) -> None:
    ticket = clocked.to_awaiting()
    card = next(m for m in clocked.cards() if f"#{ticket}>" in m["text"])
    clocked.press(action, card=card)
    clocked.wait_state(ticket, "banning" if action == "approve" else "declined")
    before = sent(clocked, ticket)
    fire(clocked, ticket, "50")
    assert sent(clocked, ticket) == before
    assert replies(clocked, ticket) == []
    left = {"reminder:overdue"} if action == "approve" else set()  # the card still says when it is overdue
    assert set(timers_of(clocked, ticket)) == {"reminder:50"} | left, "the others are gone"


def test_a_reminder_after_the_buttons_life_says_what_to_do(clocked: House) -> None:
    ticket = clocked.to_awaiting()
    with clocked.sql() as conn:
        conn.execute(
            "UPDATE effects SET sent_at = sent_at - interval '30 days' WHERE verb = 'ask_supervisor' AND case_id = %s",
            (clocked.case(ticket)["id"],),
        )
    fire(clocked, ticket, "50")
    assert "too old to be pressed" in replies(clocked, ticket)[0]["text"]


def test_a_deleted_card_does_not_swallow_the_reminder(clocked: House) -> None:
    ticket = clocked.to_awaiting()
    case = clocked.case(ticket)
    world = clocked.sandbox.world
    with world.lock:
        world.slack.messages[:] = [m for m in world.slack.messages if m.ts != case["chat_ts"]]
    fire(clocked, ticket, "50")
    clocked.wait(lambda: len(cards_of(clocked, ticket)) == 2, what="the reminder, and the card once more")
    messages = cards_of(clocked, ticket)
    [told] = [m for m in messages if "<@U0AISYAH>" in m["text"]]
    assert told["thread_ts"] is None
    assert sorted(map(bool, map(buttons, messages))) == [False, True]


def test_the_clock_follows_the_kind_of_wish(clocked: House) -> None:
    ticket = clocked.ticket(fields={"contact": ""}, phone=None)
    clocked.tag(ticket, "data_deletion_request")
    clocked.wait_state(ticket, "incomplete")
    first = clocked.case(ticket)
    assert first["clock"]["kind"] == "unknown"
    assert (first["due_at"] - first["received_at"]).days in (13, 14), "the shorter of the two limits"
    assert "Our own aim for the acknowledgement" in clocked.notes(ticket)[-1]
    assert sent(clocked, ticket) == Sent()
    clocked.call(f"/sandbox/tickets/{ticket}/fields", {"contact": "019 876 5432"})
    clocked.tag(ticket, "pref_delete_all")
    clocked.wait_state(ticket, "awaiting")
    second = clocked.case(ticket)
    assert second["clock"]["kind"] == "delete"
    assert (second["due_at"] - first["due_at"]).days == 7
    assert timers_of(clocked, ticket)["reminder:overdue"] == second["due_at"]
    clocked.untag(ticket, "pref_delete_all")
    clocked.tag(ticket, "pref_stop_all")
    clocked.wait(lambda: len(cards_of(clocked, ticket)) == 2, what="a new card asks for what is wished now")
    clocked.settle()
    third = clocked.case(ticket)
    assert (third["clock"]["kind"], third["due_at"]) == ("stop", first["due_at"])
    assert timers_of(clocked, ticket)["reminder:overdue"] == third["due_at"]
    assert sent(clocked, ticket) == Sent(mails=1, cards=2)


def test_a_threat_is_due_the_same_working_day_and_reminds_its_own_people(clocked: House) -> None:
    ticket = clocked.ticket()
    clocked.tag(ticket, "regulatory_threat")
    case = clocked.wait_state(ticket, "awaiting", procedure="regulatory_threat")
    assert case["clock"]["kind"] == "threat"
    assert case["clock"]["source"] == "MY.threat.limit"
    with clocked.sql() as conn:
        conn.execute("UPDATE timers SET due_at = now() WHERE case_id = %s AND what = 'reminder:overdue'", (case["id"],))
    clocked.wait(lambda: replies(clocked, ticket), what="it is told below the card")
    clocked.settle()
    assert "<@U0AISYAH>, <@U0BALA>" in replies(clocked, ticket)[-1]["text"]
    assert clocked.case(ticket, "regulatory_threat")["state"] == "awaiting"


PLACES = ("effect.before_plan", "effect.before_claim", "effect.after_claim", "effect.after_call")


@pytest.mark.long
@pytest.mark.timeout(120)
def test_killed_before_or_after_sending_it_is_there_once(database: str, tmp_path: Path) -> None:
    """Two reminders and a digest, while the worker dies at each place of theirs, one after the other."""
    points = (*(f"{place}/{verb}" for place in PLACES for verb in ("remind", "digest")), "effect.after_outcome/remind")
    with Crashing(database, tmp_path, points=points, digest_at="09:00") as house:
        tickets = [house.to_awaiting(), house.to_awaiting()]
        with house.sql() as conn:
            conn.execute(
                "UPDATE timers SET due_at = now() WHERE what IN ('reminder:80', 'digest') AND fired_at IS NULL"
            )
        house.wait(lambda: sorted(house.fired()) == sorted(points), 60, "it has died at each of them")
        house.settle(30)
        assert len(digests(house)) == 1
        assert [len(replies(house, ticket)) for ticket in tickets] == [1, 1]
        each_effect_once(house)
        nothing_open(house)
