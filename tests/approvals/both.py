"""The one approval test class: what inherits `BothChats` runs in Slack and in Mattermost, through the real doors, with
real presses at the stand-ins. Whatever is said here of people, cards and answers is said in no chat's own words."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

from tests.databases import drop_database, new_database
from tests.house import House
from tests.kit import Sent, buttons, cards_of, sent, text_of
from tests.rooms import INVISIBLE, Message

WAITING = Sent(mails=1, cards=1)
BANNED = Sent(mails=1, cards=1, issues=1, links=1)
LIVELY = {"stalled_after": "10"}  # however busy the machine is: the doors must not say that no worker lives
RECEIPT = "Recorded; it is being checked"  # Mattermost's at once; the result is told as well
LATE = "Recorded; nothing is decided yet"
ASKING = ["approve", "decline", "ask"]
# What a customer's ticket says; none of it may be in chat once the case is closed.
CANARIES = ("Kanari", "customers/90417", "pelikan")
_customers = itertools.count(1)


def canary() -> dict[str, Any]:
    """A customer of whom nothing may be left; each is another person."""
    number = next(_customers)
    fields = {"name": "Kanari binti Pelikan", "backoffice": f"https://backoffice.example.com/customers/90417-{number}"}
    return {
        "name": "Kanari binti Pelikan",
        "email": f"kanari{number}@pelikan.example",
        "comment": "Please stop, says kanari.",
        "fields": fields,
    }


class BothChats:
    """Each class has a desk of its own in each chat, and each test a ticket of its own."""

    settings: ClassVar[dict[str, str]] = {}

    @pytest.fixture(scope="class", params=["slack", "mattermost"])
    @classmethod
    def house(cls, request: pytest.FixtureRequest, database_server: str) -> Iterator[House]:
        uri = new_database(database_server)
        with House(uri, chat=request.param, **{**LIVELY, **cls.settings}) as built:
            yield built
        drop_database(database_server, uri)


def results(house: House, user: str, after: int) -> list[str]:
    """What this person alone was told since, without receipts."""
    heard = [INVISIBLE.sub("", text) for text in house.answers(user)[after:]]
    return [text for text in heard if not text.startswith(RECEIPT)]


@contextlib.contextmanager
def answered(house: House, **expected: str | list[str]) -> Iterator[None]:
    """Each of these people is told the result in these words, once for each press; no more, and nobody else is."""
    wanted = {user: sorted([words] if isinstance(words, str) else words) for user, words in expected.items()}
    before = {user: len(house.answers(user)) for user in {*wanted, "aisyah", "bala", "chen", "guest"}}
    yield
    for user, words in wanted.items():
        house.wait(lambda u=user, w=words: len(results(house, u, before[u])) >= len(w), what=f"{user} is told")
    house.settle()
    for user, after in before.items():
        got = results(house, user, after)
        words = wanted.get(user, [])
        assert len(got) == len(words), (user, got)
        left = list(got)
        for one in words:
            match = next((text for text in left if one in text), None)
            assert match is not None, (one, got)
            left.remove(match)


def untouched(house: House, ticket: int, before: Sent = WAITING) -> None:
    """Nothing was decided, nothing was sent, and the card still asks."""
    house.settle()
    case = house.case(ticket)
    assert (case["state"], case["decision"], case["decided_by"]) == ("awaiting", None, None)
    assert sent(house, ticket) == before
    assert buttons(open_card(house, ticket)) == ASKING


def refused(house: House, ticket: int, user: str, words: str, **more: Any) -> None:
    """This person presses, is told why it does not count, and nothing happens."""
    with answered(house, **{user: words}):
        assert house.press("approve", user, open_card(house, ticket), **more) == 200
    untouched(house, ticket)


def approved(house: House, ticket: int, user: str = "aisyah", cards: int = 1) -> dict[str, Any]:
    """This person's press decides, they are told so, and no button is left; the case."""
    with answered(house, **{user: "Recorded: approved"}):
        assert house.press("approve", user, open_card(house, ticket)) == 200
        case = house.wait_state(ticket, "banning")
    assert (case["decision"], case["decided_by"]) == ("approve", house.user(user))
    assert sent(house, ticket) == Sent(mails=1, cards=cards, issues=1, links=1)
    closed(house, ticket)
    return case


def closed(house: House, ticket: int) -> None:
    """No card of the ticket can be pressed any more."""
    assert [card for card in cards_of(house, ticket) if buttons(card)] == []


def open_card(house: House, ticket: int) -> Message:
    """The only card of the ticket's request that has buttons."""
    [card] = [card for card in cards_of(house, ticket) if "approve" in buttons(card)]
    return card


def threat_card(house: House, ticket: int) -> Message:
    """The ticket's urgent card."""
    [card] = [card for card in cards_of(house, ticket) if "Complaint Threat" in text_of(card)]
    return card


def closed_threat(house: House, ticket: int) -> None:
    """The urgent card is closed, and the request's is open as it was."""
    assert buttons(threat_card(house, ticket)) == []
    open_card(house, ticket)


def shape(house: House, ticket: int) -> list[str]:
    """The ticket's cards in order: `open`, or the first words of a closed one."""
    return ["open" if buttons(card) else text_of(card).split(":")[0] for card in cards_of(house, ticket)]


def leaks(house: House, words: tuple[str, ...] = CANARIES) -> list[str]:
    """Which of these words are anywhere in chat, whoever sees them, in whatever part of a message."""
    everything = json.dumps(house.messages(), ensure_ascii=False)
    return [word for word in words if word in everything]


def settled(house: House, seconds: float = 15.0) -> None:
    """Also what Mattermost's late update of a card may have brought back is put right (`look:sure`)."""
    house.rows("UPDATE timers SET due_at = now() WHERE what = 'look:sure' AND fired_at IS NULL RETURNING name")
    house.settle(seconds)


def token_of(house: House, card: Message, action: str = "approve") -> str:
    """What the button carries. Mattermost keeps it to itself: only its server knows it."""
    if house.room.name == "slack":
        found = [e for block in card["blocks"] if block["type"] == "actions" for e in block["elements"]]
        return str(next(button["value"] for button in found if button["action_id"] == action))
    with house.sandbox.world.lock:
        props = house.sandbox.world.mattermost.posts[card["id"]].props
        found = [a for one in props["attachments"] for a in one.get("actions") or []]
        return str(next(a["integration"]["context"]["token"] for a in found if a["id"] == action))


def carrying(house: House, token: str) -> dict[str, Any]:
    """For a press: the button is said to carry this."""
    return {"value": token} if house.room.name == "slack" else {"context": {"token": token}}


def outlived(house: House, token: str) -> str:
    """The same button as it would have been made just too long ago."""
    settings = house.settings()
    ago = settings.approval_life + 60

    class Then(TimestampSigner):
        def get_timestamp(self) -> int:
            return super().get_timestamp() - ago

    key, salt = settings.secret_key.get_secret_value(), "deletion-desk.button"
    said = URLSafeTimedSerializer(key, salt=salt).loads(token)
    return str(URLSafeTimedSerializer(key, salt=salt, signer=Then).dumps(said))
