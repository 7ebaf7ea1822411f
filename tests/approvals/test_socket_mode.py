"""Socket Mode: the same gates as by URL, acknowledged only when committed, once whatever the connection does (S45)."""

from __future__ import annotations

import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import socket_mode
from app.errors import NotAppliedError
from app.settings import load
from app.web.slack import Answer
from sandbox.slack import control
from sandbox.slack.payloads import action_of, block_actions, signed
from tests.crash.crashkit import Crashing
from tests.databases import drop_database, new_database
from tests.house import ROOT, House
from tests.kit import Sent, card_of, press_body, sent, told

APP_TOKEN = "xapp-stand-in"
BY_SOCKET = {"slack_app_token": APP_TOKEN, "slack_signing_secrets": ""}
WAITING = Sent(mails=1, cards=1)
APPROVED = Sent(mails=1, cards=1, issues=1, links=1)


def connected(house: House, connections: int = 1) -> None:
    sockets = house.sandbox.world.sockets
    house.wait(lambda: len(sockets.links()) == connections, what=f"{connections} connections")


def presses(house: House, ticket: int) -> list[dict[str, Any]]:
    """The recorded presses of the ticket's card."""
    return house.rows("SELECT * FROM events WHERE kind = 'button_pressed' AND case_id = %s", house.case(ticket)["id"])


def approved_once(house: House, ticket: int) -> None:
    case = house.wait_state(ticket, "banning")
    assert (case["decision"], case["decided_by"]) == ("approve", "U0AISYAH")
    assert sent(house, ticket) == APPROVED


@pytest.fixture(scope="module")
def desk(database_server: str) -> Iterator[House]:
    """One desk that Slack reaches by its socket alone."""
    uri = new_database(database_server)
    with House(uri, **BY_SOCKET) as built:
        connected(built)
        yield built
    drop_database(database_server, uri)


def test_a_press_is_decided_once_and_leaves_no_word_in_a_log(desk: House, caplog: pytest.LogCaptureFixture) -> None:
    ticket = desk.to_awaiting()
    with caplog.at_level(logging.DEBUG):
        answer = press_body(desk, ticket, "approve")
        approved_once(desk, ticket)
    assert (answer["status"], answer["warning"], answer["body"], answer["attempts"]) == (200, False, "", 1)
    assert len(presses(desk, ticket)) == 1
    told(desk, "aisyah", "Recorded: approved")
    assert [r.name for r in caplog.records if r.name.startswith("slack_sdk")] == []
    for canary in ("Siti", "345 6", "xapp-", "ticket=", "envelope"):
        assert canary not in caplog.text


def test_the_url_is_shut_without_a_signing_secret(desk: House) -> None:
    body, headers = signed("", {"type": "block_actions"}, int(time.time()))
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(f"{desk.url}/webhooks/slack", data=body, headers=headers))
    assert refused.value.code == 401
    refused.value.close()


def test_a_forged_button_is_answered_and_does_nothing(desk: House) -> None:
    ticket = desk.to_awaiting()
    assert press_body(desk, ticket, "approve", value="forged")["status"] == 200
    told(desk, "aisyah", "This button was not made by Deletion Desk")
    assert sent(desk, ticket) == WAITING
    assert (desk.case(ticket)["state"], presses(desk, ticket)) == ("awaiting", [])


def test_who_may_not_decide_is_told_so(desk: House) -> None:
    ticket = desk.to_awaiting()
    assert press_body(desk, ticket, "approve", "chen")["status"] == 200
    told(desk, "chen", "you are not on the list of approvers")
    assert (desk.case(ticket)["state"], sent(desk, ticket)) == ("awaiting", WAITING)


def test_a_form_is_opened_checked_and_taken(desk: House) -> None:
    ticket = desk.to_awaiting()
    opened = press_body(desk, ticket, "decline", form={"reason": ""})
    assert opened["status"] == 200
    assert '"response_action": "errors"' in opened["form"]["body"]
    assert presses(desk, ticket) == []
    answer = press_body(desk, ticket, "decline")
    assert (answer["form"]["status"], answer["form"]["body"]) == (200, "")
    desk.wait_state(ticket, "declined")
    assert sent(desk, ticket) == WAITING


@pytest.mark.parametrize("how", ["refresh_requested", "warning", "drop"])
def test_a_connection_that_ends_is_opened_again(desk: House, how: str, caplog: pytest.LogCaptureFixture) -> None:
    ticket = desk.to_awaiting()
    assert desk.call("/sandbox/slack/socket", {"disconnect": how})["connections"] == 1
    assert press_body(desk, ticket, "approve")["status"] == 200
    approved_once(desk, ticket)
    connected(desk)
    assert ("socket.lost" in caplog.text) == (how == "drop"), "an end without a word is noticed as such, at once"


