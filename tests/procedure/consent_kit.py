"""What tests of the consent ledger say often: customers of their own, and what stands against whom."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from app.consent import ledger
from app.settings import CHANNELS, load
from app.vault import Vault
from tests.house import House

ROOT = Path(__file__).resolve().parent.parent.parent
VAULT = Vault(load(_env_file=ROOT / ".env.example").data_key.get_secret_value())
NAMED = ("any", *CHANNELS)
numbers = count(1_000_000)


class Someone:
    """A customer nobody else of this module is."""

    def __init__(self) -> None:
        self.number = next(numbers)
        self.phone = f"+6012{self.number}"
        self.mail = f"who{self.number}@example.com"

    def ticket(self, house: House, **given: Any) -> int:
        fields = {"contact": self.phone, **given.pop("fields", {})}
        who = {"name": "Siti Nurhaliza", "email": self.mail, "phone": f"012{self.number}"}
        return house.ticket(**{"requester": who, "fields": fields, **given})

    @property
    def digests(self) -> list[str]:
        return [VAULT.digest("phone", self.phone), VAULT.digest("mail", self.mail)]


def stopped(house: House, digest: str, on: datetime | None = None, purpose: str = "offers") -> set[str]:
    """The channels through which this person must not be reached."""
    with house.desk.db.tx() as conn:
        found = {c: ledger.standing(conn, [digest], purpose, c, on)[digest] for c in CHANNELS}
    return {channel for channel, entry in found.items() if entry and not entry.allowed}


def both(house: House, who: Someone) -> set[str]:
    """The same, by phone and by mail alike."""
    by_phone, by_mail = (stopped(house, digest) for digest in who.digests)
    assert by_phone == by_mail
    return by_phone


def entries(house: House, who: Someone) -> list[dict[str, Any]]:
    return house.rows("SELECT * FROM consents WHERE person = ANY(%s) ORDER BY id", who.digests)


def said(house: House, digest: str) -> list[tuple[str, bool, str]]:
    rows = house.rows("SELECT * FROM consents WHERE person = %s ORDER BY id", digest)
    return [(row["channel"], row["allowed"], row["reason"]) for row in rows]


def withdraw(house: House, ticket: int, *resume: str) -> None:
    house.tag(ticket, "data_deletion_withdrawn", *(f"resume_{channel}" for channel in resume))
    house.settle()
