"""Who may decide, what a press does and does not do, and that every press gets an answer (bad-inputs group S)."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
import urllib.parse
import urllib.request
from functools import partial
from typing import Any

import pytest

from app import cases
from sandbox.slack.people import Person
from tests.house import House
from tests.kit import (
    Sent,
    agent_id,
    buttons,
    card_of,
    cards_of,
    next_round,
    press_body,
    retag,
    sent,
    told,
)

WAITING = Sent(mails=1, cards=1)
RECORDED = "Recorded: approved"
NOT_LISTED = "you are not on the list of approvers"


def press(house: House, ticket: int, action: str = "approve", user: str = "U0AISYAH", **more: Any) -> None:
    """Press and see that Slack got its 200 in time."""
    answer = press_body(house, ticket, action, user, **more)
    assert (answer["status"], answer["warning"], answer["body"]) == (200, False, "")


def still_open(house: House, ticket: int) -> None:
    """Nothing was decided, nothing was sent, the card still asks."""
    house.settle()
    case = house.case(ticket)
    assert (case["state"], case["decision"], case["decided_by"]) == ("awaiting", None, None)
    assert sent(house, ticket) == WAITING
    assert "approve" in buttons(card_of(house, ticket))


def test_people_who_may_not_decide(house: House) -> None:
    ticket = house.to_awaiting()
    for user in ("U0CHEN", "U0GUEST"):
        press(house, ticket, user=user)
        told(house, user, NOT_LISTED)
        still_open(house, ticket)
    for user in ("U0OTHERBOT", "U0GONE"):  # not in the channel: nobody is there who could be told
        press(house, ticket, user=user)
        still_open(house, ticket)
    slack = house.sandbox.world.slack
    bala = slack.people["U0BALA"]
    for number, change in enumerate(({"guest": True}, {"bot": True}), start=1):  # on the list, but no longer a member
        slack.people["U0BALA"] = Person(**{**bala.__dict__, **change})
        press(house, ticket, user="U0BALA")
        told(house, "U0BALA", "a bot, a guest or a deactivated account cannot approve", times=number)
        still_open(house, ticket)
    slack.people["U0BALA"] = Person(**{**bala.__dict__, "deleted": True})
    press(house, ticket, user="U0BALA")  # nobody is there any more who could be told
    still_open(house, ticket)
    slack.people["U0BALA"] = bala

    press(house, ticket, user="U0BALA")
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)
    assert house.case(ticket)["decided_by"] == "U0BALA"


def test_self_approval_by_tagger_assignee_and_requester(database: str) -> None:
    approvers = "U0AISYAH=aisyah@example.com,U0BALA=bala@example.com,U0CHEN=SITI@example.com"
    with House(database, approvers=approvers) as house:
        words = "you worked on the ticket yourself"
        aisyah, bala = agent_id(house, "aisyah@example.com"), agent_id(house, "bala@example.com")
        ticket = house.ticket()
        house.sandbox.world.zendesk.tickets[ticket].assignee_id = bala
        house.tag(ticket, "data_deletion_request", "pref_stop_all", agent=aisyah)
        house.wait_state(ticket, "awaiting")
        for user in ("U0AISYAH", "U0BALA", "U0CHEN"):  # tagged it, is assigned, asked for it
            press(house, ticket, user=user)
            told(house, user, words)
            press(house, ticket, "decline", user=user)
            told(house, user, words, times=2)
            still_open(house, ticket)
        house.sandbox.world.zendesk.tickets[ticket].assignee_id = None
        press(house, ticket, user="U0BALA")  # who they were when the card was posted counts
        told(house, "U0BALA", words, times=3)
        still_open(house, ticket)

        other = house.to_awaiting(email="other@example.com")
        press(house, other, user="U0AISYAH")
        house.wait_state(other, "banning")
        assert sent(house, other).issues == 1


def test_list_of_approvers_is_read_when_the_press_comes(house: House) -> None:
    """Taken off the list since the card was posted: refused. (A new list means new processes.)"""
    ticket = house.to_awaiting()
    house.stop_worker()
    house.environment["APPROVERS"] = "U0BALA=bala@example.com"
    house.start_worker()
    press(house, ticket, user="U0AISYAH")
    told(house, "U0AISYAH", NOT_LISTED)
    still_open(house, ticket)
    house.stop_worker()
    house.environment["APPROVERS"] = ""  # empty means nobody, never everybody
    house.start_worker()
    press(house, ticket, user="U0BALA")
    told(house, "U0BALA", NOT_LISTED)
    still_open(house, ticket)


def token_of(card: dict[str, Any], action: str = "approve") -> str:
    """What the button carries."""
    buttons = (e for block in card["blocks"] if block["type"] == "actions" for e in block["elements"])
    return str(next(button["value"] for button in buttons if button["action_id"] == action))


def forged(value: str, other: str) -> list[str]:
    """Button values that we never made, or made for something else and somebody changed."""
    head, _, tail = value.rpartition(".")
    swapped = other.rpartition(".")[0] + "." + tail
    return ["", "x", "approve", value[:-2] + ("A" if value[-2] != "A" else "B") + value[-1], head, swapped, "é" * 50,
            value + value, "A" * 2001]  # fmt: skip


def test_forged_buttons(house: House) -> None:
    ticket, other = house.to_awaiting(), house.to_awaiting(email="other@example.com")
    values = [token_of(card_of(house, t)) for t in (ticket, other)]
    people = ("U0AISYAH", "U0BALA", "U0CHEN")  # in turn: nobody presses so often that it is refused for that
    for count, value in enumerate(forged(*values)):
        press(house, ticket, user=people[count % 3], value=value)
        told(house, people[count % 3], "This button was not made by Deletion Desk", times=count // 3 + 1)
    for one in (ticket, other):
        still_open(house, one)


def test_expired_buttons_and_a_new_card(database: str) -> None:
    """A button from before its renewal; the new ones are in tests/procedure/test_renewed_buttons.py."""
    with House(database, approval_life="1") as house:
        ticket = house.to_awaiting()
        card = card_of(house, ticket)
        value = token_of(card)
        time.sleep(2.1)
        press(house, ticket, value=value)
        told(house, "U0AISYAH", "This button is too old")
        still_open(house, ticket)


def test_wrong_team_and_wrong_channel(house: House) -> None:
    ticket = house.to_awaiting()
    card = card_of(house, ticket)
    value = token_of(card)
    for team, channel, stamp in (("T0OTHER", "C0SUPERVISE", "1.1"), ("T0DESK", "C0ELSEWHERE", "2.2")):
        assert post_press(house, value, team=team, channel=channel, action_ts=stamp) == 200
        house.settle()
        still_open(house, ticket)
    told(house, "U0AISYAH", "only in the supervisors' own workspace and channel", times=2)
    assert post_press(house, value, secret="another secret") == 401
    assert len(house.rows("SELECT 1 FROM events WHERE sender = 'slack'")) == 2
    still_open(house, ticket)


def post_press(
    house: House,
    value: str,
    *,
    team: str = "T0DESK",
    channel: str = "C0SUPERVISE",
    action_ts: str = "9.9",
    secret: str = "stand-in-slack-signing",
) -> int:
    """A press in Slack's documented form, signed by hand."""
    payload = {
        "type": "block_actions",
        "team": {"id": team},
        "user": {"id": "U0AISYAH", "team_id": team},
        "channel": {"id": channel},
        "container": {"type": "message", "message_ts": "1.1", "channel_id": channel},
        "actions": [{"type": "button", "action_id": "approve", "value": value, "action_ts": action_ts}],
    }
    body = urllib.parse.urlencode({"payload": json.dumps(payload)}).encode()
    now = str(int(time.time()))
    mac = hmac.new(secret.encode(), b"v0:" + now.encode() + b":" + body, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Signature": f"v0={mac}", "X-Slack-Request-Timestamp": now}
    request = urllib.request.Request(f"{house.url}/webhooks/slack", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_same_bytes_again_are_one_press(house: House) -> None:
    """S005: the replay inside the window is the same fact; the owner of the press is told once."""
    ticket = house.to_awaiting()
    card = card_of(house, ticket)
    value = token_of(card)
    assert [post_press(house, value) for _ in range(5)] == [200] * 5
    house.wait_state(ticket, "banning")
    told(house, "U0AISYAH", RECORDED)
    assert len(house.rows("SELECT 1 FROM events WHERE sender = 'slack'")) == 1
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)


def test_double_click(house: House) -> None:
    ticket = house.to_awaiting()
    together(*[lambda: press(house, ticket)] * 4)
    house.wait_state(ticket, "banning")
    told(house, "U0AISYAH", RECORDED)
    told(house, "U0AISYAH", "This request is already approved, by aisyah@example.com", times=3)
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=1, links=1)


