"""`desk sweep`: look for lost webhooks now, and further back than the desk does by itself."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import click

from app import audit, sweep_spans
from app.cli import main
from app.cli.browse import _desk, _zone

SPAN = re.compile(r"([1-9][0-9]{0,4})([dwmy])", re.ASCII)
DAYS = {"d": 1, "w": 7, "m": 30, "y": 365}


@main.command("sweep")
@click.option("--since", metavar="WHEN", help="How far back: 90d, 12w, 6m, 10y, or a date such as 2026-01-31.")
def sweep_command(since: str | None) -> None:
    """Have the worker look now for tagged tickets whose webhook never came.

    Without --since as far back as it would anyway. A long way back is gone in portions; what was looked at is not
    looked at again when the worker is stopped on the way.
    """
    with _desk() as desk:
        begin = _moment(since, _zone(desk)) if since is not None else None
        with desk.db.tx() as conn:
            sweep_spans.ask(conn, desk.vault, audit.shell(), begin)
    back = f", back to {begin.astimezone(_zone(desk)):%Y-%m-%d %H:%M}" if begin else ""
    click.echo(f"the worker looks for lost webhooks now{back}")


def _moment(text: str, zone: ZoneInfo) -> datetime:
    """Ends the command when it is neither a span nor a day, in the future, or before there were any tickets."""
    now = datetime.now(UTC)
    try:
        if found := SPAN.fullmatch(text):
            at = now - timedelta(days=int(found[1]) * DAYS[found[2]])
        else:
            at = datetime.fromisoformat(text)
            at = (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.UsageError("--since is 90d, 12w, 6m, 10y, or a date such as 2026-01-31") from None
    if not sweep_spans.OLDEST <= at <= now:
        raise click.UsageError(f"--since is between {sweep_spans.OLDEST:%Y-%m-%d} and now")
    return at
