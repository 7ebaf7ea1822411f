"""Group M of bad-inputs.md by its ids, through HTTP, the engine and the stand-in.

M013 and M014 need no engine: they are in tests/web/test_mattermost_strict. M020 is in tests/web/test_promises.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.approvals.hand import Answer, metrics, post, rows, waits_still
from tests.databases import drop_database, new_database
from tests.house import House
from tests.kit import Sent, buttons, card_of, sent, told

BANNING = Sent(mails=1, cards=1, issues=1, links=1)
FORGED = "This button was not made by Deletion Desk"
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def shared(database_server: str) -> Iterator[House]:
    uri = new_database(database_server)
    with House(uri, chat="mattermost") as made:
        yield made
    drop_database(database_server, uri)


@pytest.fixture
def house(shared: House) -> House:
    """One desk for all; each test has a ticket of its own."""
    return shared


@pytest.fixture
def ticket(house: House) -> int:
    return house.to_awaiting()


def call_of(house: House, ticket: int, action: str = "approve", user: str = "aisyah", **changes: Any) -> dict[str, Any]:
    """The body that Mattermost posts when that card's button is pressed."""
    card = card_of(house, ticket)
    with house.sandbox.world.lock:
        state = house.sandbox.world.mattermost
        channel, props = state.posts[card["id"]].channel_id, state.posts[card["id"]].props
        actions = [a for one in props["attachments"] for a in one.get("actions") or []]
        context = next(a["integration"]["context"] for a in actions if a["id"] == action)
        trigger = state.new_trigger(house.user(user), channel)
    body = {
        "user_id": house.user(user),
        "user_name": user,
        "channel_id": channel,
        "channel_name": "supervisors",
        "team_id": "",
        "team_domain": "",
        "post_id": card["id"],
        "trigger_id": trigger,
        "type": "button",
        "data_source": "",
        "context": dict(context),
    }
    return {**body, **changes}


def act(house: House, body: dict[str, Any]) -> Answer:
    return post(house, "/webhooks/mattermost/action", json.dumps(body).encode(), JSON)


def said(house: House, body: dict[str, Any]) -> str:
    """What the presser alone is told at once."""
    answer = act(house, body)
    assert answer.status == 200
    return str(answer.json.get("ephemeral_text", ""))


@contextmanager
def alarm(house: House, reason: str, times: int = 1) -> Iterator[None]:
    def count() -> float:
        lines = [
            line for line in metrics(house).splitlines() if line.startswith(f'desk_alarms_total{{reason="{reason}"')
        ]
        return float(lines[0].rpartition(" ")[2]) if lines else 0.0

    before = count()
    yield
    assert count() == before + times


def test_m001_valid_press(house: House, ticket: int) -> None:
    answer = act(house, call_of(house, ticket))
    assert answer.status == 200
    assert "recorded" in answer.json["update"]["message"]
    house.wait_state(ticket, "banning")
    assert sent(house, ticket) == BANNING
    assert house.case(ticket)["decided_by"] == house.user("aisyah")
    assert buttons(card_of(house, ticket)) == []


def test_m002_no_token(house: House, ticket: int) -> None:
    before = house.rows("SELECT 1 FROM effects")
    contexts: list[object] = [None, {}, [], "x", {"token": None}, {"token": "x"}, {"token": 5}, {"other": "x"}]
    with alarm(house, "token_forged", len(contexts)):
        for number, context in enumerate(contexts):
            user = ("aisyah", "bala")[number % 2]  # in turn: nobody presses so often that it is refused for that
            assert FORGED in said(house, call_of(house, ticket, user=user, context=context))
    waits_still(house, ticket)
    assert house.rows("SELECT 1 FROM effects") == before


def test_m003_token_of_something_else(house: House, ticket: int) -> None:
    """Of another case; of another action than the post has; edited; of another round: see test_mattermost too."""
    other = house.to_awaiting()
    with alarm(house, "not_our_post", 2):
        for wrong, right in ((ticket, other), (other, ticket)):
            assert FORGED in said(house, call_of(house, wrong, context=call_of(house, right)["context"]))
    token = call_of(house, ticket)["context"]["token"]
    with alarm(house, "token_forged"):
        assert FORGED in said(house, call_of(house, ticket, context={"token": token[:-2] + "AA"}))
    for one in (ticket, other):
        waits_still(house, one)


