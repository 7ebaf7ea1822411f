"""The only file that imports procrastinate: jobs, order per ticket, delays, take-over of dead workers' jobs.

A job is one walk of one event. It carries the event's id and nothing else. A walk that must wait ends, and a `wake` job
without the ticket's lock waits in its place: a delayed job that held the lock would block every later event of its
ticket (procrastinate's fetch query rejects a job while an earlier one with the same lock is waiting: measured).
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import procrastinate
import psycopg
from procrastinate import exceptions, jobs, manager
from procrastinate.schema import SchemaManager
from psycopg import sql
from psycopg_pool import PoolClosed

from app.db import NO_FROZEN_LOCKS, Connection, Database
from app.errors import StoreError
from app.settings import Settings

log = logging.getLogger(__name__)

QUEUE = "desk"
RUN, WAKE, TAKE_OVER = "desk:run", "desk:wake", "desk:take_over"
# A walk writes every failure on its event and ends well; what gets as far as the engine is a database that would not
# let it write. The job is then tried again until it can: never given up, never lost.
AGAIN = procrastinate.RetryStrategy(max_attempts=None, wait=1)
CHANNEL = f"procrastinate_queue_v1#{QUEUE}"
FIRST = 100  # the sweep's priority: dead workers' tickets do not wait behind a backlog
OWN = (
    "SELECT {call} FROM (SELECT id FROM procrastinate_jobs WHERE id = %(id)s AND status = 'doing'"
    " AND worker_id IS NOT DISTINCT FROM %(worker)s AND attempts = %(attempts)s FOR UPDATE) own"
)
CALL_PAUSE = 0.01  # seconds between two calls to idle workers: at a hundred events a second each need not be announced
_JOB = (
    "procrastinate_defer_jobs_v1(ARRAY[ROW(%(queue)s, {task}, {priority}, {lock}, NULL,"
    " jsonb_build_object('event_id', id), {at})::procrastinate_job_to_defer_v1])"
)
_LOCK = "coalesce('ticket:' || ticket_id, 'event:' || id)"
NEW = "CASE state WHEN 'queued' THEN {} WHEN 'held' THEN {} END".format(
    _JOB.format(task="%(run)s", priority="%(priority)s", lock=_LOCK, at="NULL"),
    _JOB.format(task="%(wake)s", priority="1", lock="NULL", at="%(held_until)s"),
)


class OwnJobs(manager.JobManager):
    """Ends or re-queues a job only for the worker and the attempt that runs it, and does not give up on that.

    A worker that was frozen and wakes up would else end the job that another has taken over, and with it the ticket's
    lock; an end that could not be written would leave the job to a worker that lives and never looks at it again.
    """

    def __init__(self, connector: procrastinate.BaseConnector, stopping: threading.Event) -> None:
        super().__init__(connector)
        self._stopping = stopping

    async def finish_job(self, job: jobs.Job, status: jobs.Status, delete_job: bool) -> None:
        call = "procrastinate_finish_job_v1(id, %(status)s::procrastinate_job_status, %(delete)s)"
        await self._as_owner(job, call, status=status.value, delete=delete_job)

    async def retry_job(
        self,
        job: jobs.Job,
        retry_at: datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        call = "procrastinate_retry_job_v2(id, %(at)s, %(priority)s::int, %(queue)s::text, %(lock)s::text)"
        at = retry_at or datetime.now(UTC)
        await self._as_owner(job, call, at=at, priority=priority, queue=queue, lock=lock)

    async def _as_owner(self, job: jobs.Job, call: str, **values: Any) -> None:
        values |= {"id": job.id, "worker": job.worker_id, "attempts": job.attempts}
        while True:
            try:
                await self.connector.execute_query_async(OWN.format(call=call), **values)
            except exceptions.ConnectorException as error:
                if self._stopping.is_set() or isinstance(error.__cause__, PoolClosed):
                    raise  # this worker ends, and its jobs are taken over
                log.warning("job.not_written", extra={"job": job.id})
                await asyncio.sleep(1.0)
            else:
                return


def _app(connector: procrastinate.BaseConnector) -> procrastinate.App:
    """A new App with our three tasks. Their names are in stored jobs: they never change."""
    app = procrastinate.App(connector=connector)

    @app.task(name=RUN, queue=QUEUE, pass_context=True, retry=AGAIN)
    def run(context: procrastinate.JobContext, event_id: int) -> None:
        context.additional_context["walk"](event_id)

    @app.task(name=WAKE, queue=QUEUE, pass_context=True, retry=AGAIN)
    def wake(context: procrastinate.JobContext, event_id: int) -> None:
        context.additional_context["requeue"](event_id)

    @app.task(name=TAKE_OVER, queue=QUEUE, pass_context=True)
    async def take_over(context: procrastinate.JobContext, timestamp: int) -> None:
        """Give the jobs of workers whose heartbeat is old to whoever is alive."""
        stalled_after = context.additional_context["stalled_after"]
        for job in await context.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=stalled_after):
            await context.app.job_manager.retry_job(job)
            log.warning("job.taken_over", extra={"job": job.id})
        try:
            await asyncio.to_thread(context.additional_context["rescue"])
        except (StoreError, psycopg.Error):
            log.warning("rescue.not_done")  # the database is away; this comes round again in some seconds

    return app


def _lock(ticket_id: int | None, event_id: int) -> str:
    """What is run one at a time: a ticket's events; an event of no ticket stands alone."""
    return f"ticket:{ticket_id}" if ticket_id else f"event:{event_id}"


