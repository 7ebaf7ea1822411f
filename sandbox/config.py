"""The sandbox's settings: who is who (the desk's own environment names) and how the stand-ins behave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass
class Config:
    """Who is who, and how the stand-ins behave; the defaults equal `.env.example`. Durations are seconds."""

    desk: str = "http://127.0.0.1:8000"
    chat: str = "slack"  # or "mattermost": whose channel the page shows, whose ids the approvers have
    host: str = "127.0.0.1"
    port: int = 0  # 0: any free port
    tls_port: int = 0
    seed: bool = True
    zendesk_webhook_secret: str = "stand-in-zendesk-webhook"
    zendesk_client_id: str = "deletion_desk"
    zendesk_client_secret: str = "stand-in-zendesk-client"
    zendesk_account_id: int = 12514403
    slack_signing_secret: str = "stand-in-slack-signing"
    slack_bot_token: str = "xoxb-stand-in"
    slack_app_token: str = "xapp-stand-in"
    slack_channel: str = "C0SUPERVISE"
    mattermost_token: str = "stand-in-mattermost"
    mattermost_channel: str = "supervisorsxxxxxxxxxxxxxxx"
    jira_webhook_secret: str = "stand-in-jira-webhook"
    jira_user: str = "desk@example.com"
    jira_token: str = "stand-in-jira-token"
    jira_project: str = "SUP"
    fields: dict[str, int] = field(
        default_factory=lambda: {"name": 360001, "contact": 360002, "backoffice": 360003, "preference": 360004}
    )
    approvers: dict[str, str] = field(default_factory=dict)  # of `chat`; empty: those of APPROVERS below
    # How they behave; `POST /sandbox/config` changes these while running.
    limits: bool = True
    latency: float = 0.0  # before every vendor answer
    random_seed: int = 1
    token_life: int = 1800
    slack_post_interval: float = 1.0  # seconds between two messages to one channel (S19)
    mattermost_rate: float = 0.0  # requests a second; 0: no limit, as the server is installed (facts M25)
    mattermost_integration_timeout: float = 30.0  # OutgoingIntegrationRequestsTimeout, and a trigger id's life
    mattermost_groups: str = "readable"  # or "unlicensed", "forbidden"
    mattermost_dedupe: bool = True  # False: each request meets a node that remembers no pending_post_id (facts M27)
    mattermost_emails: bool = True  # whether the server shows people's addresses (ShowEmailAddress)
    zendesk_account_rate: int = 700  # requests a minute (Z4.1, Enterprise)
    zendesk_update_rate: int = 100  # ticket updates a minute (Z4.2)
    zendesk_search_lag: float = 0.0
    trigger_guard: bool = True
    trigger_webhooks: bool = True
    event_subscription: bool = False
    event_shape: str = "lists"  # or "nested": the second shape third parties met (Z1.9)
    drop_webhooks: float = 0.0  # share of deliveries never sent
    duplicate_webhooks: int = 0  # extra copies of each delivery: the first with the same invocation id, others not
    webhook_delay: tuple[float, float] = (0.0, 0.0)  # drawn for each delivery: late ones, and another order
    clock_skew: float = 0.0  # added to the time Zendesk signs with
    webhook_timeout: float = 12.0
    webhook_retry_seconds: float = 2.0  # pause before Zendesk's own retry; the real one is not documented
    webhook_retry_refused: bool = False  # whether Zendesk repeats after a refused connection (not documented)
    circuit_breaker: bool = True
    macro_preview_renders: bool = False  # whether a macro's preview has its placeholders rendered (Z2.3: not known)
    socket_redelivers: bool = True  # whether an envelope without acknowledgement comes again (S45: not known)
    jira_deployment: str = "Cloud"  # or "Server"
    jira_index_lag: tuple[float, float] = (0.1, 2.0)
    jira_retry_seconds: float = 5.0
    ban_check_token: str = "stand-in-bans"
    authenticator_secret: str = ""  # whose codes /authenticator shows, as a telephone would; empty: no such page
    bans_follow_jira: bool = True  # whether whoever sets an issue to done has set the ban it asks for

    def __post_init__(self) -> None:
        self.approvers = self.approvers or dict(APPROVERS[self.chat])

    def approvers_in(self, chat: str) -> dict[str, str]:
        """That chat's approvers: id -> mail. The chat that is not in use has its usual ones."""
        return self.approvers if chat == self.chat else APPROVERS[chat]

    @classmethod
    def from_env(cls, env: Mapping[str, str], **given: Any) -> Config:
        """Read the desk's own environment names; for rotated secrets the first (newest) one counts."""
        values: dict[str, Any] = {}
        for name, key in ENV_NAMES.items():
            if env.get(key):
                values[name] = env[key].split(",")[0].strip() if key.endswith("_SECRETS") else env[key].strip()
        if env.get("DESK_FIELDS"):
            values["fields"] = {k: int(v) for k, v in _pairs(env["DESK_FIELDS"]).items()}
        if env.get("APPROVERS"):
            values["approvers"] = _pairs(env["APPROVERS"])
        return cls(**{**values, **given})

    def update(self, values: Mapping[str, Any]) -> None:
        """Change known settings; an unknown name is a ValueError, because a silent one would make a test lie."""
        known = {f.name for f in fields(self)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(unknown)}")
        for name, value in values.items():
            setattr(self, name, tuple(value) if isinstance(getattr(self, name), tuple) else value)


APPROVERS = {
    "slack": {"U0AISYAH": "aisyah@example.com", "U0BALA": "bala@example.com"},
    "mattermost": {
        "aisyahxxxxxxxxxxxxxxxxxxxx": "aisyah@example.com",
        "balaxxxxxxxxxxxxxxxxxxxxxx": "bala@example.com",
    },
}
ENV_NAMES = {
    "desk": "PUBLIC_URL",
    "chat": "CHAT",
    "zendesk_webhook_secret": "ZENDESK_WEBHOOK_SECRETS",
    "zendesk_client_id": "ZENDESK_CLIENT_ID",
    "zendesk_client_secret": "ZENDESK_CLIENT_SECRET",
    "slack_signing_secret": "SLACK_SIGNING_SECRETS",
    "slack_bot_token": "SLACK_BOT_TOKEN",
    "slack_app_token": "SLACK_APP_TOKEN",
    "slack_channel": "SLACK_CHANNEL",
    "mattermost_token": "MATTERMOST_TOKEN",
    "mattermost_channel": "MATTERMOST_CHANNEL",
    "jira_webhook_secret": "JIRA_WEBHOOK_SECRETS",
    "jira_user": "JIRA_USER",
    "jira_token": "JIRA_TOKEN",
    "jira_project": "JIRA_PROJECT",
    "ban_check_token": "BAN_CHECK_TOKEN",
    "authenticator_secret": "AUTHENTICATOR_SECRET",
}


def _pairs(text: str) -> dict[str, str]:
    """Read `a=1,b=2`."""
    return dict(part.strip().split("=", 1) for part in text.split(",") if "=" in part)
