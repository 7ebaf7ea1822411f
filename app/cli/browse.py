"""Commands that show and replay: events, cases. Tables for people, `--json` for machines."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from zoneinfo import ZoneInfo

import click

from app import browse, db, replay
from app.cli import NOT_FOUND, STORE, WRONG, fail, main
from app.cli.output import show, show_json
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


@events.command("replay", context_settings=SHOW)
@click.argument("event_ids", type=ID, nargs=-1)
@click.option("--failed", is_flag=True, help="Every event that needs a person.")
@click.option("--dry-run", is_flag=True, help="Show the plan, change nothing.")
@click.option("--from-start", is_flag=True, help="Also events that ended well: walk them again from the top.")
@click.option("--json", "as_json", is_flag=True)
def events_replay(event_ids: tuple[int, ...], failed: bool, dry_run: bool, from_start: bool, as_json: bool) -> None:
    """Show the plan, then carry it out. A done effect is never repeated."""
    if bool(event_ids) == failed:
        raise click.UsageError("give event ids, or --failed")
    with _desk() as desk:
        plans = replay.plan(desk, event_ids, failed=failed, from_start=from_start)
        rows = [row for item in plans for row in item.rows()]
        if as_json:
            show_json(rows)
        else:
            show(rows, ("event", "ticket", "what", "state", "plan"), _zone(desk))
        late = [] if dry_run else _carry_out(desk, plans, as_json)
    if dry_run and not as_json:
        click.echo("nothing was changed (--dry-run)")
    missing = [item.event_id for item in plans if item.refusal == "not found"]
    if missing:
        fail(f"no event {', '.join(map(str, missing))}", NOT_FOUND)
    if late:
        fail(f"not queued, somebody else was first: {', '.join(map(str, late))}", WRONG)
    if any(item.refusal for item in plans):
        raise SystemExit(WRONG if failed else NOT_FOUND)


def _carry_out(desk: Desk, plans: list[replay.Plan], quiet: bool) -> list[int]:
    """Queue what may be queued and say so; the ids of those that somebody else changed meanwhile."""
    wanted = [item for item in plans if not item.refusal]
    queued = [item.event_id for item in wanted if replay.carry_out(desk, item)]
    said = f"queued: {', '.join(map(str, queued))}" if queued else "nothing was queued"
    click.echo(said, err=quiet)  # beside a JSON document, not in it
    return [item.event_id for item in wanted if item.event_id not in queued]


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
    """All rounds of a ticket, with their effects."""
    with _desk() as desk, desk.db.tx() as conn:
        found = browse.case(conn, ticket_id)
    if not found:
        fail(f"no case for ticket {ticket_id}", NOT_FOUND)
    if as_json:
        show_json(found)
        return
    for item in found:
        show([item["case"]], ROUND, _zone(desk))
        show(item["effects"], DONE, _zone(desk))
        click.echo()
