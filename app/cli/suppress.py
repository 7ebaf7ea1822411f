"""`desk suppress`: files of people beside the consent ledger, before a campaign and when a list comes back."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click
from rich.progress import DownloadColumn, TimeRemainingColumn

from app.cli import WRONG, fail, main
from app.cli.browse import _desk
from app.cli.output import show_json
from app.cli.progress import Done, bar
from app.consent.ledger import PURPOSES
from app.settings import CHANNELS
from app.suppress import columns, outputs
from app.suppress.listback import Comparison, Report
from app.suppress.records import ListError, heads
from app.suppress.sieve import Sieve, Tally, place

FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)
OUT = click.Path(dir_okay=False, path_type=Path)
SOURCE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")

purpose_option = click.option("--purpose", type=click.Choice(PURPOSES), default="offers", show_default=True)
phone_option = click.option("--phone-column", metavar="NAME", help="Header of the phone column, when it is not found.")
email_option = click.option("--email-column", metavar="NAME", help="Header of the e-mail column, when it is not found.")
force_option = click.option("--force", is_flag=True, help="Replace files that are there already.")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document.")


@main.group()
def suppress() -> None:
    """May we reach these people? Asked for whole files. Keyed hashes only; nothing of a file leaves this machine."""


@suppress.command("check")
@click.argument("file", type=FILE)
@click.option("--channel", type=click.Choice((*CHANNELS, "all")), required=True, help="all: refused when any one is.")
@purpose_option
@phone_option
@email_option
@click.option("--allowed", type=OUT, help="Who may be reached, rows unchanged.  [default: FILE.allowed.csv]")
@click.option("--refused", type=OUT, help="Who may not, with reason and since.  [default: FILE.refused.csv]")
@force_option
@json_option
def suppress_check(file: Path, *, channel: str, purpose: str, phone_column: str | None, email_column: str | None,
                   allowed: Path | None, refused: Path | None, force: bool, as_json: bool) -> None:  # fmt: skip
    """Part a campaign file (CSV, UTF-8) into who may be reached and who may not.

    A row that cannot be read, or that names nobody whom the ledger could know, is refused. Both files appear at the
    end, complete, or not at all.
    """
    targets = (allowed or place(file, "allowed"), refused or place(file, "refused"))
    found = _columns(file, phone_column, email_column, targets, force=force)
    with _desk() as desk, outputs.outputs(*targets) as (good, bad), _progress(file) as read:
        sieve = Sieve(desk.vault, found, read)
        with desk.db.each() as conn:
            kept = sieve.run(file, good, bad, conn, purpose=purpose, channel=channel)
            _keep(file, force, bad, kept)
            sieve.journal(conn, purpose, channel)
    _say_checked(sieve.tally, targets, as_json)


@suppress.command("import")
@click.argument("file", type=FILE)
@click.option("--source", required=True, metavar="NAME", help="Where the list comes from, as one word: crm, dialler.")
@click.option("--channel", type=click.Choice((*CHANNELS, "all")), default="all", show_default=True)
@purpose_option
@phone_option
@email_option
@click.option("--status-column", metavar="NAME", help="Header of the column that says yes or no.")
@click.option("--record", is_flag=True, help="Add to the ledger each no that it does not know. Never a yes.")
@click.option("--report", type=OUT, help="Rows that contradict the ledger.  [default: FILE.contradictions.csv]")
@force_option
@json_option
def suppress_import(file: Path, *, source: str, channel: str, purpose: str, phone_column: str | None,
                    email_column: str | None, status_column: str | None, record: bool, report: Path | None, force: bool,
                    as_json: bool) -> None:  # fmt: skip
    """Compare a list that comes back (who is subscribed) with the ledger.

    Exit code 1 when it contradicts the ledger, or when there are rows of which we cannot tell.

    A row that says yes where the ledger says no changes nothing in the ledger; it is reported, and where BAN_CHECK_URL
    is set the bans of that customer's done cases are looked at again now.
    """
    if not SOURCE.fullmatch(source):
        raise click.UsageError("--source is one word of small letters, digits, . _ -")
    target = report or place(file, "contradictions")
    found = _columns(file, phone_column, email_column, (target,), force=force, status=status_column)
    if found.status is None:
        raise click.UsageError("no column that says yes or no (status, subscribed, consent, opt_out …)")
    with _desk() as desk, outputs.outputs(target) as (out,), _progress(file) as read:
        ask_again = bool(desk.settings.ban_check_url)
        comparison = Comparison(desk.vault, found, source=source, purpose=purpose, channel=channel, recheck=ask_again)
        with desk.db.each() as conn:
            result = comparison.run(conn, file, out, record=record, read=read)
        wanted = bool(result.contradictions or result.unreadable)
        if wanted:
            _keep(file, force, out)
    _say_imported(result, target if wanted else None, as_json, record)


def _columns(file: Path, phone: str | None, email: str | None, targets: tuple[Path, ...], *, force: bool,
             status: str | None = None) -> columns.Columns:  # fmt: skip
    """What is to be read and written; everything that is a matter of usage is refused here, before any work."""
    if not file.is_file():
        raise click.UsageError("the list must be a file: it is read twice")
    try:
        outputs.check(file, targets, force)
        return columns.find(heads(file), phone, email, status)
    except ListError as error:
        raise click.UsageError(str(error)) from None


def _keep(file: Path, force: bool, *made: outputs.Output) -> None:
    """All in their places. Somebody may have written there while we were at work."""
    try:
        outputs.check(file, [output.target for output in made], force)
    except ListError as error:
        raise click.UsageError(str(error)) from None
    for output in made:
        output.keep(file)


def _progress(file: Path) -> AbstractContextManager[Done]:
    return bar("reading", file.stat().st_size, DownloadColumn(), TimeRemainingColumn())


def _say_checked(tally: Tally, targets: tuple[Path, Path], as_json: bool) -> None:
    refused = dict(sorted(tally.refused.items()))
    if as_json:
        document: dict[str, Any] = {
            "rows": tally.rows,
            "allowed": tally.allowed,
            "refused": tally.refused.total(),
            "reasons": refused,
            "refused_while_reading": tally.late,
            "blank_lines": tally.blank,
            "as_of": tally.as_of,
            "allowed_file": str(targets[0]),
            "refused_file": str(targets[1]),
        }
        show_json(document)
        return
    click.echo(f"{tally.rows} rows: {tally.allowed} allowed, {tally.refused.total()} refused")
    for reason, count in refused.items():
        click.echo(f"  {reason}: {count}")
    if tally.late:
        click.echo(f"  of them while the file was read: {tally.late}")
    click.echo(f"allowed: {targets[0]}\nrefused: {targets[1]}")


def _say_imported(result: Report, target: Path | None, as_json: bool, record: bool) -> None:
    if as_json:
        document = {**vars(result), "unreadable": dict(result.unreadable), "report_file": target and str(target)}
        show_json(document)
    else:
        click.echo(f"{result.rows} rows: {result.yes} say yes, {result.no} say no")
        click.echo(f"no that the ledger did not know: {result.unknown_no}")
        click.echo(f"entries recorded: {result.recorded}" if record else "nothing was recorded (--record does)")
        if result.rechecks is not None:
            click.echo(f"done cases whose ban is looked at again now: {result.rechecks}")
        for reason, count in sorted(result.unreadable.items()):
            click.echo(f"  {reason}: {count}")
        if target:
            click.echo(f"report: {target}")
    if result.contradictions:
        fail(f"{result.contradictions} rows say yes where the ledger says no", WRONG)
    if result.unreadable:
        fail(f"{result.unreadable.total()} rows cannot be read: nobody knows whether they contradict the ledger", WRONG)
