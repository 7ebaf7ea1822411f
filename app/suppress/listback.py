"""A list that comes back (a CRM's export that says who is subscribed) beside the consent ledger (features 0.9, 3.2).

Nothing in the ledger is lifted by a list: a row that says yes where the ledger says no is a contradiction, and is
reported, and the ban of whoever it concerns is looked at again at its source. A no that the ledger does not know is
taken over when that is asked for: nobody has to say it twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from app.bans import schedule
from app.consent import ledger, person
from app.db import Connection
from app.ledger.store import write
from app.suppress import lookup
from app.suppress.columns import Columns, verdict
from app.suppress.identifiers import Identifier, meant
from app.suppress.outputs import Annotated, Output
from app.suppress.records import Record
from app.suppress.sieve import UNREADABLE, batches, named_in
from app.vault import Vault

UNKNOWN_STATUS = "unknown_status"
WORDING = "list"  # these people saw no words of ours


@dataclass
class Report:
    """Counts of rows; `recorded` counts entries made, `unreadable` rows by reason. Blank lines are not rows.

    `rechecks`: done cases that are looked at again; None where no source can be asked (BAN_CHECK_URL).
    """

    rows: int = 0
    yes: int = 0
    no: int = 0
    contradictions: int = 0
    unknown_no: int = 0
    recorded: int = 0
    unreadable: Counter[str] = field(default_factory=Counter)
    rechecks: int | None = None


@dataclass(frozen=True)
class Judged:
    """One row: who it may name, what it says (True, False) or why it says nothing that we can read, and who is meant
    by it."""

    record: Record
    people: tuple[tuple[str, str], ...]
    says: bool | str
    meant: tuple[tuple[str, str], ...] = ()


class Comparison:
    """One list, of one source, about one purpose and channel (`all`: any of them).

    `recheck`: done cases whose persons the list lets in again are looked at again, each once a list.
    """

    def __init__(self, vault: Vault, columns: Columns, *, source: str, purpose: str, channel: str,
                 recheck: bool) -> None:  # fmt: skip
        self.report = Report()
        self._vault = vault
        self._columns = columns
        self._source = source
        self._purpose = purpose
        self._channel = channel
        self._recheck = recheck
        self._contradicted: set[int] = set()  # cases

    def run(self, conn: Connection, path: Path, out: Output, *, record: bool, read: Callable[[int], None]) -> Report:
        """Report every contradiction and unreadable row in `out`; `record`: add the no entries. One journal line."""
        rows = Annotated(out.file, self._columns.head)
        with path.open("rb") as source:
            for batch in batches(source, self._columns):
                judged = [self._judge(row) for row in batch if row.fields != []]
                people = [digest for row in judged for _, digest in row.people]
                banned = self._compare(judged, lookup.standing(conn, people, self._purpose, self._channel), rows)
                if self._recheck and banned:
                    self._contradicted |= schedule.done_cases_of(conn, banned)
                self._take_over(conn, [row for row in judged if row.says is False], record)
                read(source.tell())
        out.finish()
        with conn.transaction():
            if self._recheck:
                schedule.after_list(conn, sorted(self._contradicted))
                self.report.rechecks = len(self._contradicted)
            self._journal(conn)
        return self.report

    def _judge(self, row: Record) -> Judged:
        people = named_in(row, self._columns)
        if isinstance(people, str) or row.fields is None or self._columns.status is None:
            return Judged(row, (), people if isinstance(people, str) else UNREADABLE)
        says = verdict(row.fields[self._columns.status], self._columns.inverse)
        keys, own = tuple(self._keys(people)), tuple(self._keys(meant(people)))
        return Judged(row, keys, UNKNOWN_STATUS if says is None else says, own)

    def _keys(self, people: Sequence[Identifier]) -> Iterator[tuple[str, str]]:
        return ((kind, self._vault.digest(kind, value)) for kind, value in people)

    def _compare(self, judged: list[Judged], known: dict[str, lookup.Standing], out: Annotated) -> set[str]:
        """The keys of those who the list says may be used again although the ledger says no."""
        report, banned = self.report, set[str]()
        for row in judged:
            report.rows += 1
            if isinstance(row.says, str):
                report.unreadable[row.says] += 1
                out.write(row.record, row.says)
            elif row.says:
                report.yes += 1
                refusals = {f"{kind}:{digest}": known[digest] for kind, digest in row.people if digest in known}
                if refusals:
                    report.contradictions += 1
                    first = min(refusals.values(), key=lambda refusal: refusal.since)
                    out.write(row.record, first.reason, first.at)
                    banned.update(refusals)
            else:
                report.no += 1
        return banned

    def _take_over(self, conn: Connection, refusing: list[Judged], record: bool) -> None:
        """What the ledger does not know of those who said no; written in one transaction a batch."""
        people = dict.fromkeys(pair for row in refusing for pair in row.meant)
        known = lookup.at_no(conn, [digest for _, digest in people], self._purpose, self._channel)
        missing = {
            (kind, digest): channels
            for kind, digest in people
            if (channels := self._missing(known.get(digest, frozenset())))
        }
        self.report.unknown_no += sum(any(pair in missing for pair in row.meant) for row in refusing)
        if not record or not missing:
            return
        now = datetime.now(UTC)
        new = [
            self._entry(kind, digest, channel, now) for (kind, digest), found in missing.items() for channel in found
        ]
        with conn.transaction():
            self.report.recorded += ledger.append(conn, new)

    def _missing(self, at_no: frozenset[str]) -> list[str]:
        """Channels for which a no must be added. A no above the channels is known for each of them."""
        if ledger.ANY in at_no:
            return []
        wanted = lookup.channels_of("all") if self._channel == "all" else [self._channel]
        return [channel for channel in wanted if channel not in at_no]

    def _entry(self, kind: str, digest: str, channel: str, now: datetime) -> ledger.New:
        return ledger.New(
            person.of_key(f"{kind}:{digest}"),
            channel,
            allowed=False,
            actor=f"import:{self._source}",
            wording=WORDING,
            reason=ledger.IMPORTED,
            wished_at=now,
            purpose=self._purpose,
        )

    def _journal(self, conn: Connection) -> None:
        report = self.report
        write(
            conn,
            None,
            "list_imported",
            reason="contradicted" if report.contradictions else "",
            source=self._source,
            purpose=self._purpose,
            channel=self._channel,
            rows=report.rows,
            contradictions=report.contradictions,
            recorded=report.recorded,
            unreadable=report.unreadable.total(),
            rechecks=report.rechecks,
        )
