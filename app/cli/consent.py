"""`desk consent show`: what the ledger knows of one person, and what it knew on a day."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from app.cli import NOT_FOUND, fail, main
from app.cli.browse import _desk, _zone
from app.cli.output import show, show_json
from app.consent import ledger
from app.consent.ledger import Entry
from app.db import Connection
from app.settings import CHANNELS
from app.suppress import identifiers

HISTORY = ("recorded_at", "wished_at", "purpose", "channel", "says", "ticket", "wording", "reason", "actor")
NOW = ("purpose", "channel", "suppressed", "since")


@main.group()
def consent() -> None:
    """The consent ledger: who said what, when, on which ticket."""


@consent.command("show")
@click.option("--phone", metavar="N", help="A phone number; - asks for it.")
@click.option("--email", metavar="A", help="An e-mail address; - asks for it.")
@click.option("--on", "on", metavar="DATE", help="As it was known then: 2026-11-21 (its end) or 2026-11-21T10:00.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def consent_show(phone: str | None, email: str | None, on: str | None, as_json: bool) -> None:
    """Every entry of one person, oldest first, and where each channel stands.

    Give - instead of the value and it is read from standard input: what is typed on a command line stays in the
    shell's history and is seen by others on this machine.
    """
    if (phone is None) == (email is None):
        raise click.UsageError("give --phone or --email")
    kind, given = ("phone", _asked("phone number", phone)) if phone is not None else ("mail", _asked("e-mail", email))
    with _desk() as desk, desk.db.tx() as conn:
        zone = _zone(desk)
        moment = _moment(on, zone) if on else None
        who = (identifiers.phones_in if kind == "phone" else identifiers.mail_of)(given)
        if not who:
            raise click.UsageError("that is no phone number" if kind == "phone" else "that is no e-mail address")
        digests = [desk.vault.digest(*one) for one in who]
        entries = [one for one in ledger.history(conn, digests) if moment is None or one.recorded_at <= moment]
        stands = _standing(conn, digests, entries, moment)
    if not entries:
        fail("the ledger knows nothing of this person" + (" on that day" if on else ""), NOT_FOUND)
    rows = [_row(entry) for entry in entries]
    if as_json:
        show_json({"on": moment, "history": rows, "standing": stands})
        return
    show(rows, HISTORY, zone)
    click.echo("\nwhere it stands" if moment is None else f"\nwhere it stood at {moment:%Y-%m-%d %H:%M %Z}")
    show(stands, NOW, zone)


def _asked(what: str, value: str | None) -> str:
    """The value itself, or what is typed (not shown) or piped in."""
    if value != "-":
        return value or ""
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=True, err=True))
    return sys.stdin.readline().strip()


def _moment(text: str, zone: ZoneInfo) -> datetime:
    """A day means its end, in the desk's zone; so does a time that names no zone."""
    try:
        if len(text) == len("2026-11-21"):
            return datetime.combine(date.fromisoformat(text), time(), zone) + timedelta(days=1, microseconds=-1)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise click.UsageError("--on is a date such as 2026-11-21, or 2026-11-21T10:00") from None
    return found if found.tzinfo else found.replace(tzinfo=zone)


def _row(entry: Entry) -> dict[str, Any]:
    return {
        **{name: getattr(entry, name) for name in HISTORY if hasattr(entry, name)},
        "says": "yes" if entry.allowed else "no",
        "ticket": entry.ticket_id,
    }


def _standing(
    conn: Connection, digests: Sequence[str], entries: Sequence[Entry], on: datetime | None
) -> list[dict[str, Any]]:
    rows = []
    for purpose in dict.fromkeys(entry.purpose for entry in entries):
        for channel in CHANNELS:
            found = ledger.deciding(ledger.standing(conn, digests, purpose, channel, on).values())
            no = found is not None and not found.allowed
            since = found.wished_at if found is not None and no else None
            rows.append({"purpose": purpose, "channel": channel, "suppressed": "yes" if no else "no", "since": since})
    return rows
