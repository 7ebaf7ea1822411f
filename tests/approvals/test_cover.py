"""`desk cover`: who stands in for an absent approver may decide, and is reminded, until the cover's end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from click.testing import Result

from app import approvers, covers
from app.clients import make_chat
from tests.approvals.staff import NO_AGENT, NOT_LISTED, SELF, agent, approves, refused, user_of
from tests.house import House
from tests.kit import agent_id, cards_of
from tests.procedure.api_kit import desk_command
from tests.review.scenes import fault

ZONE = ZoneInfo("Asia/Kuala_Lumpur")
CHEN = "U0CHEN=chen@example.com"


@pytest.fixture
def house(database: str) -> Iterator[House]:
    """Aisyah and Bala may decide; Chen is an agent, and on no list."""
    with House(database) as built:
        agent(built, "chen@example.com")
        yield built


def today() -> date:
    return datetime.now(ZONE).date()


def add(house: House, absent: str = "U0BALA", to: str = CHEN, *more: str) -> Result:
    until = () if "--until" in more else ("--until", str(today()))
    return desk_command(house, "cover", "add", absent, "--to", to, *until, *more)


def test_a_delegate_decides_until_the_cover_ends_and_not_a_second_longer(house: House) -> None:
    tickets = [house.to_awaiting() for _ in range(3)]
    refused(house, tickets[0], "chen", NOT_LISTED)
    made = add(house)
    assert (made.exit_code, made.stdout) == (
        0,
        f"cover 1: U0CHEN for U0BALA, {today()} to {today()} (Asia/Kuala_Lumpur)\n",
    )
    assert approves(house, tickets[0], "chen")["decided_as"] == "chen@example.com"
    assert "chen@example.com" in house.notes(tickets[0])[-1]
    approves(house, tickets[1], "bala")  # there after all
    house.rows("UPDATE covers SET starts_at = now() - interval '1 day', ends_at = now() RETURNING id")
    refused(house, tickets[2], "chen", NOT_LISTED, 2)


@pytest.mark.parametrize("by", ["U0CHEN", "chen@example.com"])
def test_a_delegate_extends_a_due_date_while_the_cover_runs(house: House, by: str) -> None:
    ticket = house.to_awaiting("pref_delete_all")
    extend = ("cases", "extend", str(ticket), "--reason", "complexity", "--by", by)
    assert desk_command(house, *extend).exit_code == 1
    assert add(house).exit_code == 0
    assert desk_command(house, *extend).exit_code == 0
    house.wait(lambda: "extended once by chen@example.com" in house.notes(ticket)[-1], what="the note says so")


def test_a_delegate_who_asks_is_named_on_the_ticket(house: House) -> None:
    ticket = house.to_awaiting()
    assert add(house).exit_code == 0
    house.press("ask", "chen")
    house.wait(
        lambda: "Question of the supervisor chen@example.com" in house.notes(ticket)[-1], what="the note says so"
    )


def test_a_cover_that_is_yet_to_begin_or_was_ended_lends_nothing(house: House) -> None:
    ticket = house.to_awaiting()
    tomorrow = str(today() + timedelta(days=1))
    assert add(house, "U0BALA", CHEN, "--from", tomorrow, "--until", tomorrow).exit_code == 0
    refused(house, ticket, "chen", NOT_LISTED)
    assert add(house).exit_code == 0
    ended = desk_command(house, "cover", "end", "2")
    assert (ended.exit_code, ended.stdout) == (0, "ended\n")
    refused(house, ticket, "chen", NOT_LISTED, 2)
    assert desk_command(house, "cover", "end", "2").exit_code == 0
    [mine] = [row for row in listed(house) if row["id"] == 2]
    assert mine["ended_at"] is not None
    assert mine["runs"] is False


def test_a_delegate_has_no_more_rights_than_the_absent_one(house: House) -> None:
    """Own work stays out of bounds, the agent must be one, and who was taken off the list lends nothing."""
    assert add(house).exit_code == 0
    own, ticket = house.ticket(), house.to_awaiting()
    house.tag(own, "data_deletion_request", "pref_stop_all", agent=agent_id(house, "chen@example.com"))
    house.wait_state(own, "awaiting")
    refused(house, own, "chen", SELF)
    desk_command(house, "cover", "end", "1")
    assert add(house).exit_code == 0
    user_of(house, "chen@example.com").suspended = True
    refused(house, ticket, "chen", NO_AGENT)
    user_of(house, "chen@example.com").suspended = False
    house.stop_worker()
    house.environment["APPROVERS"] = "U0AISYAH=aisyah@example.com"
    house.start_worker()
    refused(house, ticket, "chen", NOT_LISTED)


def test_cover_for_a_member_of_the_group(database: str) -> None:
    with House(database, approvers="", approvers_group="approvers") as house:
        agent(house, "chen@example.com")
        ticket = house.to_awaiting()
        assert add(house, "U0GUEST").exit_code == 1
        assert add(house).exit_code == 0
        house.change("bala", approver=False)
        refused(house, ticket, "chen", NOT_LISTED)
        house.change("bala", approver=True)
        approves(house, ticket, "chen")


def test_reminders_go_to_whoever_stands_in(house: House) -> None:
    """Bala is the second to be reminded; away, Chen is in the same place."""
    assert add(house).exit_code == 0
    settings, db = house.worker_desk.settings, house.worker_desk.db
    duty = approvers.on_duty(settings, db, make_chat(settings), "data_deletion")
    assert duty == {"U0AISYAH": "aisyah@example.com", "U0CHEN": "chen@example.com"}
    ticket = house.to_awaiting()
    house.rows("UPDATE timers SET due_at = now() WHERE what = 'reminder:80' AND fired_at IS NULL RETURNING name")
    house.wait(lambda: len(cards_of(house, ticket)) == 2, what="the reminder")
    house.settle()
    [reminder] = [card for card in cards_of(house, ticket) if card["thread_ts"] not in (None, card["ts"])]
    assert "<@U0CHEN>" in reminder["text"]
    assert "U0BALA" not in reminder["text"]


def test_all_away_are_all_reminded(house: House) -> None:
    settings, db = house.worker_desk.settings, house.worker_desk.db
    assert add(house, "U0BALA", "U0AISYAH=aisyah@example.com").exit_code == 0
    duty = approvers.on_duty(settings, db, make_chat(settings), "data_deletion")
    assert list(duty) == ["U0AISYAH"]
    assert add(house, "U0AISYAH", "U0BALA=bala@example.com").exit_code == 0
    duty = approvers.on_duty(settings, db, make_chat(settings), "data_deletion")
    assert list(duty) == ["U0AISYAH", "U0BALA"]


def listed(house: House) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(desk_command(house, "cover", "list", "--json").stdout)
    return found


def test_dates_are_days_in_the_supervisors_zone(house: House) -> None:
    assert add(house, "U0BALA", CHEN, "--from", "2026-12-01", "--until", "2126-12-10").exit_code == 0
    [row] = listed(house)
    assert row["starts_at"] == "2026-11-30T16:00:00+00:00"
    assert row["ends_at"] == "2126-12-10T16:00:00+00:00"
    assert {name: row[name] for name in ("id", "absent", "delegate", "agent", "ended_at")} == {
        **{"id": 1, "absent": "U0BALA", "delegate": "U0CHEN", "agent": "chen@example.com"},
        "ended_at": None,
    }
    table = desk_command(house, "cover", "list").stdout
    assert "2026-12-01 00:00:00 +08" in table
    assert "2126-12-11 00:00:00 +08" in table
    start, end = covers.span(date(2026, 3, 29), date(2026, 3, 29), ZoneInfo("Europe/Berlin"))  # a day of 23 hours
    assert (end - start, start) == (timedelta(hours=23), datetime(2026, 3, 28, 23, tzinfo=UTC))


def test_first_and_last_moment() -> None:
    """A copy that is a minute old must know by itself when a cover is over."""
    start, end = covers.span(date(2026, 12, 1), date(2026, 12, 10), ZONE)
    moment = timedelta(microseconds=1)
    cover = covers.Cover(1, "U0BALA", "U0CHEN", "chen@example.com", start, end, start, None)
    assert [cover.runs(at) for at in (start - moment, start, end - moment, end)] == [False, True, True, False]
    assert not replace(cover, ended_at=end).runs(start)


REFUSALS = [
    (("U0STRANGER",), 1, "is no approver"),
    (("U0BALA", "U0BALA=bala@example.com"), 1, "nobody stands in for themselves"),
    (("U0BALA", "U0CHEN=nobody@example.com"), 1, "no active agent with the delegate's address"),
    (("U0BALA", "U0CHEN=siti@example.com"), 1, "no active agent"),
    (("U0BALA", "U0CHEN"), 2, "DELEGATE=agent@example.com"),
    (("U0BALA", "U0CHEN=chen"), 1, "e-mail address"),
    (("U0BALA", "<@U0CHEN>=chen@example.com"), 1, "letters and digits"),
    (("U0BALA", CHEN, "--from", "2126-12-02", "--until", "2126-12-01"), 1, "end before it begins"),
    (("U0BALA", CHEN, "--from", "2020-01-01", "--until", "2020-01-02"), 1, "its last day has passed"),
    (("U0BALA", CHEN, "--until", "10.12.2026"), 2, "does not match the format"),
]


def test_zendesk_away_holds_up_no_cover(house: House) -> None:
    fault(house, "zendesk", "users.search", "503_before")
    made = add(house)
    assert (made.exit_code, made.stderr) == (0, "desk: not checked in Zendesk (server)\n")


def test_refusals_write_nothing(house: House) -> None:
    for given, code, words in REFUSALS:
        made = add(house, *given)
        assert made.exit_code == code, given
        assert words in made.stderr, given
        assert "Traceback" not in made.output
    assert desk_command(house, "cover", "end", "7").exit_code == 3
    assert listed(house) == []
