"""SOP 000, Key Reminder: full deletion may not be possible; each case says what is kept, why and until when."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app import check, kept
from app.errors import ConfigError
from app.texts import LANGUAGES, Texts
from tests.house import House
from tests.kit import NOTHING, REQUEST, Sent, agent_says, card_of, edit, sent
from tests.procedure.people import someone

LAWS = ("AMLA 2001 s.17", "Companies Act 2016 s.245", "Income Tax Act 1967 s.82", "Moneylenders Act 1951 s.18",
        "Limitation Act 1953 s.6")  # fmt: skip


def test_sop_0_8_each_case_lists_what_is_kept_why_and_until_when(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting("pref_delete_all", **someone())
    found, note = house.case(ticket)["kept"], house.notes(ticket)[-1]
    assert (found["version"], found["profile"], found["kind"]) == (kept.table().version, "MY", "delete")
    today = date.fromisoformat(found["on"])
    ends = {duty["law"]: duty["until"] for duty in found["duties"]}
    assert ends["AMLA 2001 s.17"] == today.replace(year=today.year + 6).isoformat()
    assert ends["Companies Act 2016 s.245"] == today.replace(year=today.year + 7).isoformat()
    for law in LAWS:
        assert f"({law})" in note
    assert "not legal advice" in note
    assert "as long as offers are made at all" in note
    assert "all deleted" not in note

    agent_says(house, ticket)  # a later look does not change what was fixed
    house.settle()
    assert house.case(ticket)["kept"] == found
    assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_a_stop_keeps_the_suppression_record_and_nothing_else(shared_house: House) -> None:
    ticket = shared_house.to_awaiting("pref_stop_sms", **someone())
    note = shared_house.notes(ticket)[-1]
    assert [duty["id"] for duty in shared_house.case(ticket)["kept"]["duties"]] == ["suppression"]
    assert note.count("; without it the stop could not be honoured") == 1
    assert not [law for law in LAWS if law in note]


def test_the_list_follows_a_preference_that_is_mended_before_the_card(shared_house: House) -> None:
    house = shared_house
    macro = next(m for m in house.sandbox.world.zendesk.macros.values() if m["title"] == REQUEST)
    macro["active"] = False
    ticket = house.ticket(**someone())
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    house.untag(ticket, "pref_stop_all")
    house.settle()
    macro["active"] = True
    edit(house, ticket, preference="pref_delete_all")
    house.settle()
    case = house.case(ticket)
    assert (case["preference"], case["kept"]["kind"]) == (["delete_all"], "delete")
    assert sent(house, ticket) == NOTHING, "the macro failed: an administrator replays"


def test_sop_2_5_a_refusal_names_its_basis_from_the_table(shared_house: House) -> None:
    house = shared_house
    ticket = house.to_awaiting("pref_delete_all", **someone())
    assert "Basis of the refusal" not in house.notes(ticket)[-1]
    house.press("decline", card=card_of(house, ticket), form={"reason": "retention_applies"})
    house.wait_state(ticket, "declined")
    note = house.notes(ticket)[-1]
    assert "Basis of the refusal: AMLA 2001 s.17; Companies Act 2016 s.245; " in note
    assert "must be retained due to regulatory and compliance requirements" in note, "its sentence for the reply"
    other = house.to_awaiting("pref_delete_all", **someone())
    house.press("decline", card=card_of(house, other), form={"reason": "not_confirmed"})
    house.wait_state(other, "declined")
    assert "Basis of the refusal" not in house.notes(other)[-1]
    assert sent(house, ticket) == Sent(mails=1, cards=1)


@pytest.mark.parametrize("form", ["plain", "html"])
def test_the_reply_lists_what_is_kept_where_that_is_set(database: str, form: str) -> None:
    with House(database, kept_in_reply="true", desk_language="ms") as house:
        if form == "html":
            [macro] = [m for m in house.sandbox.world.zendesk.macros.values() if m["title"] == REQUEST]
            macro["actions"] = [{"field": "comment_value_html", "value": "<p>Salam</p>"},
                                {"field": "comment_mode_is_public", "value": "true"}]  # fmt: skip
        ticket = house.to_awaiting("pref_delete_all", **someone())
        [reply] = house.replies(ticket)
        assert "Maklumat yang perlu kami simpan, dan sebabnya (tarikh" in reply
        assert "AMLA 2001 s.17" in reply
        comment = next(c for c in house.sandbox.world.zendesk.tickets[ticket].comments if "AMLA" in str(c))
        assert ("<li>" in str(comment.get("html_body"))) or form == "plain"
        assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_the_reply_does_not_list_it_by_default(shared_house: House) -> None:
    ticket = shared_house.to_awaiting("pref_delete_all", **someone())
    assert not [law for law in LAWS if law in shared_house.replies(ticket)[0]]


# ---- the table


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("profile", ["MY", "EU", "elsewhere"])
def test_every_duty_has_its_words(language: str, profile: str) -> None:
    snapshot = kept.snapshot(kept.table(), profile=profile, preference=("delete_all",), today=date(2028, 2, 29))
    for html in (True, False):
        assert "{" not in kept.reply(Texts.load(language), snapshot, html=html)
    assert len(kept.table().of(profile, "delete")) == {"MY": 6, "EU": 3, "elsewhere": 1}[profile]
    assert [duty.id for duty in kept.table().of(profile, "stop")] == ["suppression"]


def test_every_row_has_its_source_and_its_review() -> None:
    for duty in kept.table().duties:
        assert all((duty.law, duty.category, duty.reason, duty.counted_from, duty.source)), duty.id
        assert duty.reviewed < duty.review_by


def test_a_leap_day_ends_not_too_early() -> None:
    found: Any = kept.snapshot(kept.table(), profile="MY", preference=("delete_all",), today=date(2028, 2, 29))
    assert {duty["until"] for duty in found["duties"]} == {"2034-03-01", "2035-03-01", ""}


def test_values_in_the_reply_are_encoded() -> None:
    made = {"on": "2026-11-21", "duties": [{"id": "tax", "law": "<b>&", "until": "2033-11-21", "open": ""}]}
    assert "(&lt;b&gt;&amp;)" in kept.reply(Texts.load("en"), made, html=True)
    assert kept.reply(Texts.load("en"), {}, html=False) == ""


@pytest.mark.parametrize(
    "change", [("years = 6", "years = 0"), ("review_by", "reviewed_by"), ('["delete"]', '["all"]')]
)
def test_a_table_that_is_not_whole_is_refused(tmp_path: Path, change: tuple[str, str]) -> None:
    broken = tmp_path / "retention.toml"
    broken.write_text(kept.TABLE.read_text("utf-8").replace(*change), "utf-8")
    with pytest.raises(ConfigError):
        kept.load(broken)


def test_overdue_reviews_show_in_desk_check(
    shared_house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def look() -> check.Finding:
        return next(f for f in check.run(shared_house.settings()) if f.name == "retention table")

    assert look().level == "ok"
    old = tmp_path / "retention.toml"
    old.write_text(kept.TABLE.read_text("utf-8").replace("2027-05-21", "2026-11-21"), "utf-8")
    monkeypatch.setattr(kept, "table", lambda: kept.load(old))
    found = look()
    assert (found.level, found.text) == ("warn", "app/kept/retention.toml: the review of moneylending is overdue")
