"""`desk cases erase`: clear now what is kept of one ticket's customer."""

from __future__ import annotations

import sys
from zoneinfo import ZoneInfo

import click

from app import audit, erase
from app.cli import NOT_FOUND, fail
from app.cli.browse import ID, REASON, SHOW, TO_COME, _desk, _zone, cases_group
from app.cli.output import show, show_json
from app.db import Row


@cases_group.command("erase", context_settings=SHOW)
@click.argument("ticket_id", metavar="TICKET", type=ID)
@click.option("--reason", type=REASON, required=True, help="Why; kept in the audit trail: nothing of the customer.")
@click.option("--confirm", metavar="TICKET", help="The ticket's number once more; without it you are asked.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def cases_erase(ticket_id: int, reason: str, confirm: str | None, as_json: bool) -> None:
    """Clear now what is kept of a ticket's customer, or as soon as nothing of the ticket is to come.

    It cannot be taken back. Consents, keyed hashes, effects, journal and audit trail stay; nothing is sent.
    """
    _confirmed(ticket_id, confirm)
    with _desk() as desk:
        with desk.db.tx() as conn:
            row = erase.ask(desk, conn, audit.shell(), ticket_id, reason)
        zone = _zone(desk)
    if row is None:
        fail(f"no case for ticket {ticket_id}", NOT_FOUND)
    elif as_json:
        show_json(row)
    else:
        _tell(row, zone)


def _confirmed(ticket_id: int, confirm: str | None) -> None:
    """Raises UsageError: the number was not typed again, or not this one."""
    if confirm is None and not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: give --confirm TICKET")
    if confirm is None:
        confirm = click.prompt("This cannot be taken back. The ticket's number, to confirm", err=True)
    if confirm.strip() != str(ticket_id):
        raise click.UsageError(f"not confirmed: that is not {ticket_id}; nothing was done")


def _tell(row: Row, zone: ZoneInfo) -> None:
    if row["done_at"]:
        click.echo(f"erased: {', '.join(f'{kind} {count}' for kind, count in row['cleared'].items())}")
        return
    click.echo("waits: it is carried out as soon as nothing of this ticket is to come")
    show(row["to_come"], TO_COME, zone)
