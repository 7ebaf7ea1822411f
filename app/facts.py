"""What a note tells beside the case's own row and its effects, read in one go."""

from __future__ import annotations

from dataclasses import dataclass, field

from app import joins
from app.bans import wishes
from app.bans.wishes import Wish
from app.cases import Case
from app.consent import lines as consent_lines
from app.consent.lines import Stopped
from app.db import Connection
from app.joins import Joined


@dataclass(frozen=True)
class Facts:
    """Ids, slugs and times only; nothing of a person. `wishes`: each single wish and its proof.

    `joined`: the same person's other tickets. `stopped`: what the consent ledger says no to because of this case.
    """

    wishes: tuple[Wish, ...] = ()
    joined: Joined = field(default_factory=Joined)
    stopped: Stopped = field(default_factory=Stopped)


def load(conn: Connection, case: Case) -> Facts:
    """As they stand in this transaction."""
    return Facts(
        wishes=wishes.of_case(conn, case.id),
        joined=joins.facts(conn, case),
        stopped=consent_lines.of_case(conn, case),
    )
