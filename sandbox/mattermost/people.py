"""Who is on the stand-in's one Mattermost server: the same people as in the stand-in for Slack, by Mattermost's ids.

Shape of `Person.public()` as GET /users/{id} documents it. Ids have 26 letters and digits; these can be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox import person


def stable(name: str) -> str:
    """An id of 26 characters that says what it is for."""
    return f"{name:x<26}"[:26]


TEAM_ID = stable("deskteam")
TEAM_NAME = "deletion-desk-demo"
BOT_USER = stable("deskbot")
GROUP_ID = stable("approversgroup")
BORN = 1_750_000_000_000  # milliseconds


@dataclass(frozen=True)
class Person(person.Person):
    """An account."""

    def public(self, *, email: bool = True) -> dict[str, Any]:
        """The user object; `email` False: the server hides addresses (ShowEmailAddress)."""
        first, _, last = self.name.partition(" ")
        user: dict[str, Any] = {
            "id": self.id,
            "create_at": BORN,
            "update_at": BORN,
            "delete_at": BORN + 1 if self.deleted else 0,
            "username": self.handle,
            "auth_data": "",
            "auth_service": "",
            "email": self.email if email else "",
            "nickname": "",
            "first_name": first,
            "last_name": last,
            "position": "",
            "roles": "system_guest" if self.guest else "system_user",
            "locale": "en",
            "timezone": {
                "automaticTimezone": "Asia/Kuala_Lumpur",
                "manualTimezone": "",
                "useAutomaticTimezone": "true",
            },
            "disable_welcome_email": False,
        }
        if self.bot:  # left out for people
            user |= {"is_bot": True, "bot_description": "", "bot_last_icon_update": 0}
        return user


def seeded(approvers: Mapping[str, str]) -> dict[str, Person]:
    """Everyone, by id: each approver of the settings (named by the mail's local part) and the fixed cast."""
    everyone = [
        Person(user, mail.split("@")[0].replace(".", " ").title() or user, mail, approver=True)
        for user, mail in approvers.items()
    ]
    everyone += [
        Person(stable("chen"), "Chen Wei Ling", "chen@example.com"),
        Person(stable("guest"), "Ravi Menon", "ravi@partner.example.com", guest=True),
        Person(stable("gone"), "Siti Leaver", "siti@example.com", deleted=True, in_channel=False),
        Person(stable("left"), "Dewi Left", "dewi@example.com", in_channel=False),
        Person(stable("otherbot"), "Standup Bot", "standup@localhost", bot=True),
        Person(BOT_USER, "Deletion Desk", "deskbot@localhost", bot=True),
    ]
    return {person.id: person for person in everyone}
