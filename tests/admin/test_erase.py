"""Erase: what is kept of a ticket's customer goes at a privacy officer's word, once nothing of it is to come; proof of
what was done stays, and nobody outside hears of it (A042, A043, C016, R3, P2; docs/security.md)."""

from __future__ import annotations

import pytest

from app import audit, erase, replay
from app.events import TicketTagged
from tests.admin.erasekit import (
    FORGETTABLE,
    OTHERS,
    WHY,
    a_minute_later,
    ask,
    at_rest,
    erased,
    every_command,
    every_page,
    shown,
    trail_of,
    whole_database,
    worker_erases,
)
from tests.admin.pageskit import person
from tests.cli_kit import Cli, failed_card
from tests.house import House
from tests.kit import (
    Sent,
    arrivals,
    cards_of,
    deliver,
    issue_of,
    next_round,
    press_body,
    quiet_for,
    retag,
    sent,
    together,
)
from tests.people import DETAILS
from tests.procedure.bans_kit import asking, completed, due
from tests.procedure.forgetting_kit import (
    PROOF,
    WITHDRAWN,
    WORDS,
    aged,
    declined,
    done,
    forget_now,
    kept,
    nothing_failed,
    nothing_is_due,
    proof,
)
from tests.review.scenes import event_of, fault, mend, waits

__all__ = ["asking"]  # a fixture


def unusable(house: House, ticket: int, number: str = "9") -> int:
    """A body about this ticket that nobody could use; its event."""
    body = f'{{"type": "desk.tag", "ticket_id": "{ticket}", "name": "Cik Wong"}}'
    assert deliver(house, body.encode(), number) == 200
    return int(house.rows("SELECT max(id) AS id FROM events WHERE kind = 'dead'")[0]["id"])


# ---- what goes, what stays


def test_nothing_personal_can_be_got_afterwards_and_all_proof_stays(house: House, cli: Cli) -> None:
    ticket = declined(house)
    letter = unusable(house, ticket)
    officer = person(house, "officer")
    nothing_is_due(house, ticket)
    assert set(shown(whole_database(house))) >= {*DETAILS.values(), *WORDS.values(), "Cik Wong"} - {"wrong_details"}
    assert "Cik Wong" in every_page(house, officer, ticket), "these tests can fail"
    calls, before = at_rest(house), proof(house)

    assert "Erased of ticket" in officer.get(ask(officer, ticket).headers["location"]).text
    assert erased(house, ticket)[0]["cleared"] == {"details": 1, "words": 1, "dead_letters": 1}
    assert house.rows("SELECT 1 FROM cases WHERE sealed IS NOT NULL") == []
    assert house.rows("SELECT 1 FROM events WHERE body IS NOT NULL") == []
    assert shown(whole_database(house)) == ["wrong_details"], "a code from a list, in the decision"
    assert shown(every_command(house, cli, ticket)) == ["wrong_details"]
    assert shown(every_page(house, officer, ticket)) == ["wrong_details"]
    assert officer.post(f"/admin/dead/{letter}/unmask", reason="x").status == 404
    quiet_for(house, 0.5)
    assert len(house.sandbox.world.arrivals) == calls, "no vendor has heard of it"
    after = proof(house)
    for name in PROOF:
        assert [row for row in before[name] if row not in after[name]] == [], f"{name}: all proof stays"
    assert {row["row"]["what"] for row in after["journal"] if row not in before["journal"]} == {"erased", "event_done"}
    nothing_failed(house)


def test_who_when_why_and_how_many_are_in_the_trail_and_nothing_else(house: House, cli: Cli) -> None:
    ticket = declined(house)
    row = cli.json("cases", "erase", ticket, "--reason", WHY, "--confirm", ticket)
    asked, done_ = house.rows("SELECT who, role, target, action, before, after, reason FROM audit ORDER BY id")
    who = audit.shell().name
    assert asked == {"who": who, "role": "shell", "target": f"ticket:{ticket}", "action": "case.erase_asked",
                     "before": {}, "after": {"erasure": row["id"]}, "reason": WHY}  # fmt: skip
    counts = {"details": 1, "words": 1, "dead_letters": 0}
    assert done_ == {**asked, "action": "case.erased", "reason": "",
                     "after": {"erasure": row["id"], "asked_by": who, **counts}}  # fmt: skip
    lines = house.rows("SELECT case_id, detail FROM journal WHERE what = 'erased'")
    assert lines == [{"case_id": house.case(ticket)["id"], "detail": {"cleared": counts}}]
    assert "2 rows, all sound" in cli("audit", "verify").output


