"""The webhook bodies, their signature and Zendesk's own retries and circuit breaker (Z1.6-Z1.20)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.hooks import Attempt
from sandbox.zendesk.model import seconds

if TYPE_CHECKING:
    from sandbox.core import World
    from sandbox.zendesk.change import Change
    from sandbox.zendesk.state import State

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BREAKER_SECONDS, BREAKER_SHARE, BREAKER_LEAST, BREAKER_PAUSE = 300.0, 0.7, 20, 5.0


def tags_changed(state: State, change: Change, added: list[str], removed: list[str]) -> dict[str, Any]:
    """The event-subscribed body (Z1.6-Z1.9): ids as strings, upper-case status, nanosecond time."""
    ticket, config = change.ticket, state.world.config

    def text_of(value: object) -> str | None:
        return None if value is None else str(value)

    lists: dict[str, Any] = {"tags_added": added, "tags_removed": removed}
    nested: dict[str, Any] = {"added": {"tags": added}, "removed": {"tags": removed}}
    return {
        "account_id": config.zendesk_account_id,
        "detail": {
            "actor_id": str(change.actor.id),
            "assignee_id": text_of(ticket.assignee_id),
            "brand_id": text_of(ticket.brand_id),
            "created_at": seconds(ticket.created),
            "custom_status": None,
            "description": ticket.description,
            "external_id": ticket.external_id,
            "form_id": None,
            "group_id": text_of(ticket.group_id),
            "id": str(ticket.id),
            "is_public": ticket.is_public,
            "organization_id": None,
            "priority": ticket.priority.upper() if ticket.priority else None,
            "requester_id": str(ticket.requester_id),
            "status": ticket.status.upper(),
            "subject": ticket.subject,
            "submitter_id": str(ticket.submitter_id),
            "tags": sorted(ticket.tags) or None,
            "type": ticket.type.upper() if ticket.type else None,
            "updated_at": seconds(ticket.updated),
            "via": {"channel": ticket.channel},
        },
        "event": {
            "meta": {"sequence": {"id": uuid.uuid4().hex.upper(), "position": 1}},
            **(nested if config.event_shape == "nested" else lists),
        },
        "id": str(uuid.uuid4()),
        "subject": f"zen:ticket:{ticket.id}",
        "time": change.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "123Z",
        "type": "zen:event-type:ticket.tags_changed",
        "zendesk_event_version": "2022-11-06",
    }


def deliver(state: State, body: dict[str, Any], event: str) -> None:
    """Send one body to the desk, and the ordered number of extra copies (first same invocation id, then others)."""
    world = state.world
    raw = (json.dumps(body, indent=3, separators=(",", ": "), ensure_ascii=False) + "\n").encode()
    url = f"{world.config.desk.rstrip('/')}/webhooks/zendesk"
    invocation = ulid(world)
    for copy in range(world.config.duplicate_webhooks + 1):
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Zendesk Webhook",
            "X-Zendesk-Account-Id": str(world.config.zendesk_account_id),
            "X-Zendesk-Webhook-Id": state.webhook_id,
            "X-Zendesk-Webhook-Invocation-Id": invocation if copy < 2 else ulid(world),
        }
        if circuit_open(world):
            world.hooks.note("zendesk", event, "circuit broken")
            continue
        world.hooks.send("zendesk", url, headers, raw, event, sign=signer(world), policy=policy(world))


def signer(world: World) -> Callable[[bytes, int], dict[str, str]]:
    """Z1.12, with the time of the attempt (Z1.15)."""

    def sign(body: bytes, attempt: int) -> dict[str, str]:
        return signed(
            world.config.zendesk_webhook_secret, body, world.now() + timedelta(seconds=world.config.clock_skew)
        )

    return sign


def signed(secret: str, body: bytes, moment: datetime) -> dict[str, str]:
    """The two signature headers for a body sent at a moment."""
    at = seconds(moment)
    digest = hmac.new(secret.encode(), at.encode() + body, hashlib.sha256).digest()
    return {
        "X-Zendesk-Webhook-Signature": base64.b64encode(digest).decode(),
        "X-Zendesk-Webhook-Signature-Timestamp": at,
    }


def policy(world: World) -> Callable[[Attempt], float | None]:
    """Zendesk's retries (Z1.18): 409 three times, 429/503 only with Retry-After under 60, time-outs five times.

    Every other status is final. That a refused connection is final too is our harsher reading: the page does not say.
    """

    def decide(attempt: Attempt) -> float | None:
        pause = world.config.webhook_retry_seconds
        if attempt.timed_out:
            return pause if attempt.number <= 5 else None
        if attempt.status == 409:
            return pause if attempt.number <= 3 else None
        if attempt.status in (429, 503) and (attempt.retry_after or "").isdigit():
            after = int(attempt.retry_after or 0)
            return float(after) if after < 60 and attempt.number <= 5 else None
        if attempt.status is None and world.config.webhook_retry_refused and attempt.number <= 5:
            return pause
        return None

    return decide


def circuit_open(world: World) -> bool:
    """The breaker (Z1.19): 70 % errors within 5 min pause the sending. Least count and pause are our choice."""
    if not world.config.circuit_breaker:
        return False
    tally = world.hooks.tally("zendesk", BREAKER_SECONDS)
    if tally.total < BREAKER_LEAST or tally.failed / tally.total < BREAKER_SHARE:
        return False
    return time.monotonic() - tally.last_failure < BREAKER_PAUSE


def ulid(world: World) -> str:
    """A ULID: 48 bits of time, 80 of chance, Crockford's alphabet."""
    number = (int(time.time() * 1000) << 80) | world.random.getrandbits(80)
    return "".join(CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))
