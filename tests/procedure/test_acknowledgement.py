"""SOP 000 section 2: the acknowledgement goes to the requester alone, with the advice, without marketing, or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from app import audit, check, replay
from app.cli import main
from app.macro_texts import load_macros, text_hash
from tests.house import House
from tests.kit import CONSENT, NOTHING, REQUEST, Sent, agent_says, card_of, events_of, sent
from tests.procedure.people import someone

PUBLIC = {"field": "comment_mode_is_public", "value": "true"}
ADVICE = "retained due to regulatory and compliance requirements"


def text(body: str) -> list[dict[str, Any]]:
    return [{"field": "comment_value", "value": body}, PUBLIC]


def rich(body: str) -> list[dict[str, Any]]:
    return [{"field": "comment_value_html", "value": body}, PUBLIC]


def body(title: str = REQUEST, language: str = "en") -> str:
    return load_macros()[title].body[language]


@pytest.fixture
def macro(shared_house: House) -> Iterator[dict[str, Any]]:
    """The account's macro, to be changed as an admin would; put back."""
    [found] = [m for m in shared_house.sandbox.world.zendesk.macros.values() if m["title"] == REQUEST]
    before = dict(found)
    yield found
    found.update(before)


def findings(house: House) -> dict[str, check.Finding]:
    return {finding.name: finding for finding in check.run(house.settings())}


def tagged(house: House, *tags: str, **given: Any) -> int:
    ticket = house.ticket(**someone(**given))
    house.tag(ticket, "data_deletion_request", *(tags or ("pref_stop_all",)))
    return ticket


def test_sop_0_17_the_customer_is_advised_of_what_is_retained(shared_house: House, macro: dict[str, Any]) -> None:
    """The approved text holds the advice; a text without it is sent, the agent gives the advice, `desk check` fails."""
    house = shared_house
    ticket = tagged(house)
    house.wait_state(ticket, "awaiting")
    assert ADVICE in house.replies(ticket)[0]
    assert "Tell the customer what the e-mail did not say" not in house.notes(ticket)[-1]

    macro["actions"] = text("Dear {{ticket.requester.first_name}}, we have your request {{ticket.id}}.")
    ticket = tagged(house)
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert (
        f"Tell the customer what the e-mail did not say: some information may need to be {ADVICE}"
        in (house.notes(ticket)[-1])
    )
    found = findings(house)[f"macro {REQUEST}"]
    assert (found.level, "what must be retained" in found.text) == ("FAIL", True)


def test_sop_0_27_the_macro_is_sent_once_and_proved_by_the_ticket(shared_house: House) -> None:
    house = shared_house
    ticket = tagged(house)
    house.wait_state(ticket, "awaiting")
    agent_says(house, ticket)  # a further update of the tagged ticket
    house.settle()
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    [effect] = house.rows("SELECT e.* FROM effects e JOIN cases c ON c.id = e.case_id WHERE c.ticket_id = %s"
                          " AND verb = 'apply_macro'", ticket)  # fmt: skip
    evidence = effect["evidence"]
    assert (evidence["wording"], evidence["faults"]) == ("approved", [])
    assert evidence["audit_id"]
    assert evidence["text_hash"]
    assert 'macro "Data Deletion Request"): sent ' in house.notes(ticket)[-1]


@pytest.mark.parametrize("what", ["ours in Malay", "ours as rich text"])
def test_ours_in_another_form_is_ours(shared_house: House, macro: dict[str, Any], what: str) -> None:
    marked = (
        "<div>" + body().replace("some information", "<b>some</b>&nbsp;information").replace("\n", "<br>") + "</div>"
    )
    macro["actions"] = text(body(language="ms")) if what == "ours in Malay" else rich(marked)
    ticket = tagged(shared_house)
    shared_house.wait_state(ticket, "awaiting")
    assert sent(shared_house, ticket) == Sent(mails=1, cards=1)
    assert "differs from the approved wording" not in shared_house.notes(ticket)[-1]
    assert findings(shared_house)[f"macro {REQUEST}"].level == "ok"


