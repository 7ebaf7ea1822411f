"""Channels and posts as the stand-in for Mattermost keeps and shows them. Times are Unix milliseconds."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.mattermost.people import BORN, BOT_USER, TEAM_ID


@dataclass(frozen=True)
class Channel:
    """`members`: of a direct channel; those of the others are everybody `in_channel`."""

    id: str
    name: str
    display_name: str
    type: str = "P"
    members: frozenset[str] = frozenset()

    def public(self, last_post_at: int) -> dict[str, Any]:
        """The channel object."""
        return {
            "id": self.id,
            "create_at": BORN,
            "update_at": BORN,
            "delete_at": 0,
            "team_id": "" if self.type == "D" else TEAM_ID,
            "type": self.type,
            "display_name": self.display_name,
            "name": self.name,
            "header": "",
            "purpose": "",
            "last_post_at": last_post_at,
            "total_msg_count": 0,
            "extra_update_at": 0,
            "creator_id": BOT_USER if self.type == "D" else "",
        }


@dataclass
class Post:
    """A post as the server keeps it. `past`: earlier props, what a client that has not refreshed still shows."""

    id: str
    channel_id: str
    user_id: str
    message: str
    props: dict[str, Any]
    create_at: int
    update_at: int
    root_id: str = ""
    pending_post_id: str = ""
    edit_at: int = 0
    delete_at: int = 0
    ephemeral_to: str | None = None
    past: list[dict[str, Any]] = field(default_factory=list)

    @property
    def op(self) -> str | None:
        """The sender's own mark of this effect, when the props carry one."""
        op = self.props.get("desk_op")
        return str(op) if op is not None else None

    def public(self) -> dict[str, Any]:
        """The post object of every answer: what an integration is sent is never in it (facts M8)."""
        return {
            "id": self.id,
            "create_at": self.create_at,
            "update_at": self.update_at,
            "edit_at": self.edit_at,
            "delete_at": self.delete_at,
            "is_pinned": False,
            "user_id": self.user_id,
            "channel_id": self.channel_id,
            "root_id": self.root_id,
            "original_id": "",
            "message": self.message,
            "type": "",
            "props": stripped(self.props),
            "hashtags": "",
            "file_ids": [],
            "pending_post_id": self.pending_post_id,
            "remote_id": "",
            "reply_count": 0,
            "last_reply_at": 0,
            "participants": None,
            "metadata": {"embeds": [], "emojis": [], "files": [], "images": {}, "reactions": []},
        }


def actions_of(props: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every button and menu of a post's attachments."""
    for attachment in props.get("attachments") or []:
        yield from attachment.get("actions") or []


def stripped(props: dict[str, Any]) -> dict[str, Any]:
    """The props without what only the server may know."""
    shown = copy.deepcopy(props)
    for action in actions_of(shown):
        action.pop("integration", None)
    return shown
