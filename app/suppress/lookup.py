"""The consent ledger asked for thousands of persons in one query, and what changed in it since a run began.

Meaning (features 0.16, 1.7): of each source (a case, or all entries without one) the latest entry of a channel counts;
a person is suppressed when any source's latest entry for `any` or for the channel says no. app/consent/ledger.py asks
the same of one person; a test keeps the two equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from app.consent.ledger import ANY
from app.db import Connection
from app.settings import CHANNELS

SETTLED_SECONDS = 5  # an entry older than this, and than every running transaction, is surely visible to all

# One string of digests: psycopg writes an array item by item, and takes as long as the search itself.
LATEST = (
    "SELECT DISTINCT ON (person, case_id, channel) person, channel, allowed, wished_at, id FROM consents"
    " WHERE person = ANY(string_to_array(%s, ',')) AND purpose = %s AND channel = ANY(%s)"
    " ORDER BY person, case_id, channel, id DESC"
)
# The oldest "no" that still stands says since when.
STANDING = (
    "WITH latest AS (" + LATEST + ") SELECT DISTINCT ON (person) person, channel, wished_at AS since FROM latest"
    " WHERE NOT allowed ORDER BY person, id"
)
CHANNELS_AT_NO = (
    "WITH latest AS (" + LATEST + ") SELECT person, array_agg(DISTINCT channel) AS channels FROM latest"
    " WHERE NOT allowed GROUP BY person"
)


class Standing(NamedTuple):
    """A "no" that stands: its channel (`any` for all) and since when it was wished (UTC)."""

    channel: str
    since: datetime

    @property
    def reason(self) -> str:
        """A slug for machines: all offers, or this channel alone."""
        return "opted_out" if self.channel == ANY else f"opted_out:{self.channel}"

    @property
    def at(self) -> str:
        return self.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def channels_of(channel: str) -> list[str]:
    """What is looked at for this channel; `all` means that any one of them refuses."""
    return [ANY, *(CHANNELS if channel == "all" else (channel,))]


def standing(conn: Connection, persons: Sequence[str], purpose: str, channel: str) -> dict[str, Standing]:
    """Digest -> the "no" that stands, for those who have one. One query however many persons."""
    given = (",".join(persons), purpose, channels_of(channel))
    rows = conn.execute(STANDING, given, prepare=True).fetchall()
    return {row["person"]: Standing(row["channel"], row["since"]) for row in rows}


def at_no(conn: Connection, persons: Sequence[str], purpose: str, channel: str) -> dict[str, frozenset[str]]:
    """Digest -> the channels (and `any`) whose "no" stands."""
    given = (",".join(persons), purpose, channels_of(channel))
    rows = conn.execute(CHANNELS_AT_NO, given, prepare=True).fetchall()
    return {row["person"]: frozenset(row["channels"]) for row in rows}


def mark(conn: Connection) -> int:
    """An id below which every entry was committed before now.

    Ids are given before the commit, so the newest visible one is not it: an older id may become visible later. Hence
    the newest entry recorded before the oldest transaction began that is still running, and some seconds earlier.
    """
    row = conn.execute(
        "SELECT id FROM consents WHERE recorded_at < (SELECT least(now(), min(xact_start)) - make_interval(secs => %s)"
        " FROM pg_stat_activity WHERE datname = current_database()) ORDER BY id DESC LIMIT 1",
        (SETTLED_SECONDS,),
    ).fetchone()
    return int(row["id"]) if row else 0


def refused_since(conn: Connection, since: int, purpose: str, channel: str, limit: int = 100_000) -> list[str] | None:
    """Digests with a "no" entry newer than `since`; None when they are more than `limit`."""
    rows = conn.execute(
        "SELECT DISTINCT person FROM consents WHERE id > %s AND purpose = %s AND channel = ANY(%s) AND NOT allowed"
        " LIMIT %s",
        (since, purpose, channels_of(channel), limit + 1),
    ).fetchall()
    return None if len(rows) > limit else [row["person"] for row in rows]
