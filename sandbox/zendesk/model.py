"""Zendesk's objects as the stand-in keeps them, and the JSON in which Zendesk documents them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

SYSTEM = {"client": "Stand-in", "ip_address": "127.0.0.1", "location": "Kuala Lumpur, 14, Malaysia"}
VIA_SYSTEM = {"channel": "rule", "source": {"from": {}, "to": {}, "rel": "trigger"}}


def seconds(moment: datetime) -> str:
    """Zendesk's time format: whole seconds, UTC (Z3.3)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def via(channel: str) -> dict[str, Any]:
    """How something came in."""
    return {"channel": channel, "source": {"from": {}, "to": {}, "rel": None}}


class RefusedError(Exception):
    """An answer other than success: status and JSON body."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"refused with {status}")
        self.status = status
        self.body = body


def not_found() -> RefusedError:
    """The recorded 404 body."""
    return RefusedError(404, {"error": "RecordNotFound", "description": "Not found"})


def invalid(field_name: str, text: str) -> RefusedError:
    """A 422 with one detail, as documented for validation errors (Z3.9)."""
    details = {field_name: [{"description": text}]}
    return RefusedError(422, {"error": "RecordInvalid", "description": "Record validation errors", "details": details})


@dataclass
class User:
    """A person of the account. Role is end-user, agent or admin. `deliverable` is the e-mail identity's state.

    `more_emails`: further addresses, each an identity that is not the main one.
    """

    id: int
    name: str
    role: str
    email: str | None = None
    phone: str | None = None
    suspended: bool = False
    active: bool = True
    only_private_comments: bool = False
    deliverable: str = "deliverable"
    locale: str = "en-US"
    external_id: str | None = None
    created_at: str = "2026-01-05T02:00:00Z"
    more_emails: list[str] = field(default_factory=list)

    @property
    def is_agent(self) -> bool:
        """Agents and admins."""
        return self.role != "end-user"

    @property
    def reachable(self) -> bool:
        """Whether an e-mail to this person goes out (Z3.16)."""
        return bool(self.email) and self.active and not self.suspended and self.deliverable == "deliverable"

    def rest(self, base: str) -> dict[str, Any]:
        """As `GET /users/{id}` shows it."""
        return {
            "id": self.id,
            "url": f"{base}/api/v2/users/{self.id}.json",
            "name": self.name,
            "email": self.email,
            "phone": self.phone,
            "role": self.role,
            "active": self.active,
            "suspended": self.suspended,
            "verified": True,
            "shared": False,
            "moderator": self.is_agent,
            "only_private_comments": self.only_private_comments,
            "restricted_agent": False,
            "ticket_restriction": None if self.is_agent else "requested",
            "organization_id": None,
            "custom_role_id": None,
            "external_id": self.external_id,
            "locale": self.locale,
            "locale_id": 1,
            "time_zone": "Kuala Lumpur",
            "iana_time_zone": "Asia/Kuala_Lumpur",
            "tags": [],
            "user_fields": {},
            "created_at": self.created_at,
            "updated_at": self.created_at,
        }

    def identities(self, base: str) -> list[dict[str, Any]]:
        """As `GET /users/{id}/identities` shows them; only e-mail identities have a deliverable state."""
        shown = []
        known = [("email", self.email), ("phone_number", self.phone), *(("email", mail) for mail in self.more_emails)]
        for n, (kind, value) in enumerate(known):
            if value:
                entry: dict[str, Any] = {
                    "id": self.id * 10 + n,
                    "url": f"{base}/api/v2/users/{self.id}/identities/{self.id * 10 + n}.json",
                    "user_id": self.id,
                    "type": kind,
                    "value": value,
                    "primary": n < 2,
                    "verified": kind == "email",
                    "created_at": self.created_at,
                    "updated_at": self.created_at,
                }
                if kind == "email":
                    entry |= {"undeliverable_count": 0, "deliverable_state": self.deliverable}
                shown.append(entry)
        return shown


@dataclass
class Ticket:
    """One ticket. `fields` maps custom field ids to values; `changed` is when anything last changed (for the index)."""

    id: int
    subject: str
    description: str
    requester_id: int
    submitter_id: int
    created: datetime
    updated: datetime
    status: str = "new"
    priority: str | None = None
    type: str | None = None
    assignee_id: int | None = None
    group_id: int | None = None
    brand_id: int | None = 360000001
    external_id: str | None = None
    channel: str = "web"
    is_public: bool = True
    deleted: bool = False
    tags: list[str] = field(default_factory=list)
    fields: dict[int, Any] = field(default_factory=dict)
    cc_ids: list[int] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    audits: list[dict[str, Any]] = field(default_factory=list)

    def rest(self, base: str) -> dict[str, Any]:
        """As `GET /tickets/{id}` shows it."""
        values = [{"id": k, "value": v} for k, v in self.fields.items()]
        return {
            "id": self.id,
            "url": f"{base}/api/v2/tickets/{self.id}.json",
            "external_id": self.external_id,
            "via": via(self.channel),
            "created_at": seconds(self.created),
            "updated_at": seconds(self.updated),
            "generated_timestamp": int(self.updated.timestamp()),
            "type": self.type,
            "subject": self.subject,
            "raw_subject": self.subject,
            "description": self.description,
            "priority": self.priority,
            "status": self.status,
            "recipient": None,
            "requester_id": self.requester_id,
            "submitter_id": self.submitter_id,
            "assignee_id": self.assignee_id,
            "organization_id": None,
            "group_id": self.group_id,
            "collaborator_ids": list(self.cc_ids),
            "follower_ids": [],
            "email_cc_ids": list(self.cc_ids),
            "problem_id": None,
            "has_incidents": False,
            "is_public": self.is_public,
            "due_at": None,
            "tags": sorted(self.tags),
            "custom_fields": values,
            "fields": [dict(v) for v in values],
            "satisfaction_rating": {"score": "unoffered"},
            "sharing_agreement_ids": [],
            "followup_ids": [],
            "brand_id": self.brand_id,
            "allow_channelback": False,
            "allow_attachments": True,
            "from_messaging_channel": False,
        }
