"""The consent ledger and its doors: no stop is lost, a person is found however written, nothing personal leaks."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from app import timers
from app.events import TimeCame
from app.settings import CHANNELS
from tests.house import House
from tests.kit import deliver, edit, events_of, next_round, next_second, retag, template_body
from tests.procedure.api_kit import ask, desk_command, new_token, problem_of, resolved
from tests.procedure.consent_kit import Someone, both, entries, stopped, withdraw
from tests.procedure.suppress_kit import VAULT, Book, Run, book, out, put, run
from tests.processes import Processes

__all__ = ["book", "run"]  # fixtures
ALL = set(CHANNELS)
_invocations = count(1)


def stop(house: House, who: Someone, *tags: str, **fields: str) -> int:
    ticket = who.ticket(house, fields=fields)
    house.tag(ticket, "data_deletion_request", *(tags or ("pref_stop_all",)))
    house.wait_state(ticket, "awaiting")
    return ticket


def walk_again(house: House, ticket: int) -> None:
    """An event of the ticket by the real door: a trigger is silent once a case is approved."""
    next_second()
    body = template_body(ticket, "data_deletion_request", "pref_stop_all", actor=1)
    before = len(events_of(house, ticket))
    assert deliver(house, body, f"01J0000000000000000000{next(_invocations):04d}") == 200
    house.settle()
    assert len(events_of(house, ticket)) > before


def erase_in_zendesk(house: House, ticket: int) -> None:
    """What Zendesk leaves of a person who is deleted for good, and an agent who clears the ticket's field."""
    zendesk = house.sandbox.world.zendesk
    person = zendesk.users[zendesk.tickets[ticket].requester_id]
    person.email, person.phone, person.name, person.active = None, None, "Permanently Deleted User", False
    edit(house, ticket, contact="")
    for _ in range(2):
        walk_again(house, ticket)


# ---- a stop stays a stop


@pytest.mark.parametrize("approved", [False, True])
def test_who_is_erased_in_zendesk_stays_stopped(shared_house: House, approved: bool) -> None:
    house, who = shared_house, Someone()
    ticket = stop(house, who, "pref_delete_all")
    if approved:
        house.press("approve", card=house.card())
        house.wait_state(ticket, "banning")
    persons = house.case(ticket)["persons"]
    erase_in_zendesk(house, ticket)
    assert both(house, who) == ALL
    assert [row for row in entries(house, who) if row["allowed"]] == []
    assert house.case(ticket)["persons"] == persons


def test_a_new_round_after_the_erasure_gives_nothing_back(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = stop(house, who)
    house.press("decline", card=house.card())
    house.wait_state(ticket, "declined")
    erase_in_zendesk(house, ticket)
    retag(house, ticket)
    next_round(house, ticket, 2, "incomplete")
    edit(house, ticket, name="Siti")
    walk_again(house, ticket)
    assert both(house, who) == ALL


def test_after_the_approval_another_number_is_stopped_beside_the_first(shared_house: House) -> None:
    house, who, new = shared_house, Someone(), Someone()
    ticket = stop(house, who)
    house.press("approve", card=house.card())
    house.wait_state(ticket, "banning")
    zendesk = house.sandbox.world.zendesk
    zendesk.users[zendesk.tickets[ticket].requester_id].phone = new.phone
    edit(house, ticket, contact=new.phone)
    walk_again(house, ticket)
    assert both(house, who) == ALL == stopped(house, new.digests[0])


def test_a_withdrawal_does_not_lift_the_stop_of_a_stranger_whose_number_was_once_on_the_ticket(
    shared_house: House,
) -> None:
    house, who, stranger = shared_house, Someone(), Someone()
    theirs = stop(house, stranger)
    ticket = who.ticket(house, fields={"contact": stranger.phone})  # mistyped
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "incomplete")
    edit(house, ticket, contact=who.phone)
    house.wait_state(ticket, "awaiting")
    withdraw(house, ticket)
    house.wait_state(ticket, "withdrawn")
    assert both(house, who) == set()
    assert both(house, stranger) == ALL
    assert house.case(theirs)["state"] == "awaiting"


