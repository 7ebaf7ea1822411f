"""How far a long command is, on stderr: a bar on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskProgressColumn, TextColumn

SAY_EVERY = 5.0  # seconds between two lines where there is no terminal to draw a bar on
Done = Callable[[int], None]


@contextmanager
def bar(what: str, total: int, *more: ProgressColumn) -> Iterator[Done]:
    """Tell it how many of `total` are done. `more`: columns behind the bar. Ends, tidily, at SIGTERM too (143)."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if sys.stderr is not None and sys.stderr.isatty():
            looks = (TextColumn(what), BarColumn(), TaskProgressColumn(), *more)
            with Progress(*looks, console=Console(stderr=True)) as drawn:
                task = drawn.add_task("", total=total)
                yield lambda done: drawn.update(task, completed=done)
        else:
            yield _lines(what, total)
    finally:
        signal.signal(signal.SIGTERM, before)


def _lines(what: str, total: int) -> Done:
    said = time.monotonic()

    def tell(done: int) -> None:
        nonlocal said
        if time.monotonic() - said >= SAY_EVERY:
            said = time.monotonic()
            click.echo(f"{what}: {min(100, 100 * done // max(1, total))} %", err=True)

    return tell
