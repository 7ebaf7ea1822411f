"""`desk tokens`: who may ask the desk over HTTP."""

from __future__ import annotations

from dataclasses import asdict

import click

from app import api_tokens
from app.cli import NOT_FOUND, fail, main
from app.cli.browse import _desk, _zone
from app.cli.output import show, show_json

COLUMNS = ("name", "scopes", "live", "made_at", "expires_at", "revoked_at", "used_at")


@main.group()
def tokens() -> None:
    """Tokens for /api/v1. Only a keyed digest of each is kept."""


@tokens.command("add")
@click.argument("name")
@click.option("--scope", "scopes", type=click.Choice(api_tokens.SCOPES), multiple=True, required=True)
@click.option("--days", type=click.IntRange(1, 3650), help="Until it ends; without it, it never does.")
def tokens_add(name: str, scopes: tuple[str, ...], days: int | None) -> None:
    """Make a token and print it, this once."""
    with _desk() as desk, desk.db.tx() as conn:
        token = api_tokens.add(conn, desk.vault, name, scopes, days)
    click.echo("This is the only time it is shown; the desk keeps a digest.", err=True)
    click.echo(token)


@tokens.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def tokens_list(as_json: bool) -> None:
    """All tokens that were ever made, oldest first."""
    with _desk() as desk, desk.db.tx() as conn:
        rows = [asdict(token) for token in api_tokens.every(conn)]
    if as_json:
        show_json(rows)
    else:
        show(rows, COLUMNS, _zone(desk))


@tokens.command("revoke")
@click.argument("name")
def tokens_revoke(name: str) -> None:
    """From the next call on, this token opens nothing."""
    with _desk() as desk, desk.db.tx() as conn:
        found = api_tokens.revoke(conn, name)
    if not found:
        fail("no token of this name", NOT_FOUND)
    click.echo("revoked")
