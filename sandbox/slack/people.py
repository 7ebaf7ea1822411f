"""Who is in the stand-in's one workspace: approvers, an ordinary member, a guest, a leaver, two bots.

Shape of `Person.public()` as users.info documents it. All of them are made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox import person

TEAM_ID = "T0DESK"
TEAM_NAME = "Deletion Desk demo"
TEAM_DOMAIN = "deletion-desk-demo"
APP_ID = "A0DESK"
BOT_ID = "B0DESK"
BOT_USER = "U0DESKBOT"
GROUP_ID = "S0SUPERVISE"  # the user group of the approvers


@dataclass(frozen=True)
class Person(person.Person):
    """A member of the workspace."""

    def public(self) -> dict[str, Any]:
        """The user object of users.info."""
        profile: dict[str, Any] = {
            "avatar_hash": "g000000000000",
            "status_text": "",
            "status_emoji": "",
            "real_name": self.name,
            "display_name": self.handle,
            "real_name_normalized": self.name,
            "display_name_normalized": self.handle,
            "team": TEAM_ID,
        }
        if self.email:
            profile["email"] = self.email
        user: dict[str, Any] = {
            "id": self.id,
            "team_id": TEAM_ID,
            "name": self.handle,
            "deleted": self.deleted,
            "profile": profile,
            "is_bot": self.bot,
            "is_app_user": False,
            "updated": 1_750_000_000,
        }
        if self.deleted:  # Slack leaves the role flags and the time zone out for a deactivated account
            return user
        return {
            **user,
            "color": "9f69e7",
            "real_name": self.name,
            "tz": "Asia/Kuala_Lumpur",
            "tz_label": "Malaysia Time",
            "tz_offset": 28_800,
            "is_admin": False,
            "is_owner": False,
            "is_primary_owner": False,
            "is_restricted": self.guest,
            "is_ultra_restricted": False,
            "has_2fa": False,
        }


def seeded(approvers: Mapping[str, str]) -> dict[str, Person]:
    """Everyone, by id: each approver of the settings (named by the mail's local part) and the fixed cast."""
    everyone = [
        Person(user, mail.split("@")[0].replace(".", " ").title() or user, mail, approver=True)
        for user, mail in approvers.items()
    ]
    everyone += [
        Person("U0CHEN", "Chen Wei Ling", "chen@example.com"),
        Person("U0GUEST", "Ravi Menon", "ravi@partner.example.com", guest=True),
        Person("U0GONE", "Siti Leaver", "siti@example.com", deleted=True, in_channel=False),
        Person("U0OTHERBOT", "Standup Bot", "", bot=True, in_channel=False),
        Person(BOT_USER, "Deletion Desk", "", bot=True),
    ]
    return {person.id: person for person in everyone}
