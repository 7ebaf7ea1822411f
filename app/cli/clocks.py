"""`desk cases extend`: one extension of a case's due date."""

from __future__ import annotations

from datetime import datetime

import click

from app import cases
from app.cli import NOT_FOUND, fail
from app.cli.browse import ID, _desk, _zone, cases_group
from app.clocks import extension


@cases_group.command("extend", context_settings={"ignore_unknown_options": True})
@click.argument("ticket_id", type=ID)
@click.option(
    "--reason", type=click.Choice(extension.REASONS), required=True, help="Why; the note on the ticket says it."
)
@click.option("--by", required=True, help="Who grants it: an approver's chat id or e-mail, or privacy_officer.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="The new due date; without it, the profile's limit.")
@click.option("--profile-limit", is_flag=True, help="As late as the profile allows (what happens without --until).")
def cases_extend(ticket_id: int, reason: str, by: str, until: datetime | None, profile_limit: bool) -> None:
    """Move a case's due date once, within what the profile allows. Not legal advice."""
    if until and profile_limit:
        raise click.UsageError("give --until or --profile-limit, not both")
    with _desk() as desk:
        with desk.db.tx() as conn:
            case = cases.latest(conn, ticket_id, "data_deletion")
        if case is not None:
            due = extension.extend(desk, case, reason=reason, by=by, until=until.date() if until else None)
            click.echo(f"due {due.astimezone(_zone(desk)):%Y-%m-%d %H:%M}; not legal advice")
            return
    fail(f"no case for ticket {ticket_id}", NOT_FOUND)
