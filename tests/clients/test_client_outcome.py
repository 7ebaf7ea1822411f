"""The mapping table: what each answer of a vendor means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import requests

from app.clients import outcome
from app.clients.outcome import Progress
from app.errors import AuthError, ConflictError, NotAppliedError, PermanentError, UnknownOutcomeError, VendorError

SECRET = b'{"error": "jane@example.com", "description": "jane@example.com"}'
CLOSED = b'{"error":"RecordInvalid","details":{"status":[{"description":"Status: closed prevents ticket update"}]}}'


@pytest.mark.parametrize(
    ("status", "body", "kind", "reason"),
    [
        (400, SECRET, PermanentError, "rejected"),
        (401, SECRET, AuthError, "auth"),
        (403, SECRET, PermanentError, "forbidden"),
        (404, SECRET, PermanentError, "gone"),
        (408, SECRET, UnknownOutcomeError, "timeout"),
        (409, b'{"error": "UpdateConflict"}', ConflictError, "conflict"),
        (409, b'{"error": "DatabaseConflict"}', NotAppliedError, "locked"),
        (409, b"<html>", NotAppliedError, "locked"),
        (410, SECRET, PermanentError, "gone"),
        (413, SECRET, PermanentError, "rejected"),
        (422, CLOSED, PermanentError, "closed"),
        (422, b'{"details": {"status": "Status: CLOSED"}}', PermanentError, "closed"),
        (422, b'{"details": {"base": [{"description": "closed is a word here"}]}}', PermanentError, "rejected"),
        (422, SECRET, PermanentError, "rejected"),
        (423, SECRET, NotAppliedError, "locked"),
        (429, SECRET, NotAppliedError, "rate_limited"),
        (301, b"", PermanentError, "redirect"),
        (307, b"", PermanentError, "redirect"),
        (304, b"", PermanentError, "redirect"),
        (500, SECRET, UnknownOutcomeError, "server"),
        (502, b"<html>", UnknownOutcomeError, "server"),
        (503, SECRET, UnknownOutcomeError, "server"),
        (504, SECRET, UnknownOutcomeError, "server"),
        (599, SECRET, UnknownOutcomeError, "server"),
        (200, b"<html>", UnknownOutcomeError, "unreadable"),
        (200, b"", UnknownOutcomeError, "unreadable"),
        (201, b'{"id": 1', UnknownOutcomeError, "unreadable"),
        (200, b"[1]", UnknownOutcomeError, "unreadable"),
        (200, b"[" * 100_000, UnknownOutcomeError, "unreadable"),
        (200, b'{"a": "\xff"}', UnknownOutcomeError, "unreadable"),
    ],
)
def test_each_status_means_one_thing(status: int, body: bytes, kind: type[VendorError], reason: str) -> None:
    found = outcome.judge("zendesk", status, {}, body)
    assert type(found) is kind
    assert (found.reason, found.status, found.vendor) == (reason, status, "zendesk")
    assert "jane" not in str(found)
    assert "jane" not in repr(found)


@pytest.mark.parametrize(("status", "body"), [(200, b"{}"), (201, b'{"id": 1}'), (204, b"")])
def test_good_answers(status: int, body: bytes) -> None:
    assert outcome.judge("jira", status, {}, body) is None


@pytest.mark.parametrize("status", [403, 404])
def test_jira_treating_us_as_nobody_is_a_matter_of_credentials(status: int) -> None:
    found = outcome.judge("jira", status, {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}, b"{}")
    assert type(found) is AuthError


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("86400", 900.0),
        ("9" * 400, 900.0),
        ("-5", None),
        ("NaN", None),
        ("nan", None),
        ("inf", None),
        ("1e999", 900.0),
        ("7 apples", None),
        ("soon", None),
        ("", None),
        ("Wed, 99 Foo 2026 10:00:00 GMT", None),
        ("Sat, 21 Nov 2026 10:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 12:00:30 +0200", 30.0),
        ("Sat, 21 Nov 2026 09:59:00 GMT", None),
        ("Sat, 21 Nov 2036 10:00:00 GMT", 900.0),
    ],
)
def test_retry_after_in_every_form(header: str | None, seconds: float | None) -> None:
    assert outcome.retry_after(header, datetime(2026, 11, 21, 10, 0, tzinfo=UTC)) == seconds


def test_retry_after_reaches_the_error() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    found = outcome.judge("jira", 429, {"Retry-After": date}, b"")
    assert isinstance(found, NotAppliedError)
    assert found.retry_after is not None
    assert 55 < found.retry_after <= 60


@pytest.mark.parametrize(
    ("error", "progress", "kind", "reason"),
    [
        (requests.ConnectionError(), Progress.CONNECTING, NotAppliedError, "connect"),
        (requests.ConnectTimeout(), Progress.CONNECTING, NotAppliedError, "connect"),
        (requests.exceptions.SSLError(), Progress.CONNECTING, NotAppliedError, "tls"),
        (requests.exceptions.SSLError(), Progress.SENT, UnknownOutcomeError, "reset"),
        (requests.ConnectionError(), Progress.SENT, UnknownOutcomeError, "reset"),
        (requests.ReadTimeout(), Progress.SENT, UnknownOutcomeError, "timeout"),
        (requests.ConnectionError(TimeoutError()), Progress.SENT, UnknownOutcomeError, "timeout"),
        (requests.exceptions.ChunkedEncodingError(), Progress.SENT, UnknownOutcomeError, "reset"),
        (requests.ConnectionError(), Progress.UNTRACED, UnknownOutcomeError, "reset"),
        (requests.ConnectTimeout(), Progress.UNTRACED, NotAppliedError, "connect"),
    ],
)
def test_whether_bytes_left_decides(error: Exception, progress: Progress, kind: type[VendorError], reason: str) -> None:
    found = outcome.broken("slack", error, progress)
    assert type(found) is kind
    assert found.reason == reason
