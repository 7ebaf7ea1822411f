"""What a setting may look like. Every refusal says what is wanted and never shows the value: it may be a secret."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from app.errors import ConfigError

# Zendesk's public test secret, and the words people leave in templates: never accepted as a real secret.
# Source: developer.zendesk.com, "Verifying webhook authenticity".
PUBLIC_TEST_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # noqa: S105 - published by Zendesk
EXAMPLE_SECRETS = frozenset({"change-me", "changeme", "secret", "example", "your-secret-here"})

FIELD_NAMES = ("name", "contact", "backoffice", "preference")
CONFIRMATION_FIELDS = (
    "identity",
    "confirmed_by",
    "confirmed_via",
    "authority",
)  # optional; named: asked of every ticket
FIELD_ALIASES = {
    "customer_name": "name",
    "full_name": "name",
    "contact_number": "contact",
    "customer_number": "contact",
    "phone_number": "contact",
    "phone": "contact",
    "number": "contact",
    "backoffice_link": "backoffice",
    "backoffice_url": "backoffice",
    "link": "backoffice",
    "customer_preference": "preference",
    "pref": "preference",
    "identity_check": "identity",
    "identity_checked": "identity",
    "confirmation_channel": "confirmed_via",
}
_SLUG = re.compile(r"[A-Za-z][A-Za-z_]{0,39}", re.ASCII)
_FIELD_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


def _split(value: object) -> object:
    """Comma-separated text to a tuple of trimmed, non-empty parts."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _pairs(value: object) -> object:
    """`a=b,c=d` (or `a:b`, or a JSON object) to a dict; a repeated name is refused."""
    if not isinstance(value, str):
        return value
    if value.strip().startswith("{"):
        return _json_pairs(value)
    pairs: list[tuple[str, str]] = []
    for place, part in enumerate(filter(None, (p.strip() for p in value.split(","))), 1):
        key, sep, item = part.partition("=" if "=" in part else ":")
        if not sep or not key.strip() or not item.strip():
            raise ValueError(f"part {place} is not name=value")
        pairs.append((key.strip(), item.strip()))
    return _once(pairs)


def _json_pairs(value: str) -> dict[str, str]:
    try:
        found = json.loads(value, object_pairs_hook=list)
    except (ValueError, RecursionError):
        raise ValueError("is not valid JSON") from None
    if not all(isinstance(item, str | int) and not isinstance(item, bool) for _, item in found):
        raise ValueError("must be a JSON object of texts")
    return _once([(str(key).strip(), str(item).strip()) for key, item in found])


def _once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    for place, (key, _) in enumerate(pairs, 1):
        if any(key == earlier for earlier, _ in pairs[: place - 1]):
            raise ValueError(f"part {place} repeats a name")
    return dict(pairs)


def _fields(value: object) -> object:
    """`name=1,contact=2,…`, JSON, or up to four ids in the order name, contact number, BackOffice link, preference."""
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]+(\s*,\s*[0-9]+)*\s*", value):
        ids = [part.strip() for part in value.split(",")]
        if len(ids) > len(FIELD_NAMES):
            raise ValueError("at most four ids")
        value = dict(zip(FIELD_NAMES, ids, strict=False))
    pairs = _pairs(value)
    if not isinstance(pairs, dict):
        return pairs
    named: dict[str, str] = {}
    for place, (key, item) in enumerate(pairs.items(), 1):
        name = FIELD_ALIASES.get(str(key), str(key))
        if name not in FIELD_NAMES + CONFIRMATION_FIELDS:
            names = ", ".join(FIELD_NAMES + CONFIRMATION_FIELDS)
            raise ValueError(f"{_named(str(key), place)} is not one of {names}")
        if not _FIELD_ID.fullmatch(str(item)):
            raise ValueError(f"{name} needs the id of a ticket field, a number")
        if name in named or str(item) in named.values():
            raise ValueError(f"{name} is given twice, or shares its field with another")
        named[name] = str(item)
    return named


def _named(key: str, place: int) -> str:
    """A key that is plainly a word is named, anything else may be a pasted secret."""
    return key if _SLUG.fullmatch(key) else f"part {place}"


def unknown_names(value: dict[str, str], known: dict[str, str]) -> list[str]:
    return [_named(key, place) for place, key in enumerate(value, 1) if key not in known]


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        good = False
    if not good or re.search(r"[\s\x00-\x1f\x7f]", value):
        raise ValueError("must be an http(s) URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user or password")
    return value


def _http_url(value: str) -> str:
    parts = urlsplit(_url(value))
    if parts.query or parts.fragment:
        raise ValueError("must be an http(s) URL without query or fragment")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("plain http is for stand-ins on this machine only")
    return value.rstrip("/")


