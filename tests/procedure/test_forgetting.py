"""Details and words of people leave the desk some time after their case is closed; what may still happen to such a case
works without them (features 1.12; docs/security.md)."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from app import duties, forget, walk
from app.inbox import Stored
from app.ledger.perform import WalkLostError
from tests.house import House
from tests.kit import (
    Sent,
    arrivals,
    buttons,
    card_of,
    cards_of,
    deliver,
    events_of,
    issue_of,
    next_round,
    quiet_for,
    retag,
    sent,
    text_of,
    told,
)
from tests.people import DETAILS
from tests.procedure.api_kit import desk_command
from tests.procedure.bans_kit import asked, asking, comments, completed, due, person, time_comes
from tests.review.scenes import event_of, fault, mend, taken_over, waits

__all__ = ["asking"]  # a fixture

WITHDRAWN = "data_deletion_withdrawn"
WORDS = {"reason": "wrong_details", "note": "Kanari saw two numbers.", "wording": "Dear pelikan, we will call."}
CLEARED = "this customer's details were cleared from the case"
PROOF = {
    "cases": "to_jsonb(t) - 'sealed'",
    "events": "to_jsonb(t) - 'body'",
    **dict.fromkeys(("effects", "consents", "wishes", "votes", "journal", "timers"), "to_jsonb(t)"),
}


def done(house: House, *tags: str) -> tuple[int, str]:
    ticket, key = house.to_banning(*tags)
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    return ticket, key


def declined(house: House) -> int:
    ticket = house.to_awaiting()
    house.press("decline", form=WORDS)
    house.wait_state(ticket, "declined")
    return ticket


def nothing_is_due(house: House, *tickets: int, but: str = "reminder") -> list[int]:
    """What was still due of these cases has come, but what begins with `but`; their ids."""
    left = (
        "UPDATE timers SET due_at = now() WHERE fired_at IS NULL AND case_id = ANY(%s)"
        " AND NOT starts_with(what, %s) RETURNING name"
    )
    cases = [house.case(ticket)["id"] for ticket in tickets]
    while house.rows(left, cases, but):
        house.settle()
    return cases


def aged(house: House, *tickets: int, days: int = 46, but: str = "reminder") -> None:
    """So many days after these cases were closed."""
    cases = nothing_is_due(house, *tickets, but=but)
    closed = "UPDATE cases SET closed_at = closed_at - make_interval(days => %s) WHERE id = ANY(%s) RETURNING id"
    assert len(house.rows(closed, days, cases)) == len(cases)


def runs(house: House) -> list[dict[str, Any]]:
    """What each run has cleared, as the journal says, oldest first."""
    rows = house.rows("SELECT detail FROM journal WHERE what = 'forgotten' ORDER BY id")
    return [row["detail"]["cleared"] for row in rows]


def forget_now(house: House, times: int = 1) -> list[dict[str, Any]]:
    """A day is over. What was cleared, in so many batches."""
    before = len(runs(house))
    house.rows("UPDATE timers SET due_at = now(), fired_at = NULL WHERE name = 'desk:forget' RETURNING name")
    house.wait(lambda: len(runs(house)) >= before + times, what="the desk forgets")
    unfinished = "SELECT 1 FROM events WHERE fact LIKE 'time:desk:forget:%%' AND state IN ('queued', 'running')"
    house.wait(lambda: not house.rows(unfinished))
    return runs(house)[before:]


def forgotten(house: House, *tickets: int) -> None:
    """These cases are old, and the day on which they are forgotten is over."""
    aged(house, *tickets)
    forget_now(house)
    assert [ticket for ticket in tickets if kept(house, ticket)] == []


def kept(house: House, ticket: int) -> list[str]:
    """What there is of the person: the details of a case, or words of an event."""
    details = house.rows("SELECT 1 FROM cases WHERE ticket_id = %s AND sealed IS NOT NULL", ticket)
    words = house.rows("SELECT 1 FROM events WHERE ticket_id = %s AND body IS NOT NULL", ticket)
    return ["details"] * len(details) + ["words"] * len(words)


def proof(house: House) -> dict[str, list[Any]]:
    """Everything but what is forgotten."""
    return {name: house.rows(f"SELECT {what} AS row FROM {name} t ORDER BY 1") for name, what in PROOF.items()}


def nothing_failed(house: House) -> None:
    """No walk has met a hole where the details had been."""
    assert house.rows("SELECT id, kind, reason FROM events WHERE state = 'dead' AND kind <> 'dead'") == []
    assert house.rows("SELECT id, verb, reason FROM effects WHERE state = 'dead'") == []


# ---- the daily run


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
        duties.keep_up(conn, house.settings())
    assert house.rows("SELECT 1 FROM timers WHERE name = 'desk:forget' AND fired_at IS NULL AND due_at > now()")


# ---- what may still happen to a case that is forgotten


@pytest.mark.long
def test_issue_reopened_and_done_again(shared_house: House) -> None:
    """Without a source of the ban nobody needs the details: JIRA's word counts, as before."""
    house = shared_house
    ticket, key = done(house)
    forgotten(house, ticket)
    house.move_issue(key, "In Progress")
    house.wait_state(ticket, "banning")
    assert "come back to life" in house.notes(ticket)[-1]
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
    aged(house, ticket)
    nothing_failed(house)


