"""Clocks: due dates over holidays and weekends, reminders, the one extension, the daily digest (features 3.1, 0.34)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from app import check, clocks
from app.check import Finding
from app.cli import main
from app.clocks import profiles, terms
from app.errors import ConfigError
from app.settings import Settings, load
from tests.crash.crashkit import Crashing, each_effect_once, nothing_open
from tests.house import DETAILS, ROOT, House, drop_database, new_database
from tests.kit import Sent, agent_id, agent_says, buttons, quiet_for, sent

ADVICE = "not legal advice"
EXAMPLE = ROOT / ".env.example"


def due(
    profile: str, kind: str, received: str, *, state: str = "", zone: str = "Asia/Kuala_Lumpur", more: int = 0
) -> str:
    """The due date of a wish received at this local time."""
    clock = clocks.of(load(_env_file=EXAMPLE, clock_profile=profile, clock_state=state, desk_time_zone=zone))
    at = datetime.fromisoformat(received).replace(tzinfo=ZoneInfo(zone))
    return clock.end(clock.profile.kinds[kind].limit, at, more=more).strftime("%Y-%m-%d %H:%M")


LATE = "19:00"  # after closing time: "the same working day" is then the next one


@pytest.mark.parametrize(
    ("state", "received", "expected"),
    [
        ("", "2026-11-20 10:00", "2026-11-20 18:00"),  # a Friday, in working hours
        ("", f"2026-11-20 {LATE}", "2026-11-23 18:00"),  # over the weekend
        ("", "2026-11-21 10:00", "2026-11-23 18:00"),  # on a Saturday
        ("KUL", f"2026-02-16 {LATE}", "2026-02-19 18:00"),  # Chinese New Year
        ("14", f"2026-03-19 {LATE}", "2026-03-24 18:00"),  # Hari Raya Aidilfitri, with its day in lieu
        ("JHR", f"2026-03-19 {LATE}", "2026-03-25 18:00"),  # Johor has one day in lieu more
        ("14", f"2026-01-30 {LATE}", "2026-02-03 18:00"),  # Federal Territory Day in lieu, KL only
        ("SWK", f"2026-01-30 {LATE}", "2026-02-02 18:00"),
        ("KDH", f"2026-11-26 {LATE}", "2026-11-29 18:00"),  # Friday and Saturday off, Sunday is a working day
        ("KTN", f"2026-11-26 {LATE}", "2026-11-29 18:00"),
        ("TRG", f"2026-11-26 {LATE}", "2026-11-29 18:00"),
        ("JHR", f"2026-11-26 {LATE}", "2026-11-27 18:00"),  # Johor: Saturday and Sunday again since 2025
        ("KDH", f"2026-07-02 {LATE}", "2026-07-06 18:00"),  # the Sultan of Kedah's birthday, a Sunday
        ("KTN", f"2026-07-02 {LATE}", "2026-07-05 18:00"),
    ],
)
def test_the_same_working_day_by_state(state: str, received: str, expected: str) -> None:
    assert due("MY", "threat", received, state=state) == expected


def test_sop_3_1_due_dates_by_profile() -> None:
    assert due("MY", "delete", "2026-11-02 10:00") == "2026-11-23 18:00"
    assert due("MY", "stop", "2026-11-02 23:59") == "2026-11-16 18:00"
    assert due("MY", "stop", "2026-12-11 10:00") == "2026-12-25 18:00", "on a holiday: stays, which is the careful way"
    assert due("MY", "delete", "2026-11-02 10:00", more=14) == "2026-12-07 18:00"
    assert due("SG", "delete", "2026-12-18 10:00", zone="Asia/Singapore") == "2027-01-05 18:00", "Christmas, New Year"


@pytest.mark.parametrize(
    ("received", "more", "expected"),
    [
        ("2026-11-10", 0, "2026-12-10"),
        ("2027-01-31", 0, "2027-03-01"),  # the last day of February, a Sunday, so the Monday after
        ("2028-01-31", 0, "2028-02-29"),
        ("2028-02-29", 0, "2028-03-29"),
        ("2026-11-25", 0, "2026-12-28"),  # Christmas, then a weekend
        ("2026-11-10", 2, "2027-02-10"),
        ("2027-11-30", 3, "2028-03-30"),
        ("2027-12-31", 2, "2028-03-31"),
        ("2028-11-29", 2, "2029-02-28"),
    ],
)
def test_sop_2_3_one_month_in_the_european_union(received: str, more: int, expected: str) -> None:
    assert due("EU", "delete", f"{received} 12:00", zone="Europe/Dublin", more=more) == f"{expected} 18:00"


def test_sop_4_5_profiles_malaysia_first_and_each_number_has_its_source() -> None:
    found = profiles.load()
    assert list(found)[:2] == ["MY", "EU"]
    for name, profile in found.items():
        for number in profile.numbers():
            assert number.name.startswith(f"{name}.")
            assert number.source
            assert number.reviewed < number.review_by
    assert found["MY"].kinds["delete"].limit.count == 21
    assert found["EU"].kinds["delete"].extension is not None


BROKEN = [
    ("limit = { count = 14", "limit = { count = 0", "MY.stop.limit.count"),
    ('source = "PDPA 2010 s.42(3), by analogy", ', "", "MY.delete.limit.source"),
    ('unit = "months"', 'unit = "moons"', "EU.stop.limit.unit"),
    ('start = "receipt"', 'start = "triage"', "MY.start"),
    ("review_by = 2027-05-31", "review_by = 2020-05-31", "MY.stop.limit.review_by"),
    ('granted_by = ["supervisor", "privacy_officer"]', 'granted_by = ["anybody"]', "MY.delete.extension.granted_by"),
    ("[SG.threat]", "[SG.threats]", "SG.threats"),
    ("closes = 18:00:00", "closes = 08:00:00", "MY.hours.closes"),
    ('country = "MY"', 'country = "MY", market = "XECB"', "MY.calendar"),
    ("[MY]", "[MY", "cannot be read"),
]


@pytest.mark.parametrize(("old", "new", "place"), BROKEN)
def test_a_broken_table_is_refused_with_its_place(tmp_path: Path, old: str, new: str, place: str) -> None:
    file = tmp_path / "profiles.toml"
    file.write_text(profiles.FILE.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError) as refused:
        profiles.load(file)
    assert place in str(refused.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"clock_profile": "XX"}, "CLOCK_PROFILE must be one of EU, MY, SG, UK"),
        ({"clock_profile": "my"}, "CLOCK_PROFILE must be one of"),
        ({"clock_state": "99"}, "CLOCK_STATE must be empty or a state"),
        ({"clock_profile": "EU", "clock_state": "KUL"}, "CLOCK_STATE must be empty or a state"),
    ],
)
def test_an_unknown_profile_or_state_is_refused_at_start(given: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(_env_file=EXAMPLE, **given)
    assert words in str(refused.value)
    result = CliRunner().invoke(main, ["check"], env={name.upper(): value for name, value in given.items()})
    assert result.exit_code == 1


def clock_finding(settings: Settings) -> Finding:
    return next(finding for finding in check.run(settings) if finding.name.startswith("clock profile"))


def test_sop_3_5_overdue_reviews_show_in_check(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terms, "today", lambda settings, now: date(2027, 5, 31))
    assert clock_finding(settings) == Finding("clock profile MY")
    monkeypatch.setattr(terms, "today", lambda settings, now: date(2027, 6, 1))
    found = clock_finding(settings)
    assert found.level == "warn"
    assert "MY.delete.limit (by 2027-05-31)" in found.text
    assert "MY.delete.target" not in found.text


# ---- a whole desk


@pytest.fixture(scope="module")
def clocked(database_server: str) -> Iterator[House]:
    uri = new_database(database_server)
    with House(uri, digest_at="09:00") as built:
        yield built
    drop_database(database_server, uri)


def replies(house: House, ticket: int) -> list[dict[str, Any]]:
    """Messages below this ticket's card, oldest first."""
    messages = house.call("/sandbox/state")["slack"]["messages"]
    return [m for m in messages if f"#{ticket}>" in m["text"] and m["thread_ts"] not in (None, m["ts"])]