def test_what_is_not_recorded_is_not_acknowledged(desk: House) -> None:
    """The store is locked: no acknowledgement. Where Slack brings the envelope again, it is taken then."""
    ticket = desk.to_awaiting()
    desk.sandbox.config.update({"socket_redelivers": False})
    with desk.sql() as conn:
        conn.execute("BEGIN")
        conn.execute("LOCK TABLE events")
        answer = press_body(desk, ticket, "approve")
        conn.execute("ROLLBACK")
    assert (answer["status"], answer["warning"]) == (None, True)
    told(desk, "aisyah", "could not be recorded")
    assert presses(desk, ticket) == []
    assert sent(desk, ticket) == WAITING
    desk.sandbox.config.update({"socket_redelivers": True})
    assert press_body(desk, ticket, "approve")["status"] == 200
    approved_once(desk, ticket)


def test_one_press_by_every_way_counts_once(database: str) -> None:
    """URL and socket are both open, two workers are connected: the same press by each of them is one event."""
    with House(database, slack_app_token=APP_TOKEN) as house:
        listener = socket_mode.start(house.settings(), house.worker_desk, house.worker_desk.stopping)
        connected(house, 2)
        ticket = house.to_awaiting()
        payload = pressed(house, ticket)
        answers = [house.sandbox.world.sockets.deliver(payload) for _ in range(2)]
        answers += [control._send(house.sandbox.world, payload, by_http=True)]
        assert [answer["status"] for answer in answers] == [200, 200, 200]
        assert sorted(link.sent for link in house.sandbox.world.sockets.links()) == [1, 1]
        approved_once(house, ticket)
        assert len(presses(house, ticket)) == 1
        assert press_body(house, ticket, "approve", "bala", stale=True)["status"] == 200
        told(house, "bala", "is already approved")
        assert sent(house, ticket) == APPROVED
        house.stop_worker()
        connected(house, 0)
        assert listener is not None
        listener.join(5)
        assert not listener.is_alive()
        house.start_worker()
        connected(house)


def pressed(house: House, ticket: int) -> dict[str, Any]:
    """The payload of one press of Approve."""
    card = card_of(house, ticket)
    with house.sandbox.world.lock:
        state = house.sandbox.world.slack
        message = state.find(None, card["ts"])
        assert message is not None
        blocks, block_id, element = control._pressed(message, {"action_id": "approve"})
        action = action_of(state, block_id, element, {}, None)
        return block_actions(state, message, blocks, state.people["U0AISYAH"], action, {})


@pytest.mark.long
def test_a_worker_killed_before_its_acknowledgement(database: str, tmp_path: Path) -> None:
    """It dies once before and once after the commit; the envelope comes again by the next life's connection."""
    with Crashing(database, tmp_path, **BY_SOCKET) as house:
        connected(house)
        ticket = house.to_awaiting()
        house.arm("door.before_commit", "door.after_commit")
        connected(house)
        answer = press_body(house, ticket, "approve")
        assert (answer["status"], answer["attempts"]) == (200, 3)
        assert house.fired() == ["door.before_commit", "door.after_commit"]
        approved_once(house, ticket)
        assert len(presses(house, ticket)) == 1


@pytest.mark.parametrize(
    "url",
    [
        "wss://wss-primary.slack.com:8443/link/?ticket=1",  # the client would speak plain text there
        "ws://wss-primary.slack.com/link/?ticket=1",
        "ws://127.0.0.1:9000/link/?ticket=1",
        "wss://wss-primary.slack.com:99999/",
        "https://wss-primary.slack.com/",
        "wss:///link/",
        "",
    ],
)
def test_an_address_that_is_not_encrypted_is_refused(url: str) -> None:
    assert socket_mode.checked("wss://wss-primary.slack.com/link/?ticket=1", stand_ins=False)
    with pytest.raises(NotAppliedError, match="slack"):
        socket_mode.checked(url, stand_ins=False)


def test_a_token_that_is_refused_is_tried_again_at_a_growing_distance(
    desk: House, caplog: pytest.LogCaptureFixture
) -> None:
    stopping = threading.Event()
    given = {"slack_url": f"{desk.sandbox.url}/api", "slack_app_token": "xapp-wrong", "retry_base": 0.05}
    settings = load(_env_file=ROOT / ".env.example", **given)
    listener = socket_mode.Listener(settings, lambda payload, now: Answer(), stopping)
    thread = threading.Thread(target=listener.run)
    with caplog.at_level(logging.WARNING):
        thread.start()
        desk.wait(lambda: caplog.text.count("socket.refused") >= 3, what="three tries")
        stopping.set()
        thread.join(5)
    assert not thread.is_alive()
    refusals = [r for r in caplog.records if r.message == "socket.refused"]
    assert [r.reason for r in refusals[:3]] == ["auth"] * 3  # type: ignore[attr-defined]
    assert [r.next_in for r in refusals[:3]] == [0.05, 0.1, 0.2]  # type: ignore[attr-defined]
    assert "xapp-wrong" not in caplog.text
    connected(desk)
