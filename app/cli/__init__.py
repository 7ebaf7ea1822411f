"""`desk`: the command line.

Exit codes: 0 done, 1 something is wrong, 2 usage, 3 not found, 4 store unusable, 7 the output cannot be written,
8 the audit trail is broken, 141 whoever read the output has gone.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, NoReturn

import click

from app.cli import refusals
from app.errors import DeskError

WRONG, NOT_FOUND, STORE, OUTPUT, AUDIT, UNREAD = 1, 3, 4, 7, 8, 141


class Desk(click.Group):
    """Every refusal is one clear line on stderr, never a traceback."""

    def main(self, *args: Any, **extra: Any) -> Any:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that has no UTF-8 shows what it can
        try:
            return super().main(*args, **extra)
        except OSError as error:
            if error.filename is not None:
                fail(f"{error.filename}: {error.strerror}", WRONG)
            fail("the output cannot be written", OUTPUT)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except refusals.REFUSED as error:
            fail(refusals.of_store(error), STORE)
        except DeskError as error:
            fail(str(error), WRONG)
        except BrokenPipeError:
            _unread()


def _unread() -> NoReturn:
    """Whoever read our output has gone. What is still in it goes nowhere, so that Python says nothing at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(UNREAD)


def fail(message: str, code: int) -> NoReturn:
    """End the command with one line on stderr."""
    click.echo(f"desk: {message}", err=True)
    raise SystemExit(code)


@click.group(cls=Desk, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Deletion Desk: carries out customers' wishes to be forgotten or left alone, once."""


from app.cli import (  # noqa: E402 - they register their commands on `main`
    admin,
    audit,
    bench,
    browse,
    classify,
    clocks,
    consent,
    cover,
    dead,
    erase,
    manifest,
    proof,
    replay,
    service,
    suppress,
    sweep,
    tokens,
)

__all__ = [
    "admin",
    "audit",
    "bench",
    "browse",
    "classify",
    "clocks",
    "consent",
    "cover",
    "dead",
    "erase",
    "main",
    "manifest",
    "proof",
    "replay",
    "service",
    "suppress",
    "sweep",
    "tokens",
]