def fire(house: House, ticket: int, part: str) -> None:
    """The time of one of the case's timers has come."""
    case = house.case(ticket)["id"]
    with house.sql() as conn:
        done = conn.execute(
            "UPDATE timers SET due_at = now() WHERE case_id = %s AND what = %s AND fired_at IS NULL",
            (case, f"reminder:{part}"),
        )
        assert done.rowcount == 1, part
    name = f"time:case:{case}:reminder:{part}:%"
    house.wait(lambda: house.rows("SELECT 1 FROM events WHERE fact LIKE %s", name), what=f"{part} has fired")
    house.settle()


def timers_of(house: House, ticket: int) -> dict[str, datetime]:
    query = "SELECT what, due_at FROM timers WHERE case_id = %s AND starts_with(what, 'reminder')"
    rows = house.rows(query, house.case(ticket)["id"])
    return {row["what"]: row["due_at"] for row in rows}


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
    messages = clocked.call("/sandbox/state")["slack"]["messages"]
    [told] = [m for m in messages if f"#{ticket}>" in m["text"]]
    assert "<@U0AISYAH>" in told["text"]
    assert told["thread_ts"] is None


def test_the_clock_follows_the_kind_of_wish_only_while_details_are_missing(clocked: House) -> None:
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
    clocked.settle()
    assert clocked.case(ticket)["due_at"] == second["due_at"], "the card is out: what it says is decided on"


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


