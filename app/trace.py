"""One id from the webhook to each call at a vendor: in every log line, and the trace's id in OpenTelemetry.

It is a hash of the event's fact: whichever process works at the event, at whatever try or replay, names the same one,
and nothing has to be kept for that. Spans are made only when OTEL_EXPORTER_OTLP_ENDPOINT is set (app/otel.py), of
constant names, slugs and ids, like the logs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar, copy_context
from functools import partial
from typing import Literal, ParamSpec, Protocol, TypeVar

from app.errors import ConfigError

Kind = Literal["server", "consumer", "internal", "client"]
Value = str | int | float | bool
P = ParamSpec("P")
T = TypeVar("T")

_here: ContextVar[str] = ContextVar("trace", default="")
_new: ContextVar[bool] = ContextVar("new", default=False)


class Exporter(Protocol):
    """Who is told of spans. Attributes that are added within one are told at its end."""

    def span(self, name: str, kind: Kind, attributes: Mapping[str, Value]) -> AbstractContextManager[None]: ...

    def past(self, name: str, attributes: Mapping[str, Value], *, began: int, first: bool) -> None:
        """A span of a server that is over; `began`: nanoseconds since the epoch. `first`: the trace begins with it."""
        ...


exporter: Exporter | None = None  # set once at the start of a process, by app.otel


def start(endpoint: str) -> None:
    """Tell of spans from now on, if there is an endpoint. Raises ConfigError: the packages for it are not installed."""
    if not endpoint:
        return
    try:
        from app import otel
    except ImportError:
        raise ConfigError(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed (requirements-otel.lock)",
            "otel",
        ) from None
    otel.start(endpoint)


def id_of(fact: str) -> str:
    """The id of the event of this fact: 32 hexadecimal digits, as W3C Trace Context has them."""
    return hashlib.sha256(f"desk:{fact}".encode()).hexdigest()[:32]


def current() -> str:
    """The id of what this thread is at; '' before it is known."""
    return _here.get()


def found(fact: str) -> None:
    """From here on this is about the event of this fact. Within `fresh` or `about` only."""
    _here.set(id_of(fact))


def recorded() -> None:
    """The event was new: its trace begins with this request."""
    _new.set(True)


@contextmanager
def fresh() -> Iterator[None]:
    """Begins without an id, whatever this thread did before."""
    here, new = _here.set(""), _new.set(False)
    try:
        yield
    finally:
        _here.reset(here)
        _new.reset(new)


@contextmanager
def about(fact: str) -> Iterator[None]:
    """Within it everything is about the event of this fact."""
    with fresh():
        found(fact)
        yield


@contextmanager
def span(name: str, kind: Kind = "internal", **attributes: Value) -> Iterator[dict[str, Value]]:
    """Something that takes time; what is put into the dict meanwhile is told with it."""
    told = dict(attributes)
    if exporter is None:
        yield told
    else:
        with exporter.span(name, kind, told):
            yield told


def past(name: str, *, began: int, **attributes: Value) -> None:
    """As Exporter.past: a request whose event was known only when most of it was over."""
    if exporter is not None and current():
        exporter.past(name, attributes, began=began, first=_new.get())


def carried(work: Callable[P, T]) -> Callable[P, T]:
    """For another thread: what it does there is about what this one is at now."""
    return partial(copy_context().run, work)
