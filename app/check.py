"""`desk check`: settings, database and far sides, each named with what is wrong. Reads only; sends nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app import db, registry
from app.clients import make, retry
from app.db import Database
from app.desk import Desk
from app.errors import DeskError
from app.notes import CONSENT_MACRO, REQUEST_MACRO
from app.settings import Settings

SAFE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


def run(settings: Settings) -> Iterator[tuple[str, str]]:
    """(what was looked at, what is wrong or '')."""
    registry.load()
    yield "settings", "" if settings.approvers else "APPROVERS is empty: nobody may decide"
    yield (
        "ticket fields",
        "" if settings.fields else "DESK_FIELDS is empty: name, number and link come from the profile only",
    )
    yield from _database(settings)
    made = make(settings)
    looks: dict[str, Callable[[], object]] = {
        "zendesk account": made.zendesk.me,
        f"macro {REQUEST_MACRO}": lambda: made.zendesk.macro(REQUEST_MACRO),
        f"macro {CONSENT_MACRO}": lambda: made.zendesk.macro(CONSENT_MACRO),
        "slack": made.chat.me,
        "jira": made.jira.me,
    }
    for name, look in looks.items():
        yield name, _problem(lambda look=look: retry.read(look))  # type: ignore[misc]  # the default binds this look


def _database(settings: Settings) -> Iterator[tuple[str, str]]:
    try:
        pool = Database(db.url(settings), size=1)
        pool.open()
        with pool.tx() as conn:
            for name, wanted in SAFE.items():
                row = conn.execute("SELECT current_setting(%s) AS value", (name,)).fetchone()
                value = str(row["value"]) if row else "?"
                # remote_apply and the like are stricter than `on`
                yield f"database {name}", "" if value == wanted or value.startswith("remote") else f"is {value}"
            row = conn.execute("SELECT current_setting('data_checksums') AS value").fetchone()
            yield "database data_checksums", "" if row and row["value"] == "on" else "is off: torn pages go unseen"
        pool.close()
        desk = Desk(settings, pool=1)
        yield "database schema", "; ".join(f"{name}: {text}" for name, text in desk.ready().items())
        desk.db.close()
    except DeskError as error:
        yield "database", str(error)


def _problem(look: Callable[[], object]) -> str:
    try:
        look()
    except DeskError as error:
        return f"{error.reason}"
    return ""
