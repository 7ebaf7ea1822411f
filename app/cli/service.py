"""Commands that run the desk: demo, work, migrate, check."""

from __future__ import annotations

import gc
import os
import signal
import threading
from types import FrameType

import click

from app.cli import WRONG, fail, main
from app.settings import load

LONGEST = 24.5  # seconds from SIGTERM to the end, whatever STOP_WITHIN says: a process is gone before 25 are over


@main.command()
def demo() -> None:
    """Run everything on stand-ins: database, web, worker, Zendesk, Slack and JIRA. One URL, Ctrl-C ends it."""
    from app.demo import run

    raise SystemExit(run())


@main.command()
def migrate() -> None:
    """Bring the database to this version."""
    from app import db
    from app.migrate import migrate as run

    run(db.url(load()))
    click.echo("migrated")


@main.command()
def work() -> None:
    """Run the worker until SIGTERM or Ctrl-C."""
    from app import duties, logs, socket_mode, trace
    from app.desk import Desk
    from app.engine import Worker
    from app.threats import find
    from app.walk import Walker

    logs.setup()
    settings = load()
    trace.start(settings.otel_exporter_otlp_endpoint)
    desk = Desk(settings, pool=settings.worker_concurrency + 4)
    problems = desk.ready()
    if problems:
        fail("; ".join(f"{name}: {text}" for name, text in problems.items()) + " (run `desk migrate`)", WRONG)
    walker = Walker(desk)
    with desk.db.tx() as conn:
        duties.set_up(conn, walker)
    _stop_in_time(desk.stopping, settings.stop_within)
    threading.Thread(target=walker.learn_own_id, name="own-id", daemon=True).start()
    find("")  # lists and model are loaded now: no ticket waits for it (0.4 s of processor time)
    gc.collect()
    gc.freeze()  # what is loaded by now stays: no walk waits while it is looked through for garbage
    listener = socket_mode.start(settings, desk, desk.stopping)
    Worker(desk.uri, settings, walker.walk, desk.requeue, desk.rescue, desk.stopping).run()
    if listener is not None:
        listener.join(settings.stop_within)
    desk.db.close()


def _stop_in_time(stopping: threading.Event, seconds: float) -> None:
    """At SIGTERM: no new effect is begun; a call that hangs longer than allowed is left behind. It is looked up later,
    as after a kill, so leaving it is safe."""

    def stop(number: int, frame: FrameType | None) -> None:
        if not stopping.is_set():
            stopping.set()
            timer = threading.Timer(min(seconds + 3.0, LONGEST), os._exit, args=(0,))
            timer.daemon = True
            timer.start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


@main.command()
def check() -> None:
    """Settings, database and far sides: each one named, with what is wrong."""
    import logging

    from app.check import run

    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # a line of ours says it
    wrong = False
    for found in run(load()):
        wrong |= found.level == "FAIL"
        click.echo(f"{found.level:4}  {found.name}{': ' + found.text if found.text else ''}")
    if wrong:
        raise SystemExit(WRONG)
