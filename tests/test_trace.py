"""One id from the webhook to each vendor call, in the logs and in OpenTelemetry's spans; nothing personal in either."""

from __future__ import annotations

import json
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app import trace
from app.errors import ConfigError
from tests.house import free_port
from tests.processes import Processes

PERSONAL = ("Siti", "siti@", "345 6789", "backoffice.example.com", "stand-in")
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "200"}  # milliseconds between two deliveries of spans


class Collector(ThreadingHTTPServer):
    """What OTLP over HTTP delivers to. `status`: what it answers."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def spans(self) -> list[Any]:
        found = []
        for body in list(self.raw):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                found += [span for scope in resource.scope_spans for span in scope.spans]
        return found


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path == "/v1/traces"
        if self.server.status == 200:
            self.server.raw.append(body)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def logged(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines() if line.startswith("{")]


def house_with_log(database: str, file: Path, **settings: str) -> Processes:
    house = Processes(database, **settings)
    house.log = file
    house.environment |= SOON
    return house


def test_one_id_from_the_webhook_to_each_vendor_call(database: str, tmp_path: Path) -> None:
    with house_with_log(database, tmp_path / "log") as house:
        ticket = house.to_awaiting()
        house.press("approve")
        house.wait_state(ticket, "banning")
        facts = house.rows("SELECT fact, sender FROM events WHERE kind IN ('ticket_tagged', 'button_pressed')")
    text = (tmp_path / "log").read_text()
    assert not [word for word in PERSONAL if word in text]
    lines = defaultdict(list)
    for line in logged(tmp_path / "log"):
        lines[line.get("trace")].append((line["event"], line.get("vendor") or line.get("sender")))
    of_tags = [trace.id_of(row["fact"]) for row in facts if row["sender"] == "zendesk"]
    [press] = [trace.id_of(row["fact"]) for row in facts if row["sender"] == "slack"]
    mine = next(lines[number] for number in of_tags if ("vendor.called", "slack") in lines[number])
    assert {("door.answered", "zendesk"), ("vendor.called", "zendesk"), ("vendor.called", "slack")} <= set(mine)
    assert {("door.answered", "slack"), ("vendor.called", "jira")} <= set(lines[press])
    # Who asks on nobody's behalf (who are we, are we there) has no id; every call for an event has that event's.
    known = {trace.id_of(row["fact"]) for row in facts}
    assert {vendor for number in known for event, vendor in lines[number] if event == "vendor.called"} == {
        "zendesk",
        "slack",
        "jira",
    }


def test_spans_of_one_wish_are_one_trace(database: str, tmp_path: Path, collector: Collector) -> None:
    with house_with_log(database, tmp_path / "log", otel_exporter_otlp_endpoint=collector.url) as house:
        ticket = house.to_awaiting()
        [row] = house.rows(
            "SELECT fact FROM events WHERE sender = 'zendesk' AND ticket_id = %s AND state = 'done'", ticket
        )
        mine = bytes.fromhex(trace.id_of(row["fact"]))

        def has(name: str) -> bool:
            return any((span.name, span.trace_id) == (name, mine) for span in collector.spans())

        house.wait(lambda: has("walk ticket_tagged") and has("webhook zendesk"))
    spans = {span.span_id: span for span in collector.spans() if span.trace_id == mine}
    by_name = {span.name: span for span in spans.values()}
    root = by_name["webhook zendesk"]
    assert not root.parent_span_id
    assert by_name["walk ticket_tagged"].parent_span_id == root.span_id
    above = {spans[span.parent_span_id].name for span in spans.values() if span.name == "slack POST"}
    assert above == {"effect ask_supervisor"}
    assert spans[by_name["effect ask_supervisor"].parent_span_id].name == "walk ticket_tagged"
    assert not [word for body in collector.raw for word in PERSONAL if word.encode() in body]


@pytest.mark.parametrize("status", [pytest.param(None, marks=pytest.mark.long), 500])
def test_a_collector_that_is_away_costs_nothing_but_its_spans(
    database: str, tmp_path: Path, collector: Collector, status: int | None
) -> None:
    collector.status = status or 200
    url = collector.url if status else f"http://127.0.0.1:{free_port()}"
    with house_with_log(database, tmp_path / "log", otel_exporter_otlp_endpoint=url) as house:
        house.to_awaiting()
        deaths = dict(house.deaths)
    assert deaths == {"web": [], "worker": []}
    assert [process.returncode for process in house.running.values()] == [0, 0]  # each ended when it was asked to
    assert not collector.raw


def test_an_endpoint_without_the_packages_is_a_refusal_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "app.otel", None)
    with pytest.raises(ConfigError, match="requirements-otel"):
        trace.start("http://127.0.0.1:4318")
    assert trace.exporter is None
