"""What a note tells beside the case's own row and its effects, read in one go."""

from __future__ import annotations

from dataclasses import dataclass

from app.cases import Case
from app.db import Connection


@dataclass(frozen=True)
class Facts:
    """Ids, slugs and times only; nothing of a person."""


def load(conn: Connection, case: Case) -> Facts:
    """As they stand in this transaction."""
    return Facts()
