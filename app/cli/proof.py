"""`desk cases proof`: the evidence of one ticket, to be filed or handed to whoever asks for it."""

from __future__ import annotations

import click

from app import proof
from app.cli import NOT_FOUND, fail
from app.cli.browse import ID, SHOW, _desk, cases_group
from app.cli.output import show_json
from app.texts import Texts


@cases_group.command("proof", context_settings=SHOW)
@click.argument("ticket_id", type=ID)
def cases_proof(ticket_id: int) -> None:
    """All that was done for a ticket, as JSON without personal data; its last line is a SHA-256 of the rest."""
    with _desk() as desk, desk.db.tx() as conn:
        found = proof.bundle(conn, ticket_id, Texts.load(desk.settings.desk_language))
    if found is None:
        fail(f"no case for ticket {ticket_id}", NOT_FOUND)
    show_json(found)
