"""The supervisor's card: the SOP's words, Slack's limits, and nothing a customer typed that does anything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from app import cards
from app.cards import wish_lines
from app.clients import types
from app.clients.slack_blocks import blocks, fallback
from app.texts import LANGUAGES, Texts
from sandbox.slack.blocks import problems

EN = Texts.load("en")
TICKET = "https://example.zendesk.com/agent/tickets/417"
BACKOFFICE = "https://backoffice.example.com/customers/9"
BUTTONS = (("approve", "token-a"), ("decline", "token-d"))
NASTY = "<!channel> *x* & <https://evil.example|bank> \u202e{{7*7}} :tada:\nContact Number: 999 " + "👩‍👩‍👧‍👦" * 300


@dataclass(frozen=True)
class Card:
    """A card as Slack gets it."""

    text: str
    blocks: tuple[dict[str, Any], ...]


def rendered(card: types.Card) -> Card:
    return Card(fallback(card, "Asia/Kuala_Lumpur"), tuple(blocks(card, "Asia/Kuala_Lumpur")))


def make(texts: Texts = EN, **change: Any) -> Card:
    return rendered(unrendered(texts, **change))


def unrendered(texts: Texts = EN, **change: Any) -> types.Card:
    values: dict[str, Any] = {
        "wish": ("delete_all",),
        "name": "Siti binti Ahmad",
        "contact": "+60123456789",
        "ticket_url": TICKET,
        "ticket_id": 417,
        "backoffice_url": BACKOFFICE,
        "buttons": BUTTONS,
    }
    return cards.open_card(texts, **{**values, **change})


def objects(value: object) -> Iterator[Mapping[str, Any]]:
    """Every object in the blocks, at any depth."""
    if isinstance(value, Mapping):
        yield value
        value = tuple(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from objects(item)


def check(card: Card) -> None:
    """Slack's rules for what we send (S17, S22, S23); raises AssertionError."""
    assert 0 < len(card.text) <= 4000
    assert 0 < len(card.blocks) <= 50
    json.dumps(card.blocks, ensure_ascii=False).encode("utf-8")
    for block in card.blocks:
        assert block["type"] in {"header", "section", "context", "actions"}
        assert block["type"] != "context" or all(text_of(item, 3000) for item in block["elements"])
        assert block["type"] != "section" or text_of(block["text"], 3000)
        assert block["type"] != "header" or text_of(block["text"], 150, kinds=("plain_text",))
    actions = [
        one for block in card.blocks if block["type"] == "actions" for one in objects(block) if "action_id" in one
    ]
    assert len(actions) <= 25
    assert len({one["action_id"] for one in actions}) == len(actions)
    for one in actions:
        assert one["type"] in {"button", "static_select"}
        if one["type"] == "button":
            assert text_of(one["text"], 75, kinds=("plain_text",))
            assert 0 < len(one["value"]) <= 2000
            assert one.get("style", "primary") in {"primary", "danger"}
        else:
            assert text_of(one["placeholder"], 150, kinds=("plain_text",))
            assert 0 < len(one["options"]) <= 100
            assert all(text_of(option["text"], 75) and len(option["value"]) <= 150 for option in one["options"])
        if "confirm" in one:
            limits = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
            assert all(text_of(one["confirm"][part], limit) for part, limit in limits.items())


