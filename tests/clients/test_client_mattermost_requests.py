"""Every request of the Mattermost client, held against the vendor's own description where it lies beside us."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft4Validator

from app.clients.chat import Button, Card, Field, Form, Section
from app.clients.mattermost import MattermostClient
from sandbox.mattermost.people import GROUP_ID, stable
from sandbox.server import Sandbox

SPEC = Path(__file__).resolve().parents[3] / "shared/specs/mattermost/mattermost-openapi-v4.yaml"
CARD = Card((Section((("Please decide",),)),), (Button("approve", "Approve", "t", "primary"),))
FORM = Form("ask", "Ask", "Send", "Cancel", "token", (Field("question", "Question"),))
AISYAH = stable("aisyah")
# Used by every client of the vendor's own, and not in its description (facts M26, M27).
UNDOCUMENTED = {"pending_post_id"}

pytestmark = pytest.mark.skipif(not SPEC.is_file(), reason="needs ../shared/specs, the vendors' documents")


@pytest.fixture(scope="module")
def paths() -> dict[str, Any]:
    with SPEC.open(encoding="utf-8") as text:
        found = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    assert isinstance(found, dict)
    return dict(found["paths"])


def operation(paths: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    """The documented operation; of several templates that fit, the one with fewest parameters."""
    fitting = [path for path in paths if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", path), call["path"])]
    assert fitting, f"{call['path']} is not documented"
    return dict(paths[min(fitting, key=lambda path: path.count("{"))][call["verb"].lower()])


def use_everything(sandbox: Sandbox, chat: MattermostClient) -> None:
    began = datetime.now(UTC)
    posted = chat.post(CARD, op_id="op1", case_key="case-7-1")
    chat.post(CARD, op_id="op2", case_key="case-7-1", thread=posted)
    chat.find("op3", since=began)
    chat.find("op3", since=began, thread=posted)
    chat.update(posted, CARD)
    chat.answer(AISYAH, "hi", channel=posted.channel)
    chat.person(AISYAH, channel=posted.channel)
    chat.group(GROUP_ID)
    chat.open_form(sandbox.world.mattermost.new_trigger(AISYAH, posted.channel), FORM)
    chat.channel()


def test_every_request_is_a_documented_one(
    sandbox: Sandbox, mattermost: MattermostClient, paths: dict[str, Any]
) -> None:
    use_everything(sandbox, mattermost)
    calls = sandbox.world.arrived("mattermost")
    assert len({call["method"] for call in calls}) == 12
    for call in calls:
        found = operation(paths, call)
        known = {parameter["name"] for parameter in found.get("parameters", ()) if parameter["in"] == "query"}
        assert set(call["query"]) <= known, call["method"]
        if call["verb"] == "GET":
            continue
        schema = dict(found["requestBody"]["content"]["application/json"]["schema"])
        body = call["body"]
        if isinstance(body, dict):
            assert set(body) - set(schema["properties"]) <= UNDOCUMENTED, call["method"]
        if call["method"] == "posts.patch":
            schema["properties"] = {**schema["properties"], "props": {"type": "object"}}  # the page calls it a string
        assert list(Draft4Validator(schema).iter_errors(body)) == [], call["method"]
