"""Keyed hashes and encryption under DATA_KEY: what must be kept of a person is one or the other, never plain.

Keys are derived with HKDF-SHA256, one for each purpose; encryption is AES-256-GCM with a random 96-bit nonce.
"""

from __future__ import annotations

import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.errors import DeskError

NONCE = 12


class Vault:
    def __init__(self, data_key: str) -> None:
        secret = data_key.encode()
        self._keyed = hmac.new(self._derive(secret, b"desk keyed hash"), digestmod="sha256")
        self._cipher = AESGCM(self._derive(secret, b"desk encryption"))
        self.audit_key = self._derive(secret, b"desk audit trail")

    @staticmethod
    def _derive(secret: bytes, purpose: bytes) -> bytes:
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(secret)

    def digest(self, kind: str, value: str) -> str:
        """Keyed hash (hex) of a person's identifier; `kind` keeps a mail and a number apart."""
        keyed = self._keyed.copy()  # the key is worked in once: lists of a million go through here
        keyed.update(f"{kind}:{value.strip().casefold()}".encode())
        return keyed.hexdigest()

    def seal(self, plain: bytes, bound_to: str) -> bytes:
        """Encrypt; the result opens only under the same `bound_to` (an event's fact, say)."""
        nonce = os.urandom(NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, bound_to.encode())

    def open(self, sealed: bytes, bound_to: str) -> bytes:
        """Raises DeskError (reason `sealed`) when the key, the place or a byte is wrong."""
        try:
            return self._cipher.decrypt(sealed[:NONCE], sealed[NONCE:], bound_to.encode())
        except InvalidTag:
            raise DeskError("the stored body cannot be opened with this DATA_KEY", "sealed") from None
