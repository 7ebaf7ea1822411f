"""Every request of the Slack client: held against the stand-in's table of methods, and against Slack's own page of the
method where it lies beside us."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.clients import Clients, slack
from app.clients.chat import Button, Card, Field, Form, Section
from app.clients.slack import SlackClient
from sandbox.server import Sandbox
from sandbox.slack.people import GROUP_ID
from sandbox.slack.web import METHODS

PAGES = Path(__file__).resolve().parents[3] / "shared/specs/slack/docs-slack-dev-methods"
CARD = Card((Section((("Please decide",),)),), (Button("approve", "Approve", "t", "primary"),))
FORM = Form("ask", "Ask", "Send", "Cancel", "token", (Field("question", "Question"),))
KINDS: dict[str, type] = {"string": str, "boolean": bool, "number": int}
# The pages describe forms, where these are JSON as text; in a JSON body they are what they are.
STRUCTURES = {"blocks": list, "metadata": dict, "view": dict}

Call = dict[str, Any]


@pytest.fixture
def calls(sandbox: Sandbox, clients: Clients) -> list[Call]:
    """What arrived after each verb of the client was used once, with all that it may say."""
    chat, world = clients.chat, sandbox.world
    assert isinstance(chat, SlackClient)
    began = datetime.now(UTC)
    posted = chat.post(CARD, op_id="op1", case_key="case-7-1")
    chat.post(CARD, op_id="op2", case_key="case-7-1", thread=posted)
    with world.lock:  # more than a page, in the channel and below the message
        first, below = world.slack.messages
        world.slack.messages += [replace(one, ts=world.slack.stamp()) for one in (first, below) for _ in range(200)]
    chat.find("op3", since=began)
    chat.find("op3", since=began, thread=posted)
    chat.update(posted, CARD)
    chat.answer("U0AISYAH", "hi", channel=posted.channel)
    chat.is_there(posted)
    chat.person("U0AISYAH")
    chat.group(GROUP_ID)
    chat.open_form(world.slack.new_trigger("U0AISYAH"), FORM)
    chat.me()
    chat.socket_address(world.config.slack_app_token)
    chat.channel()
    return world.arrived("slack")


def arguments(call: Call) -> dict[str, Any]:
    return {**call["query"], **(call["body"] or {})}


def test_no_method_of_the_client_is_left_out(calls: list[Call]) -> None:
    written = set(re.findall(r"\bweb\.([a-z]\w*)\(", inspect.getsource(slack)))
    assert {call["method"].replace(".", "_") for call in calls} == written
    assert len(written) == 10
    cursors = {call["method"] for call in calls if "cursor" in arguments(call)}
    assert cursors == {"conversations.history", "conversations.replies"}


def test_every_request_has_what_the_stand_in_asks_for(calls: list[Call]) -> None:
    for call in calls:
        _, required, takes_json = METHODS[call["method"]]
        assert (call["verb"], call["auth"], call["status"]) == ("POST", "Bearer", 200), call["method"]
        assert not [name for name in required if arguments(call).get(name) in (None, "")], call["method"]
        if not takes_json:  # a form, then: all of it is text
            assert {type(value) for value in arguments(call).values()} == {str}, call["method"]


@pytest.mark.skipif(not PAGES.is_dir(), reason="needs ../shared/specs, the vendors' documents")
def test_every_request_is_a_documented_one(calls: list[Call]) -> None:
    for call in calls:
        page = json.loads((PAGES / f"{call['method']}.json").read_text())
        known, given = page["args"]["properties"], arguments(call)
        assert set(page["args"]["required"]) - {"token"} <= set(given) <= set(known), call["method"]  # it is a header
        for name, value in given.items():  # a form's values are all text
            assert type(value) in (str, STRUCTURES.get(name) or kind(known[name])), f"{call['method']}: {name}"


def kind(described: dict[str, Any]) -> type:
    """The page's type of an argument, null aside; an id is text."""
    types = [one.get("type") for one in described.get("anyOf", [described])]
    return KINDS[next((one for one in types if one in KINDS), "string")]
