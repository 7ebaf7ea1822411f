"""Shared fixtures. Every test starts from `.env.example` and sees no setting of the machine it runs on."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app import db
from app.migrate import migrate
from app.settings import Settings, load
from tests.databases import (
    TEMPLATE,
    database_uri,
    drop_database,
    new_database,
    remove_database,
    remove_spares,
    to_the_disk,
)
from tests.house import House

ROOT = Path(__file__).resolve().parent.parent


def pytest_collection_finish() -> None:
    """Thousands of tests make much garbage beside much that stays: look for it less often, and not in what stays."""
    gc.set_threshold(100_000, 50, 100)
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def settings() -> Settings:
    """`.env.example` as it stands; a test that needs another value calls `load(_env_file=..., name=value)`."""
    return load(_env_file=ROOT / ".env.example")


@pytest.fixture(scope="session")
def database_server() -> Iterator[str]:
    """A PostgreSQL for all tests: TEST_DATABASE_URL when it is set, else an embedded one; the template is migrated."""
    base = os.environ.get("TEST_DATABASE_URL", "")
    # Not pytest's own temporary folder: a second pytest takes the rights on its parent away from PostgreSQL's user.
    folder = tempfile.mkdtemp(prefix="desk-test-")
    embedded = None if base else load(_env_file=ROOT / ".env.example", var_dir=folder)
    if embedded:
        base = db.url(embedded)
        to_the_disk(base, "off")
    remove_database(base, database_uri(base, TEMPLATE))
    with psycopg.connect(base, autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {TEMPLATE}")
    migrate(database_uri(base, TEMPLATE))
    yield base
    remove_spares(base)
    remove_database(base, database_uri(base, TEMPLATE))
    if embedded:
        db.stop_embedded(embedded)
    shutil.rmtree(folder)


@pytest.fixture
def database(database_server: str) -> Iterator[str]:
    """An own, migrated database."""
    uri = new_database(database_server)
    yield uri
    drop_database(database_server, uri)


@pytest.fixture
def house(database: str) -> Iterator[House]:
    """A whole desk in this process."""
    with House(database) as built:
        yield built


@pytest.fixture(scope="module")
def shared_house(database_server: str) -> Iterator[House]:
    """One desk for all tests of a module that each look at a ticket of their own."""
    uri = new_database(database_server)
    with House(uri) as built:
        yield built
    drop_database(database_server, uri)
