"""How fast the door is, beside two floors; how soon a customer has the macro; what the processes cost at rest.

The machine may be busy with other things: the door and its floors take turns in short slices, and only figures of one
run should be compared with each other.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
import requests
from psycopg.rows import dict_row

from app.bench import floor, stage
from app.bench.driver import Order
from app.bench.stage import BenchError, Driver, Stage
from app.clients.http import Wire
from app.clients.oauth import Tokens
from app.processes import Child
from app.settings import load

CONNECTIONS = 16
RATE = 50.0  # events a second while the worker is busy
ROWS = 10.0  # rows a second beside them
STARTED = 5.0  # seconds after which a worker has done what it does at its start
REQUESTS = 9  # to Zendesk, from accepted to macro applied
SETTLED = 0.15  # seconds until the rest of a walk is over
ACTS_WITHIN = 30.0  # seconds until a macro must be there
DONE = (
    "SELECT extract(epoch FROM j.at - v.received_at)::float8 AS took FROM events v"
    " JOIN effects e ON e.case_id = v.case_id AND e.verb = 'apply_macro'"
    " JOIN journal j ON j.effect_id = e.id AND j.what = 'done'"
    " WHERE v.ticket_id = %s AND v.state = 'done'"
)


@dataclass
class Rate:
    """All slices of one way. `latencies`: seconds."""

    name: str
    slices: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def rate(self) -> float:
        """Answers a second: the median of the slices."""
        return median(self.slices)

    def row(self) -> dict[str, Any]:
        return {"way": self.name, "rate": self.rate, **spread(self.latencies), "failed": self.failed}


def spread(latencies: list[float]) -> dict[str, float]:
    """p50 and p99 in milliseconds, and how many there were."""
    if not latencies:
        raise BenchError("nothing was answered", "bench")
    ordered = sorted(latencies)
    at = {f"p{share}_ms": ordered[min(len(ordered) * share // 100, len(ordered) - 1)] * 1000 for share in (50, 99)}
    return {**at, "count": len(ordered)}


Say = Callable[[str], None]
_customers = itertools.count(1)  # tickets of one customer would become one case


def run(seconds: float, say: Say) -> dict[str, Any]:
    """Everything, in about four times `seconds` and some starting. Raises BenchError."""
    with stage.database() as (folder, server), Driver() as driver:
        machine = {"cores": os.cpu_count(), "load_before": os.getloadavg()[0]}
        say("the door and its two floors, in turns")
        ways = _ways(folder, server, driver, seconds)
        say("the worker: at rest, one ticket at a time, and busy")
        return {"machine": machine, "ways": [way.row() for way in ways], **_worker(folder, server, driver, seconds)}


def _ways(folder: Path, server: str, driver: Driver, seconds: float) -> list[Rate]:
    ways = [Rate("empty route"), Rate("one row"), Rate("webhook")]
    with stage.stage(folder, server, "bench_ack") as here:
        with psycopg.connect(here.uri, autocommit=True) as conn:
            conn.execute(floor.TABLE)
        here.floor()
        here.web()
        first, rounds, length = 1, max(2, round(seconds)), min(1.0, seconds / 2)
        for turn in range(-1, rounds):
            for way, port, path in zip(
                ways, ("floor", "floor", "web"), ("/empty", "/row", "/webhooks/zendesk"), strict=True
            ):
                order = Order(here.ports[port], path, here.secret, length, CONNECTIONS, first=first)
                result = driver.run(order)
                first += 100_000
                if turn >= 0:  # the first turn warms up
                    way.slices.append(len(result.latencies) / result.seconds)
                    way.latencies += result.latencies
                    way.failed += result.failed
    return ways


def _worker(folder: Path, server: str, driver: Driver, seconds: float) -> dict[str, Any]:
    with stage.stage(folder, server, "bench_work") as here:
        with psycopg.connect(server, autocommit=True) as conn:
            conn.execute("CHECKPOINT")  # what the door has written is on the disk before anything else is measured
        here.sandbox()
        # The events come from the driver alone, and the stand-ins answer at once.
        quiet = {"limits": False, "trigger_webhooks": False, "latency": 0.0}
        stage.ask(here.ports["sandbox"], "POST", "/sandbox/config", quiet)
        with psycopg.connect(here.uri, autocommit=True) as conn:
            conn.execute(floor.TABLE)
        here.floor()
        processes = {"web": here.web(), "worker": here.worker()}
        idle = _idle(processes["worker"], seconds)
        macro = _to_macro(here, driver, max(3, round(seconds * 2)))
        busy = _busy(here, driver, seconds)
        memory = {name: used[1] if (used := stage.usage(child)) else None for name, child in processes.items()}
        return {"macro": macro, "idle_percent": idle, "busy": busy, "memory_mb": memory}


def _idle(worker: Child, seconds: float) -> float | None:
    """Per cent of a core, before it has had any work: a ticket's later looks would be work of their own."""
    time.sleep(STARTED)
    before, began = stage.usage(worker), time.monotonic()
    time.sleep(max(5.0, seconds))
    after, took = stage.usage(worker), time.monotonic() - began
    return (after[0] - before[0]) / took * 100 if before and after else None


