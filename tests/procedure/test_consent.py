"""The consent ledger, from the tag on: no from receipt on, keyed by who it is, nothing is ever rewritten."""

from __future__ import annotations

import re
from dataclasses import replace

import psycopg
import pytest

from app.consent import ledger, person
from app.consent.person import Identifier
from app.settings import CHANNELS
from app.vault import Vault
from tests.house import House
from tests.kit import NOTHING, Sent, customer_says, edit, sent
from tests.procedure.consent_kit import NAMED, VAULT, Someone, both, entries, said, stopped


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
    agent = house.shown("zendesk")["agents"][0]["id"]
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
