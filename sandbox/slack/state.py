"""What the stand-in for Slack remembers: one workspace, its channels, its messages, open dialogs and rate counters.

Timestamps (`ts`) are Unix seconds with six decimals, as text, unique and rising. Every use is under the world's lock.
"""

from __future__ import annotations

import copy
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import Response, jsonify, request

from sandbox.slack.people import APP_ID, BOT_ID, BOT_USER, TEAM_ID, Person, seeded

if TYPE_CHECKING:
    from sandbox.core import World

MINUTE = 60.0
CHANNEL_NAME = "supervisors"
PER_MINUTE = {  # docs.slack.dev/apis/web-api/rate-limits, tiers 2 to 4; the special ones have their own rule
    "usergroups.users.list": 20,
    "apps.connections.open": 50,
    "chat.update": 50,
    "chat.delete": 50,
    "conversations.history": 50,
    "conversations.replies": 50,
    "users.lookupByEmail": 50,
    "chat.postEphemeral": 100,
    "users.info": 100,
    "views.open": 100,
}
TRIGGER_LIFE = 3.0


@dataclass
class Message:
    """A message as Slack keeps it. `past` holds earlier blocks: what a client that has not refreshed still shows."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    thread_ts: str | None = None
    edited: str | None = None
    ephemeral_to: str | None = None
    broadcast: bool = False
    past: list[list[dict[str, Any]]] = field(default_factory=list)

    @property
    def op(self) -> str | None:
        """The sender's own mark of this effect, when the metadata carries one."""
        payload = (self.metadata or {}).get("event_payload", {})
        op = payload.get("op_id") if isinstance(payload, dict) else None
        return str(op) if op is not None else None

    def public(self, *, all_metadata: bool) -> dict[str, Any]:
        """The message object of history, of answers and of payloads."""
        shape: dict[str, Any] = {
            "type": "message",
            "user": self.user,
            "ts": self.ts,
            "text": self.text,
            "team": TEAM_ID,
        }
        if self.user == BOT_USER:
            profile = {"id": BOT_ID, "app_id": APP_ID, "name": "Deletion Desk", "deleted": False, "team_id": TEAM_ID}
            shape |= {"bot_id": BOT_ID, "app_id": APP_ID, "bot_profile": profile}
        if self.blocks:
            shape["blocks"] = copy.deepcopy(self.blocks)
        if self.thread_ts:
            shape["thread_ts"] = self.thread_ts
        if self.edited:
            shape["edited"] = {"user": self.user, "ts": self.edited}
        if self.metadata:
            shape["metadata"] = self.metadata if all_metadata else {"event_type": self.metadata["event_type"]}
        return shape


class State:
    """One Slack workspace."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.channel = world.config.slack_channel
        self.people: dict[str, Person] = seeded(world.config.approvers_in("slack"))
        self.archived = {"C0ARCHIVED"}
        self.foreign = {"C0ELSEWHERE"}  # channels that exist but our bot is not in
        self.messages: list[Message] = []
        self.deleted: list[Message] = []  # by a person; a client that has not refreshed still shows them
        self.views: dict[str, dict[str, Any]] = {}
        self.triggers: dict[str, tuple[float, str]] = {}  # id -> (issued, user)
        self.used_triggers: set[str] = set()
        self.picked: dict[tuple[str, str], dict[str, str]] = {}  # (ts, user) -> what that person picked in menus
        self._last_ts = 0
        self._number = 0
        self._last_post: dict[str, float] = {}
        self._calls: dict[str, deque[float]] = defaultdict(deque)

    def public(self) -> dict[str, Any]:
        """The `slack` part of GET /sandbox/state."""
        people = [{"id": p.id, "name": p.name, "approver": p.approver} for p in self.people.values() if p.in_channel]
        return {
            "channel": self.channel,
            "channel_name": CHANNEL_NAME,
            "people": [p for p in people if p["id"] != BOT_USER],
            "messages": [self._shown(message) for message in self.messages],
            "views": list(self.views.values()),
        }

    def _shown(self, message: Message) -> dict[str, Any]:
        person = self.people.get(message.user)
        return {
            "ts": message.ts,
            "channel": message.channel,
            "user": person.name if person else message.user,
            "text": message.text,
            "blocks": message.blocks,
            "edited": message.edited,
            "ephemeral_to": message.ephemeral_to,
            "thread_ts": message.thread_ts,
            "metadata": message.metadata,
        }

    def stamp(self) -> str:
        """A new timestamp, later than every one before."""
        self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def number(self) -> int:
        """The next number for ids that need not mean anything."""
        self._number += 1
        return self._number

    def find(self, channel: str | None, ts: str) -> Message | None:
        """The message of that channel (None: of any) and timestamp, ephemeral ones included."""
        return next((m for m in self.messages if m.ts == ts and channel in (None, m.channel)), None)

    def new_trigger(self, user: str) -> str:
        """A trigger id, good for one views.open within three seconds."""
        trigger = f"{self.number()}.{time.time_ns() // 1_000_000}.{'0' * 24}{self.number():08x}"
        self.triggers[trigger] = (time.monotonic(), user)
        return trigger

    def use_trigger(self, trigger: str) -> str | None:
        """Spend a trigger id; the name of Slack's error when it can't be spent."""
        if trigger not in self.triggers:
            return "invalid_trigger_id"
        if trigger in self.used_triggers:
            return "exchanged_trigger_id"
        if time.monotonic() - self.triggers[trigger][0] > TRIGGER_LIFE:
            return "expired_trigger_id"
        self.used_triggers.add(trigger)
        return None

    def throttle(self, method: str) -> Response | None:
        """Slack's rate limits: a tier per method and minute; for chat.postMessage one message a second and channel."""
        now = time.monotonic()
        if method == "chat.postMessage":
            payload = request.get_json(silent=True) if request.is_json else request.form
            channel = str(payload.get("channel")) if isinstance(payload, dict) else ""
            if now - self._last_post.get(channel, float("-inf")) < self.world.config.slack_post_interval:
                return too_many(1)
            self._last_post[channel] = now
        elif method in PER_MINUTE:
            calls = self._calls[method]
            while calls and now - calls[0] >= MINUTE:
                calls.popleft()
            if len(calls) >= PER_MINUTE[method]:
                return too_many(int(MINUTE - (now - calls[0])) + 1)
            calls.append(now)
        return None


def too_many(seconds: int) -> Response:
    """Slack's 429: the only answer of the web API that is not HTTP 200."""
    response = jsonify({"ok": False, "error": "ratelimited"})
    response.status_code = 429
    response.headers["Retry-After"] = str(seconds)
    return response
