"""Why a command could not be carried out, in one line: the words for what a database refuses (C008)."""

from __future__ import annotations

import psycopg

from app.errors import StoreError

LOCK_WAIT = 5.0  # seconds that a command waits for what somebody else has locked
NOT_OURS = "the database has no tables of ours, or of another version: run `desk migrate`"
WORDS: tuple[tuple[type[psycopg.Error], str], ...] = (
    (psycopg.errors.UndefinedTable, NOT_OURS),
    (psycopg.errors.UndefinedColumn, NOT_OURS),
    (psycopg.errors.LockNotAvailable, "the database is locked by somebody else: try again later"),
    (psycopg.errors.ReadOnlySqlTransaction, "the database is read-only: nothing was changed"),
    (psycopg.errors.InsufficientPrivilege, "the database's user may not do this: see DATABASE_URL"),
    (psycopg.errors.DataCorrupted, "the database is damaged: restore a back-up"),
    (psycopg.errors.IndexCorrupted, "the database is damaged: restore a back-up"),
    (psycopg.errors.DiskFull, "the database's disk is full"),
)
REFUSED: tuple[type[Exception], ...] = (
    StoreError,
    psycopg.OperationalError,
    psycopg.InternalError,
    *(kind for kind, _ in WORDS),
)
DOWN = "the database cannot be used (is it running, and is `desk migrate` done?)"


def of_store(error: Exception) -> str:
    """The words for one of REFUSED; a text of libpq's own is never shown: it names host and user."""
    if isinstance(error, StoreError) and error.reason == "store_start":
        return str(error)
    cause = error.__cause__ if isinstance(error, StoreError) else error
    return next((words for kind, words in WORDS if isinstance(cause, kind)), DOWN)