@pytest.mark.long
def test_issue_refused(shared_house: House) -> None:
    house = shared_house
    ticket, key = done(house)
    forgotten(house, ticket)
    house.move_issue(key, "Won't do")
    house.wait_state(ticket, "needs_person")
    assert "without being carried out (Won't Do)" in house.notes(ticket)[-1]
    nothing_failed(house)


@pytest.mark.long
def test_issue_moved_to_another_project(shared_house: House) -> None:
    house = shared_house
    ticket, key = done(house)
    forgotten(house, ticket)
    house.call(f"/sandbox/jira/{key}/move", {"to": "OPS"})
    house.settle()
    case = house.case(ticket)
    assert (case["state"], case["jira_key"] != key) == ("done", True)
    house.move_issue(case["jira_key"], "In Progress")
    house.wait_state(ticket, "banning")
    nothing_failed(house)


@pytest.mark.long
def test_ban_that_is_to_be_proved_goes_to_a_person(asking: House) -> None:
    """The source cannot be asked about somebody forgotten: nobody guesses, and JIRA is not blamed for it."""
    house = asking
    ticket, key, customer = completed(house)
    forgotten(house, ticket)
    before = len(asked(house, customer))
    house.move_issue(key, "In Progress")
    house.wait_state(ticket, "banning")
    house.move_issue(key, "Done")
    case = house.wait_state(ticket, "needs_person")
    note = house.notes(ticket)[-1]
    assert (case["reason"], case["closed_at"]) == (forget.FORGOTTEN, None)
    assert CLEARED in note
    assert f"JIRA: {key}, done " in note
    assert "NOT banned" not in note
    assert "does not know the customer" not in note
    assert due(house, ticket) == []
    assert (len(asked(house, customer)), comments(house, ticket)) == (before, [])
    calls, claim = arrivals(house), event_of(house, ticket, "issue_changed")
    assert desk_command(house, "events", "replay", "--from-start", str(claim["id"])).exit_code == 0
    quiet_for(house, 0.3)
    assert (arrivals(house), house.case(ticket)["reason"]) == (calls, forget.FORGOTTEN), "said once"

    house.move_issue(key, "Won't do")  # the support team's newer word is what the person reads
    house.wait(lambda: "without being carried out (Won't Do)" in house.notes(ticket)[-1])
    assert CLEARED not in house.notes(ticket)[-1]
    nothing_failed(house)

    retag(house, ticket)  # the next round reads the ticket anew
    next_round(house, ticket, 2)
    house.press("approve")
    key = str(house.wait_state(ticket, "banning")["jira_key"])
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    assert len(asked(house, customer)) == before + 4
    nothing_failed(house)


@pytest.mark.long
def test_list_that_lets_the_customer_in_again_goes_to_a_person(asking: House, tmp_path: Path) -> None:
    house = asking
    ticket, _, customer = completed(house)
    forgotten(house, ticket)
    path = tmp_path / "list.csv"
    path.write_text(f"phone,subscribed\n{person(customer)[0]},yes\n")
    desk_command(house, "suppress", "import", str(path), "--source", "crm", "--force")
    house.wait_state(ticket, "needs_person")
    assert CLEARED in house.notes(ticket)[-1]
    assert comments(house, ticket) == []
    nothing_failed(house)


@pytest.mark.parametrize("channels", [(), ("calls",)])
def test_withdrawal(shared_house: House, channels: tuple[str, ...]) -> None:
    house = shared_house
    ticket, _ = done(house)
    forgotten(house, ticket)
    house.tag(ticket, WITHDRAWN, *(f"resume_{channel}" for channel in channels))
    case = house.wait_state(ticket, "done" if channels else "withdrawn")
    house.wait(lambda: sent(house, ticket).comments == 1)
    assert case["withdrawal"]["channels"] == [*channels]
    assert sent(house, ticket) == Sent(mails=2, cards=1, issues=1, comments=1, links=1)
    nothing_failed(house)


