"""JSON that means one thing only: UTF-8, no duplicate keys, no odd numbers, bounded depth and size.

Raises BadPayloadError whose `reason` is the dead-letter reason of bad-inputs.md, group B: `empty`, `encoding`, `utf8`,
`depth`, `duplicate_key`, `too_many`, `number`, `unicode`, `control`, `json`, `not_object`, `range`, `missing:<field>`.
"""

from __future__ import annotations

import json
import math
import re
from typing import NoReturn

from app.errors import BadPayloadError
from app.events import Json

MAX_DEPTH = 20
MAX_KEYS = 200
MAX_DIGITS = 1000  # Python itself refuses 4,300; no vendor sends more than 40

# Possessive quantifiers: linear on any input, an unterminated string included.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
_ID = re.compile(r"[1-9][0-9]{0,17}")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def loads(body: bytes, *, max_keys: int = MAX_KEYS, any_text: bool = False) -> Json:
    """The one meaning of `body`. `max_keys` counts the keys of all objects together.

    `any_text`: texts may hold NUL and lone surrogates; whoever keeps them takes these out (app.sinks.typed).
    """
    if not body:
        _refuse("empty")
    if json.detect_encoding(body) != "utf-8":  # a byte order mark, UTF-16 or UTF-32
        _refuse("encoding")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        _refuse("utf8")
    _check_depth(body)
    value = _parse(text, max_keys)
    if not any_text and (_ESCAPED_SURROGATE.search(text) or "\\u0000" in text):
        _check_text(value)
    return value


def loads_object(body: bytes, *, max_keys: int = MAX_KEYS, any_text: bool = False) -> dict[str, Json]:
    """As `loads`, and the value is an object."""
    value = loads(body, max_keys=max_keys, any_text=any_text)
    if not isinstance(value, dict):
        _refuse("not_object")
    return value


def identifier(value: Json, field: str) -> int:
    """An id of 1 to 18 digits: a JSON integer, or its ASCII digits as a string (bad-inputs B013-B018)."""
    if value is None or value == "":
        _refuse(f"missing:{field}")
    if isinstance(value, bool) or not isinstance(value, int | str):
        _refuse("number")
    if isinstance(value, int):
        if not 0 < value < 10**18:
            _refuse("range")
        return value
    if not _ID.fullmatch(value):
        _refuse("range" if re.fullmatch(r"[0-9]+", value) else "number")
    return int(value)


def _refuse(reason: str) -> NoReturn:
    raise BadPayloadError("the body is not usable JSON", reason)


def _check_depth(body: bytes) -> None:
    """Before parsing, because the parser itself recurses. Brackets inside strings do not count."""
    depth = 0
    for token in _TOKEN.finditer(body):
        if token[0] in (b"[", b"{"):
            depth += 1
            if depth > MAX_DEPTH:
                _refuse("depth")
        elif token[0] in (b"]", b"}"):
            depth -= 1


def _parse(text: str, max_keys: int) -> Json:
    keys = 0

    def pairs(items: list[tuple[str, Json]]) -> dict[str, Json]:
        nonlocal keys
        keys += len(items)
        if keys > max_keys:
            _refuse("too_many")
        found = dict(items)
        if len(found) != len(items):
            _refuse("duplicate_key")
        return found

    try:
        value: Json = json.loads(
            text, object_pairs_hook=pairs, parse_constant=_constant, parse_int=_integer, parse_float=_float
        )
    except json.JSONDecodeError as error:
        _refuse("control" if error.msg.startswith("Invalid control character") else "json")
    return value


def _constant(_: str) -> NoReturn:
    _refuse("number")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        _refuse("range")
    return int(digits)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        _refuse("number")
    return value


def _check_text(value: Json) -> None:
    """No lone surrogate (not encodable as UTF-8) and no NUL (no database takes it) in any string."""
    if isinstance(value, str):
        if any("\ud800" <= char <= "\udfff" for char in value):
            _refuse("unicode")
        if "\0" in value:
            _refuse("control")
    elif isinstance(value, list):
        for item in value:
            _check_text(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check_text(item)
