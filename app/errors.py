"""Every error the desk raises on purpose, sorted by whose fault it is and what may have happened.

`reason` is always a constant slug: it goes to logs, metrics and dead letters. `message` is for people and never
holds anything a vendor or a customer wrote.
"""

from __future__ import annotations


class DeskError(Exception):
    """Base of all of ours. `reason` is a constant slug (`[a-z_:]+`)."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class BadSignatureError(DeskError):
    """Not authentic: 401, nothing stored, nothing logged but the reason."""


class BadPayloadError(DeskError):
    """Authentic but unusable: kept as a dead letter, answered 200 (a 4xx would trip the sender's breaker)."""


class IgnoredEventError(DeskError):
    """Authentic, understood, and not for us: kept as ignored, answered 200."""


class ConfigError(DeskError):
    """The settings are refused; the message names every offending one."""


class StoreError(DeskError):
    """Nothing can be recorded just now: the doors answer 503 with a short Retry-After, and the sender comes again."""


class VendorError(DeskError):
    """A call to a vendor did not end in a proven success. `vendor` is zendesk, slack, mattermost, jira or bans."""

    def __init__(self, message: str, reason: str, *, vendor: str, status: int | None = None) -> None:
        super().__init__(message, reason)
        self.vendor = vendor
        self.status = status


class NotAppliedError(VendorError):
    """Surely not applied and worth another try: refused before sending, 429, a lock conflict.

    `retry_after`: seconds the vendor asked for, already capped; None when it said nothing.
    """

    def __init__(
        self,
        message: str,
        reason: str,
        *,
        vendor: str,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, reason, vendor=vendor, status=status)
        self.retry_after = retry_after


class ConflictError(NotAppliedError):
    """Zendesk's safe update said 409: the ticket changed since the stamp. Surely not applied *by this call*."""


class AuthError(NotAppliedError):
    """401, or credentials that no longer work: nothing is dead, a person must mend the account."""


class UnknownOutcomeError(VendorError):
    """Timeout after sending, reset, 5xx, unreadable 2xx: it may have been applied. Look it up, never repeat blindly."""


class PermanentError(VendorError):
    """Refused for good: trying the same again cannot help (closed, gone, forbidden, config, rejected)."""
