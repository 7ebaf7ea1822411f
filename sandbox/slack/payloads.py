"""What Slack sends to an app's request URL when a person presses a button, picks an option or submits a dialog.

Shapes: `block_actions` and `view_submission` of docs.slack.dev/reference/interaction-payloads; signed as
docs.slack.dev/authentication/verifying-requests-from-slack says: "v0=" + HMAC-SHA256 over "v0:<time>:<raw body>".
"""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from sandbox.slack.people import APP_ID, TEAM_DOMAIN, TEAM_ID, Person
from sandbox.slack.state import CHANNEL_NAME, Message, State

TEAM = {"id": TEAM_ID, "domain": TEAM_DOMAIN}
LEGACY_TOKEN = "stand-in-verification-token"  # Slack still sends it; nobody should look at it


def signed(secret: str, payload: dict[str, Any], now: int) -> tuple[bytes, dict[str, str]]:
    """The form-encoded body and the headers of one request; `now` in Unix seconds."""
    body = urlencode({"payload": json.dumps(payload, ensure_ascii=False, separators=(",", ":"))}).encode()
    base = b"v0:%d:%s" % (now, body)
    digest = hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
    return body, {
        "Content-Type": "application/x-www-form-urlencoded",
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "Accept": "application/json,*/*",
        "X-Slack-Request-Timestamp": str(now),
        "X-Slack-Signature": f"v0={digest}",
    }


def elements(blocks: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every interactive element with its block's id."""
    for block in blocks:
        inside = list(block.get("elements", [])) if block["type"] == "actions" else []
        inside += [block[name] for name in ("accessory", "element") if name in block]
        for element in inside:
            if "action_id" in element:
                yield block["block_id"], element


def option_of(element: dict[str, Any], value: str | None) -> dict[str, Any] | None:
    """The option of that value; None when the select has no such one."""
    options = list(element.get("options", []))
    for group in element.get("option_groups", []):
        options += group["options"]
    return next((copy.deepcopy(option) for option in options if option["value"] == value), None)


def state_values(blocks: list[dict[str, Any]], chosen: dict[str, str]) -> dict[str, Any]:
    """`state.values`: each select with its picked or initial option, each text input with its text."""
    values: dict[str, dict[str, Any]] = {}
    for block_id, element in elements(blocks):
        kind, action = element["type"], element["action_id"]
        if kind == "static_select":
            picked = option_of(element, chosen[action]) if action in chosen else element.get("initial_option")
            values.setdefault(block_id, {})[action] = {"type": kind, "selected_option": copy.deepcopy(picked)}
        elif kind == "plain_text_input":
            text = chosen.get(action, element.get("initial_value"))
            values.setdefault(block_id, {})[action] = {"type": kind, "value": text or None}
    return values


def block_actions(
    state: State,
    message: Message,
    blocks: list[dict[str, Any]],
    person: Person,
    action: dict[str, Any],
    chosen: dict[str, str],
) -> dict[str, Any]:
    """The payload of one press. An ephemeral message is not sent along, as Slack has not kept it."""
    container: dict[str, Any] = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": message.channel,
        "is_ephemeral": bool(message.ephemeral_to),
    }
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    name = "directmessage" if message.channel.startswith("D") else CHANNEL_NAME
    number = state.number()
    payload = {
        "type": "block_actions",
        "user": _user(person),
        "api_app_id": APP_ID,
        "token": LEGACY_TOKEN,
        "container": container,
        "trigger_id": state.new_trigger(person.id),
        "team": TEAM,
        "enterprise": None,
        "is_enterprise_install": False,
        "channel": {"id": message.channel, "name": name},
        "message": message.public(all_metadata=True),
        "state": {"values": state_values(blocks, chosen)},
        "response_url": f"https://hooks.slack.com/actions/{TEAM_ID}/{number}/never-called-{number:024d}",
        "actions": [action],
    }
    if message.ephemeral_to:
        del payload["message"]
    return payload


def action_of(
    state: State, block_id: str, element: dict[str, Any], chosen: dict[str, str], value: str | None
) -> dict[str, Any]:
    """The `actions[0]` of a press; `value` replaces a button's value (a forged or old one)."""
    kept = {"type", "action_id", "text", "value", "style", "confirm", "url", "placeholder", "initial_option"}
    action = {name: copy.deepcopy(element[name]) for name in element if name in kept}
    action |= {"block_id": block_id, "action_ts": state.stamp()}
    if element["type"] == "static_select":
        picked = chosen.get(element["action_id"], value)
        action["selected_option"] = option_of(element, picked) if picked else action.get("initial_option")
    elif value is not None:
        action["value"] = value
    return action


def view_submission(state: State, view: dict[str, Any], person: Person, chosen: dict[str, str]) -> dict[str, Any]:
    """The payload of a submitted modal."""
    sent = {name: copy.deepcopy(value) for name, value in view.items() if name != "user"}
    sent["state"] = {"values": state_values(view["blocks"], chosen)}
    return {
        "type": "view_submission",
        "team": TEAM,
        "user": _user(person),
        "api_app_id": APP_ID,
        "token": LEGACY_TOKEN,
        "trigger_id": state.new_trigger(person.id),
        "view": sent,
        "response_urls": [],
        "is_enterprise_install": False,
        "enterprise": None,
    }


def _user(person: Person) -> dict[str, str]:
    return {"id": person.id, "username": person.handle, "name": person.handle, "team_id": TEAM_ID}
