"""Sessions end: idle, old, at logout, with the account or its password; and only the row decides."""

from __future__ import annotations

import hashlib

import pytest

from app.admin import accounts
from app.admin.guard import COOKIE
from tests.admin.kit import Known, Person, account, forget_tries, logged_in
from tests.house import House

PAGE = "/admin/confirm"


@pytest.fixture
def house(shared_house: House) -> House:
    forget_tries(shared_house)
    return shared_house


@pytest.fixture
def known(house: House) -> Known:
    return account(house, "operator")


@pytest.fixture
def person(house: House, known: Known) -> Person:
    made = Person(house)
    assert made.login(known).status == 303
    return made


def aged(house: House, known: Known, **ages: str) -> None:
    """Its session was made, or seen, so long ago."""
    for column, age in ages.items():
        house.rows(
            f"UPDATE sessions SET {column} = now() - %s::interval"
            " WHERE account_id = (SELECT id FROM accounts WHERE name = %s) RETURNING 1",
            age,
            known.name,
        )


def is_in(person: Person) -> bool:
    page = person.get(PAGE)
    assert page.status in (200, 303)
    return page.status == 200


@pytest.mark.parametrize(
    ("ages", "stays"),
    [
        ({"seen_at": "29 min"}, True),
        ({"seen_at": "31 min"}, False),
        ({"made_at": "7 h 59 min"}, True),
        ({"made_at": "8 h 1 min"}, False),
    ],
)
def test_a010_idle_and_absolute(house: House, known: Known, person: Person, ages: dict[str, str], stays: bool) -> None:
    aged(house, known, **ages)
    assert is_in(person) is stays


def test_a010_who_works_stays_in(house: House, known: Known, person: Person) -> None:
    for _ in range(3):
        aged(house, known, seen_at="20 min")
        assert is_in(person)
    [row] = house.rows(
        "SELECT seen_at > now() - interval '1 min' AS seen FROM sessions JOIN accounts ON accounts.id = account_id"
        " WHERE name = %s",
        known.name,
    )
    assert row["seen"]


def test_a011_disabled_in_mid_session(house: House, known: Known, person: Person) -> None:
    other = Person(house)
    other.login(known)
    with house.desk.db.tx() as conn:
        found = accounts.find(conn, known.name)
        assert found is not None
        accounts.disable(conn, found.id)
    assert not is_in(person)
    assert not is_in(other)
    assert Person(house).login(known).status == 401
    with house.desk.db.tx() as conn:
        accounts.enable(conn, found.id)
    assert not is_in(person), "what has ended stays ended"
    assert person.login(known).status == 303


def test_a011_even_if_the_row_of_the_session_were_still_there(house: House, known: Known, person: Person) -> None:
    house.rows("UPDATE accounts SET disabled_at = now() WHERE name = %s RETURNING 1", known.name)
    assert not is_in(person)


def test_another_password_ends_what_is_open(house: House, known: Known, person: Person) -> None:
    with house.desk.db.tx() as conn:
        found = accounts.find(conn, known.name)
        assert found is not None
        accounts.set_password(conn, found.id, "another twelve and more")
    assert not is_in(person)
    assert person.login(known).status == 401
    assert person.login(known, password="another twelve and more").status == 303


def test_a_role_counts_from_the_next_request_on(house: House, known: Known, person: Person) -> None:
    assert "operator" in person.get(PAGE).text
    with house.desk.db.tx() as conn:
        found = accounts.find(conn, known.name)
        assert found is not None
        accounts.set_role(conn, found.id, "viewer")
    page = person.get(PAGE)
    assert "viewer" in page.text
    assert "operator</span>" not in page.text


def test_only_a_keyed_digest_is_kept(house: House, person: Person) -> None:
    token = person.cookies[COOKIE]
    assert len(bytes.fromhex(token)) * 8 == 256
    rows = house.rows("SELECT s::text AS line, encode(digest, 'hex') AS digest FROM sessions s")
    assert not [row for row in rows if token in row["line"]]
    assert hashlib.sha256(token.encode()).hexdigest() not in {row["digest"] for row in rows}, "keyed"


@pytest.mark.parametrize("token", ["", "0" * 64, "x" * 64, "A" * 64, "0" * 5000, "%00", "'; DROP TABLE sessions --"])
def test_no_other_token_opens_anything(house: House, person: Person, token: str) -> None:
    assert not is_in(Person(house, cookies={COOKIE: token}))
    assert not is_in(Person(house, cookies={COOKIE: person.cookies[COOKIE].upper() + token[:1]}))
    assert not is_in(Person(house, cookies={"desk": person.cookies[COOKIE]}))


def test_what_has_ended_is_removed_when_somebody_logs_in(house: House, known: Known, person: Person) -> None:
    aged(house, known, seen_at="3 days", made_at="3 days")
    house.rows("INSERT INTO login_failures (name, count, since) VALUES ('old', 1, now() - interval '2 h') RETURNING 1")
    logged_in(house)
    assert not house.rows(
        "SELECT 1 FROM sessions JOIN accounts ON accounts.id = account_id WHERE accounts.name = %s", known.name
    )
    assert not house.rows("SELECT 1 FROM login_failures WHERE name = 'old'")
    assert not is_in(person)
