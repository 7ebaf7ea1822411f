"""Spans to an OpenTelemetry collector (OTLP over HTTP), loaded by `trace.start` only.

Exceptions are told by their class alone: their messages may quote a customer. A collector that is away costs nothing
but its spans. Source: OpenTelemetry Protocol 1.x; the SDK's own OTEL_* settings (batch size, headers) apply.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from app import trace
from app.trace import Kind, Value

TIMEOUT = 3  # seconds for one delivery, so that a process with a collector that is away still ends at once
KINDS: Mapping[Kind, SpanKind] = {
    "server": SpanKind.SERVER,
    "consumer": SpanKind.CONSUMER,
    "internal": SpanKind.INTERNAL,
    "client": SpanKind.CLIENT,
}
_first: ContextVar[bool] = ContextVar("first", default=False)


def _root(trace_id: str) -> int:
    """The number of the span that a trace begins with: known to every process that works at the event."""
    return int(trace_id[:16], 16) or 1


class _Ids(IdGenerator):
    """A trace's id is that of our logs; its first span's is made of it."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()

    def generate_trace_id(self) -> int:
        return int(trace.current(), 16) if trace.current() else self._random.generate_trace_id()

    def generate_span_id(self) -> int:
        return _root(trace.current()) if _first.get() else self._random.generate_span_id()


class Otel:
    """The one `trace.Exporter`."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("deletion-desk")

    @contextmanager
    def span(self, name: str, kind: Kind, attributes: Mapping[str, Value]) -> Iterator[None]:
        with self._tracer.start_as_current_span(
            name, _parent(), KINDS[kind], record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(Status(StatusCode.ERROR))
                raise
            finally:
                span.set_attributes(attributes)

    def past(self, name: str, attributes: Mapping[str, Value], *, began: int, first: bool) -> None:
        token = _first.set(first)
        try:
            parent = Context() if first else _parent()
            span = self._tracer.start_span(name, parent, SpanKind.SERVER, attributes=attributes, start_time=began)
        finally:
            _first.reset(token)
        span.end()


def _parent() -> Context | None:
    """The span that is open in this thread, if it is of the same trace; else the one that the trace begins with."""
    here = otel.get_current_span().get_span_context()
    if not trace.current() or (here.is_valid and otel.format_trace_id(here.trace_id) == trace.current()):
        return None  # the library's own choice
    number, root = int(trace.current(), 16), _root(trace.current())
    above = SpanContext(number, root, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    return otel.set_span_in_context(NonRecordingSpan(above), Context())


def start(endpoint: str) -> None:
    """Once, in a process that forks no more."""
    from importlib.metadata import version

    named = {"service.name": os.environ.get("OTEL_SERVICE_NAME", "deletion-desk")}
    resource = Resource({**named, "service.version": version("deletion-desk")})
    provider = TracerProvider(ALWAYS_ON, resource, id_generator=_Ids())
    exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=TIMEOUT)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.exporter = Otel(provider)
