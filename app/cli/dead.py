"""`desk dead`: unusable bodies. Kept sealed; opened for whoever says why, with a row of the audit trail (A036)."""

from __future__ import annotations

import click

from app import audit, letters
from app.admin import queries
from app.cli import NOT_FOUND, fail, main
from app.cli.browse import ID, REASON, SHOW, _desk, _zone, listed, narrowed, narrowing
from app.cli.output import show, show_json
from app.letters import Opened

COLUMNS = ("id", "received_at", "sender", "ticket_id", "reason", "size")


@main.group("dead")
def dead_group() -> None:
    """Unusable bodies: authentic, and nothing can be done with them. Masked, and kept sealed."""


@dead_group.command("list")
@click.option("--cause", metavar="SLUG", help="Only what is unusable for this reason.")
@click.option("--sender", type=click.Choice(queries.SENDERS), help="Only from there.")
@click.option("--ticket", type=ID, help="Only about this ticket.")
@narrowing("came in")
def dead_list(limit: int, as_json: bool, **given: object) -> None:
    """The newest first. `size`: bytes that are kept, sealed; empty when they were cleared."""
    with _desk() as desk:
        only = narrowed(desk, given, senders=queries.SENDERS)
        with desk.db.tx() as conn:
            found = queries.letters(conn, only, limit=limit, window=queries.FAR)
        listed(desk, found, COLUMNS, as_json)


@dead_group.command("show", context_settings=SHOW)
@click.argument("event_id", type=ID)
@click.option("--reason", type=REASON, help="Why you need to see the body; kept in the audit trail.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def dead_show(event_id: int, reason: str | None, as_json: bool) -> None:
    """What is known of it; with a reason also the body, line by line, with nothing hidden in it."""
    opened: Opened | None = None
    with _desk() as desk:
        with desk.db.tx() as conn:
            letter = letters.load(conn, event_id)
            if letter is not None and reason is not None:
                opened = letters.unmask(conn, desk.vault, audit.shell(), event_id, reason)
        zone = _zone(desk)
    if letter is None:
        fail(f"no unusable body {event_id}", NOT_FOUND)
    if as_json:
        show_json({"letter": letter, "body": opened.body if opened else None})
    else:
        show([letter], COLUMNS, zone)
        if opened:
            click.echo(f"\n{opened.body}")
    if opened and opened.alarm:
        click.echo(f"desk: {opened.alarm} bodies were opened within the hour", err=True)
    if reason is not None and opened is None:
        fail("its body was cleared", NOT_FOUND)
