"""`desk check` of the supervisors' chat: account, channels, user groups, and for Mattermost the way to us and back.

Whether a form can be opened needs somebody's press, so it cannot be looked at.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from app.clients.chat import Chat
from app.clients.slack import SlackClient
from app.findings import Finding, judged, look, skipped
from app.settings import Settings
from app.web.peers import Peers


def chat(settings: Settings, found: Chat) -> Iterator[Finding]:
    """Everything about the chat; one that does not answer is asked once."""
    team = ""

    def me() -> None:
        nonlocal team
        team = found.me()[0]

    name = f"{found.vendor} account"
    account = look(name, me)
    if not account.text and not team and found.vendor == "slack":
        account = Finding(name, "Slack does not name the token's workspace", "warn")
    yield account
    usual, threats = f"{found.vendor.upper()}_CHANNEL", "THREAT_CHANNEL"
    for setting, id_ in ((usual, settings.channel_of("data_deletion")), (threats, settings.threat_channel)):
        if id_:
            name = f"{found.vendor} channel" if setting == usual else "threat channel"
            yield skipped(name, account) or _channel(name, setting, found, id_)
    for setting in ("approvers_group", "threat_approvers_group"):
        if group := getattr(settings, setting):
            yield skipped(setting.upper(), account) or _group(setting.upper(), found, group)
    if isinstance(found, SlackClient) and settings.slack_app_token.get_secret_value():
        yield _socket(found, settings.slack_app_token.get_secret_value())
    if found.vendor == "mattermost":
        yield _calls_us(settings)
        yield _peers(settings)


def _channel(name: str, setting: str, found: Chat, id_: str) -> Finding:
    return look(name, lambda: found.channel(id_), channel=f"{setting} does not exist, or the bot is not in it")


def _group(name: str, found: Chat, group: str) -> Finding:
    members: frozenset[str] = frozenset()

    def ask() -> None:
        nonlocal members
        members = found.group(group)

    finding = look(name, ask, forbidden="the credentials may not read the group's members")
    if not finding.text and not members:
        return Finding(name, "the group has no members", "warn")
    return finding


def _socket(found: SlackClient, token: str) -> Finding:
    """An address for a connection is asked for; none is opened."""
    hint = "SLACK_APP_TOKEN is no app-level token of this app, or lacks connections:write"
    return look("slack socket mode", lambda: found.socket_address(token), auth=hint, forbidden=hint)


def _calls_us(settings: Settings) -> Finding:
    """Mattermost refuses to call private and reserved addresses unless they are listed (facts M24)."""
    name, host = "mattermost calls us", urlsplit(settings.public_url).hostname or ""
    try:
        known = {str(entry[4][0]).partition("%")[0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return Finding(name, "the host of PUBLIC_URL has no address here", "warn")
    if all(ipaddress.ip_address(address).is_global for address in known):
        return Finding(name)
    hint = "PUBLIC_URL is a private address: AllowedUntrustedInternalConnections of Mattermost must list its host"
    return Finding(name, hint, "warn")


def _peers(settings: Settings) -> Finding:
    """Action calls are not signed (facts M7), so who may send them is part of the proof."""
    if settings.mattermost_peers == ("any",):
        hint = "anybody may send presses: only for a network that nobody else can reach"
        return Finding("mattermost peers", hint, "warn")
    named = ", ".join(str(network) for network in Peers(settings).networks())
    if not named:
        return judged("mattermost peers", "the host of MATTERMOST_URL has no address here: every press is refused")
    return Finding(f"mattermost peers {named}")
