"""What every admin page costs on the server, over histories of several sizes, beside each other in one run.

The desk's own web process, a real login, and every GET page of the URL map; the sizes take turns request by request, so
that whatever else the machine does hits all alike. Two figures a page: milliseconds as a client on this machine sees
them (connect to last byte, so rather too much than too little), and blocks of the database that were looked at, which
no other load changes. Flat: neither grows with the history. Source: issue 5.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, LiteralString
from urllib.parse import urlencode, urlsplit

import psycopg
import pyotp

from app.bench import past
from app.bench.looks import FLOOR, Look, looks, rules
from app.bench.stage import BenchError, Stage, database, stage
from app.demo import DESK
from app.vault import Vault

MOST_MS = 300.0  # a page's median
TWICE = 2.0  # how much more the largest history may cost than the smallest, over the floor, and beside
SLACK_MS, SLACK_BLOCKS = 5.0, 300
WARM = 2  # turns that do not count: plans and caches are made
FLUSH = 1.1  # seconds: a connection tells its counts once a second at most, at its next statement
NAME, PASSWORD = "bench", "correct horse battery staple"
BLOCKS = "SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = %s"
LINES = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = 'deletion-desk'"
Say = Callable[[str], None]


@dataclass
class Size:
    """One history with its web process. `session`: the cookie of an officer, `csrf`: what forms bring."""

    past: int
    here: Stage
    looks: Sequence[Look]
    session: str = ""
    csrf: str = ""
    ms: dict[str, list[float]] = field(default_factory=dict)
    blocks: dict[str, int] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def ask(self, look: Look) -> float:
        """Milliseconds until the whole answer was there. Raises BenchError for anything but 200."""
        body = urlencode({"csrf": self.csrf, **look.fields}) if look.fields is not None else None
        session = "" if look.by_nobody else self.session
        began = time.perf_counter()
        status, _, text = self.send("GET" if body is None else "POST", look.path, body, session)
        took = (time.perf_counter() - began) * 1000
        if status != 200 or not text:
            raise BenchError(f"{look.path} answered {status}", "bench")
        self.lines[look.name] = text.count("\r\n")  # as only files end them
        return took

    def send(
        self, method: str, path: str, body: str | None = None, session: str = ""
    ) -> tuple[int, http.client.HTTPMessage, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.here.ports["web"], timeout=120)
        headers = {"Cookie": f"__Host-desk={session}"} if session else {}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text


def run(sizes: Iterable[int], times: int, say: Say) -> dict[str, Any]:
    """Each page `times` times for each of the sizes (past runs). Raises BenchError."""
    machine = {"cores": os.cpu_count(), "load_before": os.getloadavg()[0]}
    with database() as (folder, server), ExitStack() as stack:
        _roomy(server)
        made = [stack.enter_context(_size(folder, server, number, say)) for number in sorted(set(sizes))]
        machine["load_measured"] = os.getloadavg()[0]
        say(f"{len(made[0].looks)} pages, {times} times, {len(made)} sizes in turns")
        for turn in range(-WARM, times):
            _turn(made, turn)
        say("the same once more, counting blocks of the database")
        _count(server, made)
        return {"machine": machine, "times": times, **judged(made)}


def _roomy(server: str) -> None:
    """No checkpoint in the middle of it."""
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute("ALTER SYSTEM SET max_wal_size = '16GB'")
        conn.execute("ALTER SYSTEM SET checkpoint_timeout = '1h'")
        conn.execute("SELECT pg_reload_conf()")


@contextmanager
def _size(folder: Path, server: str, number: int, say: Say) -> Iterator[Size]:
    with stage(folder, server, f"past_{number}") as here:
        began = time.monotonic()
        say(f"a history of {number:,} past runs")
        past.fill(here.uri, Vault(here.environment["DATA_KEY"]), number)
        say(f"made in {time.monotonic() - began:.0f} s")
        here.web()
        with psycopg.connect(here.uri) as conn:
            size = Size(number, here, looks(rules(here.environment), conn))
        _log_in(size)
        yield size


def _log_in(size: Size) -> None:
    """A new account, by the command line; its password and its code, by the form."""
    command = (*DESK, "admin", "add", NAME, "--role", "officer", "--password-file", "-")
    done = subprocess.run(  # noqa: S603 - our own command
        command,
        env={**os.environ, **size.here.environment},
        input=PASSWORD,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        raise BenchError("no account could be made", "bench")
    codes = pyotp.parse_uri(done.stdout.strip())
    assert isinstance(codes, pyotp.TOTP)
    status, headers, _ = size.send(
        "POST", "/admin/login", urlencode({"name": NAME, "password": PASSWORD, "code": codes.now()})
    )
    size.session = headers.get("Set-Cookie", "").partition(";")[0].partition("=")[2]
    _, _, page = size.send("GET", FLOOR, session=size.session)
    size.csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
    if status != 303 or not size.csrf:
        raise BenchError(f"the login answered {status}", "bench")


def _turn(sizes: Sequence[Size], turn: int) -> None:
    """Every page of every size once; who begins changes, as whoever is second finds the machine warm."""
    first = turn % len(sizes)
    order = [*sizes[first:], *sizes[:first]]
    for places in zip(*(size.looks for size in order), strict=True):
        for size, look in zip(order, places, strict=True):
            took = size.ask(look)
            if turn >= 0:
                size.ms.setdefault(look.name, []).append(took)


def _count(server: str, sizes: Sequence[Size]) -> None:
    """Each page once, between two looks at the database's own counter; the floor's page makes each connection of the
    web process tell what it has counted."""
    floor = Look(FLOOR, FLOOR)
    with psycopg.connect(server, autocommit=True) as conn:

        def asked(query: LiteralString, size: Size) -> int:
            row = conn.execute(query, (urlsplit(size.here.uri).path[1:],)).fetchone()
            return int(row[0]) if row else 0

        def flushed() -> list[int]:
            time.sleep(FLUSH)
            for size in sizes:
                for _ in range(asked(LINES, size)):
                    size.ask(floor)
            return [asked(BLOCKS, size) for size in sizes]

        flushed()
        before = flushed()
        for places in zip(*(size.looks for size in sizes), strict=True):
            for size, look in zip(sizes, places, strict=True):
                size.ask(look)
            after = flushed()
            for size, look, old, new in zip(sizes, places, before, after, strict=True):
                size.blocks[look.name] = new - old
            before = after


def judged(sizes: Sequence[Size]) -> dict[str, Any]:
    """`pages`: a row each, with what was wanted; `met`: all of it."""
    rows = [_row(sizes, look) for look in sizes[0].looks]
    return {
        "sizes": [size.past for size in sizes],
        "pages": rows,
        "met": all(row["quick"] and row["flat"] is not False for row in rows),
    }


def _row(sizes: Sequence[Size], look: Look) -> dict[str, Any]:
    medians = [median(size.ms[look.name]) for size in sizes]
    over = [max(0.0, ms - median(size.ms[FLOOR])) for ms, size in zip(medians, sizes, strict=True)]
    blocks = [size.blocks[look.name] for size in sizes]
    # What shows or looks at so many rows is compared from where there are as many.
    first = next((place for place, size in enumerate(sizes) if size.past >= look.full), len(sizes) - 1)
    far = sizes[-1].lines[look.name]  # rows of a file, each of which may be in a block of its own in a long history
    return {
        "page": look.name,
        "median_ms": medians,
        "worst_ms": [max(size.ms[look.name]) for size in sizes],
        "blocks": blocks,
        "from": sizes[first].past,
        "quick": max(medians) < MOST_MS,
        "flat": is_flat(over[first], over[-1], blocks[first], blocks[-1] - far) if first < len(sizes) - 1 else None,
    }


def is_flat(small_ms: float, large_ms: float, small_blocks: float, large_blocks: float) -> bool:
    """Milliseconds over the floor, and blocks: not twice as many in the largest history as in the smallest."""
    return large_ms <= TWICE * small_ms + SLACK_MS and large_blocks <= TWICE * small_blocks + SLACK_BLOCKS
