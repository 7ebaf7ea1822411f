"""/api/v1 as its callers use it: a desk, a token, one question over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from itertools import count
from typing import Any
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator

from app.cli import main
from tests.cli_kit import without_logs
from tests.databases import drop_database, new_database
from tests.house import House

READ = ("--scope", "suppressions:read")
_names = count(1)
_numbers = count(2_000_000)


class Answer:
    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status, self.headers, self.text = status, headers, body.decode()
        self.json = json.loads(self.text) if self.text else None


def desk_command(house: House, *args: str) -> Result:
    """`desk ARGS` with this house's settings."""
    with without_logs():
        return CliRunner().invoke(main, list(args), env=dict(house.environment))


@pytest.fixture(scope="module")
def asked(database_server: str) -> Iterator[House]:
    """A desk with a rate that no test of this module reaches by accident."""
    uri = new_database(database_server)
    with House(uri, api_rate="6000") as built:
        yield built
    drop_database(database_server, uri)


@pytest.fixture
def token(asked: House) -> str:
    return new_token(asked)


def new_token(house: House, *more: str) -> str:
    made = desk_command(house, "tokens", "add", f"crm-{next(_names)}", *READ, *more)
    assert made.exit_code == 0, made.output
    return made.stdout.strip()


def ask(
    house: House,
    path: str,
    token: str | None = None,
    body: Any = None,
    *,
    raw: bytes | None = None,
    headers: dict[str, str] | None = None,
    **query: str,
) -> Answer:
    sent = {} if token is None else {"Authorization": f"Bearer {token}"}
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    if data is not None:
        sent["Content-Type"] = "application/json"
    url = f"{house.url}/api/v1/{path}" + (f"?{urlencode(query)}" if query else "")
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, data=data, headers={**sent, **(headers or {})}), timeout=15
        ) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as refused:
        return Answer(refused.code, refused.headers, refused.read())


def customer(house: House, *tags: str, state: str = "awaiting") -> tuple[str, str, int]:
    """(phone, mail, ticket) of somebody who has asked for this."""
    number = next(_numbers)
    phone, mail = f"+6013{number}", f"api{number}@example.com"
    who = {"name": "Siti Nurhaliza", "email": mail, "phone": phone}
    ticket = house.ticket(requester=who, fields={"contact": phone})
    house.tag(ticket, "data_deletion_request", *tags)
    house.wait_state(ticket, state)
    return phone, mail, ticket


def problem_of(answer: Answer, status: int, code: str) -> list[tuple[str, str]]:
    """The fields and codes of a refusal in the one form that refusals have."""
    assert answer.status == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert (answer.json["status"], answer.json["code"]) == (status, code)
    return [(error["field"], error["code"]) for error in answer.json.get("errors", [])]


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})