@pytest.mark.parametrize("round_", range(3))
def test_approve_and_decline_at_the_same_moment(shared_house: House, round_: int) -> None:
    house = shared_house
    ticket = house.to_awaiting()
    before = {user: len(house.answers(user)) for user in ("U0AISYAH", "U0BALA")}
    together(lambda: press(house, ticket, "approve", "U0AISYAH"), lambda: press(house, ticket, "decline", "U0BALA"))
    house.wait(lambda: house.case(ticket)["state"] in ("banning", "declined"))
    house.settle()
    case = house.case(ticket)
    approved = case["decision"] == "approve"
    assert case["decided_by"] == ("U0AISYAH" if approved else "U0BALA")
    issues = int(approved)
    assert sent(house, ticket) == Sent(mails=1, cards=1, issues=issues, links=issues)
    winner, loser = ("U0AISYAH", "U0BALA") if approved else ("U0BALA", "U0AISYAH")
    agent = "aisyah@example.com" if approved else "bala@example.com"
    assert [text for text in house.answers(winner)[before[winner] :] if "Recorded" in text] != []
    [answer] = house.answers(loser)[before[loser] :]
    assert f"already {'approved' if approved else 'declined'}, by {agent}, 20" in answer
    assert buttons(card_of(house, ticket)) == []