def is_loopback(host: str) -> bool:
    """`localhost`, or an address that never leaves this machine."""
    try:
        return host.lower() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _no_example(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text == PUBLIC_TEST_SECRET or text.lower() in EXAMPLE_SECRETS:
        raise ValueError("is a published or example secret")
    if not text.strip():
        raise ValueError("is empty")
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be a time zone such as Asia/Kuala_Lumpur") from None
    return value


def _database(value: str) -> str:
    """Empty, a URI, or the `key=value` form of libpq."""
    if value:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict

        try:
            if value.startswith(("postgresql://", "postgres://")) or re.match(r"\s*[a-z_]+\s*=", value):
                conninfo_to_dict(value)
                return value
        except psycopg.ProgrammingError:
            pass  # its message holds the value
        raise ValueError("must be empty or postgresql://…")
    return value


def _file(value: str) -> str:
    if value and not (Path(value).is_file() and os.access(value, os.R_OK)):
        raise ValueError("must be empty or a file that can be read")
    return value


def channel_id(value: str, chat: str) -> str:
    """The id of a channel of this chat, or ''."""
    return _mattermost_id(value) if chat == "mattermost" else _slack_channel(value)


def _peers(value: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses and networks; `any` alone for every address."""
    for one in value:
        if one == "any" and len(value) == 1:
            continue
        try:
            ipaddress.ip_network(one)
        except ValueError:
            raise ValueError("must be addresses or networks such as 10.1.2.3,10.2.0.0/16, or any") from None
    return value


def _known(value: tuple[str, ...]) -> tuple[str, ...]:
    """Whoever is believed is named."""
    if "any" in value:
        raise ValueError("must name the proxies: what any address says is nobody's word")
    return value


def _shaped(pattern: str, words: str) -> Callable[[str], str]:
    """A check: empty, or wholly of this form."""
    form = re.compile(pattern, re.ASCII)

    def check(value: str) -> str:
        if value and not form.fullmatch(value):
            raise ValueError(words)
        return value

    return check


def _about_somebody(value: str) -> str:
    """The token goes there, so plain http is for this machine only; both marks belong behind the host."""
    if not value:
        return value
    parts = urlsplit(_url(value))
    if "{customer}" not in f"{parts.path}?{parts.query}":
        raise ValueError("must hold {customer} behind its host")
    if re.search(r"[{}]", value.replace("{customer}", "").replace("{channel}", "")) or "{" in parts.netloc:
        raise ValueError("may hold no marks but {customer} and {channel}, behind its host")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("plain http is for stand-ins on this machine only")
    return value


def _word_list(value: str) -> str:
    from app.threats import lexicon

    try:
        return lexicon.checked(_file(value))
    except ConfigError as error:
        raise ValueError(f"is refused: {error}") from None


Text = Annotated[str, Field(min_length=1)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
MaybeUrl = Annotated[str, AfterValidator(lambda value: _url(value) if value else value)]
MaybeHttpUrl = Annotated[str, AfterValidator(lambda value: _http_url(value) if value else value)]
Secret = Annotated[SecretStr, AfterValidator(_no_example)]
Secrets = Annotated[tuple[Secret, ...], NoDecode, BeforeValidator(_split)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), Field(min_length=1)]
Pairs = Annotated[dict[str, str], NoDecode, BeforeValidator(_pairs)]
FieldIds = Annotated[dict[str, str], NoDecode, BeforeValidator(_fields)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
DatabaseUrl = Annotated[str, AfterValidator(_database)]
File = Annotated[str, AfterValidator(_file)]
WordList = Annotated[str, AfterValidator(_word_list)]
BanUrl = Annotated[str, AfterValidator(_about_somebody)]
_slack_channel = _shaped(r"[CGD][A-Z0-9]{2,20}", "must be a channel's id such as C0123456789, not its name")
_mattermost_id = _shaped(r"[a-z0-9]{26}", "must be a channel's id of 26 letters and digits, not its name")
SlackChannel = Annotated[str, AfterValidator(_slack_channel)]
MattermostId = Annotated[str, AfterValidator(_mattermost_id)]
Peers = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_peers)]
Proxies = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_peers), AfterValidator(_known)]
Group = Annotated[
    str, AfterValidator(_shaped(r"S[A-Z0-9]{2,20}|[a-z0-9]{26}", "must be a group's id, of Slack or of Mattermost"))
]
Digits = Annotated[str, AfterValidator(_shaped(r"[0-9]{1,18}", "must be digits only"))]
ProjectKey = Annotated[
    str, Field(min_length=1), AfterValidator(_shaped(r"[A-Z][A-Z0-9_]{1,9}", "must be a project's key such as SUP"))
]
