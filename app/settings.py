"""The environment, read once and checked whole: every missing or wrong setting is named in one message."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.admin.roles import ROLES
from app.errors import ConfigError
from app.setting_forms import (
    PUBLIC_TEST_SECRET,
    BanUrl,
    DatabaseUrl,
    Digits,
    FieldIds,
    File,
    Group,
    HttpUrl,
    MattermostId,
    MaybeHttpUrl,
    MaybeUrl,
    Pairs,
    Peers,
    ProjectKey,
    Proxies,
    Secret,
    Secrets,
    SlackChannel,
    Text,
    TimeZone,
    WordList,
    Words,
    channel_id,
    unknown_names,
)
from app.setting_refusals import plain, strangers

__all__ = ["CHANNELS", "DEFAULT_TAGS", "PUBLIC_TEST_SECRET", "Settings", "load", "public_url"]

CHANNELS = ("calls", "sms", "email", "push")
DEFAULT_TAGS = {
    "data_deletion_request": "data_deletion_request",
    "data_deletion_withdrawn": "data_deletion_withdrawn",
    "regulatory_threat": "regulatory_threat",
    "pref_delete_all": "pref_delete_all",
    "pref_stop_all": "pref_stop_all",
    **{f"pref_stop_{channel}": f"pref_stop_{channel}" for channel in CHANNELS},
    **{f"resume_{channel}": f"resume_{channel}" for channel in CHANNELS},
}
OF_GUNICORN = frozenset({"WEB_CONCURRENCY", "WEB_THREADS"})  # may be in `.env` too, read by gunicorn.conf.py


class Settings(BaseSettings):
    """All settings; names are the environment's (see `.env.example`). Durations are seconds."""

    model_config = SettingsConfigDict(
        frozen=True,
        env_file=".env",
        extra="ignore",
        case_sensitive=False,
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )

    # where we run
    host: Text = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    public_url: HttpUrl
    database_url: DatabaseUrl = ""
    var_dir: Text = "./var"
    secret_key: Secret
    data_key: Secret
    desk_language: Literal["en", "ms", "zh"] = "en"
    desk_time_zone: TimeZone = "Asia/Kuala_Lumpur"

    # Zendesk
    zendesk_url: HttpUrl
    zendesk_client_id: Text
    zendesk_client_secret: Secret
    zendesk_webhook_secrets: Secrets = Field(min_length=1)
    zendesk_account_id: Digits = ""

    # chat
    chat: Literal["slack", "mattermost"] = "slack"
    slack_url: HttpUrl = "https://slack.com/api"
    slack_bot_token: SecretStr = Field(default=SecretStr(""), validate_default=True)
    slack_app_token: SecretStr = Field(default=SecretStr(""), description="xapp-…: Socket Mode")
    slack_signing_secrets: Secrets = Field(default=(), validate_default=True)
    slack_channel: SlackChannel = Field(default="", validate_default=True)
    mattermost_url: MaybeHttpUrl = Field(default="", validate_default=True)
    mattermost_token: SecretStr = Field(default=SecretStr(""), validate_default=True)
    mattermost_channel: MattermostId = Field(default="", validate_default=True)
    mattermost_peers: Peers = Field(default=(), description="who may call our actions; empty: MATTERMOST_URL's host")
    approvers: Pairs = Field(default_factory=dict)
    approvers_group: Group = Field(default="", description="a user group of the chat, beside APPROVERS")
    threat_approvers: Pairs = Field(default_factory=dict, description="empty: the approvers")
    threat_approvers_group: Group = ""
    threat_channel: str = Field(default="", description="empty: the supervisors' channel")
    admin_channel: str = Field(default="", description="where failures are told; empty: nowhere")
    threat_two_persons: bool = Field(default=False, description="whether a threat needs two persons' same answer")
    threat_words: WordList = Field(
        default="", description="words of our own for threats, form of app/threats/words.toml"
    )

    # JIRA
    jira_url: HttpUrl
    jira_user: str = ""
    jira_token: SecretStr = Field(min_length=1)
    jira_done_resolutions: Words = ("Done", "Fixed", "Resolved", "Complete", "Completed")
    jira_project: ProjectKey
    jira_issue_type: Text = "Task"
    jira_webhook_secrets: Secrets = Field(min_length=1)
    jira_ticket_link: bool = Field(default=True, description="whether the link to the ticket leaves customer service")

    # whether a ban is really there
    ban_check_url: BanUrl = ""
    ban_check_token: SecretStr = SecretStr("")
    completion_macro: str = Field(default="", description="title of the macro of the second message; empty: none")

    # the ticket
    partial_allowed: bool = Field(default=True, description="whether single channels may be stopped")
    kept_in_reply: bool = Field(default=False, description="whether the reply lists what must be kept")
    backoffice_url: MaybeUrl = ""
    desk_fields: FieldIds = Field(default_factory=dict)
    desk_tags: Pairs = Field(default_factory=dict)

    # how long things are kept
    forget_case_days: int = Field(default=45, ge=1, le=3650, description="after a case was closed")

    # clocks
    clock_profile: Text = "MY"
    clock_state: str = Field(default="", description="holidays of this state too, as in ISO 3166-2 (14, KUL)")
    digest_at: str = Field(default="09:00", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^$")
    sweep_interval: float = Field(default=600.0, gt=0)
    api_rate: float = Field(default=600.0, gt=0, description="calls a minute for each token")

    # who may use the admin pages, beside local accounts
    oidc_issuer: MaybeHttpUrl = Field(default="", description="empty: local accounts only")
    oidc_client_id: str = Field(default="", validate_default=True)
    oidc_client_secret: SecretStr = Field(default=SecretStr(""), description="empty: a public client")
    oidc_claim: Text = Field(default="groups", description="which claim OIDC_ROLES is about")
    oidc_roles: Pairs = Field(default_factory=dict, description="its value=role; empty: only accounts made here")
    admin_proxies: Proxies = Field(default=(), description="whose X-Forwarded-For is believed, for people only")

    # what is told of its own work
    otel_exporter_otlp_endpoint: MaybeHttpUrl = Field(default="", description="empty: no spans are made")

    # limits
    max_body: int = Field(default=262_144, gt=0)
    signature_window: int = Field(default=300, gt=0)
    approval_life: int = Field(default=72 * 3600, gt=0)
    worker_concurrency: int = Field(default=8, ge=1, le=64)
    heartbeat: float = Field(default=5.0, gt=0)
    stalled_after: float = Field(default=15.0, gt=0, validate_default=True)
    poll_interval: float = Field(default=1.0, gt=0, description="how often a delayed run is looked for")
    probe_interval: float = Field(default=30.0, gt=0, description="one call to a vendor that is down")
    stop_within: float = Field(default=20.0, gt=0, le=25)
    lease: float = Field(default=45.0, gt=0, le=3600)
    zendesk_quiet: float = Field(default=30.0, ge=0, le=86_400)
    slack_quiet: float = Field(default=60.0, ge=0, le=86_400)
    mattermost_quiet: float = Field(default=60.0, ge=0, le=86_400)
    jira_quiet: float = Field(default=300.0, ge=0, le=86_400)
    zendesk_rate: float = Field(default=90.0, gt=0, description="ticket updates a minute")
    slack_rate: float = Field(default=50.0, gt=0, description="calls of one method a minute")
    slack_post_rate: float = Field(default=50.0, gt=0, description="messages to one channel a minute")
    mattermost_rate: float = Field(default=300.0, gt=0, description="calls a minute")
    mattermost_post_rate: float = Field(default=120.0, gt=0, description="messages to one channel a minute")
    jira_rate: float = Field(default=300.0, gt=0, description="calls a minute")
    connect_timeout: float = Field(default=5.0, gt=0, le=300)
    read_timeout: float = Field(default=15.0, gt=0, le=300)
    retry_base: float = Field(default=5.0, gt=0, description="first long wait after a failure, doubled with jitter")
    retry_cap: float = Field(default=900.0, gt=0, validate_default=True)
    loop_fuse: int = Field(default=5, ge=1, description="same message for a ticket in 10 minutes")
    ca_bundle: File = ""

    @model_validator(mode="before")
    @classmethod
    def _decode(cls, data: Any) -> Any:
        """Any case; an empty HOST or PORT, which hosts of processes like to set, is the default."""
        if not isinstance(data, dict):
            return data
        given = {key.lower(): value for key, value in data.items()}
        blank = {key for key in ("host", "port") if isinstance(given.get(key), str) and not given[key].strip()}
        return {key: value for key, value in given.items() if key not in blank}

    @field_validator(
        *("slack_bot_token", "slack_signing_secrets", "slack_channel"),
        *("mattermost_url", "mattermost_token", "mattermost_channel"),
    )
    @classmethod
    def _needed(cls, value: Any, info: ValidationInfo) -> Any:
        """What the chosen chat cannot do without. Socket Mode needs no signing secret: nothing comes by our URL."""
        given = value.get_secret_value().strip() if isinstance(value, SecretStr) else value
        app = info.data.get("slack_app_token")
        by_socket = info.field_name == "slack_signing_secrets" and app is not None and app.get_secret_value()
        if not given and not by_socket and str(info.field_name).startswith(str(info.data.get("chat"))):
            raise ValueError("is missing")
        return value

    @field_validator("slack_app_token")
    @classmethod
    def _of_an_app(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and not value.get_secret_value().startswith("xapp-"):
            raise ValueError("must be empty or an app-level token (xapp-…)")
        return value

    @field_validator("oidc_client_id")
    @classmethod
    def _of_a_client(cls, value: str, info: ValidationInfo) -> str:
        if info.data.get("oidc_issuer") and not value.strip():
            raise ValueError("is missing")
        return value

    @field_validator("oidc_roles")
    @classmethod
    def _are_roles(cls, value: dict[str, str]) -> dict[str, str]:
        if set(value.values()) - set(ROLES):
            raise ValueError(f"must name a role after each =: {', '.join(ROLES)}")
        return value

    @field_validator("threat_channel", "admin_channel")
    @classmethod
    def _of_the_chat(cls, value: str, info: ValidationInfo) -> str:
        return channel_id(value, str(info.data.get("chat")))

    @field_validator("clock_profile", "clock_state")
    @classmethod
    def _known_clock(cls, value: str, info: ValidationInfo) -> str:
        """A profile of app/clocks/profiles.toml, and a state of its country."""
        from app.clocks import calendar, profiles

        try:
            known = profiles.load()
        except ConfigError as error:
            raise ValueError(str(error)) from None
        if info.field_name == "clock_profile" and value not in known:
            raise ValueError(f"must be one of {', '.join(sorted(known))}")
        profile = known.get(info.data.get("clock_profile", ""))
        if info.field_name == "clock_state" and value and profile and value not in calendar.states(profile):
            raise ValueError("must be empty or a state of CLOCK_PROFILE's country, as in ISO 3166-2 (14, KUL)")
        return value

    @field_validator("desk_tags")
    @classmethod
    def _distinct(cls, value: dict[str, str]) -> dict[str, str]:
        if unknown := unknown_names(value, DEFAULT_TAGS):
            raise ValueError(f"unknown name {', '.join(unknown)}")
        tags = {**DEFAULT_TAGS, **value}
        if len(set(tags.values())) != len(tags):
            raise ValueError("two names share one tag")
        if any(tag.startswith("desk_") for tag in tags.values()):
            raise ValueError("tags that begin with desk_ are the desk's own")
        return value

    @field_validator("stalled_after", "retry_cap")
    @classmethod
    def _in_order(cls, value: float, info: ValidationInfo) -> float:
        if info.field_name == "stalled_after" and value <= info.data.get("heartbeat", 0):
            raise ValueError("must be more than HEARTBEAT")
        if info.field_name == "retry_cap" and value < info.data.get("retry_base", 0):
            raise ValueError("must not be less than RETRY_BASE")
        return value

    @cached_property
    def tags(self) -> dict[str, str]:
        """Name in the SOP's terms -> tag in this account."""
        return {**DEFAULT_TAGS, **self.desk_tags}

    def approvers_of(self, procedure: str) -> dict[str, str]:
        """Who may decide cards of this procedure: chat user id -> the Zendesk agent it is."""
        own = procedure == "regulatory_threat" and (self.threat_approvers or self.threat_approvers_group)
        return self.threat_approvers if own else self.approvers

    def channel_of(self, procedure: str) -> str:
        """The chat channel that this procedure's cards are posted to."""
        usual = self.slack_channel if self.chat == "slack" else self.mattermost_channel
        return self.threat_channel or usual if procedure == "regulatory_threat" else usual

    def group_of(self, procedure: str) -> str:
        """The user group whose members may decide this procedure's cards too; '' for none.

        A threat has its own list: as soon as it has people or a group of its own, the others do not count for it.
        """
        own = procedure == "regulatory_threat" and (self.threat_approvers or self.threat_approvers_group)
        return self.threat_approvers_group if own else self.approvers_group

    @cached_property
    def fields(self) -> dict[str, int]:
        """`name`, `contact`, `backoffice`, `preference` -> id of the Zendesk ticket field."""
        return {name: int(number) for name, number in self.desk_fields.items()}


def load(**overrides: Any) -> Settings:
    """The settings of this process; raises ConfigError that names every wrong one and shows no value.

    A name in `.env` that is no setting is refused too: it is somebody's slip. The environment may hold anything.
    """
    try:
        known = {name.upper() for name in Settings.model_fields} | OF_GUNICORN
        wrong = strangers(overrides.get("_env_file", ".env"), known)
        settings = Settings(**overrides)
    except ValidationError as error:
        first = {
            item["loc"][:1]: plain(item, Settings.model_fields) for item in reversed(error.errors(include_url=False))
        }
        wrong += reversed(first.values())  # one line a setting: its first fault
    except (OSError, UnicodeError):
        wrong = ["the settings file cannot be read"]
    if wrong:
        raise ConfigError("settings refused: " + "; ".join(wrong), "settings") from None
    return settings


class _Address(BaseSettings):
    model_config = Settings.model_config

    public_url: HttpUrl


def public_url(**overrides: Any) -> str:
    """PUBLIC_URL alone, for whoever sets the desk up and has nothing else yet; raises ConfigError."""
    try:
        return _Address(**overrides).public_url
    except ValidationError as error:
        wrong = [plain(item, Settings.model_fields) for item in error.errors(include_url=False)]
    raise ConfigError("settings refused: " + "; ".join(wrong), "settings")
