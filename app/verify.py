"""Is this request really the vendor's? Pure functions over raw bytes, headers, secrets and the time; no I/O.

Each returns the index of the secret that signed (0 is the newest) or raises BadSignatureError with a reason:
`closed` (no usable secret), `missing` (no header, or more than one value), `malformed` (not in the one accepted
form), `wrong` (signed by nobody we know), `stale` (authentic, but outside the window). The signature is compared
as text, in constant time, against every secret; both ends of the window are inside it.
Source: facts Z1.12, Z1.13 (Zendesk), S1, S2, S4 (Slack), J36, J42 (JIRA).
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from app.errors import BadSignatureError
from app.settings import PUBLIC_TEST_SECRET

Headers = Iterable[tuple[str, str]]

ZENDESK_SIGNATURE = "X-Zendesk-Webhook-Signature"
ZENDESK_TIMESTAMP = "X-Zendesk-Webhook-Signature-Timestamp"
SLACK_SIGNATURE = "X-Slack-Signature"
SLACK_TIMESTAMP = "X-Slack-Request-Timestamp"
JIRA_SIGNATURE = "X-Hub-Signature"

_ZENDESK_TIME = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z")
_SLACK_TIME = re.compile(r"[0-9]{10}")


def zendesk(body: bytes, headers: Headers, secrets: Sequence[str], now: float, window: int) -> int:
    """base64(HMAC-SHA256(secret, timestamp + body)); the secret is text, not base64-decoded. `now`: epoch seconds."""
    given, stamp = _values(headers, ZENDESK_SIGNATURE, ZENDESK_TIMESTAMP)
    message = _raw(stamp) + body
    usable = [secret if secret != PUBLIC_TEST_SECRET else "" for secret in secrets]
    index = _match(given, [base64.b64encode(_mac(secret, message)) if secret else b"" for secret in usable])
    return _judge(index, any(usable), (given, stamp), _age(_zendesk_time(stamp), now), window)


def slack(body: bytes, headers: Headers, secrets: Sequence[str], now: float, window: int) -> int:
    """`v0=` + hex(HMAC-SHA256(secret, "v0:" + timestamp + ":" + body)), lower case. `now`: epoch seconds."""
    given, stamp = _values(headers, SLACK_SIGNATURE, SLACK_TIMESTAMP)
    message = b"v0:" + _raw(stamp) + b":" + body
    index = _match(given, [b"v0=" + _mac(s, message).hex().encode() if s else b"" for s in secrets])
    when = int(stamp) if stamp is not None and _SLACK_TIME.fullmatch(stamp) else None
    return _judge(index, any(secrets), (given, stamp), _age(when, now), window)


def jira(body: bytes, headers: Headers, secrets: Sequence[str]) -> int:
    """`sha256=` + hex(HMAC-SHA256(secret, body)). JIRA signs no time: app.parse refuses old envelopes instead."""
    (given,) = _values(headers, JIRA_SIGNATURE)
    index = _match(given, [b"sha256=" + _mac(s, body).hex().encode() if s else b"" for s in secrets])
    return _judge(index, any(secrets), (given,), 0, 0)


def _values(headers: Headers, *names: str) -> list[str | None]:
    """The one value of each named header; None when it is absent or given twice."""
    found: dict[str, list[str]] = {name.lower(): [] for name in names}
    for name, value in headers:
        if name.lower() in found:
            found[name.lower()].append(value)
    return [values[0] if len(values) == 1 else None for values in found.values()]


def _raw(text: str | None) -> bytes:
    # Expected signatures are ASCII, so any encoding that keeps ASCII apart will do; this one cannot fail.
    return (text or "").encode("utf-8", "backslashreplace")


def _mac(secret: str, message: bytes) -> bytes:
    return hmac.digest(secret.encode(), message, "sha256")


def _match(given: str | None, expected: Sequence[bytes]) -> int | None:
    """The first secret whose signature is `given`; every one is compared, whichever matches."""
    raw = _raw(given)
    same = [hmac.compare_digest(raw, one) and bool(one) for one in expected]
    return same.index(True) if any(same) else None


def _zendesk_time(text: str | None) -> int | None:
    match = _ZENDESK_TIME.fullmatch(text or "")
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups())
    try:
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except (ValueError, OverflowError):
        return None


def _age(when: int | None, now: float) -> int | None:
    return None if when is None else abs(int(now) - when)  # whole seconds, as the vendors' stamps are


def _judge(index: int | None, is_open: bool, values: Iterable[str | None], age: int | None, window: int) -> int:
    """Only after all the work is done: a refusal takes the same path, whatever is wrong with the request."""
    if not is_open:
        raise BadSignatureError("no secret is set for this sender", "closed")
    if None in tuple(values):
        raise BadSignatureError("a signature header is absent or given twice", "missing")
    if age is None:
        raise BadSignatureError("the signature's timestamp is not in the accepted form", "malformed")
    if index is None:
        raise BadSignatureError("the signature is not of any of our secrets", "wrong")
    if age > window:
        raise BadSignatureError("the signature is outside the time window", "stale")
    return index
