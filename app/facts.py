"""What a note tells beside the case's own row and its effects, read in one go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app import cases, declined, joins
from app.bans import wishes
from app.bans.wishes import Wish
from app.cases import Case
from app.consent import lines as consent_lines
from app.consent.lines import Stopped
from app.db import Connection
from app.joins import Joined
from app.vault import Vault


@dataclass(frozen=True)
class Facts:
    """Ids, slugs and times; `wishes`: each single wish and its proof.

    `joined`: the same person's other tickets. `stopped`: what the consent ledger says no to because of this case.
    `before`: earlier rounds that were declined. `said`: what the supervisor wrote when declining, for the ticket alone.
    """

    wishes: tuple[Wish, ...] = ()
    joined: Joined = field(default_factory=Joined)
    stopped: Stopped = field(default_factory=Stopped)
    before: tuple[Case, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict, repr=False)


def load(conn: Connection, case: Case, vault: Vault) -> Facts:
    """As they stand in this transaction."""
    return Facts(
        wishes=wishes.of_case(conn, case.id),
        joined=joins.facts(conn, case),
        stopped=consent_lines.of_case(conn, case),
        before=cases.declined_before(conn, case),
        said=declined.said(conn, case, vault),
    )
