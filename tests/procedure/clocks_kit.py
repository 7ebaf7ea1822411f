"""What tests of the clocks say often: a desk with reminders, a time that comes now, what was said because of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tests.databases import drop_database, new_database
from tests.house import House

ADVICE = "not legal advice"


@pytest.fixture(scope="module")
def clocked(database_server: str) -> Iterator[House]:
    uri = new_database(database_server)
    with House(uri, digest_at="09:00") as built:
        yield built
    drop_database(database_server, uri)


def replies(house: House, ticket: int) -> list[dict[str, Any]]:
    """Messages below this ticket's card, oldest first."""
    messages = house.shown("slack")["messages"]
    return [m for m in messages if f"#{ticket}>" in m["text"] and m["thread_ts"] not in (None, m["ts"])]


def fire(house: House, ticket: int, part: str) -> None:
    """The time of one of the case's timers has come."""
    case = house.case(ticket)["id"]
    with house.sql() as conn:
        done = conn.execute(
            "UPDATE timers SET due_at = now() WHERE case_id = %s AND what = %s AND fired_at IS NULL",
            (case, f"reminder:{part}"),
        )
        assert done.rowcount == 1, part
    name = f"time:case:{case}:reminder:{part}:%"
    house.wait(lambda: house.rows("SELECT 1 FROM events WHERE fact LIKE %s", name), what=f"{part} has fired")
    house.settle()


def timers_of(house: House, ticket: int) -> dict[str, datetime]:
    query = "SELECT what, due_at FROM timers WHERE case_id = %s AND starts_with(what, 'reminder')"
    rows = house.rows(query, house.case(ticket)["id"])
    return {row["what"]: row["due_at"] for row in rows}


def digests(house: House) -> list[dict[str, Any]]:
    messages = house.shown("slack")["messages"]
    return [m for m in messages if m["text"].startswith("Wishes not confirmed yet")]


def digest_now(house: House) -> None:
    with house.sql() as conn:
        conn.execute("UPDATE timers SET due_at = now(), fired_at = NULL WHERE name = 'desk:digest'")
    house.wait(lambda: not house.rows("SELECT 1 FROM timers WHERE name = 'desk:digest' AND due_at <= now()"))
    house.settle()
