"""Two persons' same answer decides a threat's card (THREAT_TWO_PERSONS): what each has said so far.

A press that is a vote is one row, for good; what a person says is their latest row, whatever account it came from
(S032). A vote counts for the words that its card showed: new words ask everybody anew. Source: issue 4, D5, D10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.cases import Case
from app.clients.chat import Line, Mention, When
from app.db import Connection, Row
from app.texts import Texts

WANTED = 2  # persons


@dataclass(frozen=True)
class Vote:
    """What one person has said. `accounts`: keyed hashes of their Zendesk users; `seen`: how many events the card
    showed."""

    event_id: int
    accounts: tuple[str, ...]
    chat_user: str
    action: str
    seen: int
    voted_at: datetime

    @classmethod
    def of(cls, row: Row) -> Vote:
        return cls(**{**{name: row[name] for name in cls.__dataclass_fields__}, "accounts": tuple(row["accounts"])})


def of(conn: Connection, case: Case) -> list[Vote]:
    """What stands: each person's latest answer to what the card shows now, oldest first."""
    return [vote for vote in _latest(_all(conn, case)) if vote.seen == shown(case)]


def cast(conn: Connection, case: Case, event_id: int, *, accounts: Sequence[str], chat_user: str, action: str) -> bool:
    """Write one person's answer; the case's row must be locked. True: two persons now say the same."""
    conn.execute(
        "INSERT INTO votes (event_id, case_id, accounts, chat_user, action, seen) VALUES (%s, %s, %s, %s, %s, %s)",
        (event_id, case.id, list(accounts), chat_user, action, shown(case)),
    )
    return sum(vote.action == action for vote in of(conn, case)) >= WANTED


def told(conn: Connection, case: Case, event_id: int) -> str | None:
    """The key of what somebody is told whose answer did not decide; None when this press is no vote."""
    every = _all(conn, case)
    mine = next((vote for vote in every if vote.event_id == event_id), None)
    if mine is None:
        return None
    own = [v for v in every if v.event_id < event_id and v.seen == mine.seen and {*v.accounts} & {*mine.accounts}]
    return "voted_already" if own and own[-1].action == mine.action else "first_of_two"


def lines(texts: Texts, votes: Sequence[Vote]) -> list[Line]:
    """What the open card says of each answer; different ones stand side by side."""
    return [
        texts.line(
            "threats.vote",
            who=Mention(vote.chat_user),
            when=When(vote.voted_at),
            what=texts.get(f"threats.button.{vote.action}"),
        )
        for vote in votes
    ]


def shown(case: Case) -> int:
    """How many events a threat's card is made of."""
    events = case.evidence.get("events")
    return len(events) if isinstance(events, list) else 0


def _all(conn: Connection, case: Case) -> list[Vote]:
    rows = conn.execute("SELECT * FROM votes WHERE case_id = %s ORDER BY event_id", (case.id,)).fetchall()
    return [Vote.of(row) for row in rows]


def _latest(votes: Sequence[Vote]) -> list[Vote]:
    """One of each person: two rows with an account in common are the same person's."""
    found: list[Vote] = []
    for vote in reversed(votes):
        if not any({*vote.accounts} & {*later.accounts} for later in found):
            found.append(vote)
    return found[::-1]
