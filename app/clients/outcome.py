"""The one table that says what an answer, or the lack of one, means: applied, surely not applied, or unknown.

Rule (faults.md 2.0, rule 4): refused before sending, 4xx and 429 are surely not applied; a timeout after sending, a
reset, 5xx and an unreadable 2xx are unknown. Messages hold our own words only, never a vendor's.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum

import requests
from urllib3 import exceptions as wire_errors

from app.clients.shape import mapping, text
from app.errors import (
    AuthError,
    ConflictError,
    NotAppliedError,
    PermanentError,
    UnknownOutcomeError,
    VendorError,
)

LONGEST_WAIT = 900.0  # seconds; a vendor may ask for more, but we look again after this (faults.md Z9)
_LOGIN_FAILED = ("AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED")  # Jira Data Center answers as anonymous then
_TRY_AGAIN = {409: "locked", 423: "locked", 425: "locked", 429: "rate_limited"}
_FOR_GOOD = {403: "forbidden", 404: "gone", 410: "gone"}
_MESSAGES = {
    "auth": "the credentials were refused",
    "channel": "the channel cannot be used",
    "closed": "the record is closed",
    "conflict": "the record changed since it was read",
    "connect": "no connection, nothing was sent",
    "forbidden": "the credentials may not do this",
    "gone": "the record does not exist",
    "locked": "the record is locked for the moment",
    "macro_missing": "there is no active macro of that title",
    "macro_twice": "there are several active macros of that title",
    "oversized": "the answer is too large",
    "rate_limited": "too many calls for the moment",
    "redirect": "the address redirects; redirects are not followed",
    "rejected": "the request was refused as it is",
    "reset": "the connection broke after sending",
    "server": "the server failed",
    "timeout": "no answer in time",
    "token": "no token could be had, the call itself was not sent",
    "tls": "no trusted connection, nothing was sent",
    "unlicensed": "the account's licence or settings do not have this",
    "unreadable": "the answer cannot be read",
}


class Progress(Enum):
    """How far a request got before it failed. UNTRACED: nobody watched (a mocked transport)."""

    UNTRACED = 0
    CONNECTING = 1
    SENT = 2


def say(vendor: str, reason: str) -> str:
    """The sentence for people that belongs to a reason."""
    return f"{vendor}: {_MESSAGES.get(reason, 'the call failed')}"


def unknown(vendor: str, reason: str, status: int | None = None) -> UnknownOutcomeError:
    """It may have been applied. Reasons: timeout, reset, server, unreadable, oversized."""
    return UnknownOutcomeError(say(vendor, reason), reason, vendor=vendor, status=status)


def permanent(vendor: str, reason: str, status: int | None = None) -> PermanentError:
    """Refused for good. Reasons: closed, forbidden, gone, redirect, rejected, and the vendors' own."""
    return PermanentError(say(vendor, reason), reason, vendor=vendor, status=status)


def not_applied(vendor: str, reason: str, status: int | None = None, wait: float | None = None) -> NotAppliedError:
    """Surely not applied, try again. `wait` is in seconds."""
    return NotAppliedError(say(vendor, reason), reason, vendor=vendor, status=status, retry_after=wait)


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait from a Retry-After header in seconds or as an HTTP date; capped; junk and negatives are None."""
    if value is None:
        return None
    value = value.strip()
    try:
        seconds = float(value) if value[:1].isdigit() else math.nan
    except ValueError:
        seconds = math.nan
    if math.isnan(seconds) and not value[:1].isdigit():
        try:
            when = parsedate_to_datetime(value)
        except (ValueError, IndexError, OverflowError):
            return None
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        seconds = (when - (now or datetime.now(UTC))).total_seconds()
    return min(seconds, LONGEST_WAIT) if seconds >= 0 else None


def read_object(body: bytes) -> Mapping[str, object] | None:
    """The JSON object in the body, or None."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def judge(vendor: str, status: int, headers: Mapping[str, str], body: bytes) -> VendorError | None:
    """None for a 2xx that holds a JSON object (or a 204); else the error that this answer is."""
    if 200 <= status < 300:
        return None if status == 204 or read_object(body) is not None else unknown(vendor, "unreadable", status)
    if 300 <= status < 400:
        return permanent(vendor, "redirect", status)
    if status >= 500 or status in (100, 101, 408) or status < 400:
        return unknown(vendor, "timeout" if status == 408 else "server", status)
    return _refusal(vendor, status, headers, body)


def _refusal(vendor: str, status: int, headers: Mapping[str, str], body: bytes) -> VendorError:
    """4xx: surely not applied by this call."""
    wait = retry_after(headers.get("Retry-After"))
    login_failed = any(mark in headers.get("X-Seraph-LoginReason", "") for mark in _LOGIN_FAILED)
    if status == 401 or (login_failed and status in (403, 404)):
        return AuthError(say(vendor, "auth"), "auth", vendor=vendor, status=status)
    if status == 409 and text((read_object(body) or {}).get("error")) == "UpdateConflict":
        return ConflictError(say(vendor, "conflict"), "conflict", vendor=vendor, status=status)
    if status in _TRY_AGAIN:
        return not_applied(vendor, _TRY_AGAIN[status], status, wait)
    if status == 422 and _says_closed(body):
        return permanent(vendor, "closed", status)
    return permanent(vendor, _FOR_GOOD.get(status, "rejected"), status)


def _says_closed(body: bytes) -> bool:
    """Zendesk's 422 for a closed ticket; its details vary, so only the key and the word are matched (Z3.9)."""
    details = mapping((read_object(body) or {}).get("details"))
    return "status" in details and "closed" in json.dumps(details["status"]).lower()


def broken(vendor: str, error: Exception, progress: Progress) -> VendorError:
    """The call ended without an answer. Only the trace says whether bytes left: an exception's type does not.

    A TLS error or a reset on a kept-alive connection looks the same before and after sending.
    """
    late = _is_timeout(error)
    if progress is Progress.CONNECTING or (
        progress is Progress.UNTRACED and isinstance(error, requests.exceptions.ConnectTimeout)
    ):
        return not_applied(vendor, "tls" if isinstance(error, requests.exceptions.SSLError) else "connect")
    return unknown(vendor, "timeout" if late else "reset")


def _is_timeout(error: BaseException) -> bool:
    """Whether a timeout is the cause; urllib3 wraps it once more for the methods it would have repeated."""
    inner = [error, *(arg for arg in error.args if isinstance(arg, BaseException))]
    inner += [found.reason for found in inner if isinstance(found, wire_errors.MaxRetryError) and found.reason]
    return any(
        isinstance(found, requests.exceptions.Timeout | wire_errors.TimeoutError | TimeoutError) for found in inner
    )