def test_every_column_of_bytes_is_one_that_somebody_has_thought_of(house: House) -> None:
    """A new one makes this fail until app/forget.py clears it, or it is listed as nobody's."""
    found = house.rows(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        " AND data_type = 'bytea'"
    )
    assert {(row["table_name"], row["column_name"]) for row in found} == FORGETTABLE | OTHERS


@pytest.mark.long
def test_the_freed_space_is_cleared_up_afterwards(house: House, cli: Cli) -> None:
    """Measured: without it the ciphertext stays in the tables' files for thousands of rows more (docs/security.md)."""
    ticket = declined(house)
    runs = "SELECT min(vacuum_count) AS n FROM pg_stat_user_tables WHERE relname IN ('cases', 'events')"
    before = house.rows(runs)[0]["n"]
    cli("cases", "erase", ticket, "--reason", WHY, "--confirm", ticket)
    house.wait(lambda: house.rows(runs)[0]["n"] > before, what="both tables are vacuumed")
    house.settle()
    nothing_failed(house)


@pytest.mark.long
def test_other_tickets_keep_what_they_have(house: House, cli: Cli) -> None:
    one, other = declined(house), declined(house)
    letter = unusable(house, int(f"{one}1"))
    cli("cases", "erase", one, "--reason", WHY, "--confirm", one)
    assert (kept(house, one), kept(house, other)) == ([], ["details", "words"])
    assert house.rows("SELECT 1 FROM events WHERE id = %s AND body IS NOT NULL", letter)


@pytest.mark.long
def test_the_daily_forgetting_is_what_it_was(house: House, cli: Cli) -> None:
    old, young, gone = declined(house), declined(house), declined(house)
    aged(house, old, gone)
    cli("cases", "erase", gone, "--reason", WHY, "--confirm", gone)
    assert forget_now(house) == [{"details": 1, "words": 1, "dead_letters": 0}]
    assert [kept(house, ticket) for ticket in (old, young, gone)] == [[], ["details", "words"], []]
    nothing_failed(house)


# ---- queued until quiet (A043)


@pytest.mark.long
def test_while_the_wish_is_carried_out_it_waits_and_then_goes_by_itself(house: House, cli: Cli) -> None:
    ticket = house.to_awaiting()
    officer = person(house, "officer")
    page = officer.get(ask(officer, ticket).headers["location"])
    assert "as soon as nothing of it is to come" in page.text
    assert f"case {house.case(ticket)['id']}: waiting for a supervisor" in page.text
    assert not page.all("input", id="erase-confirm"), "asked once"
    [round_] = cli.json("cases", "show", ticket)
    assert {"what": "case", "id": house.case(ticket)["id"], "state": "awaiting", "at": None} in round_["erasure"][
        "to_come"
    ]
    assert "to be erased as soon as nothing of the ticket is to come" in cli("cases", "show", ticket).output
    a_minute_later(house)
    quiet_for(house, 0.5)
    assert kept(house, ticket) == ["details"]

    press_body(house, ticket, "approve")
    key = str(house.wait_state(ticket, "banning")["jira_key"])
    assert DETAILS["backoffice"] in issue_of(house, ticket)["description"].replace("\\", ""), "it was still there"
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    nothing_is_due(house, ticket)
    calls = arrivals(house)
    assert worker_erases(house, ticket) == {"details": 1, "words": 0, "dead_letters": 0}
    quiet_for(house, 0.3)
    assert (kept(house, ticket), arrivals(house)) == ([], calls)
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
    assert trail_of(house, ticket) == [("officer", "case.erase_asked"), ("desk", "case.erased")]
    assert "What was kept of the customer was erased" not in page.text
    assert "Erased 20" in officer.get(f"/admin/cases/{ticket}").text
    assert cli.json("cases", "show", ticket)[0]["erasure"]["done_at"]
    nothing_failed(house)