def test_tagged_again(shared_house: House) -> None:
    """A new round reads the ticket anew; it knows that the one before was declined, not in what words."""
    house = shared_house
    ticket = declined(house)
    forgotten(house, ticket)
    retag(house, ticket)
    next_round(house, ticket, 2)
    card = cards_of(house, ticket)[-1]
    assert buttons(card) == ["approve", "decline", "ask"]
    for words in (DETAILS["name"], DETAILS["backoffice"], "Declined before"):
        assert words in text_of(card)
    house.press("approve", card=card)
    house.wait_state(ticket, "banning")
    assert DETAILS["backoffice"] in issue_of(house, ticket)["description"].replace("\\", "")
    assert kept(house, ticket) == ["details"]
    nothing_is_due(house, ticket)
    forget_now(house)
    assert kept(house, ticket) == ["details"], "the open round is not touched"
    nothing_failed(house)


@pytest.mark.long
def test_ticket_that_has_joined_comes_back_with_the_other(shared_house: House) -> None:
    house = shared_house
    phone = "+60 12-999 0001"
    first = house.to_awaiting(phone=phone, fields={"contact": phone}, email="one@example.com")
    second = house.ticket(phone=phone, fields={"contact": phone}, email="two@example.com")
    house.tag(second, "data_deletion_request", "pref_stop_all")
    house.wait_state(second, "joined")
    house.press("approve", card=card_of(house, first))
    key = str(house.wait_state(first, "banning")["jira_key"])
    house.move_issue(key, "Done")
    house.wait_state(second, "done")
    forgotten(house, first, second)
    house.move_issue(key, "To Do")
    house.wait_state(first, "banning")
    house.wait_state(second, "joined")
    house.move_issue(key, "Done")
    house.wait_state(second, "done")
    nothing_failed(house)


@pytest.mark.long
def test_shown_to_an_admin(shared_house: House) -> None:
    house = shared_house
    ticket = declined(house)
    before = desk_command(house, "cases", "show", str(ticket), "--json")
    forgotten(house, ticket)
    after = desk_command(house, "cases", "show", str(ticket), "--json")
    assert (before.exit_code, after.exit_code) == (0, 0)
    [now], [then] = json.loads(after.stdout), json.loads(before.stdout)
    assert now["effects"] == then["effects"]
    assert {**now["case"], "closed_at": ""} == {**then["case"], "closed_at": ""}
    press = event_of(house, ticket, "button_pressed")
    assert desk_command(house, "events", "show", str(press["id"])).exit_code == 0


@pytest.mark.long
def test_replayed_by_an_admin(asking: House) -> None:
    """From the top, and nothing happens: a look finds nobody to ask about, a press has decided, its words are out."""
    house = asking
    ticket, _, customer = completed(house)
    refused = declined(house)
    forgotten(house, ticket, refused)
    calls, asks = arrivals(house), len(asked(house, customer))
    walked = [row for one in (ticket, refused) for row in events_of(house, one) if row["state"] == "done"]
    assert {row["kind"] for row in walked} == {"ticket_tagged", "button_pressed", "issue_changed", "time_came"}
    replay = desk_command(house, "events", "replay", "--from-start", *(str(row["id"]) for row in walked))
    assert replay.exit_code == 0, replay.output
    quiet_for(house, 0.3)
    assert [house.case(one)["state"] for one in (ticket, refused)] == ["done", "declined"]
    assert (arrivals(house), len(asked(house, customer))) == (calls, asks)
    nothing_failed(house)


def test_press_on_the_old_card(shared_house: House) -> None:
    """The presser is told, and nothing else happens: the note with the supervisor's words stays the last one."""
    house = shared_house
    ticket = house.to_awaiting()
    card = card_of(house, ticket)
    house.press("decline", card=card, form=WORDS)
    house.wait_state(ticket, "declined")
    forgotten(house, ticket)
    calls, notes = arrivals(house), house.notes(ticket)
    assert "Kanari" in notes[-1]
    house.press("approve", "bala", card, stale=True)
    told(house, "bala", "already")
    quiet_for(house, 0.3)
    assert (arrivals(house), house.notes(ticket)) == (calls, notes)
    nothing_failed(house)


def test_nothing_is_guessed_where_the_details_are_missing(shared_house: House) -> None:
    """It cannot come to this by the schedule. If it does, what needs the link stops, and the note says why."""
    house = shared_house
    ticket = house.to_awaiting()
    house.rows("UPDATE cases SET sealed = NULL WHERE ticket_id = %s RETURNING id", ticket)
    house.press("approve", card=card_of(house, ticket))
    house.wait(lambda: event_of(house, ticket, "button_pressed")["state"] == "dead")
    assert event_of(house, ticket, "button_pressed")["reason"] == forget.FORGOTTEN
    assert "the customer's details were cleared from this case" in house.notes(ticket)[-1]
    assert sent(house, ticket) == Sent(mails=1, cards=1)
