"""What the stand-ins of both chats know of a person."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """`in_channel`: belongs to the supervisors' channels; `approver`: belongs to the user group."""

    id: str
    name: str
    email: str
    approver: bool = False
    guest: bool = False
    deleted: bool = False
    bot: bool = False
    in_channel: bool = True

    @property
    def handle(self) -> str:
        """The lower-case name that payloads and mentions carry."""
        return self.name.lower().replace(" ", ".")
