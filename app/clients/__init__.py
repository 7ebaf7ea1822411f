"""The vendors, each behind a protocol of ours; every library error leaves here as one of app.errors."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass

from app.clients.bans import Bans
from app.clients.chat import Chat
from app.clients.http import DEADLINE
from app.clients.types import Jira, Zendesk
from app.settings import Settings

# At DEBUG these log whole bodies and URLs (facts Z4.24); their own level holds even when the root logger is at DEBUG.
_TALKATIVE = ("zenpy", "urllib3", "requests", "slack_sdk")


@dataclass(frozen=True)
class Clients:
    """One client a vendor; all of them may be used from many threads."""

    zendesk: Zendesk
    chat: Chat
    jira: Jira
    bans: Bans | None = None  # only where BAN_CHECK_URL is set

    def skews(self) -> dict[str, float | None]:
        """Vendor -> its clock less ours in seconds, by its last answer; None: it has not said."""
        return {name: getattr(client, "skew", None) for name, client in self._each().items()}

    def library_retries(self) -> dict[str, int]:
        """Vendor -> how often its library would send again by itself. Only the ledger may: all are 0."""
        return {name: getattr(client, "library_retries", 0) for name, client in self._each().items()}

    def _each(self) -> dict[str, object]:
        each: dict[str, object] = {"zendesk": self.zendesk, self.chat.vendor: self.chat, "jira": self.jira}
        return {**each, "bans": self.bans} if self.bans is not None else each

    def close(self) -> None:
        """Close idle connections; the clients stay usable."""
        for client in self._each().values():
            with suppress(AttributeError):  # a test's stand-in may have nothing to close
                client.close()  # type: ignore[attr-defined]  # not part of the protocols: steps never close


def make(settings: Settings) -> Clients:
    """The real clients. Sends nothing: they connect at their first call."""
    from app.clients.bans import BanClient
    from app.clients.jira import JiraClient
    from app.clients.zendesk import ZendeskClient

    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("jira").setLevel(logging.CRITICAL)  # it logs whole bodies even at ERROR
    bans = BanClient(settings) if settings.ban_check_url else None
    return Clients(zendesk=ZendeskClient(settings), chat=make_chat(settings), jira=JiraClient(settings), bans=bans)


def make_chat(settings: Settings, *, deadline: float = DEADLINE) -> Chat:
    """The supervisors' chat, as CHAT says. `deadline`: seconds for one call from start to the last byte."""
    if settings.chat == "mattermost":
        from app.clients.mattermost import MattermostClient

        return MattermostClient(settings, deadline=deadline)
    from app.clients.slack import SlackClient

    return SlackClient(settings, deadline=deadline)
