"""The audit trail: who did what is written with it, a change of it shows, and the database refuses one."""

from __future__ import annotations

import threading

import psycopg
import pytest

from app import audit
from app.audit import Actor
from app.db import Database
from app.vault import Vault
from tests.cli_kit import Cli, failed_card
from tests.house import House

VAULT = Vault("k" * 40)
AMINAH = Actor("aminah", "operator", "10.0.0.7")


@pytest.fixture
def store(database: str) -> Database:
    db = Database(database, size=8)
    db.open()
    return db


def fill(db: Database, count: int = 5) -> None:
    for number in range(count):
        with db.tx() as conn:
            audit.write(
                conn, VAULT, AMINAH, "event.replayed", f"event:{number}", before={"state": "dead"}, reason="né 李"
            )


def broken_at(db: Database, known: tuple[int, str] | None = None) -> int:
    with db.tx() as conn, pytest.raises(audit.BrokenError) as caught:
        audit.verify(conn, VAULT, known)
    return caught.value.row


@pytest.mark.long
def test_rows_are_chained_numbered_and_read_back(store: Database) -> None:
    with store.tx() as conn:
        assert (audit.verify(conn, VAULT), audit.head(conn).id) == (0, 0)
    fill(store)
    with store.tx() as conn:
        assert audit.verify(conn, VAULT) == 5
        rows = audit.listed(conn, who="aminah", limit=2)
        assert [row["id"] for row in rows] == [5, 4]
        assert rows[0]["before"] == {"state": "dead"}
        assert audit.listed(conn, who="nobody") == []
        assert [row["id"] for row in audit.listed(conn, before=3, target="event:0")] == [1]


def test_what_is_undone_leaves_no_row_and_no_gap(store: Database) -> None:
    with store.tx() as conn:
        audit.write(conn, VAULT, AMINAH, "event.replayed", "event:1")
        raise psycopg.Rollback
    fill(store, 2)
    with store.tx() as conn:
        assert audit.verify(conn, VAULT) == 2


def test_many_at_once_make_one_chain(store: Database) -> None:
    threads = [threading.Thread(target=fill, args=(store,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.tx() as conn:
        assert audit.verify(conn, VAULT) == 40


@pytest.mark.parametrize("change", ["UPDATE audit SET reason = ''", "DELETE FROM audit WHERE id = 2", "TRUNCATE audit"])
def test_the_database_refuses_a_change(store: Database, change: str) -> None:
    fill(store)
    with store.tx() as conn, pytest.raises(psycopg.errors.RaiseException):
        conn.execute(change)  # type: ignore[call-overload]
    with store.tx() as conn:
        assert audit.verify(conn, VAULT) == 5


@pytest.mark.parametrize(
    ("change", "row"),
    [
        ("UPDATE audit SET reason = 'x' WHERE id = 3", 3),
        ("UPDATE audit SET at = at + interval '1 microsecond' WHERE id = 4", 4),
        ('UPDATE audit SET before = \'{"state": "done"}\' WHERE id = 2', 2),
        ("UPDATE audit SET mac = set_byte(mac, 0, get_byte(mac, 0) # 1) WHERE id = 1", 1),
        ("DELETE FROM audit WHERE id = 3", 3),
        ("DELETE FROM audit WHERE id = 1", 1),
    ],
)
def test_a_change_behind_its_back_shows(store: Database, change: str, row: int) -> None:
    fill(store)
    with store.tx() as conn:
        conn.execute("ALTER TABLE audit DISABLE TRIGGER USER")
        conn.execute(change)  # type: ignore[call-overload]
    assert broken_at(store) == row


def test_a_tail_that_was_cut_off_shows_against_a_head_kept_elsewhere(store: Database) -> None:
    fill(store)
    with store.tx() as conn:
        head = audit.head(conn)
        assert audit.verify(conn, VAULT, (head.id, head.mac)) == 5
        conn.execute("ALTER TABLE audit DISABLE TRIGGER USER")
        conn.execute("DELETE FROM audit WHERE id > 3")
        assert audit.verify(conn, VAULT) == 3
    assert broken_at(store, (head.id, head.mac)) == 4
    fill(store, 2)  # other rows in the place of those that are gone
    assert broken_at(store, (head.id, head.mac)) == 5


def test_another_key_verifies_nothing(store: Database) -> None:
    fill(store, 1)
    with store.tx() as conn, pytest.raises(audit.BrokenError):
        audit.verify(conn, Vault("z" * 40))


def test_replay_on_the_command_line_is_audited_and_verified(house: House, cli: Cli) -> None:
    """C018: one changed byte, and the row is named."""
    _, event = failed_card(house)
    cli("events", "replay", event, "--dry-run")
    assert cli.json("audit", "list") == []  # looking leaves no trace
    cli("events", "replay", event)
    [row] = cli.json("audit", "list")
    assert (row["action"], row["target"]) == ("event.replayed", f"event:{event}")
    assert (row["role"], row["origin"]) == ("shell", "cli")
    assert "1 rows, all sound" in cli("audit", "verify").output
    head = cli("audit", "head").output.strip()
    cli("audit", "verify", "--head", head)
    cli("audit", "verify", "--head", "nonsense", code=2)
    with house.sql() as conn:
        conn.execute("ALTER TABLE audit DISABLE TRIGGER USER")
        conn.execute("UPDATE audit SET who = overlay(who placing '_' from 1 for 1) WHERE id = 1")
    assert cli("audit", "verify", code=8).stderr == "desk: the audit trail is broken at row 1\n"