def test_m006_forged_user_from_elsewhere(database: str) -> None:
    with House(database, chat="mattermost", mattermost_peers="203.0.113.7") as house:
        ticket = house.to_awaiting()
        before = rows(house)
        for body in (json.dumps(call_of(house, ticket)).encode(), b"{", b""):
            for path in ("action", "dialog"):
                answer = post(house, f"/webhooks/mattermost/{path}", body, {**JSON, "X-Forwarded-For": "203.0.113.7"})
                assert answer == Answer(403, b'{"error":"forbidden"}')
        assert rows(house) == before
        waits_still(house, ticket)


def test_m007_post_of_somebody_else(house: House, ticket: int) -> None:
    """A member's own post with a copy of our button on it."""
    body = call_of(house, ticket)
    with house.sandbox.world.lock:
        props = house.sandbox.world.mattermost.posts[body["post_id"]].props
    copy = house.call("/sandbox/mattermost/say", {"user": house.user("chen"), "text": "press me", "props": props})["id"]
    nowhere = "nosuchpost".ljust(26, "x")
    with alarm(house, "not_our_post", 2):
        for post_id in (copy, nowhere):
            assert FORGED in said(house, {**body, "post_id": post_id, "trigger_id": f"{post_id}:1"})
    house.call("/sandbox/mattermost/delete", {"post_id": copy})
    waits_still(house, ticket)


def test_m008_another_channel(house: House, ticket: int) -> None:
    elsewhere = "urgent".ljust(26, "x")
    with alarm(house, "wrong_channel"):
        assert FORGED in said(house, call_of(house, ticket, channel_id=elsewhere))
    waits_still(house, ticket)


def test_m010_left_the_channel(house: House, ticket: int) -> None:
    house.change("bala", in_channel=False)
    assert said(house, call_of(house, ticket, user="bala")).startswith("Recorded; it is being checked")
    waits_still(house, ticket)
    assert [text for text in house.answers("bala") if "Recorded: approved" in text] == []
    told(house, "bala", "cannot approve")
    house.change("bala", in_channel=True)


def test_m012_selected_option_on_a_button(house: House, ticket: int) -> None:
    body = call_of(house, ticket)
    body["context"]["selected_option"] = "decline"
    assert said(house, body).startswith("Recorded")
    assert house.wait_state(ticket, "banning")["decision"] == "approve"


def test_m015_user_name_is_not_used(house: House, ticket: int) -> None:
    assert said(house, call_of(house, ticket, user="chen", user_name="aisyah")).startswith("Recorded")
    waits_still(house, ticket)
    told(house, "chen", "You may not decide this")


def dialogs(house: House, user: str) -> list[str]:
    return house.room.forms(house, house.user(user))


def test_m016_one_dialog_a_press(house: House, ticket: int) -> None:
    before, body = dialogs(house, "aisyah"), call_of(house, ticket, "decline")
    for _ in range(3):
        assert act(house, body).json == {"skip_slack_parsing": True}
    assert len(dialogs(house, "aisyah")) == len(before) + 1
    waits_still(house, ticket)


@pytest.mark.parametrize("change", ["state", "callback_id", "user_id"])
def test_m017_changed_dialog(house: House, ticket: int, change: str) -> None:
    before = set(dialogs(house, "aisyah"))
    house.press("decline", card=card_of(house, ticket), form=None)
    (form,) = set(dialogs(house, "aisyah")) - before
    with house.sandbox.world.lock:
        state = house.sandbox.world.mattermost.dialogs[form]["state"]
    forged = {"state": state[:9] + "AA" + state[11:], "callback_id": "ask", "user_id": house.user("bala")}
    values = {"reason": "other", "question": "?"}
    sending = {"dialog_id": form, "user": house.user("aisyah"), "values": values, "payload": {change: forged[change]}}
    with alarm(house, "token_forged"):
        answer = house.call("/sandbox/mattermost/submit", sending)
    assert FORGED in answer["problem"]
    waits_still(house, ticket)
    assert house.room.submit(house, house.user("aisyah"), form, values)["problem"] == "", "the true one counts"
    assert house.wait_state(ticket, "declined")["reason"] == "other"


def test_m019_mattermost_cannot_be_asked(house: House, ticket: int) -> None:
    body, before = call_of(house, ticket), rows(house)
    house.sandbox.world.faults.add("mattermost", "posts.get", "503_before", times=None)
    try:
        assert "cannot be verified at this moment" in said(house, body)
    finally:
        house.sandbox.world.faults.clear()
    assert rows(house) == before
    waits_still(house, ticket)
    assert said(house, body).startswith("Recorded"), "the same press is good once it can be asked"
    house.wait_state(ticket, "banning")
