"""A card as Mattermost gets it: our words, its limits, and nothing a customer typed that does anything (group X)."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from app import cards
from app.clients.chat import Button, Card, Confirm, Link, Mention, Section, When
from app.clients.mattermost_posts import TEXT_LIMIT, action_id, props
from app.texts import LANGUAGES, Texts
from sandbox.mattermost.rules import attachment_problems

EN = Texts.load("en")
TICKET = "https://example.zendesk.com/agent/tickets/417"
BACKOFFICE = "https://backoffice.example.com/customers/9"
AISYAH = "aisyahxxxxxxxxxxxxxxxxxxxx"
NASTY = (
    "@channel @all [x](javascript:alert(1)) ![](http://tracker/p.png) [Approve](mmaction://approve) www.evil.example "
    "<http://evil.example> *x* `y` ~~z~~ #tag ~town-square :tada: \u202e{{7*7}} a@evil.example\nContact Number: 999 "
) + "👩‍👩‍👧‍👦" * 300
# What the web client's lexer makes a link of (mattermost/marked, rules `url` and `autolink`), and what it looks for
# in what is then left as text.
URL = re.compile(r"(?i)\b(?:[a-z][a-z\d.+-]*:(?:/{1,3}|[^\W_]|%)|www\d{0,3}[.]|[^\W_][\w.-]*[.][^\W\d_]{2,4}/)\S")
LIVE = re.compile(r"@\w|#\w|~\w|:[\w+-]+:|<[^ >]+(?:@|:/)")
ESCAPED = re.compile(r"\\[`*_\[\]|>]")


def shown(card: Card, names: dict[str, str] | None = None) -> dict[str, Any]:
    """The one attachment, inside the limits."""
    made = props(
        card, zone="Asia/Kuala_Lumpur", url="https://desk.example/", name=lambda user: (names or {}).get(user, "")
    )
    json.dumps(made, ensure_ascii=False).encode("utf-8")
    (attachment,) = made["attachments"]  # type: ignore[misc]  # a list of one
    assert attachment_problems([attachment]) == []
    assert 0 < len(attachment["text"]) <= TEXT_LIMIT
    assert 0 < len(attachment["fallback"]) <= 300
    return dict(attachment)


def links(text: str) -> set[str]:
    return set(re.findall(r"(?<!\\)\]\(([^)\s]*)\)", text))


def inert(text: str) -> str:
    """The text without our own links, after a look that nothing else in it is alive."""
    bare = re.sub(r"\[[^\[\]]*\]\(https://[^)\s]*\)", "", text)
    assert not URL.search(bare), bare
    assert not LIVE.search(bare), bare
    assert not re.search(r"(?<!\\)[`*_\[\]|>]", bare.replace("**", "")), bare
    return bare


def make(texts: Texts = EN, **change: Any) -> Card:
    values: dict[str, Any] = {
        "wish": ("delete_all",),
        "name": "Siti binti Ahmad",
        "contact": "+60123456789",
        "ticket_url": TICKET,
        "ticket_id": 417,
        "backoffice_url": BACKOFFICE,
        "buttons": (("approve", "token-a"), ("decline", "token-d"), ("ask", "token-q")),
    }
    return cards.open_card(texts, **{**values, **change})


def plain(text: str) -> str:
    """As a reader sees it."""
    text = re.sub(r"\[([^\[\]]*)\]\([^)\s]*\)", r"\1", text)
    return re.sub(r"\\(.)", r"\1", text).replace("\u200b", "").replace("&lt;", "<")


def test_the_card_is_the_sops_own() -> None:
    attachment = shown(make())
    assert plain(attachment["text"]).startswith(
        "Kindly assist to remove/update the following customer’s data based on their selected preference:\n\n"
        "Customer Name: Siti binti Ahmad\n"
        "Contact Number: +60123456789\n\n"
        "Ticket Link: #417 (CS Only)\n"
        f"BackOffice Link: {BACKOFFICE}\n\n"
        "Customer Preference:\n"
        "- Delete personal data completely (subject to compliance retention)\n"
        "- Stop all types of communication (Calls, SMS, Email, Push Notification)\n"
        "- Ban from all offers"
    )
    assert links(attachment["text"]) == {TICKET, BACKOFFICE}


def test_buttons_carry_the_token_to_servers_only() -> None:
    approve, decline, ask = shown(make())["actions"]
    assert (approve["id"], approve["style"], decline["style"], ask["style"]) == (
        *("approve", "primary", "danger", "default"),
    )
    url = "https://desk.example/webhooks/mattermost/action"
    assert approve["integration"] == {"url": url, "context": {"token": "token-a"}}
    assert {approve["type"], decline["type"], ask["type"]} == {"button"}
    assert action_id("false_alarm") == "falsealarm"
    confirmed = Button("unfounded", "x", "t", confirm=Confirm("a", "b", "c", "d"))
    (button,) = shown(Card((Section((("x",),)),), (confirmed,)))["actions"]
    assert set(button) == {"id", "name", "type", "style", "integration"}


@pytest.mark.parametrize(
    "button", [Button("approve", "x", ""), Button("approve", "x", "t" * 2001), Button("_", "x", "t")]
)
def test_a_button_that_cannot_be_is_refused_here(button: Button) -> None:
    with pytest.raises(ValueError, match="button"):
        shown(Card((Section((("x",),)),), (button,)))


def test_a_notification_holds_no_details() -> None:
    for urgent in (False, True):
        attachment = shown(make(urgent=urgent))
        assert "Kindly assist" in attachment["fallback"]
        assert "Siti" not in attachment["fallback"]
        assert "0123456789" not in attachment["fallback"]


def test_an_urgent_card_says_so_first_and_in_its_colour() -> None:
    urgent, usual, closed = shown(make(urgent=True)), shown(make()), shown(Card((Section((("Done",),)),)))
    assert urgent["text"].startswith("**Urgent")
    assert urgent["fallback"].startswith("Urgent")
    assert len({urgent["color"], usual["color"], closed["color"]}) == 3


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("urgent", [False, True])
def test_x005_x007_hostile_customer_text_stays_text(language: str, urgent: bool) -> None:
    card = make(Texts.load(language), name=NASTY, contact=NASTY, urgent=urgent)
    attachment = shown(card)
    inert(attachment["text"].replace("**", ""))
    inert(attachment["fallback"])
    assert links(attachment["text"]) == {TICKET, BACKOFFICE}
    assert "\u202e" not in str(attachment)
    customer = attachment["text"].split("\n\n")[1 + urgent]
    assert customer.count("\n") == 1, "a name cannot make up a line of the card"


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "https://bank.example@evil.example/", "https://x.example/>)y", "", "mmaction://approve"],
)
def test_a_bad_backoffice_address_is_no_link(url: str) -> None:
    text = shown(make(backoffice_url=url))["text"]
    assert links(text) == {TICKET}
    inert(text)


def test_an_address_cannot_end_its_own_link() -> None:
    text = shown(make(backoffice_url="https://b.example/](https://evil.example/)[x"))["text"]
    assert links(text) == {TICKET, "https://b.example/%5D%28https://evil.example/%29%5Bx"}


def test_the_longest_card_still_fits() -> None:
    family = "👩‍👩‍👧‍👦"
    shown(make(name=family * 80, contact=family * 40, backoffice_url="https://b.example/" + "c" * 1900, urgent=True))
    long = Card(tuple(Section((("@" * 3000,),)) for _ in range(20)), (Button("approve", "x" * 200, "t"),))
    attachment = shown(long)
    assert attachment["text"].endswith("…")
    assert len(attachment["actions"][0]["name"]) <= 64


def test_people_times_and_links() -> None:
    at = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
    line = ("By ", Mention(AISYAH), " at ", When(at), ": ", Link("https://j.example/SUP-7", "SUP-7"), Link("", "none"))
    card = Card((Section((line,)),))
    assert shown(card, {AISYAH: "aisyah"})["text"] == (
        "By @aisyah\u200b at 2026-11-22 14:00 +08: [SUP-7](https://j.example/SUP-7)none"
    )
    assert AISYAH in shown(card)["text"]
    assert "@" not in shown(card, {AISYAH: "all @channel"})["text"], "what is no user name mentions nobody"


def test_nobody_is_meant_unless_the_card_means_somebody() -> None:
    def made(card: Card) -> dict[str, object]:
        return props(card, zone="UTC", url="https://desk.example", name=lambda user: "aisyah")

    assert made(make())["mentionHighlightDisabled"] is True
    assert made(make())["disable_group_highlight"] is True
    assert "mentionHighlightDisabled" not in made(Card((Section(((Mention(AISYAH),),)),)))
