"""`desk migrate`: the engine's schema and ours, in one transaction, by one process at a time."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.pool import NullPool

from app import engine

LOCK = 0x64_65_73_6B  # "desk": any constant of our own


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _engine(uri: str) -> sqlalchemy.Engine:
    # SQLAlchemy wants a URL of its own dialect; psycopg reads the real one, sockets and options included.
    import psycopg

    return sqlalchemy.create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(uri), poolclass=NullPool)


def migrate(uri: str) -> None:
    """Bring the database to this version of the code. Safe to run again and from several places at once."""
    with _engine(uri).begin() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        raw = connection.connection.driver_connection
        assert raw is not None
        engine.migrate(raw)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def head() -> str:
    """The newest revision in app/migrations (app.db.SCHEMA must equal it)."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None
    return newest
