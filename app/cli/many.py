"""Replay of everything that has failed of a cause, or of every cause: its plan, its start, its progress.

The worker does it, some sixty events a minute (app/bulk.py). Source: issue 5; bad-inputs C004, C005.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from app import audit, bulk
from app.bulk import BulkError, Look
from app.cli import NOT_FOUND, WRONG, fail
from app.cli.browse import _zone
from app.cli.output import show, show_json
from app.cli.progress import bar
from app.db import Row
from app.desk import Desk

PLAN = ("event", "ticket", "what", "state", "plan")
COLUMNS = ("id", "who", "cause", "total", "queued", "refused", "made_at", "ended_at")
PAUSE = 0.5  # seconds between two looks at how far a replay is


@dataclass
class Begun:
    """What became of one cause: `row` of bulk_replays, or why it was not begun."""

    look: Look
    row: Row | None = None
    refusal: str = ""

    def document(self) -> dict[str, Any]:
        plan = [row for item in self.look.plans for row in item.rows()]
        return {"cause": self.look.cause, "events": self.look.total, "plan": plan, "refused": self.refusal,
                "bulk": self.row}  # fmt: skip


def may_ask(yes: bool) -> bool:
    """Whether somebody has said yes, or can be asked."""
    return yes or (sys.stdin is not None and sys.stdin.isatty())


def replay_all(desk: Desk, cause: str | None, *, dry_run: bool, yes: bool, wait: bool, as_json: bool) -> None:
    """Show the plan of this cause, or of every one (None); then have the worker carry it out."""
    found = [Begun(look, refusal=look.refusal) for look in _looks(desk, cause)]
    if cause is not None and not found:
        fail(f"nothing has failed of the cause {cause!r}", NOT_FOUND)
    if not as_json:
        _show_plan(desk, found)
    if any(not one.refusal for one in found) and not dry_run:
        if not yes:
            click.confirm("replay them?", abort=True, err=True)
        _begin(desk, found)
        if wait:
            _watch(desk, found)
    if as_json:
        show_json([one.document() for one in found])
    else:
        _say(found, dry_run)
    refused = [one for one in found if one.refusal]
    if refused and not dry_run:
        fail("; ".join(f"{one.look.cause!r} not begun: {one.refusal}" for one in refused), WRONG)


def _looks(desk: Desk, cause: str | None) -> list[Look]:
    with desk.db.tx() as conn:
        known = [row["cause"] for row in bulk.causes(conn)]
        return [bulk.look(desk, conn, one) for one in known if cause in (None, one)]


def _show_plan(desk: Desk, found: Sequence[Begun]) -> None:
    """How many of each cause, and what would be done with the oldest of them."""
    if not found:
        click.echo("nothing has failed")
        return
    counted = [{"cause": one.look.cause, "events": _count(one.look), "refused": one.refusal} for one in found]
    show(counted, ("cause", "events", "refused"), _zone(desk))
    for one in found:
        rest = one.look.total - len(one.look.plans)
        said = f" (the oldest {len(one.look.plans)})" if rest > 0 else ""
        click.echo(f"\n{one.look.cause}{said}")
        show([row for item in one.look.plans for row in item.rows()], PLAN, _zone(desk))
    click.echo()


def _count(look: Look) -> str:
    return f"more than {bulk.LIMIT}" if look.total > bulk.LIMIT else str(look.total)


def _begin(desk: Desk, found: Sequence[Begun]) -> None:
    """Each by itself: one that is under way already holds up no other."""
    for one in found:
        if one.refusal:
            continue
        try:
            with desk.db.tx() as conn:
                number = bulk.start(desk, conn, audit.shell(), one.look.cause)
                [one.row] = bulk.progress(conn, [number])
        except BulkError as refused:
            one.refusal = str(refused)
    desk.engine.call(desk.db)


def _watch(desk: Desk, found: Sequence[Begun]) -> None:
    numbers = [one.row["id"] for one in found if one.row]
    rows = {row["id"]: row for row in watch(desk, numbers)} if numbers else {}
    for one in found:
        one.row = rows[one.row["id"]] if one.row else None


def _say(found: Sequence[Begun], dry_run: bool) -> None:
    if dry_run:
        click.echo("nothing was changed (--dry-run)")
    for one in found:
        if one.row and one.row["ended_at"]:
            click.echo(f"replay {one.row['id']} of {one.look.cause!r} is over: {one.row['queued']} queued,"
                       f" {one.row['refused']} refused")  # fmt: skip
        elif one.row:
            click.echo(f"replay {one.row['id']} of {one.look.cause!r} has begun")
    if any(one.row and not one.row["ended_at"] for one in found):
        click.echo("`desk replay --progress` shows how far it is")


def watch(desk: Desk, numbers: Sequence[int]) -> list[Row]:
    """Until these are over; how they ended. Ctrl-C ends the looking, not the replay."""
    rows = _rows(desk, numbers)
    total = sum(row["total"] for row in rows)
    try:
        with bar("replaying", total) as done:
            while any(row["ended_at"] is None for row in rows):
                done(sum(row["queued"] + row["refused"] for row in rows))
                time.sleep(PAUSE)
                rows = _rows(desk, numbers)
            done(total)
    except KeyboardInterrupt:
        click.echo("desk: the replay goes on; `desk replay --progress` shows how far it is", err=True)
        raise
    return rows


def _rows(desk: Desk, numbers: Sequence[int]) -> list[Row]:
    with desk.db.tx() as conn:
        return bulk.progress(conn, numbers)


def progress(desk: Desk, *, wait: bool, as_json: bool) -> None:
    """The newest replays of many, with how far they are. `wait`: until those under way are over."""
    with desk.db.tx() as conn:
        rows = bulk.listed(conn)
    if wait:
        ended = {row["id"]: row for row in watch(desk, [row["id"] for row in rows if row["ended_at"] is None])}
        rows = [ended.get(row["id"], row) for row in rows]
    if as_json:
        show_json(rows)
    else:
        show(rows, COLUMNS, _zone(desk))
