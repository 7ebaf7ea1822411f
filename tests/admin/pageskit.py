"""What tests of the admin pages say often: somebody who is logged in, a page as a person reads it, rows to look at."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import flask
from werkzeug.serving import make_server

import app as desk_app
from app.admin import accounts, sessions
from app.desk import Desk
from tests.house import House

PASSWORD = "correct horse battery staple"
XSS = "<script>alert(1)</script>\"><img src=x onerror=alert(1)>'{{7*7}}"


class Html(HTMLParser):
    """Every element with its attributes, and the text between them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._silent = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        self._silent += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


@dataclass(frozen=True)
class Page:
    status: int
    headers: dict[str, str]
    raw: str

    @cached_property
    def html(self) -> Html:
        return Html(self.raw)

    @cached_property
    def text(self) -> str:
        """As a person reads it, in one line."""
        return re.sub(r" (?=[,.:;)])|(?<=\() ", "", " ".join(" ".join(self.html.words).split()))

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        return [had for name, had in self.html.elements if name == tag and attributes.items() <= had.items()]

    def links(self) -> list[str]:
        return [had["href"] for had in self.all("a") if "href" in had]


@dataclass
class Person:
    """Somebody with a session, or with none (`token` empty). Follows no redirect by itself."""

    house: House
    name: str = "nobody"
    token: str = ""
    csrf: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Page:
        return self._ask("GET", path, None, headers)

    def post(self, path: str, *, csrf: str | None = None, **fields: Any) -> Page:
        given = {"csrf": self.csrf if csrf is None else csrf, **fields}
        return self._ask("POST", path, urlencode(given, doseq=True).encode(), {})

    def act(self, path: str, **fields: Any) -> Page:
        """An action that must succeed: the page that it leads back to."""
        answer = self.post(path, **fields)
        assert answer.status == 303, (answer.status, answer.text)
        return self.get(answer.headers["location"])

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Page:
        connection = http.client.HTTPConnection("127.0.0.1", self.house.port, timeout=30)
        sent = {"Cookie": f"__Host-desk={self.token}"} if self.token else {}
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, {**sent, **self.headers, **headers})
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        text = answer.read().decode("utf-8", "replace")
        connection.close()
        return Page(answer.status, found, text)


def person(house: House, role: str, *, fresh: bool = True, name: str = "") -> Person:
    """An account of this role with a session; `fresh`: password and code were shown a moment ago."""
    name = name or role
    with house.desk.db.tx() as conn:
        known = accounts.find(conn, name) or accounts.add(conn, house.desk.vault, name, role, PASSWORD)[0]
        token = sessions.begin(conn, house.desk.vault, known.id, "127.0.0.1")
        found = sessions.find(conn, house.desk.vault, token)
        assert found is not None
        if not fresh:
            conn.execute("UPDATE sessions SET fresh_at = now() - interval '1 hour' WHERE digest = %s", (found.digest,))
    return Person(house, name, token, found.csrf)


class Web(House):
    """The web process alone, without a worker: nothing changes but by a request."""

    app: flask.Flask

    def start(self) -> None:
        settings = self.settings()
        self.desk = Desk(settings, uri=self.uri, pool=8)
        self.app = desk_app.create_app(settings, self.desk)
        self._web = make_server("127.0.0.1", self.port, self.app, threaded=True)
        threading.Thread(target=self._web.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def write(self, query: str, *values: Any) -> Any:
        """One statement; the first column of its first row, if it has any."""
        with self.sql() as conn:
            cursor = conn.execute(query, values)  # type: ignore[call-overload]
            row = cursor.fetchone() if cursor.description else None
        return next(iter(row.values())) if row else None


def event(web: Web, state: str = "done", **given: Any) -> int:
    """One row of events; its id."""
    row = {"fact": f"made:{web.write('SELECT count(*) FROM events')}", "sender": "zendesk", "kind": "ticket_tagged",
           "ticket_id": 7, "reason": "", **given}  # fmt: skip
    said = {"ticket_id": row["ticket_id"], "tags": ["data_deletion_request"], "actor_id": None, "updated_at": ""}
    row = {**row, "state": state, "detail": json.dumps({**said, **given.get("detail", {})})}
    return int(_inserted(web, "events", row))


def case(web: Web, ticket: int = 7, state: str = "awaiting", **given: Any) -> int:
    row = {"ticket_id": ticket, "procedure": "data_deletion", "generation": 1, "state": state, **given}
    return int(_inserted(web, "cases", row))


def effect(web: Web, case_id: int, verb: str, state: str = "done", **given: Any) -> int:
    row = {"case_id": case_id, "verb": verb, "arg": "", "vendor": "zendesk", "state": state, **given}
    return int(_inserted(web, "effects", {"op_id": f"{case_id}:{row['verb']}:{row['arg']}", **row}))


def dead_event(web: Web, **given: Any) -> int:
    """One that failed, with an effect that is done and one that is dead."""
    number = case(web, ticket=int(given.get("ticket_id", 7)))
    effect(web, number, "apply_macro", arg="Data Deletion Request", done_at="2026-11-01T02:02:00Z")
    effect(web, number, "ask_supervisor", "dead", vendor="slack", reason="channel", sent_at="2026-11-01T02:03:00Z")
    return event(web, "dead", **{"reason": "channel", "case_id": number, **given})


def _inserted(web: Web, table: str, row: dict[str, Any]) -> Any:
    names, marks = ", ".join(row), ", ".join(["%s"] * len(row))
    return web.write(f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING id", *row.values())


def books(web: House) -> dict[str, str]:
    """A hash of every row of every table; of sessions only who they belong to."""
    tables = [
        row["name"]
        for row in web.rows(
            "SELECT relname AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
    ]
    found = {}
    for table in sorted(tables):
        what = "t.account_id::text" if table == "sessions" else "t::text"
        query = f"SELECT md5(coalesce(string_agg({what}, '|' ORDER BY {what}), '')) AS hash FROM {table} t"
        found[table] = web.rows(query)[0]["hash"]
    return found


def trail(house: House) -> list[dict[str, Any]]:
    """The audit rows of people at work, oldest first."""
    return house.rows("SELECT who, role, action, target, after, reason FROM audit ORDER BY id")


@contextmanager
def unchanged(house: House) -> Iterator[None]:
    """Nothing in any table is different afterwards."""
    before = books(house)
    yield
    after = books(house)
    assert {name for name in before if before[name] != after[name]} == set()
