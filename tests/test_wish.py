"""The wish on the ticket: complete, or exactly what is wrong with it; names, numbers and links as people write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app import wish
from app.clients.types import Person, Ticket
from app.settings import Settings, load

ROOT = Path(__file__).resolve().parent.parent
LINK = "https://backoffice.example.com/customers/42"
FIELDS = {"name": 360001, "contact": 360002, "backoffice": 360003, "preference": 360004}


def read(
    *tags: str,
    requester: dict[str, Any] | None = None,
    cc: tuple[int, ...] = (),
    settings: Settings | None = None,
    **fields: Any,
) -> wish.Wish:
    """A ticket with complete details unless a field says otherwise."""
    given = {"name": "Siti Nurhaliza", "contact": "+60 12-345 6789", "backoffice": LINK, **fields}
    ticket = Ticket(
        id=1,
        status="open",
        tags=frozenset(tags),
        requester_id=2,
        assignee_id=None,
        submitter_id=2,
        cc_ids=cc,
        fields={FIELDS[name]: value for name, value in given.items() if value},
        stamp="2026-11-21T10:00:00Z",
    )
    person = {"id": 2, "name": "", "email": "a@example.com", "phone": "", "role": "end-user", "reachable": True}
    return wish.read(
        ticket, Person(**{**person, **(requester or {})}), settings or load(_env_file=ROOT / ".env.example")
    )


def test_complete() -> None:
    found = read("pref_stop_all")
    assert found.complete
    assert found.problems == ()
    assert (found.preference, found.name, found.contact) == (("stop_all",), "Siti Nurhaliza", "+60 12-345 6789")
    assert found.backoffice_url == LINK
    assert "Siti" not in repr(found)
    assert "345" not in repr(found)


@pytest.mark.parametrize("field", ["name", "contact", "backoffice"])
def test_each_missing_field_is_named_alone(field: str) -> None:
    assert read("pref_stop_all", **{field: ""}).problems == (f"missing:{field}",)
    assert read("pref_stop_all", **{field: "   "}).problems == (f"missing:{field}",)


def test_profile_of_the_requester_fills_what_the_fields_leave_out() -> None:
    found = read("pref_stop_all", name="", contact="", requester={"name": "Tan Wei Ming", "phone": "016-345 0202"})
    assert found.complete
    assert (found.name, found.contact) == ("Tan Wei Ming", "016-345 0202")


@pytest.mark.parametrize(
    ("field", "profile"),
    [
        ("Siti Nurhaliza", "siti nurhaliza"),
        ("Siti Nurhaliza binti Tarudin", "Siti Nurhaliza"),
        ("李小龙", "李 小龙"),
        ("Tan Wei Ming 陈伟明", "陈伟明"),
        ("كمال أحمد", "كمال"),
        ("தமிழ் செல்வன்", "தமிழ் செல்வன்"),
        ("O'Brien", "Séan O'Brien"),
        ("Siti", "siti@example.com"),
        ("Siti", "+60123456789"),
        ("Siti", "Caller +60 12-3456789"),
        ("Siti", "Web user 98765432"),
        ("Straße", "STRASSE"),
    ],
)
def test_names_that_agree(field: str, profile: str) -> None:
    assert read("pref_stop_all", name=field, requester={"name": profile}).complete


@pytest.mark.parametrize(
    ("field", "profile"),
    [("Siti Nurhaliza", "Kavitha Subramaniam"), ("李小龙", "陈伟明"), ("Ali", "Bala"), ("كمال", "أحمد")],
)
def test_names_that_contradict(field: str, profile: str) -> None:
    assert read("pref_stop_all", name=field, requester={"name": profile}).problems == ("contradictory:name",)


@pytest.mark.parametrize(
    "written",
    ["+60123456789", "60123456789", "0123456789", "0060123456789", "+60 12-345 6789", "(012) 345.6789", "012–345 6789",
     "+60 (0)12-345 6789", "600123456789", "123456789", "+0123456789",
     "٠١٢٣٤٥٦٧٨٩", "۰۱۲ ۳۴۵ ۶۷۸۹", "＋６０１２３４５６７８９"],
)  # fmt: skip
def test_one_number_in_all_its_forms(written: str) -> None:
    assert wish.normalise_phone(written) == "+60123456789"
    assert read("pref_stop_all", contact=written, requester={"phone": "012-3456789"}).complete


@pytest.mark.parametrize(
    "written", ["call me", "12345", "+", "+600000000", "0123456789²", "0123456789 or 0198765432", "1" * 16, "+-60"]
)
def test_what_is_no_number(written: str) -> None:
    assert wish.normalise_phone(written) == ""
    assert read("pref_stop_all", contact=written).problems == ("contradictory:contact",)


def test_foreign_numbers_stay_as_they_are() -> None:
    assert wish.normalise_phone("+44 20 7946 0958") == "+442079460958"
    assert wish.normalise_phone("0044 20 7946 0958") == "+442079460958"
    assert wish.normalise_phone("+65 6123 4567") == wish.normalise_phone("6561234567") == "+6561234567"
    assert wish.normalise_phone("14155552671") == "+14155552671"


def test_mobiles_that_have_lost_their_zero_and_short_numbers_that_nobody_can_place() -> None:
    assert wish.normalise_phone("11-2345 6789") == "+601123456789"
    assert [wish.normalise_phone(text) for text in ("321234567", "81234567")] == ["321234567", "81234567"]


def test_two_different_numbers_contradict() -> None:
    assert read("pref_stop_all", requester={"phone": "+60198765432"}).problems == ("contradictory:contact",)
    assert read("pref_stop_all", requester={"phone": "anonymous"}).complete  # a profile without a number says nothing


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example.com/customers/42",
        "https://backoffice.example.com.evil.example/customers/42",
        "https://backoffice.example.com@evil.example/42",
        "https://user@backoffice.example.com/customers/42",
        "https://backoffice.example.com\\@evil.example/",
        "javascript:alert(1)//backoffice.example.com",
        "ftp://backoffice.example.com/customers/42",
        "//backoffice.example.com/customers/42",
        "backoffice.example.com/customers/42",
        "https://backoffice.example.com/a b",
        "https://backoffice.example.com/a|Click",
        "https://backoffice.example.com/<b>",
        "https://[::1",
        "https://backoffice.example.com:99999999/",
        "42",
    ],
)
def test_a_link_that_leads_elsewhere(link: str) -> None:
    found = read("pref_stop_all", backoffice=link)
    assert found.problems == ("contradictory:backoffice",)
    assert found.backoffice_url == ""


def test_link_is_made_of_the_customer_number_when_the_field_is_empty() -> None:
    assert read("pref_stop_all", backoffice="", requester={"external_id": "42"}).backoffice_url == LINK
    made = read("pref_stop_all", backoffice="", requester={"external_id": "../a?b=c"}).backoffice_url
    assert made == "https://backoffice.example.com/customers/..%2Fa%3Fb%3Dc"


def test_any_host_when_no_template_is_set() -> None:
    free = load(_env_file=ROOT / ".env.example", backoffice_url="")
    assert read("pref_stop_all", backoffice="https://other.example.com/1", settings=free).complete
    assert read("pref_stop_all", backoffice="", requester={"external_id": "42"}, settings=free).problems == (
        "missing:backoffice",
    )


@pytest.mark.parametrize(
    ("tags", "preference"),
    [
        (("pref_delete_all",), ("delete_all",)),
        (("pref_stop_all",), ("stop_all",)),
        (("pref_stop_sms",), ("stop_sms",)),
        (("pref_stop_push", "pref_stop_calls"), ("stop_calls", "stop_push")),
        (("pref_stop_calls", "pref_stop_sms", "pref_stop_email", "pref_stop_push"),
         ("stop_calls", "stop_sms", "stop_email", "stop_push")),
    ],
)  # fmt: skip
def test_preferences(tags: tuple[str, ...], preference: tuple[str, ...]) -> None:
    found = read("data_deletion_request", *tags)
    assert found.complete
    assert found.preference == preference


@pytest.mark.parametrize(
    "tags",
    [
        ("pref_delete_all", "pref_stop_all"),
        ("pref_delete_all", "pref_stop_sms"),
        ("pref_stop_all", "pref_stop_sms", "pref_stop_email"),
        ("pref_delete_all", "pref_stop_all", "pref_stop_push"),
    ],
)
def test_contradictory_preferences(tags: tuple[str, ...]) -> None:
    assert read(*tags).problems == ("contradictory:preference",)


def test_preference_from_the_field_and_from_the_tag_are_one() -> None:
    assert read(preference="pref_stop_all").preference == ("stop_all",)
    assert read("pref_stop_all", preference="pref_stop_all").complete
    assert read(preference=("pref_stop_sms", "pref_stop_email")).preference == ("stop_sms", "stop_email")
    assert read("pref_delete_all", preference="pref_stop_all").problems == ("contradictory:preference",)
    assert read().problems == ("missing:preference",)
    assert read("PREF_STOP_ALL", "pref_stop_fax").problems == ("missing:preference",)


def test_renamed_tags() -> None:
    settings = load(_env_file=ROOT / ".env.example", desk_tags="pref_stop_all=opt_out_everything")
    assert read("opt_out_everything", settings=settings).preference == ("stop_all",)
    assert read("pref_stop_all", settings=settings).problems == ("missing:preference",)


def test_everything_wrong_is_said_at_once() -> None:
    found = read(name="", contact="", backoffice="", cc=(7,))
    assert found.problems == ("missing:name", "missing:contact", "missing:backoffice", "missing:preference", "cc")
    assert not found.complete


def test_requester_without_mail_does_not_make_the_wish_incomplete() -> None:
    found = read("pref_stop_all", requester={"reachable": False, "email": ""})
    assert found.complete
    assert not found.reachable
