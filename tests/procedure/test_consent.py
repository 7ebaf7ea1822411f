"""The consent ledger, from the tag on: no from receipt on, yes again for what is named, nothing is ever rewritten."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app import cases, inbox, wish
from app.consent import ledger, person
from app.consent.person import Identifier
from app.errors import StoreError
from app.ledger.perform import Owner, WalkLostError
from app.settings import CHANNELS, load
from app.steps import Steps
from app.vault import Vault
from tests.house import House
from tests.kit import NOTHING, Sent, customer_says, edit, next_round, retag, sent

ROOT = Path(__file__).resolve().parent.parent.parent
VAULT = Vault(load(_env_file=ROOT / ".env.example").data_key.get_secret_value())
NAMED = ("any", *CHANNELS)
_numbers = count(1_000_000)


class Someone:
    """A customer nobody else of this module is."""

    def __init__(self) -> None:
        self.number = next(_numbers)
        self.phone = f"+6012{self.number}"
        self.mail = f"who{self.number}@example.com"

    def ticket(self, house: House, **given: Any) -> int:
        fields = {"contact": self.phone, **given.pop("fields", {})}
        who = {"name": "Siti Nurhaliza", "email": self.mail, "phone": f"012{self.number}"}
        return house.ticket(**{"requester": who, "fields": fields, **given})

    @property
    def digests(self) -> list[str]:
        return [VAULT.digest("phone", self.phone), VAULT.digest("mail", self.mail)]


def stopped(house: House, digest: str, on: datetime | None = None, purpose: str = "offers") -> set[str]:
    """The channels through which this person must not be reached."""
    with house.desk.db.tx() as conn:
        found = {c: ledger.standing(conn, [digest], purpose, c, on)[digest] for c in CHANNELS}
    return {channel for channel, entry in found.items() if entry and not entry.allowed}


def both(house: House, who: Someone) -> set[str]:
    """The same, by phone and by mail alike."""
    by_phone, by_mail = (stopped(house, digest) for digest in who.digests)
    assert by_phone == by_mail
    return by_phone


def entries(house: House, who: Someone) -> list[dict[str, Any]]:
    return house.rows("SELECT * FROM consents WHERE person = ANY(%s) ORDER BY id", who.digests)


def said(house: House, digest: str) -> list[tuple[str, bool, str]]:
    rows = house.rows("SELECT * FROM consents WHERE person = %s ORDER BY id", digest)
    return [(row["channel"], row["allowed"], row["reason"]) for row in rows]


# ---- from the tag


def test_sop_0_16_no_from_receipt_on_before_any_approval(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    assert both(house, who) == set()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    case = house.wait_state(ticket, "awaiting")
    assert both(house, who) == set(CHANNELS)
    assert case["decision"] is None
    assert sent(house, ticket) == Sent(mails=1, cards=1)  # nobody has approved anything, JIRA knows nothing
    assert all(row["wished_at"] == case["received_at"] for row in entries(house, who))
    house.press("decline", card=house.card())
    house.wait_state(ticket, "declined")
    assert both(house, who) == set(CHANNELS)  # approval gates the deletion, not the stop


def test_stopped_while_the_wish_is_not_complete_yet(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = who.ticket(house, fields={"backoffice": ""})
    house.tag(ticket, "data_deletion_request", "pref_stop_sms")
    house.wait_state(ticket, "incomplete")
    assert both(house, who) == {"sms"}
    assert sent(house, ticket) == NOTHING


def test_sop_0_25_four_channels_are_four_entries(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request", "pref_delete_all")
    house.wait_state(ticket, "awaiting")
    for digest in who.digests:
        assert {c for c, allowed, _ in said(house, digest) if not allowed} == set(NAMED)
        assert len(said(house, digest)) == 5


def test_sop_0_26_one_entry_for_all_offers_above_the_channels(shared_house: House) -> None:
    house, who = shared_house, Someone()
    whole = who.ticket(house)
    house.tag(whole, "data_deletion_request", "pref_stop_all")
    house.wait_state(whole, "awaiting")
    [above, _] = [row for row in entries(house, who) if row["channel"] == "any"]  # one by phone, one by mail
    assert (above["purpose"], above["allowed"], above["ticket_id"]) == ("offers", False, whole)
    # It bans by itself, also through a channel that has no entry.
    alone, case = Someone(), house.case(whole)
    with house.desk.db.tx() as conn:
        new = ledger.New(Identifier("mail", alone.digests[1]), "any", False, "7", "en:0", "asked", case["opened_at"])
        ledger.append(conn, [new])
    assert stopped(house, alone.digests[1]) == set(CHANNELS)


def test_only_the_named_channels(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request", "pref_stop_sms", "pref_stop_calls")
    house.wait_state(ticket, "awaiting")
    assert both(house, who) == {"sms", "calls"}
    assert [row["channel"] for row in entries(house, who)].count("any") == 0


def test_sop_2_7_purposes_are_apart_and_each_entry_says_who_when_where_and_in_which_words(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    agent = house.call("/sandbox/state")["agents"][0]["id"]
    house.tag(ticket, "data_deletion_request", "pref_stop_all", agent=agent)
    house.wait_state(ticket, "awaiting")
    rows = entries(house, who)
    assert {row["purpose"] for row in rows} == {"offers"}
    assert {row["ticket_id"] for row in rows} == {ticket}
    assert {row["actor"] for row in rows} == {str(agent)}
    [wording] = {row["wording"] for row in rows}
    assert wording.startswith("en:")
    assert len(wording) == 15
    assert all(row["recorded_at"] >= row["wished_at"] for row in rows)
    phone = who.digests[0]
    with house.desk.db.tx() as conn:
        new = ledger.New(Identifier("phone", phone), "any", False, "7", "en:0", "asked", rows[0]["wished_at"])
        ledger.append(conn, [replace(new, purpose="profiling")])
    assert stopped(house, phone, purpose="profiling") == set(CHANNELS)
    assert stopped(house, phone, purpose="statistics") == set()
    with house.desk.db.tx() as conn, pytest.raises(ValueError, match="no such purpose"):
        ledger.append(conn, [replace(new, purpose="fun")])


def test_a_wish_that_is_not_clear_stops_all_it_may_mean_and_is_corrected(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request")
    house.wait_state(ticket, "incomplete")
    assert both(house, who) == set(CHANNELS)
    assert {row["reason"] for row in entries(house, who)} == {"provisional"}
    edit(house, ticket, preference="pref_stop_sms")
    house.wait_state(ticket, "awaiting")
    assert both(house, who) == {"sms"}
    old = {row["id"]: row for row in entries(house, who)}
    corrections = [row for row in old.values() if row["corrects"]]
    assert len(corrections) == 2 * 4  # phone and mail: any, calls, email, push
    for row in corrections:
        was = old[row["corrects"]]
        assert (row["allowed"], row["reason"], was["allowed"]) == (True, "corrected", False)
        assert (row["person"], row["channel"]) == (was["person"], was["channel"])
    assert ("sms", False, "asked") in said(house, who.digests[0])  # and now the customer has said it


def test_contradictory_preferences_stop_what_any_of_them_means(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request", "pref_stop_sms", "pref_stop_all")
    house.wait_state(ticket, "incomplete")
    assert both(house, who) == set(CHANNELS)
    house.untag(ticket, "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    assert both(house, who) == {"sms"}


def test_a_number_that_is_corrected_is_free_again(shared_house: House) -> None:
    house, who, stranger = shared_house, Someone(), Someone()
    ticket = who.ticket(house, fields={"contact": stranger.phone})
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "incomplete")  # contact and profile differ: both are stopped until the agent has asked
    assert stopped(house, stranger.digests[0]) == set(CHANNELS) == stopped(house, who.digests[0])
    assert len(house.case(ticket)["persons"]) == 3
    edit(house, ticket, contact=who.phone)
    house.wait_state(ticket, "awaiting")
    assert stopped(house, stranger.digests[0]) == set()
    assert both(house, who) == set(CHANNELS)
    assert house.case(ticket)["persons"] == sorted([f"phone:{who.digests[0]}", f"mail:{who.digests[1]}"])


def test_more_walks_make_no_more_entries(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    before = entries(house, who)
    customer_says(house, ticket)
    house.settle()
    edit(house, ticket, name="Siti")
    house.settle()
    assert entries(house, who) == before
    assert len(before) == 10


def test_sop_2_6_what_stays_is_a_keyed_hash(shared_house: House) -> None:
    """No plain number, address or name is anywhere in the ledger, nor in the case's list of persons."""
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request", "pref_delete_all")
    house.wait_state(ticket, "awaiting")
    texts = house.rows("SELECT c::text AS line FROM consents c") + house.rows("SELECT persons::text AS line FROM cases")
    dump = "\n".join(row["line"] for row in texts)
    assert who.digests[0] in dump
    dump = re.sub(r"[0-9a-f]{64}", "", dump)  # chance may write any digits there
    for plain in (str(who.number), who.mail, "@", "example.com", "Siti", "+60"):
        assert plain not in dump, plain
    columns = {row["column_name"] for row in house.rows(
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'consents'")}  # fmt: skip
    assert columns == {"id", "person", "kind", "purpose", "channel", "allowed", "case_id", "ticket_id", "actor",
                       "wording", "reason", "corrects", "wished_at", "recorded_at"}  # fmt: skip
    assert Vault("another key").digest("phone", who.phone) != who.digests[0]  # not a plain hash that all can count


@pytest.mark.parametrize("statement", [
    "UPDATE consents SET allowed = true",
    "DELETE FROM consents",
    "TRUNCATE consents",
    "TRUNCATE cases CASCADE",
])  # fmt: skip
def test_append_only(shared_house: House, statement: str) -> None:
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    with house.sql() as conn, pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        conn.execute(statement)
    assert both(house, who) == set(CHANNELS)


@pytest.mark.parametrize("form", ["+60 12-{}", "012{}", "6012{}", "0060 12 {}", "(012) {}", "+6012 {}"])
def test_a_number_is_one_in_every_form(form: str) -> None:
    assert person.phone(VAULT, form.format("3456789")) == person.phone(VAULT, "+60123456789")


def test_an_address_is_one_in_any_case_and_what_is_none_is_nobody() -> None:
    assert person.mail(VAULT, " Siti@Example.COM ") == person.mail(VAULT, "siti@example.com") != None  # noqa: E711
    assert [person.mail(VAULT, text) for text in ("", "siti", "@", "a b@c", "a@b@c")] == [None] * 5
    assert [person.phone(VAULT, text) for text in ("", "none", "123", "+60 12 x")] == [None] * 4
    assert person.phone(VAULT, "0123456789") != person.mail(VAULT, "0123456789@x")
    [key] = [item.key for item in person.identifiers(VAULT, phones=["", "012 345 6789", "+60123456789"], mails=[""])]
    assert person.of_key(key) == person.phone(VAULT, "0123456789")


# ---- the withdrawal


def withdraw(house: House, ticket: int, *resume: str) -> None:
    house.tag(ticket, "data_deletion_withdrawn", *(f"resume_{channel}" for channel in resume))
    house.settle()


def test_a_withdrawal_lifts_all(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    withdraw(house, ticket)
    house.wait_state(ticket, "withdrawn")
    assert both(house, who) == set()
    lifted = [row for row in entries(house, who) if row["allowed"]]
    assert [(row["reason"], row["ticket_id"], row["corrects"]) for row in lifted] == [("withdrawn", ticket, None)] * 10


def test_a_withdrawal_lifts_only_the_channels_named(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    withdraw(house, ticket, "calls")
    assert both(house, who) == {"sms", "email", "push"}
    above = [row["allowed"] for row in entries(house, who) if row["channel"] == "any"]
    assert above == [False, False, True, True]  # not all offers are banned any more


def test_sop_4_1_what_we_knew_on_day_x(shared_house: House) -> None:
    house, who = shared_house, Someone()
    before = house.rows("SELECT clock_timestamp() AS at")[0]["at"]
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    between = house.rows("SELECT clock_timestamp() AS at")[0]["at"]
    withdraw(house, ticket)
    house.wait_state(ticket, "withdrawn")
    phone = who.digests[0]
    assert stopped(house, phone, before) == set()
    assert stopped(house, phone, between) == set(CHANNELS)
    assert stopped(house, phone) == set()
    with house.desk.db.tx() as conn:
        told = ledger.history(conn, [phone])
    assert [e.allowed for e in told] == [False] * 5 + [True] * 5
    assert {e.channel for e in told[:5]} == {e.channel for e in told[5:]} == set(NAMED)
    assert [e.recorded_at for e in told] == sorted(e.recorded_at for e in told)


def test_a_withdrawal_on_one_ticket_lifts_another_tickets_ban_of_the_same_person(shared_house: House) -> None:
    house, who = shared_house, Someone()
    first, second = who.ticket(house), who.ticket(house)
    house.tag(first, "data_deletion_request", "pref_stop_all")
    house.wait_state(first, "awaiting")
    house.press("decline", card=house.card())
    house.wait_state(first, "declined")
    withdraw(house, second)
    assert both(house, who) == set()
    yes = [row for row in entries(house, who) if row["allowed"]]
    assert {(row["case_id"], row["reason"]) for row in yes} == {
        (house.case(first)["id"], "withdrawn"),  # each yes belongs to the case whose no it ends
        (house.case(second)["id"], "consented"),  # and to calls, the customer has said yes on this ticket
    }
    assert {row["ticket_id"] for row in yes} == {second}
    customer_says(house, first)
    house.settle()
    assert both(house, who) == set()  # a mere update of the older wish's ticket is no newer wish


def test_an_old_withdrawal_walked_again_does_not_lift_a_newer_no(shared_house: House) -> None:
    house, who = shared_house, Someone()
    first, second = who.ticket(house), who.ticket(house)
    withdraw(house, first)
    house.wait_state(first, "withdrawn")
    # An audit has whole seconds: the next wish is of a later one.
    house.wait(lambda: datetime.now(UTC) > house.case(first)["opened_at"] + timedelta(seconds=1.1), what="a second")
    house.tag(second, "data_deletion_request", "pref_stop_all")
    house.wait_state(second, "awaiting")
    customer_says(house, first)  # walks the withdrawal again
    house.settle()
    assert both(house, who) == set(CHANNELS)


def test_sop_3_4_the_customer_never_has_to_repeat_it(shared_house: House) -> None:
    """Said once, by mail or call, it holds for phone and mail alike, in each form and for each of the channels."""
    house, who = shared_house, Someone()
    ticket = who.ticket(house, fields={"contact": f"012 {str(who.number)[:3]}-{str(who.number)[3:]}"})
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    assert both(house, who) == set(CHANNELS)
    call = Someone()
    ticket = house.ticket(
        requester={"name": "Siti Nurhaliza", "email": None, "phone": call.phone}, fields={"contact": ""}
    )
    house.tag(ticket, "data_deletion_request", "pref_stop_calls")
    house.wait(lambda: entries(house, call), what="the call's wish is in the ledger")
    house.settle()
    assert stopped(house, call.digests[0]) == {"calls"}


def test_consent_to_calls_names_the_ticket(shared_house: House) -> None:
    """Nothing was ever stopped: the yes that the customer gives is an entry all the same (SOP 000, macro of 0.30)."""
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    withdraw(house, ticket)
    house.wait_state(ticket, "withdrawn")
    rows = entries(house, who)
    assert [(r["channel"], r["allowed"], r["reason"], r["ticket_id"]) for r in rows] == [
        ("calls", True, "consented", ticket)
    ] * 2
    customer_says(house, ticket)
    house.settle()
    assert entries(house, who) == rows


def test_channels_withdrawn_before_the_wish_is_clear_are_not_stopped_again(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request")
    house.wait_state(ticket, "incomplete")
    withdraw(house, ticket, "calls")
    assert both(house, who) == {"sms", "email", "push"}
    customer_says(house, ticket)
    house.settle()
    assert both(house, who) == {"sms", "email", "push"}


def test_a_new_round_corrects_what_a_declined_one_said(shared_house: House) -> None:
    """The supervisor declined because the customer meant something else: the newer wish of the same ticket counts."""
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    house.press("decline", card=house.card())
    first = house.wait_state(ticket, "declined")
    assert both(house, who) == set(CHANNELS)
    house.untag(ticket, "pref_stop_all")
    house.settle()
    retag(house, ticket)
    next_round(house, ticket, 2, "incomplete")
    assert both(house, who) == set(CHANNELS)  # not clear yet: nothing is given back
    house.tag(ticket, "pref_stop_sms")
    next_round(house, ticket, 2)
    assert both(house, who) == {"sms"}
    corrected = [row for row in entries(house, who) if row["case_id"] == first["id"] and row["allowed"]]
    assert {row["channel"] for row in corrected} == set(NAMED) - {"sms"}
    assert all(row["corrects"] for row in corrected)


def test_a_withdrawal_in_part_reaches_the_persons_other_ticket_in_part_only(shared_house: House) -> None:
    """Two tickets of one number and two addresses: what is taken back on one is taken back for both, and no more."""
    house, who, alias = shared_house, Someone(), Someone()
    requester = {"name": "Siti Nurhaliza", "email": alias.mail, "phone": who.phone}
    first, second = who.ticket(house), who.ticket(house, requester=requester)
    for ticket in (first, second):
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
        house.wait(lambda ticket=ticket: house.rows("SELECT 1 FROM consents WHERE ticket_id = %s", ticket))
        house.settle()
    withdraw(house, second, "calls")
    rest = {"sms", "email", "push"}
    # The first ticket's own address is known to its case alone, which hears of it by a timer.
    house.wait(lambda: stopped(house, who.digests[1]) == rest, what="the other ticket's case has heard of it")
    house.settle()
    assert both(house, who) == rest
    assert stopped(house, alias.digests[1]) == rest
    customer_says(house, first)
    customer_says(house, second)
    house.settle()
    assert both(house, who) == rest
    assert stopped(house, alias.digests[1]) == rest


def test_both_tags_at_once_restore_nothing(shared_house: House) -> None:
    house, who = shared_house, Someone()
    ticket = who.ticket(house)
    house.tag(ticket, "data_deletion_request", "pref_stop_all", "data_deletion_withdrawn")
    house.settle()
    assert "both_tags" in house.case(ticket)["problems"]
    assert [row for row in entries(house, who) if row["allowed"]] == []


# ---- the ledger itself


@pytest.fixture
def two(shared_house: House) -> tuple[House, cases.Case, cases.Case]:
    """Two cases of nobody yet."""
    made = []
    with shared_house.desk.db.tx() as conn:
        for _ in range(2):
            made.append(cases.open_case(conn, next(_numbers), "data_deletion", tag_audit_id=None, tagger_id=7))
    return shared_house, made[0], made[1]


def say(house: House, case: cases.Case, who: Someone, *channels: str, **more: Any) -> int:
    ids = [Identifier("phone", who.digests[0])]
    given = {"actor": "7", "wording": "en:0", "wished_at": case.received_at, **more}
    with house.desk.db.tx() as conn:
        return ledger.sync(conn, case=case, identifiers=ids, channels=channels, **given)


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
        given = {"actor": "7", "wording": "en:0", "case": other, "identifiers": ids}
        assert ledger.lift(conn, channels=("calls",), wished_at=one.received_at - timedelta(hours=1), **given) == 0
        assert ledger.lift(conn, channels=(), wished_at=later, **given) == 0
        assert ledger.lift(conn, channels=("calls",), wished_at=later, **given) == 2
        assert ledger.lift(conn, channels=("calls",), wished_at=later, **given) == 0
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
            ids, when = [Identifier("phone", who.digests[0])], one.received_at
            ledger.sync(conn, case=one, identifiers=ids, channels=NAMED, actor="7", wording="en:0", wished_at=when)
            conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(StoreError):
        dies()
    assert said(house, who.digests[0]) == []
    assert say(house, one, who, *NAMED) == 5
