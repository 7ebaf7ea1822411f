"""`desk cover`: who stands in for an absent supervisor, with dates. Source: issue 4, "Cover"."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import click

from app import covers
from app.cli import NOT_FOUND, WRONG, fail, main
from app.cli.browse import Id, _desk, _zone
from app.cli.output import show, show_json
from app.clients import make_chat
from app.desk import Desk
from app.errors import VendorError
from app.settings import Settings

COLUMNS = ("id", "absent", "delegate", "agent", "starts_at", "ends_at", "ended_at", "runs")
DAY = click.DateTime(["%Y-%m-%d"])


@main.group()
def cover() -> None:
    """Stand-ins for absent approvers: they may decide, and are reminded, for as long as the cover runs."""


@cover.command("add")
@click.argument("absent")
@click.option(
    "--to", "to", required=True, metavar="DELEGATE=AGENT@MAIL", help="Chat id and Zendesk agent, as APPROVERS."
)
@click.option("--from", "first", type=DAY, help="First day (DESK_TIME_ZONE); today without it.")
@click.option("--until", "last", type=DAY, required=True, help="Last day; it counts.")
def cover_add(absent: str, to: str, first: datetime | None, last: datetime) -> None:
    """ABSENT (a chat id of an approver) is away from the first day until the last one."""
    delegate, sign, agent = to.partition("=")
    if not sign:
        raise click.UsageError("--to must be DELEGATE=agent@example.com")
    with _desk() as desk:
        zone = _zone(desk)
        try:
            known = _is_approver(desk.settings, absent)
        except VendorError as error:
            fail(f"the approvers' group cannot be read now ({error.reason}); nothing was written", WRONG)
        if not known:
            fail("the absent one is no approver: not in APPROVERS or THREAT_APPROVERS, nor in their groups", WRONG)
        day = first.date() if first else datetime.now(zone).date()
        starts, ends = covers.span(day, last.date(), zone)
        with desk.db.tx() as conn:
            made = covers.add(conn, absent, delegate.strip(), agent.strip(), starts_at=starts, ends_at=ends)
    click.echo(f"cover {made.id}: {delegate.strip()} for {absent}, {day} to {last.date()} ({zone.key})")


@cover.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def cover_list(as_json: bool) -> None:
    """All covers that were ever made, oldest first. `ends at` is the first moment that is no longer covered."""
    with _desk() as desk:
        rows = _rows(desk)
        if as_json:
            show_json(rows)
        else:
            show(rows, COLUMNS, _zone(desk))


@cover.command("end")
@click.argument("number", type=Id(), metavar="ID")
def cover_end(number: int) -> None:
    """The absent one is back, or it was a mistake: from now on this cover counts no more."""
    with _desk() as desk, desk.db.tx() as conn:
        found = covers.end(conn, number)
    if not found:
        fail("no cover of this number", NOT_FOUND)
    click.echo("ended")


def _rows(desk: Desk) -> list[dict[str, Any]]:
    now = datetime.now(UTC)
    with desk.db.tx() as conn:
        return [{**asdict(made), "runs": made.runs(now)} for made in covers.every(conn)]


def _is_approver(settings: Settings, user: str) -> bool:
    """On a list of the settings, or now in a group of the chat."""
    if user in settings.approvers or user in settings.threat_approvers:
        return True
    groups = {settings.approvers_group, settings.threat_approvers_group} - {""}
    chat = make_chat(settings) if groups else None
    return chat is not None and any(user in chat.group(group) for group in sorted(groups))
