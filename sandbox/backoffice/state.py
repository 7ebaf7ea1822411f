"""Which customers are banned on which channel. Every use is under the world's lock."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from sandbox.core import World
    from sandbox.jira.state import Issue

CHANNELS = ("calls", "sms", "email", "push")
CARDS = Path(__file__).resolve().parent.parent.parent / "macros" / "cards.toml"
CUSTOMER = re.compile(r"https?://[^\s|\]]+/([^/\s|\]?#]+)")  # the last part of the BackOffice link in an issue


class State:
    """Customer -> the channels on which they are banned."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.bans: dict[str, set[str]] = {}
        self.strangers: set[str] = set()  # on a ticket, and yet not known here

    def public(self) -> dict[str, Any]:
        """The `bans` part of GET /sandbox/state."""
        return {customer: self.shown(customer) for customer in self.bans}

    def shown(self, customer: str) -> dict[str, bool]:
        """Channel -> banned."""
        return {channel: channel in self.bans.get(customer, ()) for channel in CHANNELS}

    def of(self, customer: str) -> set[str] | None:
        """The channels on which this customer is banned; None when nobody has heard of them.

        Customers whom the account knows are known here too, banned or not: their BackOffice links are on tickets.
        """
        if customer in self.strangers:
            return None
        return self.bans.get(customer, set() if customer in self._on_tickets() else None)

    def change(self, customer: str, channels: dict[str, bool]) -> None:
        """Set and lift bans."""
        banned = self.bans.setdefault(customer, set())
        for channel, is_banned in channels.items():
            (banned.add if is_banned else banned.discard)(channel)
        self.world.changed()

    def follow(self, issue: Issue) -> None:
        """A support person carries out what the issue asks for, and then sets it to done."""
        text = issue.description or ""
        found = CUSTOMER.search(text)
        if found and self.world.config.bans_follow_jira:
            asked = [channel for channel in CHANNELS if any(word in text for word in _words()[channel])]
            self.change(unquote(found[1]), dict.fromkeys(asked, True))

    def _on_tickets(self) -> set[str]:
        field = self.world.config.fields.get("backoffice")
        links = (ticket.fields.get(field) for ticket in self.world.zendesk.tickets.values())
        return {unquote(link.rstrip("/").rpartition("/")[2]) for link in links if isinstance(link, str) and link}


@cache
def _words() -> dict[str, tuple[str, ...]]:
    """Channel -> its names on the card, in all languages, as they stand in the issue too."""
    table = tomllib.loads(CARDS.read_text("utf-8"))["channel"]
    return {channel: tuple(table[channel].values()) for channel in CHANNELS}
