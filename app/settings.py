"""The environment, read once and checked whole: every missing or wrong setting is named in one message."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.errors import ConfigError

# Zendesk's public test secret, and the words people leave in templates: never accepted as a real secret.
# Source: developer.zendesk.com, "Verifying webhook authenticity".
PUBLIC_TEST_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105 - published by Zendesk
EXAMPLE_SECRETS = frozenset({"change-me", "changeme", "secret", "example", "your-secret-here"})

CHANNELS = ("calls", "sms", "email", "push")
DEFAULT_TAGS = {
    "data_deletion_request": "data_deletion_request",
    "data_deletion_withdrawn": "data_deletion_withdrawn",
    "regulatory_threat": "regulatory_threat",
    "pref_delete_all": "pref_delete_all",
    "pref_stop_all": "pref_stop_all",
    **{f"pref_stop_{channel}": f"pref_stop_{channel}" for channel in CHANNELS},
}
FIELD_NAMES = ("name", "contact", "backoffice", "preference")
FIELD_ALIASES = {
    "customer_name": "name",
    "contact_number": "contact",
    "phone": "contact",
    "number": "contact",
    "backoffice_link": "backoffice",
    "link": "backoffice",
    "pref": "preference",
}


def _split(value: object) -> object:
    """Comma-separated text to a tuple of trimmed, non-empty parts."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http(s) URL without query or fragment")
    loopback = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme == "http" and not loopback:
        raise ValueError("plain http is for stand-ins on this machine only")
    return value.rstrip("/")