@pytest.mark.long
def test_effects_under_way_are_carried_out_first(house: House, cli: Cli) -> None:
    """The case is closed, its card not yet."""
    ticket = house.to_awaiting()
    down = fault(house, "slack", "chat.update", "503_before")
    press_body(house, ticket, "decline", form=WORDS)
    waits(house, ticket, "button_pressed")
    house.wait(lambda: house.case(ticket)["closed_at"])
    press = event_of(house, ticket, "button_pressed")["id"]
    row = cli.json("cases", "erase", ticket, "--reason", WHY, "--confirm", ticket)
    assert row["done_at"] is None
    assert [(item["what"], item["id"]) for item in row["to_come"]] == [("event", press)]
    a_minute_later(house)
    quiet = "SELECT 1 FROM events WHERE state IN ('queued', 'running')"
    house.wait(lambda: not house.rows(quiet))
    assert kept(house, ticket) == ["details", "words"]
    mend(house, down)
    house.settle()
    assert worker_erases(house, ticket) == {"details": 1, "words": 1, "dead_letters": 0}
    assert not [card for card in cards_of(house, ticket) if house.room.buttons(card)], "the card was closed"
    nothing_failed(house)


@pytest.mark.long
def test_the_looks_at_the_ban_come_first(asking: House) -> None:
    house = asking
    ticket, _, _ = completed(house)
    officer = person(house, "officer")
    text = officer.get(ask(officer, ticket).headers["location"]).text
    assert "ask the ban's source again (30)" in text
    a_minute_later(house)
    quiet_for(house, 0.3)
    assert kept(house, ticket) == ["details"]
    nothing_is_due(house, ticket)
    assert due(house, ticket) == []
    worker_erases(house, ticket)
    assert kept(house, ticket) == []
    nothing_failed(house)


@pytest.mark.long
def test_what_has_failed_is_for_a_person_first(house: House, cli: Cli) -> None:
    """Erased over its head, the failed withdrawal of a customer could never be carried out."""
    ticket = house.to_awaiting()
    fault(house, "slack", "chat.update", "ok_false", error="is_archived")
    press_body(house, ticket, "decline", form=WORDS)
    house.wait(lambda: event_of(house, ticket, "button_pressed")["state"] == "dead")
    house.settle()
    press = event_of(house, ticket, "button_pressed")["id"]
    row = cli.json("cases", "erase", ticket, "--reason", WHY, "--confirm", ticket)
    assert row["to_come"] == [{"what": "event", "id": press, "state": "dead", "at": None}]
    page = person(house, "viewer").get(f"/admin/cases/{ticket}")
    assert f"event {press}: failed, needs a person" in page.text
    mend(house)
    cli("events", "settle", press, "--reason", "closed by hand")
    house.settle()
    assert worker_erases(house, ticket)["words"] == 1
    assert kept(house, ticket) == []


def test_asked_twice_is_one(house: House) -> None:
    waiting, quiet = house.to_awaiting(), declined(house)
    one, other = person(house, "officer"), person(house, "officer", name="second")
    for ticket in (waiting, quiet):
        together(*(lambda who=who, ticket=ticket: ask(who, ticket) for who in (one, other, one)))
        ask(one, ticket)
    assert [len(erased(house, ticket)) for ticket in (waiting, quiet)] == [1, 1]
    assert [action for _, action in trail_of(house, waiting)] == ["case.erase_asked"]
    assert [action for _, action in trail_of(house, quiet)] == ["case.erase_asked", "case.erased"]


def test_all_or_nothing(house: House, cli: Cli) -> None:
    """Somebody else holds one of the rows: nothing is cleared until all can be."""
    ticket = declined(house)
    press = event_of(house, ticket, "button_pressed")["id"]
    with house.sql() as other, other.transaction():
        other.execute("SELECT 1 FROM events WHERE id = %s FOR UPDATE", (press,))
        said = cli("cases", "erase", ticket, "--reason", WHY, "--confirm", ticket).output
        assert "waits" in said
        assert kept(house, ticket) == ["details", "words"]
    assert worker_erases(house, ticket) == {"details": 1, "words": 1, "dead_letters": 0}
    assert [action for _, action in trail_of(house, ticket)] == ["case.erase_asked", "case.erased"]


# ---- replayed (C016, R3), and wished anew


