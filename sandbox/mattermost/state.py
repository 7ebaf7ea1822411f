"""What the stand-in for Mattermost remembers: channels, posts, open dialogs, what was posted lately.

Times are Unix milliseconds, never falling. Every use is under the world's lock.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import uuid
from typing import TYPE_CHECKING, Any

from flask import Response

from sandbox.mattermost.model import Channel, Post, stripped
from sandbox.mattermost.people import BOT_USER, Person, seeded, stable

if TYPE_CHECKING:
    from sandbox.core import World

PENDING_LIFE = 30.0  # seconds in which a pending_post_id is known (facts M26)
TRIGGER_KEY = b"the server's own signing key"
URGENT_CHANNEL = stable("urgent")  # a second channel with the same members, for THREAT_CHANNEL
FOREIGN_CHANNEL = stable("elsewhere")  # exists, but our bot is not in it
BURST = 100


class State:
    """One Mattermost server with one team."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.channel = world.config.mattermost_channel
        self.people: dict[str, Person] = seeded(world.config.approvers_in("mattermost"))
        channels = (
            Channel(self.channel, "supervisors", "Supervisors"),
            Channel(URGENT_CHANNEL, "urgent", "Urgent"),
            Channel(FOREIGN_CHANNEL, "elsewhere", "Elsewhere", members=frozenset({stable("chen")})),
        )
        self.channels = {channel.id: channel for channel in channels}
        self.posts: dict[str, Post] = {}  # deleted ones too; ephemeral ones too, though no method shows them
        self.dialogs: dict[str, dict[str, Any]] = {}
        self.triggers: dict[str, str] = {}  # client trigger id -> channel of the press
        self.pending: dict[str, tuple[float, str]] = {}  # pending_post_id -> (since when, post id or '')
        self._now = 0
        self._tokens = float(BURST)
        self._filled = time.monotonic()

    def public(self) -> dict[str, Any]:
        """The `mattermost` part of GET /sandbox/state."""
        people = [
            {"id": p.id, "name": p.name, "username": p.handle, "approver": p.approver}
            for p in self.people.values()
            if p.in_channel and not p.bot
        ]
        return {
            "channel": self.channel,
            "channel_name": self.channels[self.channel].name,
            "people": people,
            "posts": [self._shown(post) for post in self.posts.values() if not post.delete_at],
            "dialogs": list(self.dialogs.values()),
        }

    def _shown(self, post: Post) -> dict[str, Any]:
        person = self.people.get(post.user_id)
        direct = self.channels[post.channel_id].members if self.channels[post.channel_id].type == "D" else frozenset()
        return {
            "id": post.id,
            "at": post.create_at / 1000,
            "channel": post.channel_id,
            "user": person.name if person else post.user_id,
            "user_id": post.user_id,
            "message": post.message,
            "props": stripped(post.props),
            "edited": post.edit_at > 0,
            "root_id": post.root_id,
            "ephemeral_to": post.ephemeral_to,
            "direct_to": sorted(direct - {BOT_USER}),
        }

    def now(self) -> int:
        """Milliseconds, later than every moment given before."""
        self._now = max(self._now + 1, time.time_ns() // 1_000_000)
        return self._now

    def new_id(self) -> str:
        """26 letters and digits that nobody can guess."""
        return base64.b32encode(uuid.uuid4().bytes).decode().rstrip("=").lower()

    def post(self, post_id: str) -> Post | None:
        """The post that is to be seen: neither deleted nor ephemeral."""
        found = self.posts.get(post_id)
        return None if found is None or found.delete_at or found.ephemeral_to else found

    def belongs(self, user: str, channel_id: str) -> bool:
        """Whether this account is a member of the channel."""
        channel, person = self.channels.get(channel_id), self.people.get(user)
        if channel is None or person is None or person.deleted:
            return False
        return user in channel.members if channel.members else person.in_channel

    def direct(self, one: str, other: str) -> Channel:
        """The two people's direct channel, made when it is not there yet."""
        name = "__".join(sorted((one, other)))
        digest = base64.b32encode(hashlib.sha256(name.encode()).digest()[:16]).decode().rstrip("=").lower()
        channel = Channel(digest, name, "", "D", frozenset({one, other}))
        return self.channels.setdefault(channel.id, channel)

    def session(self, token: str) -> str | None:
        """Whose token this is: our bot's, or `session-<user id>`, what a person's own client would hold."""
        if token == self.world.config.mattermost_token:
            return BOT_USER
        person = self.people.get(token.removeprefix("session-")) if token.startswith("session-") else None
        return person.id if person and not person.deleted and not person.bot else None

    def new_trigger(self, user: str, channel_id: str) -> str:
        """A trigger id as the server makes it: base64 of client id, user, milliseconds and signature (facts M17)."""
        client = self.new_id()
        self.triggers[client] = channel_id
        base = f"{client}:{user}:{time.time_ns() // 1_000_000}:"
        return base64.b64encode(f"{base}{_sign(base)}".encode()).decode()

    def read_trigger(self, trigger: str) -> tuple[str, str] | str:
        """(client trigger id, user) or the name of the server's error. May be used again until it is too old."""
        try:
            parts = base64.b64decode(trigger, validate=True).decode().split(":")
        except ValueError:
            return "base64_decode_failed"
        if len(parts) != 4:
            return "missing_data"
        client, user, millis, signature = parts
        life = self.world.config.mattermost_integration_timeout
        if not millis.isdigit() or time.time() - int(millis) / 1000 > life:
            return "expired"
        if not hmac.compare_digest(signature, _sign(f"{client}:{user}:{millis}:")):
            return "verify_signature_failed"
        return client, user

    def throttle(self, method: str) -> Response | None:
        """The server's own rate limit (off unless `mattermost_rate` is set): a bucket for each caller (facts M25)."""
        rate = self.world.config.mattermost_rate
        if not rate:
            return None
        now = time.monotonic()
        self._tokens = min(float(BURST), self._tokens + (now - self._filled) * rate)
        self._filled = now
        if self._tokens < 1:
            return too_many(max(1, int((1 - self._tokens) / rate) + 1), BURST)
        self._tokens -= 1
        return None


def too_many(seconds: int, limit: int) -> Response:
    """Mattermost's 429: the only refusal that is plain text."""
    headers = {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(seconds),
        "Retry-After": str(seconds),
    }
    return Response("limit exceeded\n", 429, headers, mimetype="text/plain")


def _sign(base: str) -> str:
    return base64.b64encode(hmac.digest(TRIGGER_KEY, base.encode(), "sha256")).decode()