def test_a_withdrawal_with_two_numbers_lifts_no_other_customers_stop(shared_house: House) -> None:
    house, who, stranger = shared_house, Someone(), Someone()
    theirs = stop(house, stranger)
    mine = stop(house, who)
    ticket = who.ticket(house, fields={"contact": stranger.phone})
    withdraw(house, ticket)
    house.wait_state(ticket, "withdrawn")
    house.settle()
    assert both(house, stranger) == ALL
    assert house.case(theirs)["state"] == "awaiting"
    assert stopped(house, who.digests[1]) == set()  # the address is known for sure
    assert house.case(mine)["ticket_id"] == mine


def test_a_channel_that_was_given_back_and_is_refused_again_is_stopped(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = stop(house, who)
    withdraw(house, ticket, "calls")
    house.wait_state(ticket, "awaiting")
    assert both(house, who) == ALL - {"calls"}
    house.untag(ticket, "data_deletion_withdrawn", "resume_calls")
    house.settle()
    assert both(house, who) == ALL - {"calls"}  # a tag taken off is no wish
    retag(house, ticket)
    house.wait(lambda: stopped(house, who.digests[0]) == ALL, what="calls are stopped again")
    assert both(house, who) == ALL


# ---- a person is found however written

SPELLINGS = (
    "+6012{n}", "6012{n}", "006012{n}", "012{n}", "12{n}", "+60 (0)12-{n}", "60012{n}", "+012{n}", "(012) {n}",
    "tel:+6012{n}",
)  # fmt: skip


def test_a_person_is_found_in_every_spelling_whatever_the_ticket_has(shared_house: House) -> None:
    house = shared_house
    token = new_token(house)
    arabic = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
    for written in ("+60 (0)12-{n}", "12{n}", "012-{n}"):
        who = Someone()
        stop(house, who, contact=written.format(n=who.number))
        forms = [spelling.format(n=who.number) for spelling in SPELLINGS]
        people = [{"phone": form} for form in (*forms, f"012{who.number}".translate(arabic))]
        found = ask(house, "suppressions/batch", token, {"channel": "sms", "people": people}).json["results"]
        assert [people[place] for place, item in enumerate(found) if not item["suppressed"]] == []
        assert ask(house, "suppressions", token, phone=f" 6012{who.number}", channel="sms").json["suppressed"]


@pytest.mark.parametrize(
    ("known", "asked"),
    [
        ("+60321234567", "321234567"),  # a fixed line that has lost its zero
        ("321234567", "03-2123 4567"),
        ("+6581234567", "6581234567"),
        ("6581234567", "+65 8123 4567"),
        ("+3212345678", " 3212345678"),
    ],
)
def test_fixed_lines_and_numbers_abroad(run: Run, book: Book, known: str, asked: str) -> None:
    book.say(known)
    shown = json.loads(run("consent", "show", "--phone", asked, "--json").stdout)
    assert {row["suppressed"] for row in shown["standing"]} == {"yes"}
    put(f'phone\n"{asked}"\n0199999999\n')
    run("suppress", "check", "list.csv", "--channel", "calls")
    assert out("allowed") == b"phone\n0199999999\n"


def test_an_address_with_an_apostrophe_is_known(run: Run, book: Book) -> None:
    book.say("o'brien@example.com")
    put("email\no'brien@example.com\nO'Brien <o'brien@example.com>\nali@example.com\n")
    run("suppress", "check", "list.csv", "--channel", "email")
    assert out("allowed") == b"email\nali@example.com\n"


def test_a_column_that_says_which_number_it_holds_is_looked_at(run: Run, book: Book) -> None:
    book.say("0123456789", "calls")
    put("E-mail,Phone (Mobile),联系电话（手机）\nali@example.com,0123456789,\nabu@example.com,,012-3456789\n")
    run("suppress", "check", "list.csv", "--channel", "calls")
    assert out("allowed").count(b"\n") == 1


def test_a_list_writes_down_whom_it_means_and_not_whom_it_may_mean(run: Run, book: Book) -> None:
    put("phone,subscribed\n321234567,no\n03-3123 4567,no\n")
    run("suppress", "import", "list.csv", "--source", "crm", "--channel", "sms", "--record")
    assert [entry["person"] for entry in book.entries()] == [
        VAULT.digest("phone", number) for number in ("321234567", "+60331234567")
    ]


# ---- the API


def test_what_may_be_somebody_and_cannot_be_read_is_never_a_yes(shared_house: House) -> None:
    house, who = shared_house, Someone()
    stop(house, who)
    token = new_token(house)
    for mail in (
        f"<{who.mail}>",
        f"mailto:{who.mail}",
        f"{who.mail},",
        f"{who.mail}.",
        f"a {who.mail}",
        f'"{who.mail}"',
    ):
        answer = ask(house, "suppressions/query", token, {"email": mail, "channel": "email"})
        assert problem_of(answer, 400, "invalid") == [("email", "not_a_mail")], mail
        assert who.mail not in answer.text
    for mail in (f"\u200b{who.mail}", f" {who.mail}\u200e", who.mail.upper()):
        assert ask(house, "suppressions/query", token, {"email": mail, "channel": "email"}).json["suppressed"], ascii(
            mail
        )


def test_the_description_knows_what_came_from_a_list(shared_house: House, tmp_path: Path) -> None:
    house, who = shared_house, Someone()
    path = tmp_path / "list.csv"
    path.write_text(f"phone,subscribed\n{who.phone},no\n")
    done = desk_command(house, "suppress", "import", str(path), "--source", "crm", "--record")
    assert done.exit_code == 0, done.output
    answer = ask(house, "suppressions/query", new_token(house), {"phone": who.phone, "channel": "sms"}).json
    assert (answer["suppressed"], answer["reason"]) == (True, "imported")
    document = ask(house, "openapi.json").json
    resolved(document, document["components"]["schemas"]["Answer"]).validate(answer)


def test_nothing_personal_is_in_the_logs_of_the_real_processes(database: str, tmp_path: Path) -> None:
    house = Processes(database)
    house.log = tmp_path / "log"
    who = Someone()
    phone, mail, name = who.phone, "canary.siti@example.com", "Canaria"
    with house:
        token = new_token(house)
        person = {"name": name, "email": mail, "phone": phone}
        ticket = house.ticket(requester=person, fields={"name": name, "contact": phone})
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
        house.wait_state(ticket, "awaiting", 40)
        assert ask(house, "suppressions", token, phone=phone, email=mail, channel="sms").json["suppressed"]
        for bad in (None, token[:-1], f"{token}x", "desk_" + token[5:].upper()):
            assert ask(house, "suppressions", bad, phone=phone, channel="sms").status == 401
        bodies: list[Any] = [{"phone": phone + "x", "channel": mail, mail: phone}, [phone], {"people": [{mail: phone}]}]
        for body in bodies:
            for path in ("suppressions/query", "suppressions/batch"):
                answer = ask(house, path, token, body)
                assert answer.status == 400
                assert not [text for text in (phone[3:], mail, token) if text in answer.text]
        assert ask(house, "suppressions", token, phone=phone, x=mail * 300, channel="sms").status in (400, 414)
        assert ask(house, f"suppressions/{mail}", token).status == 404
        assert ask(house, "suppressions", token, headers={"X-Canary\t": mail}, phone=phone, channel="sms").status == 400
    written = house.log.read_text().lower()
    assert '"route":"/api/v1/suppressions","status":200' in written
    assert [
        text for text in (phone[3:], "canary", "Canaria", token, token[5:]) if text.lower() in written.lower()
    ] == []


# ---- timers


def test_a_timer_set_again_for_the_moment_that_has_been_still_comes(shared_house: House) -> None:
    """A worker whose clock is behind the database's reckons the moment that has just been as the next one."""
    due, came = datetime.now(UTC) - timedelta(seconds=1), []
    with shared_house.desk.db.tx() as conn:

        def submit(event: TimeCame) -> None:
            came.append(event.fact)

        for _ in range(3):
            timers.again(conn, "desk:review", "review", due)
            row = conn.execute(
                "UPDATE timers SET fired_at = now() WHERE name = 'desk:review' RETURNING name, due_at"
            ).fetchone()
            assert row is not None
            stamp = row["due_at"].strftime("%Y%m%dT%H%M%S.%f")
            submit(TimeCame(fact=f"time:{row['name']}:{stamp}", what="review"))
    assert len(set(came)) == 3
