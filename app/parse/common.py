"""What the three parsers share: facts of refused bodies, and careful reading of values of unknown type."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from app.events import Json, Refused


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def dead(prefix: str, body: bytes, reason: str, *, ticket_id: int | None = None) -> Refused:
    """Authentic but unusable: the body is kept for a person (encrypted and capped by the engine)."""
    return Refused(f"{prefix}:dead:{digest(body)}", "dead", reason, ticket_id=ticket_id, body=body)


def ignored(
    prefix: str, body: bytes, reason: str, *, ticket_id: int | None = None, detail: Mapping[str, Json] | None = None
) -> Refused:
    """Authentic and not for us. Its fact is the body's own, so that it can never shadow a fact that matters."""
    return Refused(f"{prefix}:ignored:{digest(body)}", "ignored", reason, ticket_id=ticket_id, detail=detail)


def as_dict(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def as_list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def as_str(value: Json) -> str:
    return value if isinstance(value, str) else ""
