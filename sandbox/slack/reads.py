"""apps.connections.open, auth.test, conversations.*, users.*, usergroups.users.list and views.open.

History gives `event_type` alone unless `include_all_metadata` is asked for; ephemeral messages are in no history.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from flask import request

from sandbox.slack.blocks import view_problems
from sandbox.slack.people import APP_ID, BOT_ID, BOT_USER, GROUP_ID, TEAM_DOMAIN, TEAM_ID, TEAM_NAME
from sandbox.slack.state import Message, State
from sandbox.slack.web import Args, SlackError, flag, method, structure

VIEW_SIZE = 250_000


@method("apps.connections.open")
def connections_open(state: State, args: Args) -> dict[str, Any]:
    """An address for one connection of Socket Mode; called with the app's own token."""
    if request.method != "POST":
        raise SlackError("insecure_request")
    return {"url": state.world.sockets.url()}


@method("auth.test")
def auth_test(state: State, args: Args) -> dict[str, Any]:
    """Who the token is."""
    return {
        "url": f"https://{TEAM_DOMAIN}.slack.com/",
        "team": TEAM_NAME,
        "user": state.people[BOT_USER].handle,
        "team_id": TEAM_ID,
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


@method("conversations.history", "channel")
def history(state: State, args: Args) -> dict[str, Any]:
    """The channel's messages, newest first; replies in threads only when they were broadcast."""
    channel = _readable(state, args)
    chosen = [
        m
        for m in reversed(state.messages)
        if m.channel == channel and not m.ephemeral_to and (not m.thread_ts or m.broadcast or m.thread_ts == m.ts)
    ]
    extras = {"pin_count": 0, "channel_actions_ts": None, "channel_actions_count": 0}
    return {**_page(_within(chosen, args), args), **extras}


@method("conversations.replies", "channel", "ts", takes_json=False)
def replies(state: State, args: Args) -> dict[str, Any]:
    """A thread: its parent, then its replies, oldest first."""
    channel = _readable(state, args, foreign="channel_not_found")
    parent = state.find(channel, str(args["ts"]))
    if parent is None or parent.ephemeral_to:
        raise SlackError("thread_not_found")
    root = parent.thread_ts or parent.ts
    thread = [m for m in state.messages if m.channel == channel and root in (m.ts, m.thread_ts) and not m.ephemeral_to]
    return _page(_within(thread, args), args)


@method("users.info", "user", takes_json=False)
def users_info(state: State, args: Args) -> dict[str, Any]:
    """One person; deactivated people and bots too."""
    if (person := state.people.get(str(args["user"]))) is None:
        raise SlackError("user_not_found")
    return {"user": person.public()}


@method("users.lookupByEmail", "email", takes_json=False)
def users_lookup(state: State, args: Args) -> dict[str, Any]:
    """An active person by mail address."""
    wanted = str(args["email"]).lower()
    for person in state.people.values():
        if person.email.lower() == wanted and not person.deleted:
            return {"user": person.public()}
    raise SlackError("users_not_found")


@method("usergroups.users.list", "usergroup", takes_json=False)
def group_users(state: State, args: Args) -> dict[str, Any]:
    """The members of the one user group: the approvers."""
    if args["usergroup"] != GROUP_ID:
        raise SlackError("no_such_subteam")
    return {"users": [person.id for person in state.people.values() if person.approver]}


@method("views.open", "view")
def views_open(state: State, args: Args) -> dict[str, Any]:
    """Open a modal; the trigger id is good once, for three seconds."""
    view = structure(args, "view", "invalid_arguments")
    if len(json.dumps(view)) > VIEW_SIZE:
        raise SlackError("view_too_large")
    broken = view_problems(view) if isinstance(view, dict) else ["[ERROR] must be an object [json-pointer:/view]"]
    if broken:
        raise SlackError("invalid_arguments", broken)
    external = view.get("external_id") or ""
    if external and any(other["external_id"] == external for other in state.views.values()):
        raise SlackError("duplicate_external_id")
    trigger = str(args.get("trigger_id") or "")
    if error := state.use_trigger(trigger):
        raise SlackError(error)
    opened = _opened(state, view, external)
    state.views[opened["id"]] = {**opened, "user": state.triggers[trigger][1]}
    state.world.changed()
    return {"view": opened}


def _opened(state: State, view: dict[str, Any], external: str) -> dict[str, Any]:
    number = f"V0{state.number():06d}"
    blocks = [{"block_id": f"b{state.number():04x}", **block} for block in view["blocks"]]
    return {
        "id": number,
        "team_id": TEAM_ID,
        "type": "modal",
        "title": view["title"],
        "submit": view.get("submit"),
        "close": view.get("close"),
        "blocks": blocks,
        "private_metadata": view.get("private_metadata", ""),
        "callback_id": view.get("callback_id", ""),
        "external_id": external,
        "state": {"values": {}},
        "hash": f"{state.stamp()}.view",
        "clear_on_close": view.get("clear_on_close", False),
        "notify_on_close": view.get("notify_on_close", False),
        "root_view_id": number,
        "previous_view_id": None,
        "app_id": APP_ID,
        "bot_id": BOT_ID,
        "app_installed_team_id": TEAM_ID,
    }


def _readable(state: State, args: Args, foreign: str = "not_in_channel") -> str:
    channel = str(args["channel"])
    if channel in state.foreign:
        raise SlackError(foreign)
    direct = channel.startswith("D0") and f"U{channel[2:]}" in state.people
    if not direct and channel not in {state.channel, *state.archived}:
        raise SlackError("channel_not_found")
    return channel


def _within(messages: list[Message], args: Args) -> list[Message]:
    """Those between `oldest` and `latest`; the ends themselves only when `inclusive`."""
    oldest = _moment(args, "oldest", 0)
    latest = _moment(args, "latest", 10**18)
    if flag(args, "inclusive"):
        return [m for m in messages if oldest <= _micros(m.ts) <= latest]
    return [m for m in messages if oldest < _micros(m.ts) < latest]


def _moment(args: Args, name: str, default: int) -> int:
    value = args.get(name)
    if value in (None, ""):
        return default
    try:
        return _micros(str(value))
    except ValueError:
        raise SlackError(f"invalid_ts_{name}") from None


def _micros(ts: str) -> int:
    """A timestamp in whole microseconds, which floats would blur."""
    seconds, _, fraction = ts.partition(".")
    return int(seconds) * 1_000_000 + int((fraction + "000000")[:6])


def _page(messages: list[Message], args: Args) -> dict[str, Any]:
    start = 0
    if cursor := args.get("cursor"):
        try:
            start = int(base64.b64decode(str(cursor), validate=True).removeprefix(b"next:"))
        except ValueError:
            raise SlackError("invalid_cursor") from None
    limit = args.get("limit") or 100
    try:
        size = min(999, max(1, int(limit)))
    except ValueError:
        raise SlackError("invalid_limit") from None
    everything = flag(args, "include_all_metadata")
    page: dict[str, Any] = {
        "messages": [m.public(all_metadata=everything) for m in messages[start : start + size]],
        "has_more": len(messages) > start + size,
    }
    if page["has_more"]:
        page["response_metadata"] = {"next_cursor": base64.b64encode(b"next:%d" % (start + size)).decode()}
    if request.args.get("latest"):
        page["latest"] = request.args["latest"]
    return page
