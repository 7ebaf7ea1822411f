"""Signs and posts as the vendors do, and a desk that remembers what reached it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from werkzeug.test import TestResponse

from app.events import ButtonPressed, IssueChanged, Refused, TicketTagged
from app.tokens import Press, Tokens

ZENDESK_SECRET = "stand-in-zendesk-webhook"
SLACK_SECRET = "stand-in-slack-signing"
JIRA_SECRET = "stand-in-jira-webhook"
NOW = int(datetime(2026, 11, 21, 10, 0, 0, tzinfo=UTC).timestamp())  # the doors' clock in tests without a socket
HANGS = 4799  # the ticket that the store of tests/web/served.py hangs at
CANARY = "Nurul-Canary-60123456789"
AISYAH, BALA, CHEN = ("aisyah".ljust(26, "a"), "bala".ljust(26, "b"), "chen".ljust(26, "c"))  # as Mattermost's ids look
Event = TicketTagged | ButtonPressed | IssueChanged | Refused


class FakeDesk:
    """Unique by fact, like the real one. `error`: raised instead of recording."""

    def __init__(self) -> None:
        self.rows: list[Event] = []
        self.error: Exception | None = None
        self.problems: dict[str, str] = {}
        self.within: list[float | None] = []
        self.alive = True
        self.approvers = {"U0AISYAH", "U0BALA", AISYAH, BALA}
        self._facts: set[str] = set()
        self._lock = threading.Lock()

    def submit(self, event: Event, *, sender: str, within: float | None = None) -> bool:
        self.within.append(within)
        if self.error is not None:
            raise self.error
        with self._lock:
            if event.fact in self._facts:
                return False
            self._facts.add(event.fact)
            self.rows.append(event)
            return True

    def clear(self) -> None:
        self.rows.clear()
        self._facts.clear()

    def working(self) -> bool:
        return self.alive

    def may_try(self, procedure: str, user: str, chat: object) -> bool:
        return user in self.approvers

    def ready(self) -> dict[str, str]:
        return self.problems

    def metrics(self) -> Iterable[Metric]:
        if self.error is not None:
            raise self.error
        yield GaugeMetricFamily("desk_open_cases", "Open cases", value=3)

    @property
    def kinds(self) -> list[str]:
        """`TicketTagged`, `dead json`, `ignored test`, ... in order of arrival."""
        return [f"{row.outcome} {row.reason}" if isinstance(row, Refused) else type(row).__name__ for row in self.rows]


def set_clock(app: Flask, now: float = NOW) -> None:
    object.__setattr__(app.extensions["door"], "clock", lambda: now)  # frozen for everyone else


def stamp(offset: float = 0, *, now: float = NOW) -> str:
    """Zendesk's timestamp, `offset` seconds from `now`."""
    return datetime.fromtimestamp(now + offset, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def zendesk_mac(body: bytes, when: str, secret: str = ZENDESK_SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), when.encode() + body, hashlib.sha256)).decode()


def zendesk_headers(body: bytes, when: str | None = None, secret: str = ZENDESK_SECRET) -> dict[str, str]:
    when = stamp() if when is None else when
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Zendesk Webhook",
        "X-Zendesk-Account-Id": "10000001",
        "X-Zendesk-Webhook-Id": "01J00000000000000000000001",
        "X-Zendesk-Webhook-Invocation-Id": "01J00000000000000000000002",
        "X-Zendesk-Webhook-Signature": zendesk_mac(body, when, secret),
        "X-Zendesk-Webhook-Signature-Timestamp": when,
    }


def slack_headers(body: bytes, when: str | None = None, secret: str = SLACK_SECRET) -> dict[str, str]:
    when = str(NOW) if when is None else when
    mac = hmac.digest(secret.encode(), b"v0:" + when.encode() + b":" + body, "sha256").hex()
    return {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Signature": f"v0={mac}",
        "X-Slack-Request-Timestamp": when,
    }


def jira_headers(body: bytes, secret: str = JIRA_SECRET) -> dict[str, str]:
    mac = hmac.digest(secret.encode(), body, "sha256").hex()
    return {"Content-Type": "application/json; charset=utf-8", "X-Hub-Signature": f"sha256={mac}"}


def mattermost_headers(_: bytes) -> dict[str, str]:
    """Nothing is signed (M7)."""
    return {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "Mattermost-Bot/1.1"}


SIGN = {
    "zendesk": zendesk_headers,
    "slack": slack_headers,
    "jira": jira_headers,
    "mattermost/action": mattermost_headers,
    "mattermost/dialog": mattermost_headers,
}


