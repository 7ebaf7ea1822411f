"""What a card says below the SOP's words and once its case has moved on: who, when, due, JIRA's status; no buttons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app import cards, notes
from app.cases import Case
from app.texts import LANGUAGES, Texts
from tests.test_cards import EN, TICKET, Card, check, links, make, rendered, unrendered

AT = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
WHEN = f"<!date^{int(AT.timestamp())}^{{date_num}} {{time}}|2026-11-21 14:00>"


def a_case(**given: Any) -> Case:
    """A case as a row would have it."""
    values: dict[str, Any] = dict.fromkeys(Case.__dataclass_fields__)
    values |= {"id": 1, "ticket_id": 417, "procedure": "data_deletion", "generation": 1, "state": "banning"}
    values |= {"decision": "approve", "decided_by": "U0AISYAH", "decided_at": AT, "moved_at": AT, "reason": "", **given}
    return Case(**values)


def closed(case: Case, texts: Texts = EN, now: datetime = AT, **given: Any) -> Card:
    values: dict[str, Any] = {"jira_key": "SUP-7", "jira_url": "https://jira.example.com/browse/SUP-7", **given}
    line = notes.card_line(texts, case)
    below = cards.standing(texts, case, now)
    made = cards.closed_card(
        texts, state=line, ticket_url=TICKET, ticket_id=417, wish=("delete_all",), below=below, **values
    )
    return rendered(made)


STATES = (
    "open",
    "incomplete",
    "approved",
    "banning",
    "verifying",
    "done",
    "needs_person",
    "declined",
    "withdrawn",
    "void",
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", STATES)
def test_closed_cards_have_no_button_and_nobody_in_them(language: str, state: str) -> None:
    card = closed(a_case(state=state, due_at=AT), Texts.load(language), jira_status="In Progress")
    check(card)
    below = state != "declined"  # its own line says who decided, and nothing is due any more
    assert {block["type"] for block in card.blocks} == ({"section", "context"} if below else {"section"})
    assert "BackOffice" not in card.text
    assert "https://jira.example.com/browse/SUP-7|SUP-7" in links(card)
    assert "@U0AISYAH" in links(card), "who has decided"
    assert "In Progress" in card.text
    assert WHEN in card.text, "when"


def test_a_card_says_when_it_is_due_and_when_that_is_over() -> None:
    def said(state: str, **given: Any) -> str:
        return closed(a_case(state=state, due_at=AT, **given)).text

    assert f"\nDue by {WHEN} (the desk's own setting, not legal advice)." in said("banning")
    later = AT + timedelta(seconds=1)
    late = closed(a_case(due_at=AT), now=later).text
    assert f"\nOVERDUE: was due by {WHEN} (" in late
    assert "OVERDUE" in said("done", closed_at=later)
    in_time = closed(a_case(state="done", due_at=AT, closed_at=AT), now=later).text
    assert "OVERDUE" not in in_time
    assert "Due by" not in in_time
    assert cards.standing(EN, a_case(state="declined", decision="decline", due_at=AT), later) == []
    for over in ("withdrawn", "void", "joined"):
        assert cards.standing(EN, a_case(state=over, decision=None, due_at=AT), later) == []
    asked = make(below=cards.standing(EN, a_case(state="awaiting", decision=None, due_at=AT), AT))
    check(asked)
    assert asked.text.endswith(f"\nPlease decide by {WHEN} (the desk's own setting, not legal advice).")
    assert [block["type"] for block in asked.blocks[-2:]] == ["context", "actions"], "below the SOP's own words"


@pytest.mark.parametrize("reason", ["superseded", "amended"])
def test_the_card_of_a_replaced_round_sends_its_reader_to_the_newer_one(reason: str) -> None:
    text = closed(a_case(state="void", reason=reason, decision=None)).text
    assert "Please decide on the newer card" in text
    assert "No decision is needed" not in text
    assert "No decision is needed" in closed(a_case(state="void", decision=None)).text


def test_who_decided_stands_on_every_later_card_once() -> None:
    for state in STATES[2:]:
        text = closed(a_case(state=state)).text
        assert text.count("<@U0AISYAH>") == 1, state
    assert "Approved by <@U0AISYAH>" in closed(a_case(state="withdrawn")).text
    assert "<@" not in closed(a_case(state="withdrawn", decision=None, decided_by=None)).text


def test_a_card_mentions_only_a_real_user_id() -> None:
    for who in ("!channel", "U0<x>", "aisyah"):
        text = closed(a_case(decided_by=who)).text
        assert text.startswith(f"Approved by {who.replace('<', '&lt;').replace('>', '&gt;')}, ")
    assert closed(a_case(decided_by=None)).text.startswith("Approved by –, ")


def test_what_jira_calls_a_status_stays_text() -> None:
    card = closed(a_case(), jira_status="<!channel> Done\nJIRA: x " + "y" * 90)
    check(card)
    assert {link.split("|")[0] for link in links(card)} >= {TICKET, "https://jira.example.com/browse/SUP-7"}
    assert "!channel" not in links(card)
    assert card.text.count("\nJIRA: ") == 1


def test_the_digest_is_of_what_a_reader_sees() -> None:
    def of(**given: Any) -> str:
        case = a_case(**given)
        line = notes.card_line(EN, case)
        return cards.digest(cards.closed_card(EN, state=line, ticket_url=TICKET, ticket_id=417, wish=("stop_all",)))

    same = AT.astimezone(ZoneInfo("Asia/Kuala_Lumpur"))
    assert of() == of(decided_at=same), "the same moment, however the database says it"
    assert len({of(), of(decided_by="U0BALA"), of(state="approved"), of(decided_at=AT + timedelta(minutes=1))}) == 4
    buttons = [cards.digest(unrendered(buttons=(("approve", token),))) for token in ("one", "two")]
    assert buttons[0] == buttons[1] != cards.digest(unrendered(buttons=(("decline", "one"),)))
