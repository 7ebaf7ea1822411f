"""SOP 000 section 1: who confirmed, how and by which channel; what the customer prefers; nothing goes on without."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app import confirmed, wish
from app.clients.types import Ticket
from app.settings import Settings, load
from tests.databases import drop_database, new_database
from tests.house import House
from tests.kit import NOTHING, Sent, card_of, edit, events_of, issue_of, quiet_for, sent
from tests.procedure.people import someone

EXAMPLE = Path(__file__).resolve().parent.parent.parent / ".env.example"
FOUR = {"name": 360001, "contact": 360002, "backoffice": 360003, "preference": 360004}
EIGHT = {**FOUR, "identity": 360011, "confirmed_by": 360012, "confirmed_via": 360013, "authority": 360014}
CONFIRMED = {"identity": "identity_otp", "confirmed_by": "customer", "confirmed_via": "phone"}


def written(fields: dict[str, int]) -> str:
    return ",".join(f"{name}={number}" for name, number in fields.items())


@pytest.fixture(scope="module")
def asking(database_server: str) -> Iterator[House]:
    """A desk whose DESK_FIELDS names all eight fields."""
    uri = new_database(database_server)
    with House(uri, sandbox={"fields": EIGHT}, desk_fields=written(EIGHT)) as built:
        yield built
    drop_database(database_server, uri)


def test_sop_0_10_nothing_is_escalated_before_it_is_confirmed_by_whom_how_and_when(asking: House) -> None:
    house = asking
    ticket = house.ticket(**someone())
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "incomplete")
    assert sent(house, ticket) == NOTHING
    [note] = house.notes(ticket)
    for words in ("identity check is not recorded", "Who confirmed is not recorded", "channel of the confirmation"):
        assert words in note
    edit(house, ticket, **CONFIRMED)
    case = house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    note = house.notes(ticket)[-1]
    assert "Confirmed by the customer, through phone; recorded 20" in note
    assert f"by the agent who tagged (Zendesk user {case['tagger_id']})" in note
    assert "Identity checked: one-time code." in note
    assert datetime.fromisoformat(case["confirmation"]["at"]) == case["received_at"].replace(microsecond=0)
    assert (case["confirmation"]["by"], case["confirmation"]["via"]) == ("customer", "phone")


def test_sop_1_1_a_representative_needs_a_kind_of_authority(asking: House) -> None:
    house = asking
    ticket = house.ticket(
        **someone(fields={**CONFIRMED, "confirmed_by": "Wakil pelanggan", "identity": "Passport seen"})
    )
    house.tag(ticket, "data_deletion_request", "pref_delete_all")
    house.wait_state(ticket, "incomplete")
    assert sent(house, ticket) == NOTHING
    assert "kind of authority is not recorded" in house.notes(ticket)[-1]
    edit(house, ticket, authority="surat kuasa")
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert "Confirmed by a representative (authority: power of attorney), through phone" in house.notes(ticket)[-1]
    assert "Identity checked: passport." in house.notes(ticket)[-1]
    assert "power of attorney" not in card_of(house, ticket)["text"], "the card shows the SOP's five fields only"


def test_sop_0_11_a_call_goes_the_same_way_with_the_agents_record(asking: House) -> None:
    """No e-mail address: no e-mail, the case goes on, and the note says what the agent does instead."""
    house = asking
    caller = {"channel": "voice", "requester": {"name": "Caller +60 12-345 6789"}, "email": None}
    ticket = house.ticket(**someone(**caller, fields={**CONFIRMED, "identity": ""}))
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "incomplete")
    assert sent(house, ticket) == NOTHING
    edit(house, ticket, identity="Soalan keselamatan")
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(cards=1)
    note = house.notes(ticket)[-1]
    assert "the requester has no e-mail address. Please tell the customer in another way" in note
    assert "some information may need to be retained due to regulatory and compliance requirements" in note
    assert "Identity checked: security questions." in note


def test_what_was_typed_is_never_stored(asking: House) -> None:
    house = asking
    typed = {
        "identity": "NRIC 900101-14-5678, Siti",
        "confirmed_by": "herself, Siti",
        "confirmed_via": "my pigeon Siti",
    }
    ticket = house.to_awaiting(**someone(fields=typed))
    case = house.case(ticket)
    assert case["confirmation"] | {"agent": 0, "at": ""} == {
        "by": "customer", "via": "other", "identity": "mykad", "authority": "", "agent": 0, "at": "",
    }  # fmt: skip
    for text in (json.dumps(case["confirmation"]), *house.notes(ticket)):
        assert not [word for word in ("900101", "5678", "Siti", "pigeon") if word in text]


def test_a_field_that_nobody_understands_is_asked_about(asking: House) -> None:
    house = asking
    ticket = house.ticket(**someone(fields={**CONFIRMED, "confirmed_by": "yes"}))
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "incomplete")
    assert sent(house, ticket) == NOTHING
    assert "Who confirmed can't be understood" in house.notes(ticket)[-1]


def test_four_fields_derive_the_rest(shared_house: House) -> None:
    """Set-ups with the four fields go on working: the tag vouches, and the note says what is not recorded."""
    ticket = shared_house.to_awaiting(**someone(channel="email"))
    note = shared_house.notes(ticket)[-1]
    assert "Confirmed by the customer, according to the agent's tag, through e-mail; recorded" in note
    assert "Identity checked: not recorded." in note


def read(settings: Settings | None = None, channel: str = "web", **fields: str | tuple[str, ...]) -> Any:
    held = {EIGHT[name]: value for name, value in fields.items() if value}
    ticket = Ticket(1, "open", frozenset(), 2, None, 2, (), held, "2026-11-21T10:00:00Z", channel)
    return confirmed.read(ticket, settings or load(_env_file=EXAMPLE, desk_fields=written(EIGHT)))


@pytest.mark.parametrize(
    ("by", "code"),
    [
        ("Customer", "customer"), ("confirmed_by_customer", "customer"), ("pelanggan sendiri", "customer"),
        ("客户本人", "customer"), ("the customer's lawyer", "representative"), ("WAKIL", "representative"),
        ("代表人", "representative"), ("representative", "representative"), ("on behalf of customer", "representative"),
    ],
)  # fmt: skip
def test_who_confirmed_in_three_languages(by: str, code: str) -> None:
    found, problems = read(identity="ic", confirmed_by=by, confirmed_via="call", authority="lawyer")
    assert (found["by"], problems) == (code, ())
    assert found["authority"] == ("lawyer" if code == "representative" else "")


@pytest.mark.parametrize(
    ("via", "code"),
    [("Phone call", "phone"), ("panggilan", "phone"), ("电话", "phone"), ("WhatsApp", "chat"),
     ("native_messaging", "chat"), ("e-mel", "email"), ("walk-in", "branch"), ("surat", "letter"),
     ("smoke signal", "other")],
)  # fmt: skip
def test_channels_in_three_languages(via: str, code: str) -> None:
    assert read(identity="ic", confirmed_by="customer", confirmed_via=via)[0]["via"] == code


@pytest.mark.parametrize("nothing", ["false", "No", "not checked", "tidak", "未核实", "-", "  "])
def test_a_no_is_no_identity_check(nothing: str) -> None:
    assert read(identity=nothing, confirmed_by="customer", confirmed_via="phone")[1] == ("missing:identity",)


def test_a_ticked_box_is_a_record_without_a_kind() -> None:
    assert read(identity="true", confirmed_by="customer", confirmed_via="phone")[0]["identity"] == "recorded"


# ---- what the customer prefers


def test_sop_0_12_delete_personal_data_completely(shared_house: House) -> None:
    house = shared_house
    ticket, _ = house.to_banning("pref_delete_all", **someone())
    assert house.case(ticket)["preference"] == ["delete_all"]
    assert "personal data deleted completely" in issue_of(house, ticket)["description"]
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)


def test_sop_0_13_stop_all_names_all_four_channels(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting("pref_stop_all", **someone())
    text = card_of(house, ticket)["text"]
    assert "Stop all types of communication (Calls, SMS, Email, Push Notification)" in text
    assert "Delete personal data" not in text
    assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_sop_0_14_single_channels_only_where_that_is_allowed(shared_house: House, database: str) -> None:
    """Allowed: the named channels alone. Not allowed: nothing is sent, and the note offers the whole."""
    ticket = shared_house.to_awaiting("pref_stop_sms", "pref_stop_calls", **someone())
    assert "Stop only specific types of communication (Calls, SMS)" in card_of(shared_house, ticket)["text"]
    with House(database, partial_allowed="false") as house:
        ticket = house.ticket(**someone())
        house.tag(ticket, "data_deletion_request", "pref_stop_sms")
        house.wait_state(ticket, "incomplete")
        assert sent(house, ticket) == NOTHING
        [note] = house.notes(ticket)
        assert "Stopping single channels is not allowed here: ask the customer for delete all or stop all" in note
        house.untag(ticket, "pref_stop_sms")
        house.settle()
        edit(house, ticket, preference="pref_stop_all")
        house.wait_state(ticket, "awaiting")
        assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_sop_0_15_the_ticket_is_read_again_just_before_acting(shared_house: House) -> None:
    """What counts is the ticket as it is when the desk acts, not what the webhook brought."""
    house = shared_house
    house.stop_worker()
    ticket = house.ticket(**someone())
    house.tag(ticket, "data_deletion_request", "pref_delete_all")
    house.wait(lambda: events_of(house, ticket))
    house.untag(ticket, "pref_delete_all")
    house.tag(ticket, "pref_stop_sms")
    house.start_worker()
    house.wait_state(ticket, "awaiting")
    assert house.case(ticket)["preference"] == ["stop_sms"]
    assert "Delete personal data" not in card_of(house, ticket)["text"]
    assert sent(house, ticket) == Sent(mails=1, cards=1)


@pytest.mark.parametrize(
    ("preference", "resumed", "left"),
    [
        (("stop_all",), {"calls"}, ("stop_sms", "stop_email", "stop_push")),
        (("stop_sms", "stop_email"), {"sms"}, ("stop_email",)),
        (("stop_sms",), {"sms"}, ()),
        (("stop_sms",), {"calls"}, ("stop_sms",)),
        (("delete_all",), {"calls"}, None),
        (("delete_all",), set(), ("delete_all",)),
        (("stop_all",), {"calls", "sms", "email", "push"}, ()),
    ],
)
def test_what_is_left_of_a_wish(preference: tuple[str, ...], resumed: set[str], left: tuple[str, ...] | None) -> None:
    assert wish.without(preference, resumed) == left


def test_a_channel_wanted_again_is_taken_out_of_the_wish(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting("pref_stop_all", "resume_calls", **someone())
    assert house.case(ticket)["preference"] == ["stop_sms", "stop_email", "stop_push"]
    text = card_of(house, ticket)["text"]
    assert "Stop only specific types of communication (SMS, Email, Push Notification)" in text
    both = house.ticket(**someone())
    house.tag(both, "data_deletion_request", "pref_delete_all", "resume_calls")
    house.wait_state(both, "incomplete")
    assert "preference is contradictory" in house.notes(both)[-1]
    assert sent(house, both) == NOTHING


# ---- the case, and its note


def test_sop_0_1_the_tag_starts_a_case_whose_note_shows_what_it_is_and_whose_turn_it_is(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting("pref_delete_all", **someone())
    case, note = house.case(ticket), house.notes(ticket)[-1]
    assert (case["procedure"], case["state"]) == ("data_deletion", "awaiting")
    assert case["tagger_id"]
    assert case["received_at"]
    assert note.startswith(f"Deletion Desk, case {case['id']}, round 1: waiting for a supervisor")
    assert "Customer's preference: delete personal data" in note
    assert "Next: a supervisor approves or declines" in note


def test_sop_0_2_deleting_and_stopping_are_two_wishes_and_both_are_asked_for(shared_house: House) -> None:
    house = shared_house
    ticket, _ = house.to_banning("pref_delete_all", **someone())
    described = issue_of(house, ticket)["description"]
    assert "ban the customer from all offers" in described
    assert "personal data deleted completely" in described
    assert sent(house, ticket).issues == 1


def test_sop_0_6_one_word_on_the_ticket_never_forgets_the_other_wish(shared_house: House) -> None:
    """Only "delete" was chosen: the card and the note name the stop of all communication too."""
    house = shared_house
    ticket = house.to_awaiting("pref_delete_all", **someone())
    text = card_of(house, ticket)["text"]
    for line in ("Delete personal data completely", "Stop all types of communication", "Ban from all offers"):
        assert line in text
    assert "and stop all offers" in house.notes(ticket)[-1]


def test_sop_1_2_notes_hold_facts_and_nothing_of_the_customer(asking: House) -> None:
    house = asking
    given = someone(fields=CONFIRMED, comment="You thieves, delete my data NOW!!")
    ticket, phone = house.to_awaiting(**given), given["phone"]
    house.press("decline", card=card_of(house, ticket), form={"reason": "not_confirmed"})
    house.wait_state(ticket, "declined")
    assert len(house.notes(ticket)) >= 2
    for note in house.notes(ticket):
        text = note.replace("aisyah@example.com", "the supervisor")  # who decided is named: a colleague
        assert not [word for word in ("Siti", phone, "thieves", "@example.com") if word in text]


def test_sop_2_10_every_note_says_the_next_step_and_names_the_section(shared_house: House) -> None:
    house = shared_house
    seen = []
    ticket = house.ticket(**someone(fields={"backoffice": ""}))
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "incomplete")
    edit(house, ticket, backoffice="https://backoffice.example.com/customers/7")
    house.wait_state(ticket, "awaiting")
    house.press("approve", card=card_of(house, ticket))
    house.wait_state(ticket, "banning")
    house.tag(ticket, "data_deletion_withdrawn")
    house.wait_state(ticket, "withdrawn")
    quiet_for(house, 0.2)
    for note in house.notes(ticket):
        last = note.splitlines()[-1]
        assert last.startswith("Next: ")
        assert "SOP 000" in last
        seen.append(note.splitlines()[0].partition(": ")[2])
    assert len(set(seen)) >= 4, seen
