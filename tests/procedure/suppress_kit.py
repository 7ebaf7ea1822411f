"""What tests of `desk suppress` share: a ledger of their own, the command in an empty folder, its files."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from dotenv import dotenv_values

from app.cli import main
from app.consent import ledger, person
from app.db import Database
from app.vault import Vault

ROOT = Path(__file__).resolve().parent.parent.parent
ENV = {name: value or "" for name, value in dotenv_values(ROOT / ".env.example").items()}
VAULT = Vault(ENV["DATA_KEY"])
WISHED = datetime(2026, 11, 1, 8, tzinfo=UTC)
Run = Callable[..., Result]


class Book:
    """The ledger of a test."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.db = Database(uri, size=1)
        self.db.open()

    def say(self, value: str, *channels: str, allowed: bool = False, when: datetime = WISHED, case: int | None = None,
            purpose: str = "offers") -> None:  # fmt: skip
        who = person.mail(VAULT, value) if "@" in value else person.phone(VAULT, value)
        assert who is not None
        new = [
            ledger.New(who, channel, allowed, "9", "w1", ledger.ASKED, when, case_id=case, purpose=purpose)
            for channel in channels or ledger.ALL
        ]
        with self.db.tx() as conn:
            ledger.append(conn, new)

    def entries(self) -> list[dict[str, object]]:
        with self.db.tx() as conn:
            return conn.execute("SELECT * FROM consents ORDER BY id").fetchall()

    def journal(self, what: str) -> list[dict[str, object]]:
        with self.db.tx() as conn:
            return conn.execute("SELECT * FROM journal WHERE what = %s ORDER BY id", (what,)).fetchall()


@pytest.fixture
def book(database: str) -> Iterator[Book]:
    made = Book(database)
    yield made
    made.db.close()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, book: Book) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*words: object, code: int = 0, stdin: str | None = None, **env: str) -> Result:
        environment = {**ENV, "DATABASE_URL": book.uri, **env}
        result = CliRunner().invoke(main, [str(word) for word in words], env=environment, input=stdin)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    return call


def put(text: str | bytes, name: str = "list.csv") -> Path:
    path = Path(name)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def out(word: str) -> bytes:
    return Path(f"list.{word}.csv").read_bytes()


def refused() -> list[dict[str, str]]:
    with Path("list.refused.csv").open(newline="", encoding="utf-8", errors="surrogateescape") as file:
        return list(csv.DictReader(file))


def reasons() -> list[str]:
    return [row["reason"] for row in refused()]


def cells(*given: str) -> None:
    with Path("list.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("contact", "email"), *((cell, "good@example.my") for cell in given)])
