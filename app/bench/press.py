"""How soon a press is answered while nobody works and the database is busy: Slack waits three seconds, people less.

One card is posted by the real worker, which is then stopped. Each press is of another user, so that nothing is refused
for speed. Source: issue "Approvals that hold"; facts S11, M13, M020.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from app.bench import stage
from app.bench.ack import ACTS_WITHIN, make_tickets, spread
from app.bench.driver import Order
from app.bench.stage import BenchError, Driver, Stage
from app.tokens import Press, Tokens

RATE = 20.0  # presses a second
WRITERS = 4  # connections that keep the database busy
USERS = {"slack": "U0BENCH{}", "mattermost": "{:0>26}"}
LOAD = (
    "CREATE TABLE busy (id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz DEFAULT now(), words text)",
    "INSERT INTO busy (words) SELECT md5(n::text) FROM generate_series(1, 200) AS n",
    "SELECT count(*) FROM busy WHERE words LIKE '%f00%'",
)

Say = Callable[[str], None]


def run(seconds: float, say: Say) -> dict[str, Any]:
    """Presses to both chats' doors for `seconds` each. Raises BenchError."""
    machine = {"cores": os.cpu_count(), "load_before": os.getloadavg()[0]}
    with stage.database() as (folder, server), Driver() as driver:
        chats = {}
        for chat in USERS:
            say(f"presses from {chat}, no worker, a busy database")
            chats[chat] = _chat(folder, server, driver, chat, seconds)
        return {"machine": machine, "chats": chats}


def _chat(folder: Path, server: str, driver: Driver, chat: str, seconds: float) -> dict[str, Any]:
    with stage.stage(folder, server, f"bench_press_{chat}", CHAT=chat) as here:
        here.sandbox()
        stage.ask(here.ports["sandbox"], "POST", "/sandbox/config", {"limits": False, "trigger_webhooks": True})
        here.web()
        worker = here.worker()
        make_tickets(here, 1)
        case = _waiting(here)
        here.end(worker)
        with _busy(here.uri):
            result = driver.run(_order(here, chat, case, seconds))
        return {**spread(result.latencies), "failed": result.failed}


def _waiting(here: Stage) -> Mapping[str, Any]:
    """The case whose card is out."""
    until = time.monotonic() + ACTS_WITHIN
    with psycopg.connect(here.uri, row_factory=dict_row, autocommit=True) as conn:
        while time.monotonic() < until:
            here.check()
            row = conn.execute("SELECT * FROM cases WHERE state = 'awaiting' AND chat_ts IS NOT NULL").fetchone()
            if row:
                return row
            time.sleep(0.05)
    raise BenchError(f"no card after {ACTS_WITHIN:.0f} s", "bench")


def _order(here: Stage, chat: str, case: Mapping[str, Any], seconds: float) -> Order:
    tokens = Tokens(here.environment["SECRET_KEY"], 3600)
    key = (case["id"], case["generation"], "data_deletion", "approve", case["chat_channel"])
    token = tokens.make(Press(*key, seen=str(case["card"].get("seen", ""))))
    press = {"chat": chat, "user": USERS[chat], "body": _body(chat, case, token)}
    path = "/webhooks/slack" if chat == "slack" else "/webhooks/mattermost/action"
    secret = here.environment["SLACK_SIGNING_SECRETS"]
    return Order(here.ports["web"], path, secret, seconds, rate=RATE, press=press)


def _body(chat: str, case: Mapping[str, Any], token: str) -> dict[str, Any]:
    """The press as the chat sends it (facts S9, M6)."""
    channel, ts = case["chat_channel"], case["chat_ts"]
    if chat == "mattermost":
        team = {"team_id": "", "team_domain": ""}
        who = {"user_id": "{user}", "user_name": "bench", "channel_id": channel, "channel_name": "supervisors"}
        return {**who, **team, "post_id": ts, "trigger_id": "{user}", "type": "button", "context": {"token": token}}
    action = {"type": "button", "action_id": "approve", "block_id": "b", "value": token, "action_ts": "1700000000.1"}
    return {
        "type": "block_actions",
        "user": {"id": "{user}", "team_id": "T0DESK"},
        "team": {"id": "T0DESK"},
        "container": {"type": "message", "message_ts": ts, "channel_id": channel},
        "channel": {"id": channel},
        "trigger_id": "1.2.{user}",
        "actions": [action],
    }


@contextmanager
def _busy(uri: str) -> Iterator[None]:
    """Writers that commit and read without a pause."""
    stop = threading.Event()

    def write() -> None:
        with psycopg.connect(uri, autocommit=True) as conn:
            while not stop.is_set():
                for statement in LOAD[1:]:
                    conn.execute(statement)

    with psycopg.connect(uri, autocommit=True) as conn:
        conn.execute(LOAD[0])
    threads = [threading.Thread(target=write) for _ in range(WRITERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
