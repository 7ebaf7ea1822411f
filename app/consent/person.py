"""How the ledger knows a person: keyed hashes of a normalised phone number and a mail address, nothing else.

Source: features 1.3 and 2.6: after erasure what stays is a keyed hash, channel, purpose and date.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from app.vault import Vault
from app.wish import normalise_phone

_MAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,255}")


@dataclass(frozen=True, order=True)
class Identifier:
    """One way to know a person. `key` is how a case names it in `cases.persons`."""

    kind: Literal["mail", "phone"]
    digest: str

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.digest}"


def phone(vault: Vault, text: str) -> Identifier | None:
    """The same for `+60…`, `60…`, `0060…` and `0…` of one number; None when it is no phone number."""
    normal = normalise_phone(text)
    return Identifier("phone", vault.digest("phone", normal)) if normal else None


def mail(vault: Vault, text: str) -> Identifier | None:
    """The address in lower case; None when it is no mail address."""
    address = text.strip().lower()
    return Identifier("mail", vault.digest("mail", address)) if _MAIL.fullmatch(address) else None


def identifiers(vault: Vault, *, phones: Iterable[str], mails: Iterable[str]) -> tuple[Identifier, ...]:
    """All that can be read, sorted, each once; what cannot be read is left out."""
    found = {*(phone(vault, text) for text in phones), *(mail(vault, text) for text in mails)}
    return tuple(sorted(item for item in found if item is not None))


def of_key(key: str) -> Identifier:
    """The identifier behind a key of `cases.persons`. Raises ValueError: it is none."""
    kind, _, digest = key.partition(":")
    if kind == "phone":
        return Identifier("phone", digest)
    if kind == "mail":
        return Identifier("mail", digest)
    raise ValueError("not a key of a person")
