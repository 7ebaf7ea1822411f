"""Group S of bad-inputs.md by its ids, through HTTP, the engine and the stand-in. S013, S015, S027, S032 have files of
their own: test_groups, test_who_may, tests/web/test_promises, test_two_persons."""

from __future__ import annotations

import hashlib
import hmac
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.approvals.hand import Answer, form, metrics, rows, slack, slack_press, waits_still
from tests.house import House
from tests.kit import Sent, buttons, card_of, next_round, retag, sent, told

BANNING = Sent(mails=1, cards=1, issues=1, links=1)
TAKEN = Answer(200, b"")
FORGED = "This button was not made by Deletion Desk"


@pytest.fixture
def house(shared_house: House) -> House:
    """One desk for all; each test has a ticket of its own, and people who have heard things before."""
    shared_house._web.app.extensions["door"].throttle._peers.clear()  # some twenty wrong signatures are let off
    return shared_house


@contextmanager
def hears(house: House, words: str, *users: str) -> Iterator[None]:
    """Each of these people is told these words, once for each time they are named."""
    before = {user: count(house, user, words) for user in users}
    yield
    for user, times in before.items():
        told(house, user, words, times + users.count(user))


def count(house: House, user: str, words: str) -> int:
    return len([text for text in house.answers(user) if words in text])


def test_s001_valid_press(house: House) -> None:
    ticket = house.to_awaiting()
    with hears(house, "Recorded: approved", "aisyah"):
        assert slack(house, slack_press(house, ticket)) == TAKEN
        house.wait_state(ticket, "banning")
    assert sent(house, ticket) == BANNING
    assert buttons(card_of(house, ticket)) == []


def test_s002_signature(house: House) -> None:
    ticket = house.to_awaiting()
    body, when, before = slack_press(house, ticket), str(int(time.time())), rows(house)
    right = hmac.new(b"stand-in-slack-signing", b"v0:" + when.encode() + b":" + body, hashlib.sha256).hexdigest()
    for mac in ("", "v0=00", "v1={}", "V0={}", "v0={},v0={}"):
        assert slack(house, body, at=when, mac=mac.format(right, right)).status == 401
    assert slack(house, body, at=when, mac=f"v0={right.upper()}").status == 401
    assert slack(house, body, secret="another").status == 401
    assert rows(house) == before
    waits_still(house, ticket)


@pytest.mark.parametrize("at", ["1e9", "1700000000", "1700000000.5", "-1700000000", "1" * 20, ""])
def test_s004_timestamp(house: House, at: str) -> None:
    before = rows(house)
    assert slack(house, form({"type": "block_actions"}), at=at).status == 401
    assert rows(house) == before


def test_s005_same_bytes_again(house: House) -> None:
    ticket = house.to_awaiting()
    body = slack_press(house, ticket)
    with hears(house, "Recorded: approved", "aisyah"):
        assert [slack(house, body) for _ in range(4)] == [TAKEN] * 4
        house.wait_state(ticket, "banning")
    assert sent(house, ticket) == BANNING


S007 = [
    b"",
    b"a=b",
    form({}) + b"&" + form({}),
    form("{"),
    form([]),
    form("null"),
    b"payload=%FF",
    form('{"a":1,"a":2}'),
]


@pytest.mark.parametrize("body", S007)
def test_s007_payload(house: House, body: bytes) -> None:
    before = rows(house)
    assert slack(house, body, secret="another").status == 401
    assert rows(house) == before
    assert slack(house, body) == TAKEN
    assert house.rows("SELECT state FROM events ORDER BY id DESC LIMIT 1") == [{"state": "ignored"}]
    assert 'desk_door_events_total{outcome="ignored"' in metrics(house)


def test_s008_too_large(house: House) -> None:
    before = rows(house)
    with suppress(OSError):  # it is refused unread: the door may close before all of it is sent
        assert slack(house, b"payload=" + b"x" * 3_000_000).status == 413
    assert rows(house) == before


def test_s009_type(house: House) -> None:
    ticket = house.to_awaiting()
    for kind in ("view_submission", "view_closed", "shortcut", "message_action", "unknown", None, 5):
        assert slack(house, slack_press(house, ticket, type=kind)) == TAKEN
    waits_still(house, ticket)


def test_s010_another_workspace(house: House) -> None:
    ticket = house.to_awaiting()
    with hears(house, "only in the supervisors' own workspace and channel", "aisyah"):
        assert slack(house, slack_press(house, ticket, team={"id": "T0OTHER"})) == TAKEN
    waits_still(house, ticket)
    house.wait(lambda: 'desk_alarms_total{reason="foreign_team"} 1.0' in metrics(house), what="an alarm")


def test_s012_not_on_the_list(house: House) -> None:
    ticket = house.to_awaiting()
    with hears(house, "You may not decide this", "chen"):
        assert slack(house, slack_press(house, ticket, user="chen")) == TAKEN
    waits_still(house, ticket)
    audited = house.rows(
        "SELECT reason FROM events WHERE detail->>'user' = %s ORDER BY id DESC LIMIT 1", house.user("chen")
    )
    assert audited == [{"reason": "not_an_approver"}]


def test_s014_no_full_member_any_more(house: House) -> None:
    ticket = house.to_awaiting()
    for change in ("bot", "deleted", "guest"):
        house.change("bala", **{change: True})
        assert slack(house, slack_press(house, ticket, user="bala")) == TAKEN
        waits_still(house, ticket)
        house.change("bala", **{change: False})


