"""Reads a CSV file record by record in flat memory and keeps each record's own bytes, so that it can be written back.

Nothing is lost and nothing stops the run: what cannot be read comes out as a record without fields. Units: bytes.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from app.errors import DeskError

CHUNK = 1 << 18
LONGEST_LINE = 1 << 20  # a campaign's row is hundreds of bytes; without a bound, a file without lines is all in memory
DELIMITERS = ",;\t"
BOM = b"\xef\xbb\xbf"


class ListError(DeskError):
    """The file as a whole is no list that we can read; the message says why and holds nothing of its rows."""


class Record(NamedTuple):
    """`fields` None: it cannot be read. `long`: it goes over several lines."""

    raw: bytes
    fields: list[str] | None
    long: bool = False


@dataclass(frozen=True)
class Head:
    """The header of a file: its own bytes, its names, what parts them, and how its lines end."""

    raw: bytes
    names: list[str]
    delimiter: str
    end: bytes


def lines(file: BinaryIO) -> Iterator[bytes]:
    """Lines with their ends (LF, CRLF, CR). Raises ListError when one is longer than LONGEST_LINE."""
    rest = b""
    while chunk := file.read(CHUNK):
        # A CR at the very end may be the first half of a CRLF.
        whole = (rest + chunk).splitlines(keepends=True)
        rest = whole.pop() if whole[-1][-1:] != b"\n" else b""
        yield from whole
        if len(rest) > LONGEST_LINE:
            raise ListError("a line is longer than 1 MB: this is no list of customers", "line_too_long")
    if rest:
        yield from rest.splitlines(keepends=True)


class _Feed:
    """Gives csv.reader its lines and remembers those it took; lines can be put back."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self.source = source
        self.taken: list[bytes] = []
        self.back: list[bytes] = []  # the next one last

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        line = self.back.pop() if self.back else next(self.source)
        self.taken.append(line)
        return line.decode("utf-8", "surrogateescape")

    def first_alone(self) -> bytes:
        """The first line taken; the others are read again as if it had not been there."""
        first, *others = self.taken
        self.back += reversed(others)
        self.taken = []
        return first


def records(source: Iterator[bytes], delimiter: str, width: int | None = None) -> Iterator[Record]:
    """All records. One that has not `width` fields, holds a NUL or is no UTF-8 has no fields.

    A quote that never closes costs its own line only: the lines that it swallowed are read again.
    """
    feed = _Feed(source)
    while True:
        reader = csv.reader(feed, delimiter=delimiter, strict=True)
        try:
            for fields in reader:
                if len(feed.taken) == 1:
                    raw = feed.taken.pop()
                    good = (width is None or len(fields) == width or not fields) and _readable(raw)
                    yield Record(raw, fields if good else None)
                elif width is not None and len(fields) != width:
                    yield Record(feed.first_alone(), None)
                    break
                else:
                    raw = b"".join(feed.taken)
                    feed.taken = []
                    yield Record(raw, fields if _readable(raw) else None, long=True)
            else:
                return
        except csv.Error:
            yield Record(feed.first_alone(), None)


def _readable(raw: bytes) -> bool:
    if b"\0" in raw:
        return False
    if raw.isascii():
        return True
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def heads(path: Path) -> list[Head]:
    """The header read with each delimiter that may be meant, the one with most columns first.

    Raises ListError when there is none, or when the file is in another encoding.
    """
    with path.open("rb") as file:
        start = file.read(CHUNK)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ListError("the file is not UTF-8 (it looks like UTF-16): save it as CSV UTF-8", "encoding")
    found = []
    for delimiter in DELIMITERS:
        first = next(records(iter(start.removeprefix(BOM).splitlines(keepends=True)), delimiter), None)
        if first is None or not first.fields:
            continue
        raw = (BOM if start.startswith(BOM) else b"") + first.raw
        found.append(Head(raw, [name.strip() for name in first.fields], delimiter, _end(raw)))
    if not found:
        raise ListError("the file has no header that can be read: UTF-8, first line, names of columns", "header")
    return sorted(found, key=lambda head: -len(head.names))


def _end(raw: bytes) -> bytes:
    if raw.endswith(b"\r"):
        return b"\r"
    return b"\r\n" if raw.endswith(b"\r\n") else b"\n"
