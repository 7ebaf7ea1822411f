"""`desk`: the command line.

Exit codes: 0 done, 1 something is wrong, 2 usage, 3 not found, 4 store unusable, 7 the output cannot be written,
8 the audit trail is broken.
"""

from __future__ import annotations

import sys
from typing import Any

import click
import psycopg

from app.errors import ConfigError, DeskError, StoreError

WRONG, NOT_FOUND, STORE, OUTPUT, AUDIT = 1, 3, 4, 7, 8


class Desk(click.Group):
    """Every refusal is one clear line on stderr, never a traceback."""

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            return super().main(*args, **extra)
        except OSError as error:
            if error.filename is not None:
                fail(f"{error.filename}: {error.strerror}", WRONG)
            fail("the output cannot be written", OUTPUT)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            fail(str(error), WRONG)
        except (StoreError, psycopg.OperationalError):
            fail("the database cannot be used (is it running, and is `desk migrate` done?)", STORE)
        except psycopg.errors.UndefinedTable:
            fail("the database has no tables of ours: run `desk migrate`", STORE)
        except DeskError as error:
            fail(str(error), WRONG)
        except BrokenPipeError:
            sys.stderr.close()
            raise SystemExit(141) from None
        return None


def fail(message: str, code: int) -> None:
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
    erase,
    manifest,
    proof,
    replay,
    service,
    suppress,
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
    "erase",
    "main",
    "manifest",
    "proof",
    "replay",
    "service",
    "suppress",
    "tokens",
]
