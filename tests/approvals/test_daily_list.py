"""The daily list: what waits for a supervisor first, since when, and who was reminded of it (features 0.34, 3.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.databases import drop_database, new_database
from tests.house import House
from tests.kit import text_of
from tests.people import DETAILS
from tests.rooms import Message

HEAD = "Wishes not confirmed yet"
LATE = "UPDATE cases SET due_at = now() - interval '1 hour' WHERE ticket_id = %s"


@pytest.fixture(params=["slack", "mattermost"])
def house(request: pytest.FixtureRequest, database_server: str) -> Iterator[House]:
    uri = new_database(database_server)
    with House(uri, chat=request.param, digest_at="09:00") as built:
        yield built
    drop_database(database_server, uri)


def lists(house: House) -> list[Message]:
    return [m for m in house.messages() if HEAD in text_of(m)]


def fire(house: House, what: str, ticket: int | None = None) -> None:
    """The time of this timer has come, of one case or of the desk itself."""
    query = (
        "UPDATE timers SET due_at = now(), fired_at = NULL WHERE what = %s"
        " AND case_id IS NOT DISTINCT FROM (SELECT id FROM cases WHERE ticket_id = %s)"
    )
    with house.sql() as conn:
        assert conn.execute(query, (what, ticket)).rowcount == 1
    house.wait(
        lambda: not house.rows("SELECT 1 FROM timers WHERE what = %s AND fired_at IS NULL AND due_at <= now()", what)
    )
    house.settle()


def test_what_waits_for_a_supervisor_stands_first(house: House) -> None:
    banning, _ = house.to_banning("pref_delete_all")
    incomplete = house.ticket(fields={"backoffice": ""})
    house.tag(incomplete, "data_deletion_request", "pref_stop_all")
    house.wait_state(incomplete, "incomplete")
    fresh, reminded, late = house.to_awaiting("pref_delete_all"), house.to_awaiting(), house.to_awaiting()
    fire(house, "reminder:50", reminded)
    fire(house, "reminder:80", reminded)
    with house.sql() as conn:
        conn.execute(LATE, (late,))
    fire(house, "digest")

    [told] = lists(house)
    text = text_of(told)
    assert "5, of which overdue: 1" in text
    lines = [line for line in text.splitlines() if "#" in line]
    assert [int(re.findall(r"#(\d+)", line)[0]) for line in lines] == [late, fresh, reminded, banning, incomplete]
    assert text.index("Waiting for a supervisor: 3") < text.index(f"#{late}")
    assert text.index(f"#{reminded}") < text.index("All others: 2") < text.index(f"#{banning}")

    since = re.compile(r"waiting for a supervisor since 20\d\d-\d\d-\d\d \d\d:\d\d")
    assert all(since.search(line) for line in lines[:3])
    assert lines[0].startswith("OVERDUE")
    assert "reminded: nobody yet" in lines[1]
    people = [f"<@{house.user(n)}>" if house.room.name == "slack" else f"@{n}" for n in ("aisyah", "bala")]
    assert f"reminded: {', '.join(people)};" in lines[2]
    assert "delete personal data" in lines[3]
    assert not since.search(lines[3] + lines[4])
    secrets = (*DETAILS.values(), "Siti", "345 6", "@example.com")
    assert [word for word in secrets if word in str(told)] == []


def test_a_part_with_nothing_in_it_is_not_there(house: House) -> None:
    house.to_banning()
    fire(house, "digest")
    [told] = lists(house)
    assert "Waiting for a supervisor:" not in text_of(told)
    assert "All others: 1" in text_of(told)
