"""Customers for tickets of one test each: tickets of one number or address would be one person's, and join one case."""

from __future__ import annotations

import itertools
from typing import Any

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