def deliver(
    client: FlaskClient,
    body: bytes | Mapping[str, Any],
    *,
    to: str = "zendesk",
    headers: Mapping[str, str | None] = {},
    peer: str = "127.0.0.1",
) -> TestResponse:
    """Signs `body` as `to` does and posts it from `peer`; `headers` replace (None: remove) single ones."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    whole = {name: value for name, value in {**SIGN[to](raw), **headers}.items() if value is not None}
    # the test client leaves the length out when the body is empty
    environ = {"CONTENT_LENGTH": str(len(raw)), "REMOTE_ADDR": peer}
    return client.post(f"/webhooks/{to}", data=raw, headers=whole, environ_overrides=environ)


def tagged(**changes: Any) -> dict[str, Any]:
    """Our trigger's body; a change to `...` removes the field."""
    body = {
        "type": "desk.tag",
        "ticket_id": "4711",
        "tags": "vip data_deletion_request pref_stop_sms",
        "updated_at": "2026-11-21T10:12:07Z",
        "actor_id": "8447388090494",
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not ...}


BODY = json.dumps(tagged(name=CANARY)).encode()


def tags_changed(**changes: Any) -> dict[str, Any]:
    """A subscribed event as Zendesk documents it."""
    detail = {
        "actor_id": "8447388090494",
        "brand_id": "8447346621310",
        "description": CANARY,
        "id": "5158",
        "priority": None,
        "status": "OPEN",
        "subject": CANARY,
        "tags": ["keep_me", "data_deletion_request"],
        "updated_at": "2025-01-08T10:12:07Z",
        "via": {"channel": "web_service"},
    }
    body = {
        "account_id": 22129848,
        "detail": {**detail, **changes.pop("detail", {})},
        "event": {
            "meta": {"sequence": {"id": 39313930383633353634323835, "position": 1}},
            "tags_added": ["data_deletion_request"],
            "tags_removed": ["old_tag"],
        },
        "id": "5e1c0f7a-0000-4000-8000-000000000001",
        "subject": "zen:ticket:5158",
        "time": "2026-11-21T10:12:07.672717030Z",
        "type": "zen:event-type:ticket.tags_changed",
        "zendesk_event_version": "2022-11-06",
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not ...}


def button(key: str, *, life: int = 259_200, press: Press | None = None) -> str:
    return Tokens(key, life).make(press or Press(7, 1, "data_deletion", "approve"))


def pressed(value: object, *, action: Mapping[str, Any] = {}, **changes: Any) -> dict[str, Any]:
    """A block_actions payload as Slack documents it."""
    body = {
        "type": "block_actions",
        "user": {"id": "U0AISYAH", "username": CANARY, "name": CANARY, "team_id": "T111"},
        "api_app_id": "A111",
        "token": "verification_token",
        "container": {"type": "message", "message_ts": "111.222", "channel_id": "C0SUPERVISE", "is_ephemeral": False},
        "trigger_id": "111.222.valid",
        "team": {"id": "T111", "domain": "workspace-domain"},
        "channel": {"id": "C0SUPERVISE", "name": "supervisors"},
        "message": {"ts": "111.222", "text": CANARY},
        "state": {"values": {"b1": {"decline_reason": {"type": "static_select", "selected_option": None}}}},
        "response_url": "https://hooks.slack.com/actions/T111/111/random-value",
        "actions": [
            {
                "action_id": "approve",
                "block_id": "b",
                "text": {"type": "plain_text", "text": "Approve"},
                "value": value,
                "type": "button",
                "action_ts": "1596530385.194939",
                **action,
            }
        ],
    }
    return {name: item for name, item in {**body, **changes}.items() if item is not ...}


def form(payload: object) -> bytes:
    text = payload if isinstance(payload, str) else json.dumps(payload)
    return f"payload={quote_plus(text)}".encode()


def moved(**changes: Any) -> dict[str, Any]:
    """A jira:issue_updated body, now, of an issue of ours."""
    body = {
        "timestamp": NOW * 1000,
        "webhookEvent": "jira:issue_updated",
        "issue_event_type_name": "issue_generic",
        "user": {"displayName": CANARY},
        "issue": {
            "id": "10040",
            "key": "SUP-41",
            "fields": {"labels": ["desk-c7", "other"], "summary": CANARY, "status": {"name": "Done"}},
        },
        "changelog": {"id": "1", "items": [{"field": "resolution"}, {"field": "status", "fieldId": "status"}]},
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not ...}
