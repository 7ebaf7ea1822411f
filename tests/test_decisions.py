"""Presses in Slack beside those of tests/approvals: lists, assignees and channels that change, a stale card."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.parse
import urllib.request
from functools import partial
from typing import Any

from app import cases
from tests.house import House
from tests.kit import (
    Sent,
    agent_id,
    buttons,
    card_of,
    press_body,
    sent,
    together,
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


def test_who_was_assigned_when_the_card_was_posted_may_not_decide_it_later(house: House) -> None:
    ticket = house.ticket()
    house.sandbox.world.zendesk.tickets[ticket].assignee_id = agent_id(house, "bala@example.com")
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    house.sandbox.world.zendesk.tickets[ticket].assignee_id = None
    press(house, ticket, user="U0BALA")
    told(house, "U0BALA", "you worked on the ticket yourself")
    still_open(house, ticket)


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
