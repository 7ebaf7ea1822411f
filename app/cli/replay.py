"""Commands that repair: replay one, many, or all of a cause; mark as settled. The plan comes before anything runs.

Source: issue 5; bad-inputs C003 to C006.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from app import audit, bulk, replay, settle
from app.cli import NOT_FOUND, WRONG, fail, main, many
from app.cli.browse import ID, REASON, SHOW, _desk, _zone, events
from app.cli.output import show, show_json
from app.desk import Desk
from app.replay import Plan


@click.command("replay", context_settings=SHOW)
@click.argument("event_ids", type=ID, nargs=-1, metavar="[ID]...")
@click.option("--failed", is_flag=True, help="The fifty oldest events that need a person, at once.")
@click.option("--cause", metavar="CAUSE", help="All that has failed of this cause (`desk events causes`), slowly.")
@click.option("--all", "everything", is_flag=True, help="All that has failed of any cause, slowly.")
@click.option("--progress", is_flag=True, help="How far the slow ones are.")
@click.option("--dry-run", is_flag=True, help="Show the plan, change nothing.")
@click.option("--from-start", is_flag=True, help="Also events that ended well: walk them again from the beginning.")
@click.option("--yes", is_flag=True, help="Do not ask before --cause or --all.")
@click.option("--wait", is_flag=True, help="Until --cause, --all or what is under way is over, with its progress.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def replay_command(event_ids: tuple[int, ...], *, failed: bool, cause: str | None, everything: bool, progress: bool,
                   dry_run: bool, from_start: bool, yes: bool, wait: bool, as_json: bool) -> None:  # fmt: skip
    """Show the plan, then carry it out. What is done is never repeated, what may be is looked up first.

    Events by their ids and --failed are queued at once; --cause and --all are carried out by the worker, some sixty
    events a minute, at most 1,000 of a cause.
    """
    slowly = everything or cause is not None
    if sum((bool(event_ids), failed, cause is not None, everything, progress)) != 1:
        raise click.UsageError("give event ids, or one of --failed, --cause, --all and --progress")
    if len(event_ids) > replay.LIMIT:
        raise click.UsageError(f"at most {replay.LIMIT} at once: --cause and --all take more")
    if wait and not (slowly or progress):
        raise click.UsageError("--wait is for --cause, --all and --progress")
    if slowly and not dry_run and not many.may_ask(yes):
        raise click.UsageError("nobody can be asked here: give --yes")
    with _desk() as desk:
        if progress:
            many.progress(desk, wait=wait, as_json=as_json)
        elif slowly:
            many.replay_all(desk, cause, dry_run=dry_run, yes=yes, wait=wait, as_json=as_json)
        else:
            plans = replay.plan(desk, event_ids, failed=failed, from_start=from_start)
            late = _at_once(desk, plans, dry_run=dry_run, as_json=as_json)
            _judge(plans, late, by_id=bool(event_ids))


main.add_command(replay_command)
events.add_command(replay_command)


def _at_once(desk: Desk, plans: Sequence[Plan], *, dry_run: bool, as_json: bool) -> list[int]:
    """Show the plans, then queue what may be queued; the ids of those that somebody else changed meanwhile."""
    rows = [row for item in plans for row in item.rows()]
    if as_json:
        show_json(rows)
    else:
        show(rows, many.PLAN, _zone(desk))
    if dry_run:
        click.echo("nothing was changed (--dry-run)", err=as_json)
        return []
    wanted = [item for item in plans if not item.refusal]
    queued = [item.event_id for item in wanted if replay.carry_out(desk, item, audit.shell())]
    said = f"queued: {', '.join(map(str, queued))}" if queued else "nothing was queued"
    click.echo(said, err=as_json)  # beside a JSON document, not in it
    return [item.event_id for item in wanted if item.event_id not in queued]


def _judge(plans: Sequence[Plan], late: Sequence[int], *, by_id: bool) -> None:
    """The exit code: what was named must be there and may be replayed."""
    missing = [item.event_id for item in plans if item.refusal == "not found"]
    if missing:
        fail(f"no event {', '.join(map(str, missing))}", NOT_FOUND)
    if late:
        fail(f"not queued, somebody else was first: {', '.join(map(str, late))}", WRONG)
    if any(item.refusal for item in plans):
        raise SystemExit(NOT_FOUND if by_id else WRONG)


@events.command("settle", context_settings=SHOW)
@click.argument("event_id", type=ID)
@click.option("--reason", type=REASON, required=True, help="What was done by hand, or why nothing need be done.")
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
