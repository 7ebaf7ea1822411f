"""The supervisors' channel as tests see it, in either chat: who is there, what a message says, what a person does.

`ROOMS["slack"]` and `ROOMS["mattermost"]` have the same functions; a message stays a dict in its chat's own form.
People have neutral names (`aisyah`), which `user()` turns into the chat's ids.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from sandbox.mattermost import people as mattermost_people
from sandbox.slack import people as slack_people

if TYPE_CHECKING:
    from tests.house import House

Message = dict[str, Any]
INVISIBLE = re.compile("[\u200b\u2060\ufeff]")  # breaks up what would be a mention or a link
UNDERSCORED = {"falsealarm": "false_alarm"}  # Mattermost's ids of actions are letters and digits only


class Slack:
    """The stand-in for Slack."""

    name = "slack"
    group = slack_people.GROUP_ID
    people: ClassVar = {
        "aisyah": "U0AISYAH",
        "bala": "U0BALA",
        "chen": "U0CHEN",
        "guest": "U0GUEST",
        "gone": "U0GONE",
        "otherbot": "U0OTHERBOT",
        "bot": slack_people.BOT_USER,
    }

    def settings(self, url: str) -> dict[str, str]:
        return {"CHAT": "slack", "SLACK_URL": f"{url}/api/"}

    def messages(self, house: House) -> list[Message]:
        return list(house.shown("slack")["messages"])

    def ident(self, message: Message) -> str:
        return str(message["ts"])

    def buttons(self, message: Message) -> list[str]:
        return [e["action_id"] for b in message["blocks"] if b["type"] == "actions" for e in b["elements"]]

    def raw(self, message: Message) -> str:
        """All its words, marked up."""
        return "\n".join([message["text"], *_texts(message["blocks"])])

    def text(self, message: Message) -> str:
        """What people read: links and times by their label, nothing encoded."""
        said = "\n".join(_texts(message["blocks"])) or message["text"]
        return html.unescape(re.sub(r"<[^<>|]+\|([^<>]*)>", r"\1", said))

    def answers(self, house: House, user: str) -> list[str]:
        return [m["text"] for m in self.messages(house) if m["ephemeral_to"] == user]

    def press(self, house: House, action: str, user: str, message: Message, **more: Any) -> dict[str, Any]:
        body = {"ts": message["ts"], "action_id": action, "user": user, **more}
        return dict(house.call("/sandbox/slack/press", body))

    def forms(self, house: House, user: str) -> list[str]:
        """The forms that are open before this person, oldest first."""
        with house.sandbox.world.lock:
            return [view["id"] for view in house.sandbox.world.slack.views.values() if view["user"] == user]

    def submit(self, house: House, user: str, form: str, values: dict[str, str]) -> dict[str, Any]:
        return dict(house.call("/sandbox/slack/submit", {"view_id": form, "user": user, "values": values}))

    def delete(self, house: House, message: Message) -> None:
        house.call("/sandbox/slack/delete", {"ts": message["ts"]})


class Mattermost:
    """The stand-in for Mattermost."""

    name = "mattermost"
    group = mattermost_people.GROUP_ID
    people: ClassVar = {
        **{one: mattermost_people.stable(one) for one in ("aisyah", "bala", "chen", "guest", "gone", "otherbot")},
        "bot": mattermost_people.BOT_USER,
    }

    def settings(self, url: str) -> dict[str, str]:
        approvers = ",".join(f"{self.people[one]}={one}@example.com" for one in ("aisyah", "bala"))
        return {
            "CHAT": "mattermost",
            "MATTERMOST_URL": url,
            "MATTERMOST_TOKEN": "stand-in-mattermost",
            "MATTERMOST_CHANNEL": mattermost_people.stable("supervisors"),
            "APPROVERS": approvers,
        }

    def messages(self, house: House) -> list[Message]:
        return list(house.shown("mattermost")["posts"])

    def ident(self, message: Message) -> str:
        return str(message["id"])

    def buttons(self, message: Message) -> list[str]:
        actions = [a for one in message["props"].get("attachments") or [] for a in one.get("actions") or []]
        return [UNDERSCORED.get(action["id"], action["id"]) for action in actions]

    def raw(self, message: Message) -> str:
        """All its words, marked up, without what is invisible in them."""
        parts = [message["message"]]
        for one in message["props"].get("attachments") or []:
            parts += [str(one.get(name) or "") for name in ("pretext", "title", "text", "fallback", "footer")]
            parts += [f"{field.get('title')}: {field.get('value')}" for field in one.get("fields") or []]
        return INVISIBLE.sub("", "\n".join(part for part in parts if part)).replace("\\", "")

    def text(self, message: Message) -> str:
        """What people read: links by their label, nothing encoded."""
        said = [message["message"]]
        for one in message["props"].get("attachments") or []:
            said += [str(one.get(name) or "") for name in ("pretext", "title", "text")]
        plain = re.sub(r"(?<!\\)\[((?:[^\[\]\\]|\\.)*)\]\([^()]*\)", r"\1", "\n".join(part for part in said if part))
        return html.unescape(re.sub(r"\\([^\w\s])", r"\1", INVISIBLE.sub("", plain)))

    def answers(self, house: House, user: str) -> list[str]:
        return [m["message"] for m in self.messages(house) if m["ephemeral_to"] == user or m["direct_to"] == [user]]

    def press(self, house: House, action: str, user: str, message: Message, **more: Any) -> dict[str, Any]:
        action_id = re.sub(r"[^A-Za-z0-9]", "", action)
        body = {"post_id": message["id"], "action_id": action_id, "user": user, **more}
        return dict(house.call("/sandbox/mattermost/press", body))

    def forms(self, house: House, user: str) -> list[str]:
        """The forms that are open before this person, oldest first."""
        with house.sandbox.world.lock:
            return [one["id"] for one in house.sandbox.world.mattermost.dialogs.values() if one["user"] == user]

    def submit(self, house: House, user: str, form: str, values: dict[str, str]) -> dict[str, Any]:
        return dict(house.call("/sandbox/mattermost/submit", {"dialog_id": form, "user": user, "values": values}))

    def delete(self, house: House, message: Message) -> None:
        house.call("/sandbox/mattermost/delete", {"post_id": message["id"]})


Room = Slack | Mattermost
ROOMS: dict[str, Room] = {"slack": Slack(), "mattermost": Mattermost()}


def room_of(message: Message) -> Room:
    """The chat that this message is of."""
    return ROOMS["slack" if "blocks" in message else "mattermost"]


def named(room: Room, value: str) -> str:
    """A setting such as APPROVERS: people by their neutral names, or `approvers`, the group, become the chat's ids."""
    if value == "approvers":
        return room.group
    return re.sub(r"(?<![^,])\s*(\w+)(?=[=:])", lambda found: room.people.get(found[1], found[1]), value)


def _texts(blocks: list[dict[str, Any]]) -> Iterator[str]:
    for block in blocks:
        yield from (part["text"] for part in [block.get("text")] if part)
        yield from (field["text"] for field in block.get("fields") or [])
        if block["type"] == "context":
            yield from (part["text"] for part in block["elements"] if "text" in part)
