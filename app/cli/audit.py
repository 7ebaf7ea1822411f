"""`desk audit`: who did what; whether the trail is whole. `desk pause`, `desk resume`: the switch."""

from __future__ import annotations

import re
from dataclasses import asdict

import click

from app import audit, pause
from app.cli import AUDIT, NOT_FOUND, WRONG, fail, main
from app.cli.browse import REASON, _desk, _zone
from app.cli.output import show, show_json

COLUMNS = ("id", "at", "who", "role", "origin", "action", "target", "before", "after", "reason")


@main.group("audit")
def audit_group() -> None:
    """The audit trail: append-only, each row chained to the one before."""


@audit_group.command("list")
@click.option("--who", help="Only this person.")
@click.option("--action", help="Only this action.")
@click.option("--target", help="Only this target (event:17).")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def audit_list(who: str | None, action: str | None, target: str | None, limit: int, as_json: bool) -> None:
    """The newest rows first."""
    with _desk() as desk, desk.db.tx() as conn:
        rows = audit.listed(conn, limit=limit, who=who, action=action, target=target)
    if as_json:
        show_json(rows)
    else:
        show(rows, COLUMNS, _zone(desk))


@audit_group.command("verify")
@click.option("--head", help="NUMBER:HASH kept elsewhere (`desk audit head`): shows a tail that was cut off.")
def audit_verify(head: str | None) -> None:
    """Whether every row is as it was written; else the first that is not (exit code 8)."""
    known = re.fullmatch(r"([0-9]{1,18}):([0-9a-fA-F]{64})", head or "")
    if head and not known:
        raise click.UsageError("--head is NUMBER:HASH, as `desk audit head` prints it")
    with _desk() as desk, desk.db.tx() as conn:
        try:
            rows = audit.verify(conn, desk.vault, (int(known[1]), known[2]) if known else None)
        except audit.BrokenError as broken:
            fail(str(broken), AUDIT)
    click.echo(f"{rows} rows, all sound")


@audit_group.command("head")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def audit_head(as_json: bool) -> None:
    """Number and hash of the last row, to be kept where nobody here can change it."""
    with _desk() as desk, desk.db.tx() as conn:
        head = audit.head(conn)
    if as_json:
        show_json(asdict(head))
    else:
        click.echo(f"{head.id}:{head.mac}")


@main.command("pause")
@click.argument("vendor", type=click.Choice(pause.NAMES))
@click.option("--reason", type=REASON, required=True, help="Why; kept in the audit trail.")
def pause_command(vendor: str, reason: str) -> None:
    """Stop outward effects, of one vendor or all; events are still taken in."""
    with _desk() as desk, desk.db.tx() as conn:
        done = pause.pause(conn, desk.vault, audit.shell(), vendor, reason)
    if not done:
        fail(f"{vendor} is paused already", WRONG)
    click.echo(f"paused: {vendor}")


@main.command("resume")
@click.argument("vendor", type=click.Choice(pause.NAMES))
def resume_command(vendor: str) -> None:
    """End a pause; what waited goes on by itself."""
    with _desk() as desk, desk.db.tx() as conn:
        done = pause.resume(conn, desk.vault, audit.shell(), vendor)
    if not done:
        fail(f"{vendor} is not paused", NOT_FOUND)
    click.echo(f"resumed: {vendor}")
