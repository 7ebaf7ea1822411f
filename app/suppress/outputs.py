"""Files that are there whole or not at all: written under a temporary name beside their place, renamed at the end."""

from __future__ import annotations

import csv
import io
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from app.suppress.records import Head, ListError, Record

OURS = ("reason", "since")


class Output:
    """One file to be. `keep` puts it in its place; until then nothing is there."""

    def __init__(self, target: Path) -> None:
        self.target = target
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        self.path = Path(name)  # readable by us alone until it is kept
        self.file: BinaryIO = os.fdopen(handle, "wb", buffering=1 << 18)
        self._next: Output | None = None

    def again(self) -> Output:
        """Another temporary file for the same target; this one ends with it."""
        self._next = Output(self.target)
        return self._next

    def finish(self) -> None:
        """All bytes on disk. Raises OSError: the disk is full."""
        if not self.file.closed:
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()

    def keep(self, like: Path) -> None:
        """In place, with the rights of the file `like`."""
        shutil.copymode(like, self.path)
        self.path.replace(self.target)

    def drop(self) -> None:
        """Gone, unless it was kept. A full disk complains once more when it is closed: that was said already."""
        with suppress(OSError):
            self.file.close()
        self.path.unlink(missing_ok=True)
        if self._next:
            self._next.drop()


def check(source: Path, targets: Sequence[Path], force: bool) -> None:
    """Raises ListError when a target is the list itself, twice the same, a link, or there already and not to be
    replaced (C017)."""
    places = [path.resolve() for path in (source, *targets)]
    if len(set(places)) < len(places):
        raise ListError("the list and what is written must be different files", "outputs")
    for target in targets:
        if target.exists() and target.samefile(source):
            raise ListError("the list and what is written must be different files", "outputs")
        if target.is_symlink():
            raise ListError(f"{target} is a link, and what it leads to may be somebody else's", "outputs")
        if target.exists() and not (force and target.is_file()):
            raise ListError(f"{target} is there already (--force replaces it)", "outputs")


@contextmanager
def outputs(*targets: Path) -> Iterator[list[Output]]:
    """The files to be; those that were not kept are gone at the end, whatever happened."""
    made: list[Output] = []
    try:
        for target in targets:
            made.append(Output(target))
        yield made
    finally:
        for output in made:
            output.drop()


class Annotated:
    """Writes rows with columns of ours behind their own. The row's own bytes are not touched."""

    def __init__(self, file: BinaryIO, head: Head) -> None:
        self._file = file
        self._head = head
        names = [f"desk_{name}" if name in {own.casefold() for own in head.names} else name for name in OURS]
        file.write(self._row(head.raw, *names))

    def write(self, record: Record, reason: str, since: str = "") -> None:
        """A record that could not be read stands, whole, in the first column: its columns cannot be told apart."""
        raw = record.raw
        if record.fields is None or len(record.fields) != len(self._head.names):
            text = raw.rstrip(b"\r\n").decode("utf-8", "surrogateescape")
            cells = [text, *[""] * (len(self._head.names) - 1)]
            raw = _line(cells, self._head.delimiter).encode("utf-8", "surrogateescape")
        self._file.write(self._row(raw, reason, since))

    def _row(self, raw: bytes, *cells: str) -> bytes:
        ours = self._head.delimiter + self._head.delimiter.join(cells)
        return raw.rstrip(b"\r\n") + ours.encode() + self._head.end


def _line(cells: Sequence[str], delimiter: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="").writerow(cells)
    return out.getvalue()