def text_of(item: object, limit: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")) -> bool:
    assert isinstance(item, Mapping)
    assert item["type"] in kinds
    assert 0 < len(item["text"]) <= limit
    assert ("emoji" in item) == (item["type"] == "plain_text")
    return True


def marked(card: Card) -> str:
    """Everything that Slack reads as mrkdwn: the top-level text and the mrkdwn objects."""
    return "\n".join([card.text, *(one["text"] for one in objects(card.blocks) if one.get("type") == "mrkdwn")])


def links(card: Card) -> set[str]:
    return set(re.findall(r"<([^>]*)>", marked(card)))


def test_the_card_is_the_sops_own() -> None:
    card = make()
    check(card)
    assert card.text == "\n".join(
        [
            "Kindly assist to remove/update the following customer’s data based on their selected preference:",
            "Customer Name: Siti binti Ahmad",
            "Contact Number: +60123456789",
            f"Ticket Link: <{TICKET}|#417> (CS Only)",
            f"BackOffice Link: <{BACKOFFICE}|{BACKOFFICE}>",
            "Customer Preference:",
            "- Delete personal data completely (subject to compliance retention)",
            "- Stop all types of communication (Calls, SMS, Email, Push Notification)",
            "- Ban from all offers",
        ]
    )
    shown = "\n".join(block["text"]["text"] for block in card.blocks if block["type"] == "section")  # type: ignore[index]
    assert shown == card.text


@pytest.mark.parametrize(
    ("wish", "lines"),
    [
        (
            ("stop_all",),
            ("Stop all types of communication (Calls, SMS, Email, Push Notification)", "Ban from all offers"),
        ),
        (("stop_sms", "stop_calls"), ("Stop only specific types of communication (Calls, SMS)",)),
        (("stop_push",), ("Stop only specific types of communication (Push Notification)",)),
    ],
)
def test_only_the_chosen_lines_appear(wish: tuple[str, ...], lines: tuple[str, ...]) -> None:
    assert wish_lines(EN, wish) == lines
    assert make(wish=wish).text.split("Customer Preference:\n")[1].split("\n") == [f"- {line}" for line in lines]


@pytest.mark.parametrize("wish", [(), ("stop_fax",), ("calls",), ("delete_all", "x")])
def test_no_card_without_a_known_wish(wish: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="preference"):
        make(wish=wish)


def test_buttons() -> None:
    approve, decline, ask = make(buttons=(*BUTTONS, ("ask", "token-q"))).blocks[-1]["elements"]
    assert (approve["action_id"], approve["style"], approve["value"]) == ("approve", "primary", "token-a")
    assert (decline["action_id"], decline["style"], decline["value"]) == ("decline", "danger", "token-d")
    assert (ask["action_id"], ask["value"]) == ("ask", "token-q")
    assert "style" not in ask


@pytest.mark.parametrize("button", [("approve", ""), ("approve", "x" * 2001), ("erase", "token")])
def test_a_button_slack_would_refuse_is_refused_here(button: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="button"):
        make(buttons=(button,))


def test_an_urgent_card_says_so_first() -> None:
    card = make(urgent=True)
    check(card)
    assert card.blocks[0]["type"] == "header"
    assert card.text.startswith("Urgent: Regulatory Complaint Threat\n")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("urgent", [False, True])
def test_hostile_customer_text_stays_text(language: str, urgent: bool) -> None:
    card = make(
        Texts.load(language), name=NASTY, contact=NASTY, urgent=urgent, backoffice_url=BACKOFFICE + "?a=" + "b" * 900
    )
    check(card)
    assert {link.split("|")[0] for link in links(card)} == {TICKET, BACKOFFICE + "?a=" + "b" * 900}
    for block in card.blocks:
        for item in objects(block):
            if item.get("type") == "mrkdwn":
                assert "evil" not in item["text"]
            if item.get("type") == "plain_text":
                assert item["emoji"] is False
    assert "\u202e" not in str(card)
    customer = card.blocks[1 + urgent]["text"]
    assert isinstance(customer, dict)
    assert customer["text"].count("\n") == 1  # a name cannot make up a line of the card


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://bank.example@evil.example/", "https://x.example/>|y", ""]
)
def test_a_bad_backoffice_address_is_no_link(url: str) -> None:
    card = make(backoffice_url=url)
    check(card)
    assert links(card) == {f"{TICKET}|#417"}


def test_the_longest_card_still_fits() -> None:
    family = "👩‍👩‍👧‍👦"
    long = "https://b.example/" + "c" * 640  # address and label both count
    card = make(name=family * 80, contact=family * 40, ticket_url="https://t.example/" + "d" * 1370, urgent=True)
    check(card)
    longest = make(
        name=family * 80, contact=family * 40, urgent=True, ticket_url="https://t.example/" + "d" * 1370,
        backoffice_url=long + "e" * 530,
    )  # fmt: skip
    check(longest)
    assert all(link.startswith(("https://t.example/", "https://b.example/")) for link in links(longest))


def test_the_stand_in_takes_our_cards() -> None:
    assert problems(list(make(urgent=True).blocks)) == []
    assert problems([{"type": "section"}]) != []


def test_empty_details_leave_no_empty_object() -> None:
    card = make(name="\u200b", contact=" ")
    check(card)
    assert "Customer Name: –\nContact Number: –" in card.text