def test_another_wording_without_faults_is_sent_and_said(shared_house: House, macro: dict[str, Any]) -> None:
    house = shared_house
    macro["actions"] = text(body().replace("Yours sincerely", "Kind regards"))
    ticket = tagged(house)
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert house.replies(ticket)[0].count("Kind regards") == 1
    note = house.notes(ticket)[-1]
    assert f'The text of the macro "{REQUEST}" in Zendesk differs from the approved wording' in note
    assert "Tell the customer what" not in note
    found = findings(house)[f"macro {REQUEST}"]
    assert (found.level, "differs from the approved" in found.text) == ("warn", True)


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        (text(body() + "\nApply now for a special offer!"), "words of marketing"),
        (text(body() + "\nhttps://loans.example/summer-promo"), "words of marketing"),
        (rich(f"<p>{body()}</p><img src='https://t.example/open.gif' width=1>"), "an image or a link that follows"),
        (text(body() + "\nhttps://www.example.com/?utm_source=desk"), "an image or a link that follows"),
    ],
    ids=["words", "offer link", "pixel", "followed link"],
)
def test_sop_1_6_marketing_and_tracking_are_never_sent(
    shared_house: House, macro: dict[str, Any], actions: list[dict[str, Any]], words: str
) -> None:
    """Refused with a reason of its own: no e-mail and no card either, until it is mended and replayed: then both."""
    house, before = shared_house, macro["actions"]
    macro["actions"] = actions
    ticket = tagged(house)
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == NOTHING
    assert house.replies(ticket) == []
    assert words in house.notes(ticket)[-1]
    assert "Card to the supervisors: not posted yet" in house.notes(ticket)[-1]
    assert "desk_needs_person" in house.state_of(ticket)["tags"]
    [event] = events_of(house, ticket)
    assert (event["state"], event["reason"].partition("_")[0]) == ("dead", "macro")
    assert findings(house)[f"macro {REQUEST}"].level == "FAIL"
    macro["actions"] = before
    [plan] = replay.plan(house.desk, [event["id"]], failed=False, from_start=False)
    assert replay.carry_out(house.desk, plan, audit.shell())
    house.wait(lambda: sent(house, ticket).cards, what="the card, after all")
    house.settle()
    assert sent(house, ticket) == Sent(mails=1, cards=1)


def test_a_plain_link_is_sent_and_reported(shared_house: House, macro: dict[str, Any]) -> None:
    """The address of the company's own page is no tracking: it stops nobody's wish, and `desk check` names it."""
    macro["actions"] = text(body() + "\nwww.example.com")
    ticket = tagged(shared_house)
    shared_house.wait_state(ticket, "awaiting")
    assert sent(shared_house, ticket) == Sent(mails=1, cards=1)
    assert "differs from the approved wording" in shared_house.notes(ticket)[-1]
    assert findings(shared_house)[f"macro {REQUEST}"].level == "FAIL"


def test_sop_1_5_the_four_questions_are_answered_beside_each_macro(
    shared_house: House, macro: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for found in load_macros().values():
        assert list(found.contact) == ["marketing_content", "lawful_reason", "necessary", "unsubscribe"]
        assert all(len(answer) > 10 for answer in found.contact.values())
    macro["actions"] = text(body() + " Klik di sini!")
    monkeypatch.setattr("app.cli.service.load", shared_house.settings)
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == 1
    assert f"FAIL  macro {REQUEST}: it holds a link, an image or words of marketing" in result.stdout


def test_sop_1_10_a_ticket_with_copies_stops_before_anything_is_sent(shared_house: House) -> None:
    house = shared_house
    ticket = tagged(house, cc=["colleague@example.com"])
    house.wait_state(ticket, "incomplete")
    assert sent(house, ticket) == NOTHING
    [note] = house.notes(ticket)
    assert "other people are copied on this ticket. Remove the CCs" in note
    with house.sandbox.world.lock:
        house.sandbox.world.zendesk.tickets[ticket].cc_ids = []
    agent_says(house, ticket)
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert not [m for m in house.sandbox.world.zendesk.mails if m["to"] == "colleague@example.com"]


@pytest.mark.parametrize("what", ["suspended", "undeliverable"])
def test_requester_who_gets_no_mail_stops_it_until_mended(shared_house: House, what: str) -> None:
    house = shared_house
    ticket = house.ticket(**someone())
    zendesk = house.sandbox.world.zendesk
    user = zendesk.users[zendesk.tickets[ticket].requester_id]
    with house.sandbox.world.lock:
        user.suspended, user.deliverable = what == "suspended", "deliverable" if what == "suspended" else what
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "incomplete")
    assert sent(house, ticket) == NOTHING
    [note] = house.notes(ticket)
    assert "the requester is suspended in Zendesk or mail to the address does not arrive" in note
    assert "Unsuspend the requester or correct the address" in note
    with house.sandbox.world.lock:
        user.suspended, user.deliverable = False, "deliverable"
    agent_says(house, ticket)
    house.wait_state(ticket, "awaiting")
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    assert "suspended" not in house.notes(ticket)[-1]


def test_macro_that_waits_for_zendesk_lets_the_card_go_on(shared_house: House) -> None:
    """Only what is dead stops the case; an outage of one call is waited out."""
    house = shared_house
    fault = house.sandbox.world.faults.add("zendesk", "macros.preview", "503_before", times=6)
    ticket = tagged(house)
    house.wait(lambda: sent(house, ticket) == Sent(mails=1, cards=1), what="both")
    assert fault.fired
    assert card_of(house, ticket)


def test_a_hash_is_of_the_words_alone() -> None:
    assert text_hash("<p>Dear  {{ ticket.id }},</p>\n<b>You</b>") == text_hash("Dear {{ticket.id}}, you")
    assert text_hash("Dear you") != text_hash("Dear me")
    assert not load_macros()[CONSENT].approved(body())
