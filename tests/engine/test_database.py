"""The database goes away and comes back; migrations run twice and at once; an old schema is refused (F11, F12, F29)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from procrastinate.schema import SchemaManager

from app import db, engine
from app.migrate import migrate
from app.settings import load
from tests.crash.crashkit import each_effect_once, nothing_open
from tests.databases import drop_database, new_database
from tests.house import ROOT, House
from tests.kit import Sent, deliver, sent, template_body
from tests.processes import Processes


def answer(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=15) as got:
            return int(got.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def kill_server(folder: Path) -> None:
    """kill -9 of the whole server, the postmaster and each of its children."""
    postmaster = int((folder / "postgres" / "postmaster.pid").read_text().split()[0])
    children = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, parent = int(stat.parent.name), int(stat.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        if parent == postmaster:
            children.append(pid)
    for pid in (postmaster, *children):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the server's processes in /proc")
def test_the_server_is_killed_and_comes_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="desk-test-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        settings = load(_env_file=ROOT / ".env.example", var_dir=name)
        uri = db.url(settings)
        migrate(uri)
        try:
            with Processes(uri) as house:
                kept = house.to_awaiting()
                before = house.ticket()
                kill_server(folder)
                assert deliver(house, template_body(before, "data_deletion_request", "pref_stop_all")) == 503
                assert answer(f"{house.url}/readyz") == 503
                assert answer(f"{house.url}/healthz") == 200
                assert db.url(settings) == uri
                house.wait(lambda: answer(f"{house.url}/readyz") == 200, 20, "ready again")
                house.tag(before, "data_deletion_request", "pref_stop_all")
                house.wait_state(before, "awaiting", 40)
                house.press("approve")
                house.wait(lambda: house.rows("SELECT 1 FROM cases WHERE state = 'banning'"), 20)
                house.settle(20)
                assert house.deaths == {"web": [], "worker": []}
                assert {sent(house, kept).mails, sent(house, before).mails} == {1}
                assert {sent(house, kept).cards, sent(house, before).cards} == {1}
                assert sent(house, kept).issues + sent(house, before).issues == 1
        finally:
            db.stop_embedded(settings)


def test_connections_are_cut_while_walks_run(database_server: str) -> None:
    """As in a fail-over: every walk and the worker itself lose their connections, and each event comes to its end."""
    uri = new_database(database_server)
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    try:
        with House(uri, sandbox={"latency": 0.05}) as house:
            tickets = [house.ticket() for _ in range(6)]
            for ticket in tickets:
                house.tag(ticket, "data_deletion_request", "pref_stop_all")
            house.wait(lambda: len(house.rows("SELECT id FROM events WHERE walk > 0")) == len(tickets), 15)
            cut = 0
            for _ in range(5):
                cut += len(house.rows(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))
                time.sleep(0.2)
            assert cut > 10
            for ticket in tickets:
                house.wait_state(ticket, "awaiting", 30)
            assert [sent(house, ticket) for ticket in tickets] == [Sent(mails=1, cards=1)] * len(tickets)
            each_effect_once(house)
            nothing_open(house)
    finally:
        drop_database(database_server, uri)


def test_migrate_runs_twice_and_from_several_places_at_once(database_server: str) -> None:
    uri = new_database(database_server, template=None)
    try:
        environment = {**os.environ, **{"DATABASE_URL": uri}}
        for line in (ROOT / ".env.example").read_text().splitlines():
            name, sep, value = line.partition("=")
            if sep and not line.startswith("#") and name != "DATABASE_URL":
                environment[name] = value

        def run(_: int) -> int:
            return subprocess.run(
                [sys.executable, "-m", "app.cli", "migrate"], cwd=ROOT, env=environment, check=False
            ).returncode

        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(run, range(3))) == [0, 0, 0]
        migrate(uri)
        with psycopg.connect(uri) as conn:
            assert conn.execute("SELECT version_num FROM desk_schema").fetchall() == [(db.SCHEMA,)]
    finally:
        drop_database(database_server, uri)


def test_the_engines_new_migrations_run_in_order_and_once(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer engine ships further files: only they are run, in the order of their names, and noted with the rest."""
    for path in Path(SchemaManager.get_migrations_path()).glob("*.sql"):
        (tmp_path / path.name).write_text("SELECT 1 / 0")  # applied already: must not be touched
    (tmp_path / "99.00.00_02_second.sql").write_text("INSERT INTO desk_probe VALUES ('second')")
    (tmp_path / "99.00.00_01_first.sql").write_text("CREATE TABLE desk_probe (word text)")
    monkeypatch.setattr(SchemaManager, "get_migrations_path", staticmethod(lambda: str(tmp_path)))
    for _ in range(2):
        with psycopg.connect(database) as conn:
            engine.migrate(conn)
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT word FROM desk_probe").fetchall() == [("second",)]


def test_a_failed_migration_changes_nothing(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "99.00.00_01_first.sql").write_text("CREATE TABLE desk_probe (word text)")
    (tmp_path / "99.00.00_02_bad.sql").write_text("SELECT 1 / 0")
    monkeypatch.setattr(SchemaManager, "get_migrations_path", staticmethod(lambda: str(tmp_path)))
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(database)
    with psycopg.connect(database) as conn:
        assert conn.execute("SELECT to_regclass('desk_probe')").fetchone() == (None,)


def test_a_database_of_another_version_is_lent_to_no_other_test(database_server: str) -> None:
    """It was, and what came after it was never ready."""
    uri = new_database(database_server)
    with psycopg.connect(uri) as conn:
        conn.execute("UPDATE desk_schema SET version_num = '0000'")
    drop_database(database_server, uri)
    again = new_database(database_server)
    with psycopg.connect(again) as conn:
        assert conn.execute("SELECT version_num FROM desk_schema").fetchone() == (db.SCHEMA,)
    drop_database(database_server, again)


def test_another_schema_is_not_ready_and_the_worker_refuses_it(house: House) -> None:
    assert answer(f"{house.url}/readyz") == 200
    house.rows("UPDATE desk_schema SET version_num = '0000' RETURNING version_num")
    assert answer(f"{house.url}/readyz") == 503
    environment = {**os.environ, **house.environment}
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "work"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert b"another version" in done.stderr
