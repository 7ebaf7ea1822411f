"""Parts a campaign file into who may be reached and who may not (features 1.7, 3.2). When in doubt, not.

Flat memory, one look at the ledger for some thousand rows. What the ledger learns while the file is being read counts
too: before anything is put in its place, everybody who has said no since the start is looked for among the allowed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from app.db import Connection
from app.ledger.store import write
from app.suppress import lookup
from app.suppress.columns import Columns
from app.suppress.identifiers import Identifier, everything_in, of_cell
from app.suppress.lookup import Standing
from app.suppress.outputs import Annotated, Output
from app.suppress.records import BOM, ListError, Record, lines, records
from app.vault import Vault

BATCH = 2_000  # rows to one query
PASSES = 3  # over the allowed rows; more is only needed when somebody says no during each of them
BITS = 26  # of the filter that remembers who was allowed: 8 MB
UNREADABLE, NO_IDENTIFIER = "unreadable", "no_identifier"
Look = Callable[[Sequence[str]], Mapping[str, Standing]]


@dataclass
class Tally:
    """What became of the rows. Blank lines are in neither file. `as_of`: the moment the ledger was last asked (UTC)."""

    rows: int = 0
    allowed: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    blank: int = 0
    late: int = 0
    as_of: datetime | None = None


class Filter:
    """Whether a digest was surely never added: one bit of a map, no list of digests."""

    def __init__(self) -> None:
        self._map = bytearray(1 << (BITS - 3))

    def add(self, digests: Iterable[str]) -> None:
        for digest in digests:
            place = int(digest[:8], 16) >> (32 - BITS)
            self._map[place >> 3] |= 1 << (place & 7)

    def may_hold(self, digest: str) -> bool:
        place = int(digest[:8], 16) >> (32 - BITS)
        return bool(self._map[place >> 3] >> (place & 7) & 1)


class Sieve:
    """One run over one file. `read` is told, now and then, how many bytes of it have been read."""

    def __init__(self, vault: Vault, columns: Columns, read: Callable[[int], None]) -> None:
        self.tally = Tally()
        self._vault = vault
        self._columns = columns
        self._read = read
        self._let_through = Filter()
        self._late: set[str] = set()

    def run(self, source: Path, allowed: Output, refused: Output, conn: Connection, *, purpose: str,
            channel: str) -> Output:  # fmt: skip
        """Fill both files and look again at what changed meanwhile; the file that is to be kept as the allowed one.

        Raises ListError (a line without end, a ledger that changes wholesale), StoreError, OSError (disk full).
        """
        since = lookup.mark(conn)
        others = Annotated(refused.file, self._columns.head)
        self._first(source, allowed, others, lambda people: lookup.standing(conn, people, purpose, channel))
        for _ in range(PASSES):
            self.tally.as_of = datetime.now(UTC)
            later = lookup.mark(conn)
            changed = self._changed(conn, since, purpose, channel)
            if not changed:
                break
            allowed = self._again(allowed, others, changed)
            since = later
        allowed.finish()
        refused.finish()
        return allowed

    def journal(self, conn: Connection, purpose: str, channel: str) -> None:
        """That this was asked, when, and how it came out: counts only (features 1.7)."""
        tally = self.tally
        counts: dict[str, Any] = {"rows": tally.rows, "allowed": tally.allowed, "refused": tally.refused.total()}
        write(conn, None, "campaign_checked", purpose=purpose, channel=channel, **counts)

    def _first(self, source: Path, allowed: Output, refused: Annotated, look: Look) -> None:
        tally = self.tally
        allowed.file.write(self._columns.head.raw)
        for record, people, reason, since in self._judged(source, look):
            tally.rows += 1
            if reason:
                tally.refused[reason] += 1
                refused.write(record, reason, since)
            else:
                tally.allowed += 1
                self._let_through.add(people)
                allowed.file.write(record.raw)

    def _changed(self, conn: Connection, since: int, purpose: str, channel: str) -> dict[str, Standing]:
        """Who has said no since then, and may be among the allowed."""
        people = lookup.refused_since(conn, since, purpose, channel)
        if people is None:
            raise ListError("the ledger changed wholesale while the file was read: run it again", "ledger_changed")
        wanted = (one for one in people if one not in self._late and self._let_through.may_hold(one))
        found: dict[str, Standing] = {}
        while some := list(islice(wanted, BATCH)):
            found |= lookup.standing(conn, some, purpose, channel)
        self._late |= found.keys()
        return found

    def _again(self, allowed: Output, refused: Annotated, changed: Mapping[str, Standing]) -> Output:
        """The allowed rows once more, without those who have said no meanwhile."""
        allowed.finish()
        kept = allowed.again()
        kept.file.write(self._columns.head.raw)
        for record, _, reason, since in self._judged(allowed.path, lambda people: changed):
            if reason:
                self.tally.allowed -= 1
                self.tally.late += 1
                self.tally.refused[reason] += 1
                refused.write(record, reason, since)
            else:
                kept.file.write(record.raw)
        return kept

    def _judged(self, path: Path, look: Look) -> Iterator[tuple[Record, list[str], str, str]]:
        """Each row with its digests, why it is refused ('': it is not) and since when."""
        with path.open("rb") as source:
            for batch in batches(source, self._columns):
                self.tally.blank += sum(record.fields == [] for record in batch)
                rows = [(record, self._digests(record)) for record in batch if record.fields != []]
                found = look([digest for _, people in rows if not isinstance(people, str) for digest in people])
                for record, people in rows:
                    if isinstance(people, str):
                        yield record, [], people, ""
                    else:
                        yield record, people, *_answer(people, found)
                self._read(source.tell())

    def _digests(self, record: Record) -> list[str] | str:
        named = named_in(record, self._columns)
        return named if isinstance(named, str) else [self._vault.digest(kind, value) for kind, value in named]


def batches(source: BinaryIO, columns: Columns) -> Iterator[list[Record]]:
    """The rows behind the header, some thousand at a time."""
    if source.read(len(BOM)) != BOM:
        source.seek(0)
    rows = records(lines(source), columns.head.delimiter, len(columns.head.names))
    next(rows, None)
    while batch := list(islice(rows, BATCH)):
        yield batch


def named_in(record: Record, columns: Columns) -> list[Identifier] | str:
    """Everybody whom this row names; or the reason why there is nobody."""
    if record.fields is None:
        return UNREADABLE
    found: list[Identifier] = []
    for column in columns.people:
        named = of_cell(record.fields[column])
        if named is None:
            return UNREADABLE
        found += named
    if found and record.long:
        found += everything_in(record.raw.decode())
    return found or NO_IDENTIFIER


def _answer(people: list[str], found: Mapping[str, Standing]) -> tuple[str, str]:
    """The oldest "no" among these identifiers of one row."""
    refusals = [found[digest] for digest in people if digest in found] if found else []
    if not refusals:
        return "", ""
    first = min(refusals, key=lambda refusal: refusal.since)
    return first.reason, first.at


def place(path: Path, word: str) -> Path:
    """FILE.csv -> FILE.allowed.csv beside it."""
    return path.with_name(f"{path.stem}.{word}{path.suffix or '.csv'}")
