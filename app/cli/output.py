"""How the command line shows rows: tables for people in the desk's own zone, JSON for machines in UTC."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app import sinks

WIDTH = 200  # columns when nobody says how wide: a file or a pipe must not be folded to 80
CELL = 2_000  # characters of a cell


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        """Said in one place, for tables and for plain text (app.cli)."""
        raise BrokenPipeError


def console() -> Console:
    """Standard output; as wide as the terminal, if it is one."""
    return _Console(highlight=False, width=None if sys.stdout is not None and sys.stdout.isatty() else WIDTH)


def show_json(document: object) -> None:
    """One document, in UTF-8 whatever the terminal has (C013)."""
    text = json.dumps(document, default=_plain, ensure_ascii=False, indent=2)
    click.echo(text.encode("utf-8", "backslashreplace"))


def show(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], zone: tzinfo) -> None:
    """One table; a column that holds nothing is still there, so that tables look alike."""
    table = Table(box=None, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(sinks.one_line(_cell(column, row.get(column), zone), CELL)) for column in columns))
    console().print(table)


def _plain(value: object) -> object:
    return value.astimezone(UTC).isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)


def _cell(column: str, value: object, zone: tzinfo) -> str:
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")
    if isinstance(value, dict):
        return " ".join(f"{key}={_cell(key, item, zone)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        words = ", ".join(map(str, value))
        return words.replace("_", " ") if column == "preference" else words
    return "" if value is None else str(value)
