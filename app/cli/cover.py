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
from app.clients import make, make_chat
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
    delegate, agent = delegate.strip(), agent.strip()
    with _desk() as desk:
        zone = _zone(desk)
        day = first.date() if first else datetime.now(zone).date()
        starts, ends = covers.span(day, last.date(), zone)
        covers.check(absent, delegate, agent, starts_at=starts, ends_at=ends)
        _must_be_approver(desk.settings, absent)
        _must_be_agent(desk.settings, agent)
        with desk.db.tx() as conn:
            made = covers.add(conn, absent, delegate, agent, starts_at=starts, ends_at=ends)
    click.echo(f"cover {made.id}: {delegate} for {absent}, {day} to {last.date()} ({zone.key})")


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


def _must_be_agent(settings: Settings, mail: str) -> None:
    """As the decision will see it. A Zendesk that does not answer holds up no cover: the decision looks again."""
    try:
        people = make(settings).zendesk.people(mail)
    except VendorError as error:
        click.echo(f"desk: not checked in Zendesk ({error.reason})", err=True)
        return
    if not any(person.is_staff for person in people):
        fail("Zendesk has no active agent with the delegate's address; nothing was written", WRONG)


def _must_be_approver(settings: Settings, user: str) -> None:
    """On a list of the settings, or now in a group of the chat."""
    if user in settings.approvers or user in settings.threat_approvers:
        return
    groups = {settings.approvers_group, settings.threat_approvers_group} - {""}
    try:
        chat = make_chat(settings) if groups else None
        known = chat is not None and any(user in chat.group(group) for group in sorted(groups))
    except VendorError as error:
        fail(f"the approvers' group cannot be read now ({error.reason}); nothing was written", WRONG)
    if not known:
        fail("the absent one is no approver: not in APPROVERS or THREAT_APPROVERS, nor in their groups", WRONG)
