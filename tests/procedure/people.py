"""Customers for tickets of one test each: tickets of one number or address would be one person's, and join one case."""

from __future__ import annotations

import itertools
from typing import Any

from tests.house import House
from tests.review.scenes import REQUESTED

_number = itertools.count(1)


def someone(**given: Any) -> dict[str, Any]:
    """What House.ticket takes, for a person of their own; `fields` and anything else may be given."""
    number = next(_number)
    phone = f"+6012{number:07d}"
    return {
        "email": f"siti{number}@example.com",
        "phone": phone,
        **given,
        "fields": {"contact": phone, **given.get("fields", {})},
    }


class Person:
    """A customer who writes again and again. `ticket` may be given another number's form, another address, ..."""

    def __init__(self, house: House, number: int) -> None:
        self.house = house
        self.mail = f"again{number}@example.com"
        self.local = f"17 {number:03d}-4321"

    def ticket(self, *tags: str, phone: str | None = None, mail: str | None = None, **given: Any) -> int:
        phone = phone or f"+60 {self.local}"
        fields = {"contact": phone, **given.pop("fields", {})}
        ticket = self.house.ticket(fields=fields, phone=phone, email=mail or self.mail, **given)
        if tags:
            self.house.tag(ticket, REQUESTED, *tags)
        return ticket

    def main(self, *tags: str, **given: Any) -> int:
        ticket = self.ticket(*(tags or ("pref_stop_all",)), **given)
        self.house.wait_state(ticket, "awaiting")
        return ticket
