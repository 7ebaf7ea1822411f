"""Reads that the walk of a tag is going to want, begun side by side: the customer's acknowledgement waits for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from app import trace
from app.clients.types import Audit, Comment, Person, Ticket, Zendesk

T = TypeVar("T")
THREADS = 3  # of one worker, for all its walks; each has a client of its own


class Begun(Generic[T]):
    """One read. The first call gets what was begun, each later one (a retry) asks anew; raises as the read does."""

    def __init__(self, read: Callable[[], T], future: Future[T] | None = None) -> None:
        self._read = read
        self._future = future

    def __call__(self) -> T:
        future, self._future = self._future, None
        if future is None or future.cancel():  # not begun after all: every thread is busy
            return self._read()
        return future.result()


@dataclass(frozen=True)
class Reads:
    """Of one ticket as it was read. `requester` is whoever that one names."""

    ticket: Ticket
    comments: Begun[Sequence[Comment]]
    audits: Begun[Sequence[Audit]]
    requester: Begun[Person]
    pool: Executor

    def begin(self, read: Callable[[], T]) -> Begun[T]:
        """One more read, which turns out to be wanted soon."""
        return Begun(read, self.pool.submit(trace.carried(read)))


class Ahead:
    """Used by the walks of one worker process."""

    def __init__(self, zendesk: Zendesk) -> None:
        self._zendesk = zendesk
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="ahead")

    def of(self, ticket: Ticket, *, begin: bool) -> Reads:
        """`begin` False: each read is made when it is asked for, because it may well not be wanted."""

        def read(call: Callable[[], T], *, wanted: bool = True) -> Begun[T]:
            return Begun(call, self._pool.submit(trace.carried(call)) if begin and wanted else None)

        zendesk, requester = self._zendesk, ticket.requester_id or 0
        return Reads(
            ticket,
            read(lambda: zendesk.comments(ticket.id)),
            read(lambda: zendesk.audits(ticket.id)),
            read(lambda: zendesk.person(requester), wanted=requester > 0),
            self._pool,
        )
