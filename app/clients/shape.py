"""Reading answers of vendors without trusting them: a wrong shape becomes an empty value, never an exception."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)


def mapping(value: object) -> Mapping[str, object]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """The value if it is a JSON list, else an empty one."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """The value if it is a string, else ''."""
    return value if isinstance(value, str) else ""


def number(value: object) -> int | None:
    """An id: a JSON whole number or a string of digits (Zendesk writes both); anything else is None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 2**63 else None
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    return None


def numbers(value: object) -> tuple[int, ...]:
    """The ids of a list, without those that are none."""
    return tuple(found for found in map(number, items(value)) if found is not None)


def texts(value: object) -> frozenset[str]:
    """The non-empty strings of a list."""
    return frozenset(found for found in map(text, items(value)) if found)


def flag(value: object) -> bool | None:
    """true, false, or 'true', 'false' (macros come back with either, Z2.6); anything else is None."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(text(value).lower())


def moment(value: object) -> datetime:
    """An ISO time as aware UTC; what cannot be read counts as the oldest time there is."""
    try:
        found = datetime.fromisoformat(text(value))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
