"""Commands that show events and cases. Tables for people, `--json` for machines."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click

from app import browse, db, registry
from app.admin import filters, queries
from app.admin.filters import Filter, FilterError
from app.admin.queries import Found
from app.cli import NOT_FOUND, STORE, fail, main, refusals
from app.cli.output import show, show_json
from app.db import Row
from app.desk import Desk
from app.settings import load

F = TypeVar("F", bound=Callable[..., object])

MAX_ID = 10**18
SHOW = {"ignore_unknown_options": True}  # so that `show -1` is an id that does not exist, not an option
EVENT = ("id", "received_at", "sender", "kind", "ticket_id", "case_id", "state", "reason")
STEP = ("at", "what", "verb", "arg", "reason", "detail")
EFFECT = ("id", "verb", "arg", "vendor", "state", "attempts", "reason", "next_at", "evidence")
CASE = ("id", "ticket_id", "procedure", "generation", "state", "preference", "decision", "jira_key", "opened_at",
        "due_at", "closed_at")  # fmt: skip
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
    desk = Desk(settings, uri=uri, pool=2, lock_wait=refusals.LOCK_WAIT)
    try:
        if problems := desk.ready():
            fail("; ".join(f"{name}: {text}" for name, text in problems.items()) + " (run `desk migrate`)", STORE)
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


class Reason(click.ParamType[str]):
    """What somebody must say before something is done; blanks say nothing."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not str(value).strip():
            self.fail("say why", param, ctx)
        return str(value)


ID, REASON = Id(), Reason()


def narrowing(came: str) -> Callable[[F], F]:
    """The options that every list has."""
    options = (
        click.option("--since", metavar="WHEN", help=f"Only what {came} then or later: 2026-11-22, 2026-11-22T13:05."),
        click.option("--until", metavar="WHEN", help=f"Only what {came} before."),
        click.option("--text", metavar="TEXT", help="Only what holds this, in its ids or its reason."),
        click.option("--before", type=ID, help="Go on with what is older than this number."),
        click.option("--limit", type=click.IntRange(1, queries.MOST), default=queries.PAGE, show_default=True),
        click.option("--json", "as_json", is_flag=True, help="One JSON document."),
    )

    def decorate(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def narrowed(desk: Desk, given: Mapping[str, object], **known: Collection[str]) -> Filter:
    """What the options say, read as the pages read their forms. Ends the command when they say nothing sensible."""
    try:
        return filters.read({name: str(value) for name, value in given.items() if value}, _zone(desk), **known)
    except FilterError as error:
        raise click.UsageError(f"--{error}") from None


def listed(desk: Desk, found: Found, columns: Sequence[str], as_json: bool) -> None:
    """One page of a list; people are told how to see more."""
    if as_json:
        show_json(found.rows)
        return
    show(found.rows, columns, _zone(desk))
    if found.older:
        looked = f" (looked back to {found.back_to.astimezone(_zone(desk)):%Y-%m-%d %H:%M})" if found.back_to else ""
        click.echo(f"there may be more{looked}: --before {found.older}", err=True)


@main.group()
def events() -> None:
    """What came in, and what became of it."""


@events.command("list")
@click.option("--failed", is_flag=True, help="Only those that need a person (dead).")
@click.option("--state", type=click.Choice(browse.EVENT_STATES), help="Only this state.")
@click.option("--ticket", type=ID, help="Only this ticket.")
@click.option("--cause", metavar="SLUG", help="Only this reason (`desk events causes`).")
@click.option("--sender", type=click.Choice(queries.SENDERS), help="Only from there.")
@narrowing("came in")
def events_list(failed: bool, state: str | None, limit: int, as_json: bool, **given: object) -> None:
    """The newest events first."""
    if failed and state:
        raise click.UsageError("give --failed or --state, not both")
    wanted = {**given, "state": "dead" if failed else state}
    with _desk() as desk:
        only = narrowed(desk, wanted, states=browse.EVENT_STATES, senders=queries.SENDERS)
        with desk.db.tx() as conn:
            found = queries.events(conn, only, limit=limit, window=queries.FAR)
        listed(desk, found, (*EVENT, "next_at"), as_json)


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
@click.option("--overdue", is_flag=True, help="Only those that are not closed and past their due date.")
@click.option("--state", type=click.Choice(queries.STATES), help="Only this state.")
@click.option("--unconfirmed", is_flag=True, help="Wishes not confirmed yet, oldest receipt first, with due dates.")
@click.option("--procedure", metavar="NAME", help="Only this procedure (data_deletion, regulatory_threat).")
@click.option("--ticket", type=ID, help="Only this ticket.")
@narrowing("were opened")
def cases_list(*, only_open: bool, overdue: bool, state: str | None, unconfirmed: bool, limit: int, as_json: bool,
               **given: object) -> None:  # fmt: skip
    """The newest cases first."""
    if sum((only_open, overdue, bool(state), unconfirmed)) > 1 or (unconfirmed and any(given.values())):
        raise click.UsageError("give one of --open, --overdue and --state; --unconfirmed stands alone")
    wanted = {**given, "state": queries.UNFINISHED if only_open else queries.OVERDUE if overdue else state}
    with _desk() as desk:
        if unconfirmed:
            _unconfirmed(desk, limit, as_json)
            return
        only = narrowed(desk, wanted, states=queries.STATES, procedures=registry.procedures())
        with desk.db.tx() as conn:
            found = queries.cases(conn, only, limit=limit, window=queries.FAR)
        listed(desk, found, CASE, as_json)


def _unconfirmed(desk: Desk, limit: int, as_json: bool) -> None:
    with desk.db.tx() as conn:
        rows = browse.unconfirmed(conn)
    if len(rows) > limit:
        click.echo(f"{limit} of {len(rows)}: --limit shows more", err=True)
        rows = rows[:limit]
    if as_json:
        show_json(rows)
    else:
        late = [{**row, "overdue": "OVERDUE" if row["overdue"] else ""} for row in rows]
        show(late, UNCONFIRMED, _zone(desk))


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
