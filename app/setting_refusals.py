"""What is said of a setting that is refused: its name and what is wanted, never its value."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path

from dotenv import dotenv_values
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

_LIMITS = {"gt": "above", "ge": "not below", "le": "not above"}


def strangers(file: object, known: Collection[str]) -> list[str]:
    """What is in the settings file and is no setting."""
    if not isinstance(file, str | Path) or not Path(file).is_file():
        return []
    lines = []
    for key in dotenv_values(file, interpolate=False):
        if key.upper() not in known:
            near = difflib.get_close_matches(key.upper(), known, 1)
            lines.append(f"{key} in {Path(file).name} is no setting" + (f" (meant {near[0]}?)" if near else ""))
    return lines


def plain(item: ErrorDetails, fields: Mapping[str, FieldInfo]) -> str:
    """One refusal in plain words: the setting's name and what is wanted, never the value."""
    name, kind, given = str(item["loc"][0]), item["type"], item.get("input")
    if kind == "missing":
        words = "is missing"
    elif kind == "value_error":
        words = item["msg"].removeprefix("Value error, ")
    elif kind in ("string_too_short", "too_short") or (isinstance(given, str) and not given.strip()):
        words = "is empty"
    elif kind == "literal_error":
        words = f"must be {item['ctx']['expected']}"
    else:
        words = _range(fields.get(name)) or "is not of the form it must have"
    return f"{name.upper()} {words}"


def _range(field: FieldInfo | None) -> str:
    """What a number may be; '' for what is no number."""
    if field is None or field.annotation not in (int, float):
        return ""
    limits = {kind: bound for rule in field.metadata for kind, bound in _bounds(rule).items()}
    whole = "a whole number" if field.annotation is int else "a number"
    if "ge" in limits and "le" in limits:
        return f"must be {whole} from {limits['ge']} to {limits['le']}"
    parts = [f"{word} {limits[kind]}" for kind, word in _LIMITS.items() if kind in limits]
    return f"must be {whole} {' and '.join(parts)}".strip()


def _bounds(rule: object) -> dict[str, object]:
    return {kind: getattr(rule, kind) for kind in _LIMITS if hasattr(rule, kind)}
