"""`desk bench`: the desk measures itself, on processes and a database of its own that are gone afterwards."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from app.cli import main

_json = click.option("--json", "as_json", is_flag=True, help="One JSON document.")
Say = Callable[[str], None]
PRESS_MS = 300  # the wanted p99 of an answer to a press
LEAST_PAST, MOST_PAST = 2_000, 10_000_000


@main.group(invoke_without_command=True)
@click.pass_context
def bench(ctx: click.Context) -> None:
    """Measure the desk itself, on a throw-away database."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(ack)


@bench.command()
@click.option("--seconds", type=click.FloatRange(0.5, 300), default=10.0, show_default=True, help="For each part.")
@_json
def ack(seconds: float, as_json: bool) -> None:
    """How fast events are accepted, beside two floors; how soon the macro is applied; what rest costs."""
    from app.bench.ack import run

    measured, console = _measured(lambda say: run(seconds, say), as_json)
    console.print(_ways(measured["ways"]))
    console.print(_wanted(measured))


@bench.command()
@click.option("--seconds", type=click.FloatRange(0.5, 300), default=10.0, show_default=True, help="For each chat.")
@_json
def press(seconds: float, as_json: bool) -> None:
    """How soon a press is answered while no worker runs and the database is busy."""
    from app.bench.press import run

    measured, console = _measured(lambda say: run(seconds, say), as_json)
    table = _table("press answered", "p50 ms", "p99 ms", "wanted", "met", "answers", "failed")
    for chat, found in measured["chats"].items():
        met = "yes" if found["p99_ms"] < PRESS_MS and not found["failed"] else "NO"
        wanted = f"p99 under {PRESS_MS}"
        figures = (f"{found['p50_ms']:.1f}", f"{found['p99_ms']:.1f}")
        table.add_row(chat, *figures, wanted, met, str(found["count"]), str(found["failed"]))
    console.print(table)


@bench.command()
@click.option("--rows", type=click.IntRange(1_000, 10_000_000), default=1_000_000, show_default=True)
@click.option("--entries", type=click.IntRange(0, 10_000_000), help="Suppressed persons; as many as rows by default.")
@_json
def suppress(rows: int, entries: int | None, as_json: bool) -> None:
    """How fast a campaign file is parted, beside CSV read and written and nothing else; and in how much memory."""
    from app.bench.suppress import run

    measured, console = _measured(lambda say: run(rows, rows if entries is None else entries, say), as_json)
    table = _table("figure", "measured", "wanted", "met")
    for name, value, word, limit, unit in (
        ("CSV read and written, nothing else", measured["floor_rows_s"], "", None, "rows/s"),
        ("desk suppress check, start included", measured["rows_s"], "at least", 20_000, "rows/s"),
        ("the same, of the floor", measured["of_floor"], "", None, ""),
        ("the same, rows per second of its processor time", measured["rows_cpu_s"], "", None, "rows/s"),
        ("peak memory", measured["peak_mb"], "under", 150, "MB"),
        ("refused", measured["refused"], "", None, "rows"),
    ):
        met = "" if limit is None else _met(value, word, limit)
        table.add_row(name, _figure(value, unit), f"{word} {limit} {unit}".strip() if word else "", met)
    console.print(table)