def test_one_compare_and_set_decides(shared_house: House) -> None:
    """Below the order per ticket: whoever gets as far as the row, only the first moves it."""
    house = shared_house
    ticket = house.to_awaiting(email="row@example.com")
    number, won = house.case(ticket)["id"], []
    with house.desk.db.tx() as conn:
        case = cases.load(conn, number)
    assert case is not None

    def decide(state: str, who: str) -> None:
        with house.desk.db.tx() as conn:
            if cases.move(conn, case, state, of={"awaiting"}, decision=state, decided_by=who):
                won.append((state, who))

    together(*(partial(decide, ("approved", "declined")[n % 2], f"U{n}") for n in range(12)))
    assert len(won) == 1
    assert (house.case(ticket)["state"], house.case(ticket)["decided_by"]) == won[0]


def together(*acts: Any) -> None:
    """All at the same moment, each in a thread; an error of any is raised."""
    ready, errors = threading.Barrier(len(acts)), []

    def run(act: Any) -> None:
        try:
            ready.wait(5)
            act()
        except BaseException as error:  # noqa: BLE001 - shown by the thread of the test
            errors.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert errors == []


def test_press_while_the_worker_is_away_is_decided_in_order_when_it_is_back(house: House) -> None:
    ticket = house.to_awaiting()
    house.stop_worker()
    press(house, ticket, "decline", "U0BALA", form={"reason": "duplicate"})
    press(house, ticket, "approve", "U0AISYAH")
    time.sleep(0.3)
    assert house.case(ticket)["state"] == "awaiting"
    assert sent(house, ticket) == WAITING
    house.start_worker()
    case = house.wait_state(ticket, "declined")
    assert (case["decided_by"], case["reason"]) == ("U0BALA", "duplicate")
    told(house, "U0BALA", "Recorded: declined")
    told(house, "U0AISYAH", "already declined, by bala@example.com")
    assert sent(house, ticket) == WAITING


def test_press_on_a_stale_card_is_answered_and_the_card_repaired(house: House) -> None:
    ticket = house.to_awaiting()
    house.sandbox.world.faults.add("slack", "chat.update", "503_before", times=None)
    press(house, ticket, "decline")
    house.wait(lambda: house.case(ticket)["state"] == "declined")
    press(house, ticket, "approve", "U0BALA")  # the buttons are still there
    house.wait(lambda: [text for text in house.answers("U0BALA") if "already declined" in text])
    assert "approve" in buttons(card_of(house, ticket))
    house.sandbox.world.faults.clear()
    house.settle(25)
    told(house, "U0BALA", "already declined")
    assert buttons(card_of(house, ticket)) == []
    assert sent(house, ticket) == WAITING


def test_button_of_an_earlier_round(house: House) -> None:
    ticket = house.to_awaiting()
    first = card_of(house, ticket)
    press(house, ticket, "decline")
    house.wait_state(ticket, "declined")
    retag(house, ticket)
    next_round(house, ticket, 2)
    house.press("approve", "U0BALA", first, stale=True)
    told(house, "U0BALA", "already declined, by aisyah@example.com")
    assert house.case(ticket)["state"] == "awaiting"
    assert sent(house, ticket) == Sent(mails=1, cards=2)
    assert [bool(buttons(card)) for card in cards_of(house, ticket)] == [False, True]


def test_deleted_card(house: House) -> None:
    """Somebody deleted the message after pressing: the case goes on, and no update waits for ever."""
    ticket = house.to_awaiting()
    house.stop_worker()
    press(house, ticket)
    house.call("/sandbox/slack/delete", {"ts": card_of(house, ticket)["ts"]})
    house.start_worker()
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == Sent(mails=1, cards=0, issues=1, links=1)
    assert len(house.applied("post", "slack")) == 1