# ---- extension


Extend = Callable[..., Result]


@pytest.fixture
def extend(clocked: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Extend:
    monkeypatch.chdir(tmp_path)

    def call(
        ticket: int, *words: str, code: int = 0, reason: str = "complexity", by: str = "U0BALA", **env: str
    ) -> Result:
        given = ["cases", "extend", str(ticket), "--reason", reason, "--by", by, *words]
        result = CliRunner().invoke(main, given, env={**clocked.environment, **env})
        assert result.exit_code == code, result.output
        told = re.sub(r'(?m)^\{"at".*\n', "", result.stderr)  # the worker of this process may be at it meanwhile
        assert code not in (1, 3) or re.fullmatch(r"desk: [^\n]+\n", told), result.stderr
        return result

    return call


def test_sop_3_1_one_extension_with_a_reason(clocked: House, extend: Extend) -> None:
    ticket = clocked.to_awaiting("pref_delete_all")
    before = clocked.case(ticket)
    fire(clocked, ticket, "50")
    said = extend(ticket, by="bala@example.com").stdout
    after = clocked.case(ticket)
    assert (after["due_at"] - before["due_at"]).days == 14
    assert ADVICE in said
    clocked.wait(lambda: "extended once" in clocked.notes(ticket)[-1], what="the note says so")
    note = clocked.notes(ticket)[-1]
    assert "extended once by bala@example.com" in note
    assert "the request is complex" in note
    first = before["due_at"].astimezone(ZoneInfo("Asia/Kuala_Lumpur"))
    assert f"The customer must be told of the extension and its reason before {first:%Y-%m-%d %H:%M}" in note
    [line] = clocked.rows("SELECT * FROM journal WHERE what = 'extended' AND case_id = %s", after["id"])
    assert line["reason"] == "complexity"
    assert line["detail"]["by"] == "U0BALA", "an id, no name"
    assert "once already" in extend(ticket, code=1, reason="waiting_for_customer").stderr
    assert clocked.case(ticket)["due_at"] == after["due_at"]
    fire(clocked, ticket, "50:extended")
    assert len(replies(clocked, ticket)) == 2, "new reminders run to the new date"
    assert timers_of(clocked, ticket)["reminder:overdue:extended"] == after["due_at"]
    assert "reminder:80" not in timers_of(clocked, ticket)


def test_an_extension_is_refused_clearly(clocked: House, extend: Extend) -> None:
    ticket, stop = clocked.to_awaiting("pref_delete_all"), clocked.to_awaiting("pref_stop_all")
    due_at = clocked.case(ticket)["due_at"]
    assert "APPROVERS" in extend(ticket, code=1, by="Somebody").stderr
    assert "must be after" in extend(ticket, "--until", "2020-01-01", code=1).stderr
    assert "must be after" in extend(ticket, "--until", "2999-01-01", code=1).stderr
    extend(ticket, "--until", "2999-01-01", "--profile-limit", code=2)
    extend(ticket, code=2, reason="lazy")
    assert "no extension for this kind" in extend(stop, code=1).stderr
    assert "another profile" in extend(ticket, code=1, CLOCK_PROFILE="EU").stderr
    extend(987654321, code=3)
    with clocked.sql() as conn:
        conn.execute("UPDATE cases SET due_at = now() - interval '1 day' WHERE ticket_id = %s", (ticket,))
    assert "has passed" in extend(ticket, code=1).stderr
    with clocked.sql() as conn:
        conn.execute("UPDATE cases SET due_at = %s WHERE ticket_id = %s", (due_at, ticket))
    extend(ticket, "--profile-limit", by="privacy_officer")
    clocked.settle()
    clocked.press("decline", card=next(m for m in clocked.cards() if f"#{stop}>" in m["text"]))
    clocked.wait_state(stop, "declined")
    assert "closed" in extend(stop, code=1).stderr


# ---- the digest


def digests(house: House) -> list[dict[str, Any]]:
    messages = house.call("/sandbox/state")["slack"]["messages"]
    return [m for m in messages if m["text"].startswith("Wishes not confirmed yet")]


def digest_now(house: House) -> None:
    with house.sql() as conn:
        conn.execute("UPDATE timers SET due_at = now(), fired_at = NULL WHERE name = 'desk:digest'")
    house.wait(lambda: not house.rows("SELECT 1 FROM timers WHERE name = 'desk:digest' AND due_at <= now()"))
    house.settle()


def test_sop_0_34_digest_of_wishes_not_confirmed_once_a_day(database: str) -> None:
    with House(database, digest_at="09:00") as house:
        [timer] = house.rows("SELECT due_at FROM timers WHERE name = 'desk:digest'")
        assert timer["due_at"].astimezone(ZoneInfo("Asia/Kuala_Lumpur")).strftime("%H:%M") == "09:00"
        digest_now(house)
        assert digests(house) == [], "no wishes, no message"
        old, young = house.to_awaiting("pref_delete_all"), house.to_awaiting()
        late, done = house.to_awaiting(), house.to_awaiting()
        house.press("decline", card=next(m for m in house.cards() if f"#{done}>" in m["text"]))
        house.wait_state(done, "declined")
        with house.sql() as conn:
            conn.execute("UPDATE cases SET received_at = now() - interval '5 days 1 hour' WHERE ticket_id = %s", (old,))
            conn.execute("UPDATE cases SET due_at = now() - interval '1 hour' WHERE ticket_id = %s", (late,))
        first = (house.worker_desk, house._worker)
        house.start_worker()  # a second worker beside it
        try:
            digest_now(house)
            [told] = digests(house)
            text = "\n".join(block["text"]["text"] for block in told["blocks"])
            assert "3, of which overdue: 1" in text
            lines = [line for line in text.splitlines() if "agent/tickets/" in line]
            assert [int(line.partition("#")[2].partition(">")[0]) for line in lines] == [late, old, young]
            assert lines[0].startswith("OVERDUE")
            assert "delete personal data, waiting for a supervisor" in lines[1]
            assert "5 day(s) old" in lines[1]
            assert ADVICE in text
            assert not [word for word in (*DETAILS.values(), "Siti", "siti@", "345") if word in str(told)]
            digest_now(house)
            assert len(digests(house)) == 1, "once a day, though the timer came twice"
        finally:
            first[0].stopping.set()
            first[1].join(10)
            first[0].db.close()
        listed = CliRunner().invoke(main, ["cases", "list", "--json"], env=house.environment).stdout
        assert '"ticket_id": 0' not in listed, "the desk's own books are no case"


def test_forty_lines_and_the_number_of_the_rest(database: str) -> None:
    with House(database, digest_at="09:00") as house:
        with house.sql() as conn:
            conn.execute(
                "INSERT INTO cases (ticket_id, procedure, generation, state, received_at)"
                " SELECT 1000 + n, 'data_deletion', 1, 'incomplete', now() - make_interval(mins => n)"
                " FROM generate_series(1, 45) n"
            )
        digest_now(house)
        [told] = digests(house)
        text = "\n".join(block["text"]["text"] for block in told["blocks"])
        assert len(re.findall("agent/tickets/", text)) == 40
        assert "and 5 more" in text
        assert text.index("#1045>") < text.index("#1044>"), "the oldest first"


def test_no_digest_when_it_is_switched_off(house: House) -> None:
    house.to_awaiting()
    with house.sql() as conn:
        conn.execute("INSERT INTO timers (name, what, due_at) VALUES ('desk:digest', 'digest', now())")
    house.wait(lambda: house.rows("SELECT 1 FROM events WHERE fact LIKE 'time:desk:digest:%%' AND state = 'void'"))
    quiet_for(house, 0.1)
    assert digests(house) == []


# ---- killed at every place


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