def test_nothing_of_it_is_replayed(house: House, cli: Cli) -> None:
    ticket = declined(house)
    press = event_of(house, ticket, "button_pressed")["id"]
    aged(house, ticket, days=90)
    old = "UPDATE events SET state = 'dead', reason = 'channel', changed_at = now() - interval '60 days' WHERE id = %s"
    house.rows(f"{old} RETURNING id", press)
    [plan] = replay.plan(house.desk, [press], failed=False, from_start=False)
    assert plan.refusal == ""
    cli("cases", "erase", ticket, "--reason", WHY, "--confirm", ticket)
    calls = at_rest(house)
    assert not replay.carry_out(house.desk, plan, audit.shell()), "looked at before, carried out after"
    for row in house.rows("SELECT id FROM events WHERE ticket_id = %s", ticket):
        assert cli.json("events", "replay", row["id"], "--from-start", code=3) == [
            {"event": row["id"], "ticket": ticket, "what": "event", "state": "void", "plan": "refused: erased"}
        ]
    cli("events", "replay", press, code=3)
    assert "refused: erased" in cli("events", "replay", "--failed", code=1).output
    operator = person(house, "operator")
    page = operator.get(f"/admin/events/{press}")
    assert "A replay of what failed: refused, erased." in page.text
    assert not page.all("button", value="run")
    walk = str(house.rows("SELECT walk FROM events WHERE id = %s", press)[0]["walk"])
    for act in ("run", "start"):
        said = operator.act(f"/admin/events/{press}/replay", act=act, state="dead", walk=walk).text
        assert "was not queued: erased" in said
    cli("replay", "--cause", "channel", "--yes")
    house.wait(lambda: cli.json("replay", "--progress")[0]["ended_at"], what="it is over")
    assert cli.json("replay", "--progress")[0]["refused"] == 1
    quiet_for(house, 0.3)
    assert len(house.sandbox.world.arrivals) == calls
    assert house.rows("SELECT state FROM events WHERE id = %s", press) == [{"state": "dead"}]


@pytest.mark.long
def test_a_new_wish_is_a_new_round(house: House, cli: Cli) -> None:
    ticket = declined(house)
    cli("cases", "erase", ticket, "--reason", WHY, "--confirm", ticket)
    retag(house, ticket)
    next_round(house, ticket, 2)
    card = cards_of(house, ticket)[-1]
    assert DETAILS["name"] in house.room.text(card)
    first, second = cli.json("cases", "show", ticket)
    assert (first["erasure"]["id"], second["erasure"]) == (erased(house, ticket)[0]["id"], None)
    tagged = event_of(house, ticket)["id"]
    assert "queued" in cli("events", "replay", tagged, "--from-start").output
    house.settle()
    house.press("decline", card=card, form=WORDS)
    house.wait_state(ticket, "declined")
    assert kept(house, ticket) == ["details", "words"]
    cli("events", "replay", tagged, "--dry-run", "--from-start")
    cli("cases", "erase", ticket, "--reason", WHY, "--confirm", ticket)
    assert (kept(house, ticket), len(erased(house, ticket))) == ([], 2)
    cli("events", "replay", tagged, "--from-start", code=3)
    nothing_failed(house)


@pytest.mark.long
def test_a_withdrawal_afterwards_is_carried_out(house: House, cli: Cli) -> None:
    ticket, _ = done(house)
    nothing_is_due(house, ticket)
    cli("cases", "erase", ticket, "--reason", WHY, "--confirm", ticket)
    house.tag(ticket, WITHDRAWN)
    house.wait_state(ticket, "withdrawn")
    house.wait(lambda: sent(house, ticket).comments == 1)
    nothing_failed(house)


@pytest.mark.long
def test_a_failure_is_replayed_while_the_erasure_waits(house: House, cli: Cli) -> None:
    """It is asked for and not done: the wish is still to be carried out."""
    ticket, event = failed_card(house)
    cli("cases", "erase", ticket, "--reason", WHY, "--confirm", ticket)
    house.sandbox.world.faults.clear()
    cli("events", "replay", event)
    house.wait(lambda: sent(house, ticket) == Sent(mails=1, cards=1), what="the card is out")
    house.settle()
    press_body(house, ticket, "decline")
    house.wait_state(ticket, "declined")
    worker_erases(house, ticket)
    assert kept(house, ticket) == []


def test_what_comes_in_at_that_moment_is_not_covered(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = declined(house)
    house.stop_worker()
    clear = erase.forget.clear_ticket

    def interrupted(*given: object) -> dict[str, int] | None:
        cleared = clear(*given)  # type: ignore[arg-type]
        house.desk.submit(
            TicketTagged(f"zd:{ticket}:late", ticket, ("data_deletion_request",), None, "2026-11-01T00:00:00Z"),
            sender="zendesk",
        )
        return cleared

    monkeypatch.setattr(erase.forget, "clear_ticket", interrupted)
    with house.desk.db.tx() as conn:
        row = erase.ask(house.desk, conn, audit.shell(), ticket, WHY)
    assert row is not None
    assert row["done_at"]
    late = house.rows("SELECT max(id) AS id FROM events WHERE ticket_id = %s", ticket)[0]["id"]
    assert row["until_id"] < late
    house.start_worker()
