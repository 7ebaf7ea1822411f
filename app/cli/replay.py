"""Commands that repair: replay one, many, or all of a cause; mark as settled. The plan comes before anything runs."""

from __future__ import annotations

import sys
import time

import click
from rich.console import Console
from rich.progress import Progress

from app import audit, bulk, replay, settle
from app.cli import NOT_FOUND, WRONG, fail, main
from app.cli.browse import ID, SHOW, _desk, _zone, events
from app.cli.output import show, show_json
from app.desk import Desk

BULK = ("id", "who", "cause", "total", "queued", "refused", "made_at", "ended_at")
LOOK = 0.5  # seconds between two looks at how far a bulk replay is


@events.command("replay", context_settings=SHOW)
@click.argument("event_ids", type=ID, nargs=-1)
@click.option("--failed", is_flag=True, help="Every event that needs a person, 50 at a time.")
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
    queued = [item.event_id for item in wanted if replay.carry_out(desk, item, audit.shell())]
    said = f"queued: {', '.join(map(str, queued))}" if queued else "nothing was queued"
    click.echo(said, err=quiet)  # beside a JSON document, not in it
    return [item.event_id for item in wanted if item.event_id not in queued]


@events.command("settle", context_settings=SHOW)
@click.argument("event_id", type=ID)
@click.option("--reason", required=True, help="What was done by hand, or why nothing need be done.")
def events_settle(event_id: int, reason: str) -> None:
    """A failed event needs nothing more from the desk."""
    with _desk() as desk:
        with desk.db.tx() as conn:
            done = settle.settle(desk, conn, audit.shell(), event_id, reason)
        desk.engine.call(desk.db)
    if not done:
        fail(f"no failed event {event_id}", NOT_FOUND)
    click.echo("settled")


@events.command("causes")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def events_causes(as_json: bool) -> None:
    """Why events have failed, the most frequent cause first."""
    with _desk() as desk, desk.db.tx() as conn:
        rows = bulk.causes(conn)
    if as_json:
        show_json(rows)
    else:
        show(rows, ("cause", "count", "oldest", "newest"), _zone(desk))


@main.group("bulk")
def bulk_group() -> None:
    """Replay of everything that has failed of one cause; the worker does it, some sixty events a minute."""


@bulk_group.command("start")
@click.argument("cause")
@click.option("--dry-run", is_flag=True, help="Show how many there are, change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--wait", is_flag=True, help="Show the progress until it is over.")
def bulk_start(cause: str, dry_run: bool, yes: bool, wait: bool) -> None:
    """Have everything that has failed of CAUSE replayed."""
    with _desk() as desk:
        with desk.db.tx() as conn:
            count = next((row["count"] for row in bulk.causes(conn) if row["cause"] == cause), 0)
        if not count:
            fail(f"nothing has failed of the cause {cause!r}", NOT_FOUND)
        click.echo(f"{count} events have failed of the cause {cause!r}")
        if dry_run:
            click.echo("nothing was changed (--dry-run)")
            return
        if not yes and not sys.stdin.isatty():
            raise click.UsageError("nobody can be asked here: give --yes")
        if not yes:
            click.confirm("replay them?", abort=True)
        with desk.db.tx() as conn:
            number = bulk.start(desk, conn, audit.shell(), cause)
        desk.engine.call(desk.db)
        click.echo(f"bulk replay {number} has begun: `desk bulk list` shows how far it is")
        if wait:
            _progress(desk, number, count)


def _progress(desk: Desk, number: int, total: int) -> None:
    """Until it is over. Ctrl-C ends the looking, not the replay."""
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task("replayed", total=total)
        while True:
            with desk.db.tx() as conn:
                row = next((row for row in bulk.listed(conn, 1000) if row["id"] == number), None)
            if row is None:
                return
            progress.update(task, completed=row["queued"] + row["refused"])
            if row["ended_at"]:
                return
            time.sleep(LOOK)


@bulk_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def bulk_list(as_json: bool) -> None:
    """Bulk replays, the newest first, with how far they are."""
    with _desk() as desk, desk.db.tx() as conn:
        rows = bulk.listed(conn)
    if as_json:
        show_json(rows)
    else:
        show(rows, BULK, _zone(desk))