class Sizes(click.ParamType[tuple[int, ...]]):
    """`10000,100000`: numbers of past runs."""

    name = "numbers"

    def convert(
        self, value: str | tuple[int, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        numbers = [int(part) if part.isascii() and part.isdigit() else 0 for part in value.split(",")]
        if not all(LEAST_PAST <= number <= MOST_PAST for number in numbers):
            self.fail(f"numbers from {LEAST_PAST} to {MOST_PAST}, with commas between them", param, ctx)
        return tuple(numbers)


@bench.command()
@click.option("--past", type=Sizes(), default="10000,100000,1000000", show_default=True, help="Past runs, by size.")
@click.option("--times", type=click.IntRange(1, 1000), default=20, show_default=True, help="Each page so often.")
@_json
def pages(past: tuple[int, ...], times: int, as_json: bool) -> None:
    """What every admin page costs, over histories of several sizes in turns. Exit code 1: one is slow, or not flat."""
    from app.bench.looks import FLOOR
    from app.bench.pages import run

    measured, console = _measured(lambda say: run(past, times, say), as_json)
    of_sizes = [f"{title} {size:,}" for title in ("ms", "worst", "blocks") for size in measured["sizes"]]
    table = _table("page", *of_sizes, "under 300 ms", "flat")
    for row in measured["pages"]:
        figures = [f"{ms:.1f}" for name in ("median_ms", "worst_ms") for ms in row[name]]
        flat = {True: "yes", False: "NO", None: "-"}[row["flat"]]
        if row["from"] != measured["sizes"][0]:
            flat += f" from {row['from']:,}"
        quick = "yes" if row["quick"] else "NO"
        table.add_row(row["page"], *figures, *map(str, row["blocks"]), quick, flat)
    console.print(table)
    console.print(f"Load average while measured {measured['machine']['load_measured']:.2f}. Floor: {FLOOR}.")
    raise SystemExit(0 if measured["met"] else 1)


def _measured(run: Callable[[Say], dict[str, Any]], as_json: bool) -> tuple[dict[str, Any], Console]:
    """What was measured, and where to print it, the machine's line before it; with `as_json` all is said here."""
    signal.signal(signal.SIGTERM, lambda *_: click.get_current_context().exit(143))
    measured = run(lambda text: click.echo(f"{text} …", err=True))
    if as_json:
        click.echo(json.dumps(measured, indent=2))
        click.get_current_context().exit(0 if measured.get("met", True) else 1)
    console, machine = Console(highlight=False), measured["machine"]
    console.print(f"{machine['cores']} cores, load average before the run {machine['load_before']:.2f}")
    return measured, console


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    return table


def _ways(ways: list[dict[str, Any]]) -> Table:
    table = _table(
        "POST, 16 connections", "per second", "p50 ms", "p99 ms", "of empty", "of one row", "answers", "failed"
    )
    empty, row, _ = (way["rate"] for way in ways)
    for way in ways:
        shares = (f"{way['rate'] / floor:.2f}" for floor in (empty, row))
        figures = (f"{way['rate']:.0f}", f"{way['p50_ms']:.1f}", f"{way['p99_ms']:.1f}", *shares)
        table.add_row(way["way"], *figures, str(way["count"]), str(way["failed"]))
    return table


def _wanted(measured: dict[str, Any]) -> Table:
    """Each wanted figure with what was measured; nothing is hidden when it is missed."""
    _, row, webhook = measured["ways"]
    busy, macro, memory = measured["busy"], measured["macro"], measured["memory_mb"]
    table = _table("figure", "measured", "wanted", "met")
    lines = [
        ("webhook / one row", webhook["rate"] / row["rate"], "at least", 0.5, ""),
        ("50 events/s, worker busy: p50", busy["p50_ms"], "", None, "ms"),
        ("50 events/s, worker busy: p99", busy["p99_ms"], "under", 50, "ms"),
        ("beside them, 10 rows/s: p99 of one row", busy["row_p99_ms"], "", None, "ms"),
        ("50 events/s, worker busy: failed", busy["failed"], "at most", 0, ""),
        ("walked meanwhile", busy["walked"], "", None, ""),
        ("accepted to macro applied: p50", macro["p50_ms"], "under", 50, "ms"),
        ("nine bare requests to the stand-in: p50", macro["bare_p50_ms"], "", None, "ms"),
        ("accepted to macro applied: p99", macro["p99_ms"], "", None, "ms"),
        ("idle worker, of one core", measured["idle_percent"], "under", 1, "%"),
        ("memory of web, with gunicorn's master", memory["web"], "under", 120, "MB"),
        ("memory of the worker", memory["worker"], "under", 120, "MB"),
    ]
    for name, value, word, limit, unit in lines:
        met = "" if limit is None or value is None else _met(value, word, limit)
        table.add_row(name, _figure(value, unit), f"{word} {limit} {unit}".strip() if word else "", met)
    return table


def _met(value: float, word: str, limit: float) -> str:
    good = {"at least": value >= limit, "under": value < limit, "at most": value <= limit}[word]
    return "yes" if good else "NO"


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return "not known here"
    return f"{value} {unit}".strip() if isinstance(value, int) else f"{value:.2f} {unit}".strip()