class Engine:
    """Submits jobs inside the caller's transaction: they are there when it commits, or not at all."""

    def __init__(self) -> None:
        # Never opened: every job is inserted on a connection of ours.
        self._app = _app(procrastinate.SyncPsycopgConnector())
        self._caller = ThreadPoolExecutor(1, thread_name_prefix="call")
        self._called = threading.Event()

    def call(self, db: Database) -> None:
        """Tell idle workers that there is work, soon and without waiting: after the commit of `run_event`.

        A call that is lost (this process dies) costs them one POLL_INTERVAL, nothing else.
        """
        if not self._called.is_set():  # calls that come while one is about to be made are that one
            self._called.set()
            with suppress(RuntimeError):  # the process is ending
                self._caller.submit(self._call, db)

    def _call(self, db: Database) -> None:
        self._called.clear()
        with suppress(StoreError), db.each() as conn:
            conn.execute("SELECT pg_notify(%s, %s)", (CHANNEL, '{"type": "job_inserted", "job_id": 0}'))
        time.sleep(CALL_PAUSE)

    def run_event(self, conn: Connection, event_id: int, ticket_id: int | None, priority: int) -> None:
        """Run this event as soon as its ticket is free. Higher `priority` first, then the older one."""
        lock = _lock(ticket_id, event_id)
        self._app.configure_task(RUN, lock=lock, priority=priority, connection=conn).defer(event_id=event_id)

    def job_of_new(self, *, priority: int, held_until: datetime) -> tuple[str, dict[str, Any]]:
        """SQL, and its values, that submits the job of a row of `events` within the statement that makes the row: one
        exchange with the database instead of five. What `run_event` (queued) or `run_later` (held) would submit."""
        return NEW, {"queue": QUEUE, "run": RUN, "wake": WAKE, "priority": priority, "held_until": held_until}

    def stranded(self, conn: Connection) -> list[int]:
        """Unfinished events that no job will ever walk: there should be none, and none may be lost if there is one."""
        rows = conn.execute(
            "SELECT e.id FROM events e WHERE e.state IN ('queued', 'running', 'waiting', 'held')"
            " AND greatest(e.changed_at, e.next_at) < now() - interval '2 minutes' AND NOT EXISTS ("
            " SELECT 1 FROM procrastinate_jobs j WHERE j.status IN ('todo', 'doing')"
            " AND j.task_name IN (%s, %s) AND j.args->>'event_id' = e.id::text) ORDER BY e.id LIMIT 100",
            (RUN, WAKE),
        ).fetchall()
        return [int(row["id"]) for row in rows]

    def alive(self, conn: Connection, seconds: float) -> bool:
        """Whether any worker has shown a sign of life within `seconds`."""
        row = conn.execute(
            "SELECT 1 FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %s) LIMIT 1",
            (seconds,),
        ).fetchone()
        return row is not None

    def run_later(self, conn: Connection, event_id: int, at: datetime) -> None:
        """Run this event not before `at` (aware UTC); until then it blocks nothing."""
        job = self._app.configure_task(WAKE, schedule_at=at.astimezone(UTC), connection=conn, priority=1)
        job.defer(event_id=event_id)


