"""Commands that show and replay: events, cases. Tables for people, `--json` for machines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from app import browse, replay
from app.cli import NOT_FOUND, WRONG, fail, main
from app.desk import Desk
from app.settings import load

MAX_ID = 10**18


@contextmanager
def _desk() -> Iterator[Desk]:
    desk = Desk(load(), pool=2)
    try:
        yield desk
    finally:
        desk.db.close()


class Id(click.ParamType[int]):
    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        if not (text.isascii() and text.isdigit() and 0 < int(text) < MAX_ID):
            fail(f"no such id: {text[:20]!r}", NOT_FOUND)
        return int(text)


ID = Id()


def _show(rows: Sequence[dict[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(rows, default=_plain, ensure_ascii=False, indent=2))
        return
    table = Table(box=None, header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    Console(highlight=False).print(table)


def _plain(value: object) -> object:
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, dict):
        return " ".join(f"{key}={item}" for key, item in value.items())
    return "" if value is None else str(value).replace("[", "\\[")


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
    with _desk() as desk, desk.db.tx() as conn:
        rows = browse.events(conn, state="dead" if failed else state, ticket=ticket, limit=limit)
    _show(rows, ("id", "received_at", "sender", "kind", "ticket_id", "case_id", "state", "reason", "next_at"), as_json)


@events.command("show")
@click.argument("event_id", type=ID)
@click.option("--json", "as_json", is_flag=True)
def events_show(event_id: int, as_json: bool) -> None:
    """One event, step by step."""
    with _desk() as desk, desk.db.tx() as conn:
        found = browse.event(conn, event_id)
    if found is None:
        fail(f"no event {event_id}", NOT_FOUND)
        return
    if as_json:
        click.echo(json.dumps(found, default=_plain, ensure_ascii=False, indent=2))
        return
    _show([found["event"]], ("id", "received_at", "sender", "kind", "ticket_id", "case_id", "state", "reason"), False)
    click.echo("\nsteps")
    _show(found["journal"], ("at", "what", "verb", "arg", "reason", "detail"), False)
    click.echo("\neffects of its case")
    _show(
        found["effects"], ("id", "verb", "arg", "vendor", "state", "attempts", "reason", "next_at", "evidence"), False
    )


@events.command("replay")
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
        _show(rows, ("event", "ticket", "what", "state", "plan"), as_json)
        missing = [item.event_id for item in plans if item.refusal == "not found"]
        if not dry_run:
            for item in plans:
                if not item.refusal:
                    replay.carry_out(desk, item)
    if missing:
        fail(f"no event {', '.join(map(str, missing))}", NOT_FOUND)
    if any(item.refusal for item in plans):
        raise SystemExit(WRONG if failed else NOT_FOUND)


@main.group("cases")
def cases_group() -> None:
    """Wishes, and where each stands."""


@cases_group.command("list")
@click.option("--open", "only_open", is_flag=True, help="Only those that are not closed.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def cases_list(only_open: bool, limit: int, as_json: bool) -> None:
    """The newest cases first."""
    with _desk() as desk, desk.db.tx() as conn:
        rows = browse.cases(conn, only_open=only_open, limit=limit)
    columns = (
        "id",
        "ticket_id",
        "procedure",
        "generation",
        "state",
        "preference",
        "decision",
        "jira_key",
        "opened_at",
        "closed_at",
    )
    _show(rows, columns, as_json)


@cases_group.command("show")
@click.argument("ticket_id", type=ID)
@click.option("--json", "as_json", is_flag=True)
def cases_show(ticket_id: int, as_json: bool) -> None:
    """All rounds of a ticket, with their effects."""
    with _desk() as desk, desk.db.tx() as conn:
        found = browse.case(conn, ticket_id)
    if not found:
        fail(f"no case for ticket {ticket_id}", NOT_FOUND)
    if as_json:
        click.echo(json.dumps(found, default=_plain, ensure_ascii=False, indent=2))
        return
    for item in found:
        _show(
            [item["case"]],
            ("id", "generation", "state", "preference", "problems", "decision", "reason", "jira_key"),
            False,
        )
        _show(item["effects"], ("verb", "arg", "vendor", "state", "attempts", "reason", "done_at", "next_at"), False)
        click.echo()
