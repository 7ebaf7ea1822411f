"""Codes of six digits from an authenticator app (TOTP, RFC 6238): thirty seconds each, one step early or late is taken.

Each is good once: which step was used last is in the row of the account. Source: bad-inputs A007.
"""

from __future__ import annotations

import hmac
import re

import pyotp

STEP = 30  # seconds
WINDOW = 1  # steps before and after now
ISSUER = "Deletion Desk"
_CODE = re.compile(r"[0-9]{6}", re.ASCII)


def secret() -> str:
    """A new one: 160 random bits, as authenticator apps take them (base32)."""
    return pyotp.random_base32()


def uri(secret: str, name: str) -> str:
    """`otpauth://…` for the account `name`: what the QR code holds."""
    return pyotp.TOTP(secret, interval=STEP).provisioning_uri(name=name, issuer_name=ISSUER)


def step_of(secret: str, code: str, now: float) -> int | None:
    """The step that this code belongs to, None if it belongs to none near `now` (epoch seconds)."""
    digits = re.sub(r"\s", "", code)
    if not _CODE.fullmatch(digits):
        return None
    totp = pyotp.TOTP(secret, interval=STEP)
    here = int(now) // STEP
    near = range(max(0, here - WINDOW), here + WINDOW + 1)
    found = [step for step in near if hmac.compare_digest(totp.generate_otp(step), digits)]
    return found[-1] if found else None