def migrate(conn: psycopg.Connection[Any]) -> None:
    """The engine's schema: whole when the database is empty, else the migrations not yet applied, in order."""
    names = [path.name for path in sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))]
    conn.execute("CREATE TABLE IF NOT EXISTS desk_engine_schema (name text PRIMARY KEY)")
    done = {row[0] for row in conn.execute("SELECT name FROM desk_engine_schema").fetchall()}
    if not done:
        conn.execute(SchemaManager.get_schema())
    else:
        for name in names:
            if name not in done:
                conn.execute((Path(SchemaManager.get_migrations_path()) / name).read_bytes())
    conn.cursor().executemany(
        "INSERT INTO desk_engine_schema VALUES (%s) ON CONFLICT DO NOTHING", [(n,) for n in names]
    )
    _no_notify_in_commits(conn)


def _no_notify_in_commits(conn: psycopg.Connection[Any]) -> None:
    """PostgreSQL makes commits that notify wait for each other, disk writes included (measured: half as many events a
    second). Procrastinate's trigger notifies within the commit of the event; `Engine.call` does it after that."""
    for (name,) in conn.execute(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = 'procrastinate_jobs'::regclass"
        " AND starts_with(tgname, 'procrastinate_jobs_notify_queue_job_inserted')"
    ).fetchall():
        conn.execute(sql.SQL("ALTER TABLE procrastinate_jobs DISABLE TRIGGER {}").format(sql.Identifier(name)))


def _connector(uri: str) -> procrastinate.PsycopgConnector:
    """The worker's own connections. One that cannot be had in `timeout` seconds (the pool's default is 30) ends this
    life of the worker, which then starts again with fresh ones: after a fail-over that is the quicker way back."""
    return procrastinate.PsycopgConnector(conninfo=uri, min_size=1, max_size=4, timeout=5.0, configure=_configure)


async def _configure(conn: psycopg.AsyncConnection[Any]) -> None:
    await conn.execute(NO_FROZEN_LOCKS)
    await conn.commit()  # a new connection must not be within a transaction when the pool gets it


class Worker:
    """`desk work`: runs jobs until `stop()`; survives a database that goes away."""

    def __init__(  # noqa: PLR0917 - the parts a worker is joined from, in one place
        self,
        uri: str,
        settings: Settings,
        walk: Callable[[int], None],
        requeue: Callable[[int], None],
        rescue: Callable[[], None],
        stopping: threading.Event,
    ) -> None:
        self._uri = uri
        self._settings = settings
        self._context = {"walk": walk, "requeue": requeue, "rescue": rescue, "stalled_after": settings.stalled_after}
        self._stopping = stopping

    def run(self) -> None:
        """Blocks until SIGTERM or SIGINT; running jobs then get STOP_WITHIN seconds to finish."""
        while not self._stopping.is_set():
            try:
                asyncio.run(self._run())
            except asyncio.CancelledError:
                pass  # a signal: everything that ran has ended
            except (exceptions.ConnectorException, psycopg.Error, OSError) as error:
                log.warning("worker.lost_database", extra={"error": type(error).__name__})
            # The engine's worker also ends by itself when its listening connection breaks: start it again.
            self._stopping.wait(1.0)

    async def _cancel_when_stopping(self, task: asyncio.Task[None]) -> None:
        """Signals only set the event (they may arrive before there is a loop); this carries it into the loop."""
        while not self._stopping.is_set():
            await asyncio.sleep(0.2)
        task.cancel()

    async def _run(self) -> None:
        settings = self._settings
        loop, this = asyncio.get_running_loop(), asyncio.current_task()
        assert this is not None
        # Walks run in threads of the default executor, which is smaller than our concurrency on small machines.
        loop.set_default_executor(ThreadPoolExecutor(settings.worker_concurrency, thread_name_prefix="walk"))
        app = _app(_connector(self._uri))
        app.job_manager = OwnJobs(app.connector, self._stopping)
        # croniter's sixth field is seconds: the sweep runs about three times within the time allowed for a take-over.
        step = max(1, int(settings.stalled_after / 3))
        app.periodic(cron=f"* * * * * */{step}", priority=FIRST)(app.tasks[TAKE_OVER])
        async with app.open_async():
            # Only now: a cancel while the pool opens is swallowed by its own tasks, and the process would not end.
            self._watch = asyncio.create_task(self._cancel_when_stopping(this))  # kept: asyncio's reference is weak
            await app.run_worker_async(
                queues=[QUEUE],
                concurrency=settings.worker_concurrency,
                fetch_job_polling_interval=settings.poll_interval,
                update_heartbeat_interval=settings.heartbeat,
                stalled_worker_timeout=settings.stalled_after,
                shutdown_graceful_timeout=settings.stop_within,
                delete_jobs="successful",
                install_signal_handlers=False,
                additional_context=self._context,
            )
