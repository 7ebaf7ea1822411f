"""Commands that show events and cases. Tables for people, `--json` for machines."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

import click

from app import browse, db
from app.cli import NOT_FOUND, STORE, fail, main
from app.cli.output import show, show_json
from app.db import Row
from app.desk import Desk
from app.settings import load

MAX_ID = 10**18
SHOW = {"ignore_unknown_options": True}  # so that `show -1` is an id that does not exist, not an option
EVENT = ("id", "received_at", "sender", "kind", "ticket_id", "case_id", "state", "reason")
STEP = ("at", "what", "verb", "arg", "reason", "detail")
EFFECT = ("id", "verb", "arg", "vendor", "state", "attempts", "reason", "next_at", "evidence")
CASE = ("id", "ticket_id", "procedure", "generation", "state", "preference", "decision", "jira_key", "opened_at",
        "closed_at")  # fmt: skip
UNCONFIRMED = ("received_at", "due_at", "overdue", "ticket_id", "procedure", "generation", "state", "preference",
               "jira_key")  # fmt: skip
ROUND = ("id", "generation", "state", "preference", "problems", "decision", "reason", "jira_key")
ERASURE = ("asked_at", "who", "done_at", "cleared")
TO_COME = ("what", "id", "state", "at")
DONE = ("verb", "arg", "vendor", "state", "attempts", "reason", "done_at", "next_at")


@contextmanager
def _desk() -> Iterator[Desk]:
    """The desk, if its database is there and answers; looking at it never makes one."""
    settings = load()
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # one line of ours says it all
    if not db.present(settings):
        fail("no database here: run `desk migrate`", STORE)
    uri = db.url(settings)
    db.reach(uri)
    desk = Desk(settings, uri=uri, pool=2)
    try:
        yield desk
    finally:
        desk.db.close()


def _zone(desk: Desk) -> ZoneInfo:
    return ZoneInfo(desk.settings.desk_time_zone)


class Id(click.ParamType[int]):
    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        if text.startswith("-") and not text[1:].isdigit():
            raise click.NoSuchOption(text, ctx=ctx)
        if not (text.isascii() and text.isdigit() and 0 < int(text) < MAX_ID):
            fail(f"no such id: {text[:20]!r}", NOT_FOUND)
        return int(text)


ID = Id()


@main.group()
def events() -> None:
    """What came in, and what became of it."""


@events.command("list")
@click.option("--failed", is_flag=True, help="Only those that need a person (dead).")
@click.option("--state", type=click.Choice(browse.EVENT_STATES), help="Only this state.")
@click.option("--ticket", type=ID, help="Only this ticket.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def events_list(failed: bool, state: str | None, ticket: int | None, limit: int, as_json: bool) -> None:
    """The newest events first."""
    if failed and state:
        raise click.UsageError("give --failed or --state, not both")
    with _desk() as desk, desk.db.tx() as conn:
        rows = browse.events(conn, state="dead" if failed else state, ticket=ticket, limit=limit)
    if as_json:
        show_json(rows)
    else:
        show(rows, (*EVENT, "next_at"), _zone(desk))


@events.command("show", context_settings=SHOW)
@click.argument("event_id", type=ID)
@click.option("--json", "as_json", is_flag=True)
def events_show(event_id: int, as_json: bool) -> None:
    """One event, step by step."""
    with _desk() as desk, desk.db.tx() as conn:
        found = browse.event(conn, event_id)
    if found is None:
        fail(f"no event {event_id}", NOT_FOUND)
    elif as_json:
        show_json(found)
    else:
        zone = _zone(desk)
        show([found["event"]], EVENT, zone)
        click.echo("\nsteps")
        show(found["journal"], STEP, zone)
        click.echo("\neffects of its case")
        show(found["effects"], EFFECT, zone)


@main.group("cases")
def cases_group() -> None:
    """Wishes, and where each stands."""


@cases_group.command("list")
@click.option("--open", "only_open", is_flag=True, help="Only those that are not closed.")
@click.option("--unconfirmed", is_flag=True, help="Wishes not confirmed yet, oldest receipt first, with due dates.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def cases_list(only_open: bool, unconfirmed: bool, limit: int, as_json: bool) -> None:
    """The newest cases first."""
    with _desk() as desk, desk.db.tx() as conn:
        rows = browse.unconfirmed(conn) if unconfirmed else browse.cases(conn, only_open=only_open, limit=limit)
    if len(rows) > limit:
        click.echo(f"{limit} of {len(rows)}: --limit shows more", err=True)
        rows = rows[:limit]
    if as_json:
        show_json(rows)
    elif unconfirmed:
        late = ({**row, "overdue": "OVERDUE" if row["overdue"] else ""} for row in rows)
        show(list(late), UNCONFIRMED, _zone(desk))
    else:
        show(rows, CASE, _zone(desk))


@cases_group.command("show", context_settings=SHOW)
@click.argument("ticket_id", type=ID)
@click.option("--json", "as_json", is_flag=True)
def cases_show(ticket_id: int, as_json: bool) -> None:
    """All rounds of a ticket, with their effects; what was erased of them, or is to be."""
    with _desk() as desk, desk.db.tx() as conn:
        found = browse.case(conn, ticket_id, desk.settings.forget_case_days)
    if not found:
        fail(f"no case for ticket {ticket_id}", NOT_FOUND)
    if as_json:
        show_json(found)
        return
    for item in found:
        show([item["case"]], ROUND, _zone(desk))
        show(item["effects"], DONE, _zone(desk))
        if item["erasure"]:
            _show_erasure(item["erasure"], _zone(desk))
        click.echo()


def _show_erasure(row: Row, zone: ZoneInfo) -> None:
    click.echo("\nerased" if row["done_at"] else "\nto be erased as soon as nothing of the ticket is to come")
    show([row], ERASURE, zone)
    if row["to_come"]:
        show(row["to_come"], TO_COME, zone)
