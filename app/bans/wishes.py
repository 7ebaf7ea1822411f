"""The table `wishes`: one row for each single thing the customer asked for, and its own proof (SOP 000 section 1).

States: asked -> claimed (JIRA says done) -> confirmed (its source agrees, or nobody else can be asked) | contradicted
(the source says otherwise) | withdrawn. A case is complete only when every wish that still stands is confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.db import Connection, Row
from app.points import point
from app.settings import CHANNELS

DELETION, OFFERS = "deletion", "offers"
NAMES = (DELETION, OFFERS, *CHANNELS)
# Who says so.
JIRA, SOURCE, UNKNOWN_CUSTOMER = "jira", "source", "unknown_customer"


@dataclass(frozen=True)
class Wish:
    """One row. `source`: who confirmed or contradicted it (JIRA, SOURCE), or why it cannot be (UNKNOWN_CUSTOMER)."""

    wish: str
    state: str
    source: str
    claimed_at: datetime | None
    confirmed_at: datetime | None

    @classmethod
    def of(cls, row: Row) -> Wish:
        return cls(**{name: row[name] for name in cls.__dataclass_fields__})


def names(preference: Iterable[str]) -> tuple[str, ...]:
    """The single wishes of preference codes, in the SOP's order. All offers include all four channels (0.25, 0.26)."""
    chosen = set(preference)
    if "delete_all" in chosen:
        return NAMES
    if "stop_all" in chosen:
        return NAMES[1:]
    return tuple(channel for channel in CHANNELS if f"stop_{channel}" in chosen)


def of_case(conn: Connection, case_id: int) -> tuple[Wish, ...]:
    """The rows of a case, in the SOP's order."""
    rows = conn.execute("SELECT * FROM wishes WHERE case_id = %s", (case_id,)).fetchall()
    return tuple(sorted(map(Wish.of, rows), key=lambda wish: NAMES.index(wish.wish)))


def ask(conn: Connection, case_id: int, preference: Iterable[str]) -> None:
    """The rows of this preference; those that are there stay as they are."""
    point("wish.before_write", "ask")
    for wish in names(preference):
        conn.execute("INSERT INTO wishes (case_id, wish) VALUES (%s, %s) ON CONFLICT DO NOTHING", (case_id, wish))


def claim(conn: Connection, case_id: int) -> None:
    """JIRA says that it is done: a claim."""
    point("wish.before_write", "claim")
    conn.execute(
        "UPDATE wishes SET state = 'claimed', claimed_at = now() WHERE case_id = %s AND state = 'asked'", (case_id,)
    )


def confirm_by_jira(conn: Connection, case_id: int, wishes: Sequence[str]) -> None:
    """Nobody else can be asked about these: JIRA's word is all there is, and the row says so."""
    point("wish.before_write", "confirm")
    conn.execute(
        "UPDATE wishes SET state = 'confirmed', source = %s, confirmed_at = coalesce(confirmed_at, now())"
        " WHERE case_id = %s AND wish = ANY(%s) AND state IN ('claimed', 'contradicted')",
        (JIRA, case_id, list(wishes)),
    )


def judge(conn: Connection, case_id: int, banned: Mapping[str, bool], source: str = SOURCE) -> None:
    """What the source says of each wish. A confirmation keeps the time of its first proof."""
    point("wish.before_write", "judge")
    for wish, holds in banned.items():
        conn.execute(
            "UPDATE wishes SET state = %(state)s, source = %(source)s, checked_at = now(), confirmed_at ="
            " CASE WHEN %(holds)s THEN CASE WHEN state = 'confirmed' AND source = %(source)s"
            " THEN coalesce(confirmed_at, now()) ELSE now() END END"
            " WHERE case_id = %(case)s AND wish = %(wish)s AND state IN ('claimed', 'confirmed', 'contradicted')",
            {
                "state": "confirmed" if holds else "contradicted",
                "source": source,
                "holds": holds,
                "case": case_id,
                "wish": wish,
            },
        )


def unclaim(conn: Connection, case_id: int) -> None:
    """JIRA takes its word back: everything that still stands is asked for again."""
    point("wish.before_write", "unclaim")
    conn.execute(
        "UPDATE wishes SET state = 'asked', source = '', claimed_at = NULL, confirmed_at = NULL"
        " WHERE case_id = %s AND state IN ('claimed', 'confirmed', 'contradicted')",
        (case_id,),
    )


def withdraw(conn: Connection, case_id: int, wishes: Iterable[str] = NAMES) -> None:
    """The customer wants these no longer: they are not looked at again."""
    point("wish.before_write", "withdraw")
    conn.execute("UPDATE wishes SET state = 'withdrawn' WHERE case_id = %s AND wish = ANY(%s)", (case_id, list(wishes)))


def complete(rows: Sequence[Wish]) -> bool:
    """Each wish that still stands is confirmed."""
    return bool(rows) and all(row.state in ("confirmed", "withdrawn") for row in rows)