def _to_macro(here: Stage, driver: Driver, number: int) -> dict[str, Any]:
    """From accepted (the event's row) to the macro's outcome in the journal, one ticket at a time; and, in turns with
    it, what as many bare requests to the stand-in take, one after another."""
    warm = 3
    took, bare = [], []
    asked = _asker(here)
    with psycopg.connect(here.uri, row_factory=dict_row, autocommit=True) as conn:
        for ticket in make_tickets(here, warm + number):
            driver.run(Order(here.ports["web"], "/webhooks/zendesk", here.secret, 1.0, 1, 1.0, tickets=(ticket,)))
            took.append(_applied(here, conn, ticket))
            time.sleep(SETTLED)
            bare.append(asked(ticket))
    return {**spread(took[warm:]), "bare_p50_ms": spread(bare[warm:])["p50_ms"]}


def _asker(here: Stage) -> Callable[[int], float]:
    """Seconds of REQUESTS bare requests for this ticket over one connection."""
    settings, session = here.environment, requests.Session()
    session.trust_env = False  # no proxy in between, and no look for a .netrc at each request
    loaded = load(_env_file=None, **{name.lower(): value for name, value in settings.items()})
    session.headers["Authorization"] = f"Bearer {Tokens(loaded, Wire('zendesk', loaded)).current()}"

    def ask(ticket: int) -> float:
        began = time.perf_counter()
        for _ in range(REQUESTS):
            session.get(f"{settings['ZENDESK_URL']}/api/v2/tickets/{ticket}.json", timeout=15).raise_for_status()
        return time.perf_counter() - began

    return ask


def _applied(here: Stage, conn: psycopg.Connection[dict[str, Any]], ticket: int) -> float:
    until = time.monotonic() + ACTS_WITHIN
    while time.monotonic() < until:
        here.check()
        if row := conn.execute(DONE, (ticket,)).fetchone():
            return float(row["took"])
        time.sleep(0.02)
    states = conn.execute("SELECT state, reason FROM events WHERE ticket_id = %s", (ticket,)).fetchall()
    raise BenchError(f"no macro after {ACTS_WITHIN:.0f} s: {states}", "bench")


def _busy(here: Stage, driver: Driver, seconds: float) -> dict[str, Any]:
    """RATE events a second, each a ticket of its own that the worker walks meanwhile; and beside them, a few times a
    second, the floor that commits one row: what it takes longer then than at rest is the machine's."""
    tickets = make_tickets(here, int(seconds * RATE))
    order = Order(here.ports["web"], "/webhooks/zendesk", here.secret, seconds, CONNECTIONS, RATE, tickets=tickets)
    rows = Order(here.ports["floor"], "/row", here.secret, seconds, 4, ROWS)
    with Driver() as beside, ThreadPoolExecutor(1) as threads:
        floors = threads.submit(beside.run, rows)
        result = driver.run(order)
        row_p99 = spread(floors.result().latencies)["p99_ms"]
    with psycopg.connect(here.uri) as conn:
        row = conn.execute("SELECT count(*) FROM events WHERE state = 'done' AND ticket_id = ANY(%s)", (tickets,))
        walked = row.fetchone()
    done = walked[0] if walked else 0
    return {**spread(result.latencies), "failed": result.failed, "walked": done, "row_p99_ms": row_p99}


def make_tickets(here: Stage, number: int) -> list[int]:
    """New tickets at the stand-in, complete, each of another customer, and tagged by an agent."""
    port = here.ports["sandbox"]
    made = []
    for customer in itertools.islice(_customers, number):
        form = {
            "subject": "Please stop all offers",
            "name": "Bench Customer",
            "email": f"bench{customer}@example.com",
            "fields": {
                "name": "Bench Customer",
                "contact": f"+60 12-{1_000_000 + customer}",
                "backoffice": f"https://backoffice.example.com/customers/{customer}",
                **{"identity": "called back", "confirmed_by": "customer", "confirmed_via": "email"},
            },
        }
        made.append(int(stage.ask(port, "POST", "/sandbox/tickets", form)["id"]))
    for ticket in made:
        stage.ask(port, "POST", f"/sandbox/tickets/{ticket}/tags", {"add": ["data_deletion_request", "pref_stop_all"]})
    return made
