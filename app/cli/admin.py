"""`desk admin`: who may use the admin pages. Each change is a row of the audit trail.

A password comes from a prompt or a file, never from the command line, where the whole machine can read it (C010).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import IO, Any

import click

from app import audit
from app.admin import accounts, codes
from app.admin.accounts import Account
from app.admin.roles import ROLES
from app.cli import NOT_FOUND, fail, main
from app.cli.browse import _desk, _zone
from app.cli.output import show, show_json
from app.db import Connection
from app.desk import Desk

COLUMNS = ("name", "role", "login", "disabled")
LINE = 5_000  # characters that are read of a password file
ROLE = click.Choice(ROLES)
FROM_FILE = click.option(
    "--password-file",
    type=click.File("r", encoding="utf-8"),
    help="Its first line is the password; - is standard input. Without it you are asked.",
)


@main.group("admin")
def admin_group() -> None:
    """Accounts for the pages under /admin."""


@admin_group.command("add")
@click.argument("name")
@click.option("--role", type=ROLE, required=True, help="Each holds what the ones before it hold.")
@click.option("--subject", help="Logs in at OIDC_ISSUER, which calls this person so (the claim `sub`); no password.")
@FROM_FILE
def admin_add(name: str, role: str, subject: str | None, password_file: IO[str] | None) -> None:
    """Make the account NAME. Prints what an authenticator app needs, this once."""
    if subject and password_file:
        raise click.UsageError("--subject and --password-file exclude each other")
    password = "" if subject else _password(password_file)
    uri = ""
    with _desk() as desk, desk.db.tx() as conn:
        if subject:
            account = accounts.add_known(conn, name, role, _whole(desk, subject))
        else:
            account, secret = accounts.add(conn, desk.vault, name, role, password)
            uri = codes.uri(secret, account.name)
        _note(conn, desk, "account.added", account, after={"role": role, "login": _login(account)})
    if uri:
        _show_codes(uri)
    else:
        click.echo(f"{account.name} may log in with the company's account")


@admin_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def admin_list(as_json: bool) -> None:
    """All accounts that were ever made, oldest first."""
    with _desk() as desk:
        with desk.db.each() as conn:
            found = accounts.every(conn)
        if as_json:
            show_json([asdict(account) for account in found])
        else:
            show([{**asdict(account), "login": _login(account)} for account in found], COLUMNS, _zone(desk))


@admin_group.command("disable")
@click.argument("name")
def admin_disable(name: str) -> None:
    """NAME is out at once: the next request of any open page is refused. The account stays, for the audit trail."""
    with _changing(name) as (desk, conn, account):
        accounts.disable(conn, account.id)
        _note(conn, desk, "account.disabled", account, before={"disabled": account.disabled}, after={"disabled": True})
    click.echo("disabled")


@admin_group.command("enable")
@click.argument("name")
def admin_enable(name: str) -> None:
    """NAME may log in again."""
    with _changing(name) as (desk, conn, account):
        accounts.enable(conn, account.id)
        _note(conn, desk, "account.enabled", account, before={"disabled": account.disabled}, after={"disabled": False})
    click.echo("enabled")


@admin_group.command("role")
@click.argument("name")
@click.argument("role", type=ROLE)
def admin_role(name: str, role: str) -> None:
    """NAME has this role from the next request on."""
    with _changing(name) as (desk, conn, account):
        accounts.set_role(conn, account.id, role)
        _note(conn, desk, "account.role", account, before={"role": account.role}, after={"role": role})
    click.echo(f"{account.role} -> {role}")


@admin_group.command("password")
@click.argument("name")
@click.option("--codes", "codes_too", is_flag=True, help="A new secret for the codes too: the telephone was lost.")
@FROM_FILE
def admin_password(name: str, codes_too: bool, password_file: IO[str] | None) -> None:
    """Another password for NAME, whose open pages end."""
    password, secret = _password(password_file), ""
    with _changing(name) as (desk, conn, account):
        if not account.local:
            fail("this account has no password here: it logs in at the identity provider", 1)
        accounts.set_password(conn, account.id, password)
        if codes_too:
            secret = accounts.new_codes(conn, desk.vault, account.id)
        _note(conn, desk, "account.password", account, after={"codes": codes_too})
    click.echo("changed")
    if secret:
        _show_codes(codes.uri(secret, account.name))


@contextmanager
def _changing(name: str) -> Iterator[tuple[Desk, Connection, Account]]:
    """The desk, a transaction and the account in it; ends the command when there is none of this name."""
    with _desk() as desk, desk.db.tx() as conn:
        account = accounts.find(conn, name)
        if account is None:
            fail("no account of this name", NOT_FOUND)
        assert account is not None
        yield desk, conn, account


def _note(conn: Connection, desk: Desk, action: str, account: Account, **changes: Any) -> None:
    audit.write(conn, desk.vault, audit.shell(), action, f"account:{account.name}", **changes)


def _password(file: IO[str] | None) -> str:
    if file is not None:
        try:
            return file.readline(LINE).rstrip("\r\n")
        except UnicodeDecodeError:
            fail("the password file is not text in UTF-8", 1)
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is there to be asked for a password: use --password-file -")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _whole(desk: Desk, subject: str) -> str:
    """`issuer|sub`, as the login will find it."""
    if not desk.settings.oidc_issuer:
        fail("OIDC_ISSUER is not set", 1)
    return f"{desk.settings.oidc_issuer}|{subject}"


def _login(account: Account) -> str:
    return "password and code" if account.local else "identity provider"


def _show_codes(uri: str) -> None:
    """For an authenticator app: the address, and on a terminal a picture that its camera reads."""
    click.echo("Scan or type this into an authenticator app; it is shown this once.", err=True)
    click.echo(uri)
    if sys.stdout.isatty():
        import segno

        segno.make(uri, error="m").terminal(out=sys.stdout, compact=True)