def test_s018_double_click(house: House) -> None:
    ticket = house.to_awaiting()
    bodies = [slack_press(house, ticket) for _ in range(2)]
    with hears(house, "Recorded: approved", "aisyah"), hears(house, "already approved, by", "aisyah"):
        assert together(house, bodies) == [TAKEN] * 2
        house.wait_state(ticket, "banning")
    assert sent(house, ticket) == BANNING


def test_s019_approve_and_decline_at_once(house: House) -> None:
    ticket = house.to_awaiting()
    menu = {
        "values": {"b": {"decline_reason": {"selected_option": {"value": "duplicate"}}}}
    }  # an older card's: no form
    bodies = [slack_press(house, ticket), slack_press(house, ticket, "decline", "bala", state=menu)]
    before = {user: len(house.answers(user)) for user in ("aisyah", "bala")}
    assert together(house, bodies) == [TAKEN] * 2
    house.wait(lambda: house.case(ticket)["state"] in ("banning", "declined"))
    house.settle()
    approved = house.case(ticket)["decision"] == "approve"
    assert sent(house, ticket) == (BANNING if approved else Sent(mails=1, cards=1))
    said = {user: house.answers(user)[before[user] :] for user in before}
    winner, loser = ("aisyah", "bala") if approved else ("bala", "aisyah")
    assert ["Recorded" in text for text in said[winner]] == [True]
    assert [f"already {'approved' if approved else 'declined'}, by" in text for text in said[loser]] == [True]


def together(house: House, bodies: list[bytes]) -> list[Answer]:
    ready, answers = threading.Barrier(len(bodies)), []

    def send(body: bytes) -> None:
        ready.wait(5)
        answers.append(slack(house, body))

    threads = [threading.Thread(target=send, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return answers


def test_s020_closed_case_and_old_round(house: House) -> None:
    ticket = house.to_awaiting()
    old = slack_press(house, ticket), slack_press(house, ticket, user="bala")
    house.press("decline", card=card_of(house, ticket))
    house.wait_state(ticket, "declined")
    with hears(house, "already declined, by", "aisyah"):
        assert slack(house, old[0]) == TAKEN
    assert sent(house, ticket) == Sent(mails=1, cards=1)
    retag(house, ticket)
    next_round(house, ticket, 2)
    with hears(house, "already declined, by", "bala"):
        assert slack(house, old[1]) == TAKEN
    house.settle()
    assert (house.case(ticket)["state"], sent(house, ticket)) == ("awaiting", Sent(mails=1, cards=2))


def test_s022_edited_value(house: House) -> None:
    tickets = house.to_awaiting(), house.to_awaiting()
    values = [button(house, ticket) for ticket in tickets]
    swapped = values[1].rpartition(".")[0] + "." + values[0].rpartition(".")[2]
    for user, value in (("aisyah", swapped), ("bala", values[0][:-2] + "AA")):
        with hears(house, FORGED, user):
            assert slack(house, slack_press(house, tickets[0], user=user, value=value)) == TAKEN
    assert 'desk_alarms_total{reason="token_forged"} 2.0' in metrics(house)
    for ticket in tickets:
        waits_still(house, ticket)


def button(house: House, ticket: int) -> str:
    blocks = card_of(house, ticket)["blocks"]
    return str(next(e["value"] for b in blocks if b["type"] == "actions" for e in b["elements"]))


def test_s024_odd_value(house: House) -> None:
    ticket = house.to_awaiting()
    own = button(house, ticket)
    values = ["", "é" * 9, "A" * 2001, "not base64url!", 5, ["x"], own * 2, own.rpartition(".")[0], "x"]
    people = ("aisyah", "bala", "chen") * 3  # in turn: nobody presses so often that it is refused for that
    with hears(house, FORGED, *people):
        for user, value in zip(people, values, strict=True):
            assert slack(house, slack_press(house, ticket, user=user, value=value)) == TAKEN
    waits_still(house, ticket)


def test_s026_response_url_is_never_used(house: House) -> None:
    ticket = house.to_awaiting()
    with socket.create_server(("127.0.0.1", 0)) as trap:
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/"
        assert slack(house, slack_press(house, ticket, response_url=url)) == TAKEN
        house.wait_state(ticket, "banning")
        trap.settimeout(0.2)
        with pytest.raises(TimeoutError):
            trap.accept()


def test_s029_challenge(house: House) -> None:
    asked = b'{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}'
    assert slack(house, asked) == Answer(200, b"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P")
    assert slack(house, asked, secret="another").status == 401
    assert slack(house, b'{"type":"url_verification","challenge":"' + b"x" * 201 + b'"}') == TAKEN


def test_s031_a_hundred_presses(house: House) -> None:
    ticket = house.to_awaiting()
    with hears(house, "Too many presses", "chen"), hears(house, "You may not decide this", *["chen"] * 5):
        for _ in range(100):
            assert slack(house, slack_press(house, ticket, user="chen")) == TAKEN
    waits_still(house, ticket)


def test_s033_words_in_the_form(house: House) -> None:
    """Cut, cleaned and encoded for the ticket; nothing of it reaches the customer, the chat or JIRA."""
    ticket = house.to_awaiting()
    words = "Canary {{ticket.requester.email}}\x00\x1b[2J\r\nsecond line\u202e" + "x" * 10_000
    house.press("decline", card=card_of(house, ticket), form={"reason": "other", "note": words, "wording": words})
    house.wait_state(ticket, "declined")
    noted = [note for note in house.notes(ticket) if "Canary" in note]
    assert len(noted) >= 1
    for note in noted:
        assert "second line" in note
        assert "{{" not in note
        assert not set(note) & {"\x00", "\x1b", "\u202e"}
        assert len(note) < 6000
    assert "Canary" not in str(house.replies(ticket)) + str(house.messages()) + str(house.issues())