def _no_example(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text == PUBLIC_TEST_SECRET or text.lower() in EXAMPLE_SECRETS:
        raise ValueError("is a published or example secret")
    if not text.strip():
        raise ValueError("is empty")
    return value


HttpUrl = Annotated[str, AfterValidator(_http_url)]
Secret = Annotated[SecretStr, AfterValidator(_no_example)]
SecretList = Annotated[tuple[Secret, ...], NoDecode, Field(min_length=1)]
Names = Annotated[dict[str, str], NoDecode]


def _pairs(value: object) -> object:
    """`a=b,c=d` (or JSON) to a dict; a repeated key is refused."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text.startswith("{"):
        return json.loads(text)
    pairs: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        key, sep, item = part.replace(":", "=", 1).partition("=") if "=" not in part else part.partition("=")
        if not sep or not key.strip() or not item.strip():
            raise ValueError(f"{part!r} is not name=value")
        if key.strip() in pairs:
            raise ValueError(f"{key.strip()!r} is given twice")
        pairs[key.strip()] = item.strip()
    return pairs


LISTS = ("zendesk_webhook_secrets", "slack_signing_secrets", "jira_webhook_secrets", "jira_done_resolutions")


class Settings(BaseSettings):
    """All settings; names are the environment's (see `.env.example`). Durations are seconds."""

    model_config = SettingsConfigDict(
        frozen=True, env_file=".env", extra="ignore", case_sensitive=False, hide_input_in_errors=True
    )

    # where we run
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    public_url: HttpUrl
    database_url: str = ""
    var_dir: str = "./var"
    secret_key: Secret
    data_key: Secret
    desk_language: Literal["en", "ms", "zh"] = "en"
    desk_time_zone: str = "Asia/Kuala_Lumpur"

    # Zendesk
    zendesk_url: HttpUrl
    zendesk_client_id: str = Field(min_length=1)
    zendesk_client_secret: Secret
    zendesk_webhook_secrets: SecretList
    zendesk_account_id: str = ""

    # chat
    chat: Literal["slack", "mattermost"] = "slack"
    slack_url: HttpUrl = "https://slack.com/api"
    slack_bot_token: SecretStr = SecretStr("")
    slack_signing_secrets: Annotated[tuple[Secret, ...], NoDecode] = ()
    slack_channel: str = ""
    mattermost_url: str = ""
    mattermost_token: SecretStr = SecretStr("")
    mattermost_channel: str = ""
    approvers: Names = Field(default_factory=dict)

    # JIRA
    jira_url: HttpUrl
    jira_user: str = ""
    jira_token: SecretStr = Field(min_length=1)
    jira_done_resolutions: Annotated[tuple[str, ...], NoDecode] = ("Done", "Fixed", "Resolved", "Complete", "Completed")
    jira_project: str = Field(pattern=r"^[A-Z][A-Z0-9_]{1,9}$")
    jira_issue_type: str = "Task"
    jira_webhook_secrets: SecretList

    # the ticket
    backoffice_url: str = ""
    desk_fields: Names = Field(default_factory=dict)
    desk_tags: Names = Field(default_factory=dict)

    # limits and clocks
    max_body: int = 262_144
    signature_window: int = 300
    approval_life: int = 72 * 3600
    worker_concurrency: int = Field(default=8, ge=1, le=64)
    heartbeat: float = Field(default=5.0, gt=0)
    stalled_after: float = Field(default=15.0, gt=0)
    poll_interval: float = Field(default=1.0, gt=0, description="how often a delayed run is looked for")
    probe_interval: float = Field(default=30.0, gt=0, description="one call to a vendor that is down")
    stop_within: float = Field(default=20.0, gt=0, le=25)
    lease: float = Field(default=45.0, gt=0)
    zendesk_quiet: float = Field(default=15.0, ge=0)
    slack_quiet: float = Field(default=60.0, ge=0)
    jira_quiet: float = Field(default=300.0, ge=0)
    zendesk_rate: float = Field(default=90.0, gt=0, description="ticket updates a minute")
    slack_rate: float = Field(default=50.0, gt=0, description="calls a minute")
    jira_rate: float = Field(default=300.0, gt=0, description="calls a minute")
    connect_timeout: float = Field(default=5.0, gt=0)
    read_timeout: float = Field(default=15.0, gt=0)
    retry_base: float = Field(default=5.0, gt=0, description="first long wait after a failure, doubled with jitter")
    retry_cap: float = Field(default=900.0, gt=0)
    loop_fuse: int = Field(default=5, ge=1, description="same message for a ticket in 10 minutes")
    ca_bundle: str = ""

    @model_validator(mode="before")
    @classmethod
    def _decode(cls, data: Any) -> Any:
        if isinstance(data, dict):
            data = {key.lower(): value for key, value in data.items()}
            for name in LISTS:
                if name in data:
                    data[name] = _split(data[name])
            for name in ("approvers", "desk_tags"):
                if name in data:
                    data[name] = _pairs(data[name])
            if "desk_fields" in data:
                data["desk_fields"] = _fields(data["desk_fields"])
        return data

    @model_validator(mode="after")
    def _whole(self) -> Self:
        wrong = []
        if self.chat == "slack":
            needed = {
                "SLACK_BOT_TOKEN": self.slack_bot_token.get_secret_value(),
                "SLACK_SIGNING_SECRETS": self.slack_signing_secrets,
                "SLACK_CHANNEL": self.slack_channel,
            }
            wrong += [f"{name} is missing" for name, value in needed.items() if not value]
        else:
            wrong.append("CHAT=mattermost is not available in this version")
        wrong += [f"DESK_TAGS: unknown name {name}" for name in self.desk_tags if name not in DEFAULT_TAGS]
        if len(set(self.tags.values())) != len(DEFAULT_TAGS):
            wrong.append("DESK_TAGS: two names share one tag")
        if any(tag.startswith("desk_") for tag in self.tags.values()):
            wrong.append("DESK_TAGS: tags that begin with desk_ are the desk's own")
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    @cached_property
    def tags(self) -> dict[str, str]:
        """Name in the SOP's terms -> tag in this account."""
        return {**DEFAULT_TAGS, **self.desk_tags}

    @cached_property
    def fields(self) -> dict[str, int]:
        """`name`, `contact`, `backoffice`, `preference` -> id of the Zendesk ticket field."""
        return {name: int(number) for name, number in self.desk_fields.items()}


def _fields(value: object) -> object:
    """`name=1,contact=2,…`, JSON, or four ids in the order name, contact number, BackOffice link, preference."""
    if isinstance(value, str) and re.fullmatch(r"\s*\d+(\s*,\s*\d+)*\s*", value):
        ids = [part.strip() for part in value.split(",")]
        if len(ids) > len(FIELD_NAMES):
            raise ValueError("DESK_FIELDS: at most four ids")
        return dict(zip(FIELD_NAMES, ids, strict=False))
    pairs = _pairs(value)
    if not isinstance(pairs, dict):
        return pairs
    named = {FIELD_ALIASES.get(str(key), str(key)): str(item) for key, item in pairs.items()}
    bad = [key for key, item in named.items() if key not in FIELD_NAMES or not re.fullmatch(r"[1-9]\d{0,17}", item)]
    if bad:
        raise ValueError(f"DESK_FIELDS: {', '.join(bad)} is not one of {', '.join(FIELD_NAMES)} with a field id")
    return named


def load(**overrides: Any) -> Settings:
    """The settings of this process; raises ConfigError that names every wrong one and shows no value."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = []
        for item in error.errors(include_input=False, include_url=False):
            name = ".".join(str(part) for part in item["loc"][:1]).upper()
            text = "is missing" if item["type"] == "missing" else item["msg"].removeprefix("Value error, ")
            lines.append(f"{name} {text}".strip())
        raise ConfigError("settings refused: " + "; ".join(lines), "settings") from None
