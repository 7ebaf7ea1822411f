"""The admin pages as a person uses them: accounts, a browser that keeps its cookies, forms with their token.

Plain http clients send no Secure cookie over http, and browsers do so on this machine only: cookies are kept by hand.
"""

from __future__ import annotations

import http.client
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from html import unescape
from itertools import count
from typing import Any
from urllib.parse import urlencode

import pyotp
import pytest

from app.admin import accounts
from app.admin.guard import COOKIE
from tests.house import House

PASSWORD = "correct horse battery staple"
_names = count(1)


@dataclass(frozen=True)
class Known:
    """Somebody who may log in."""

    name: str
    role: str
    secret: str
    password: str = PASSWORD

    @property
    def code(self) -> str:
        return pyotp.TOTP(self.secret).now()


@dataclass(frozen=True)
class Page:
    status: int
    headers: Message
    text: str

    @property
    def to(self) -> str:
        """Where a redirect leads."""
        return str(self.headers.get("Location", ""))

    @property
    def csrf(self) -> str:
        return self.hidden("csrf")

    def hidden(self, name: str) -> str:
        """The value of a hidden field, '' without one."""
        match = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', self.text)
        return unescape(match[1]) if match else ""

    def cookie(self, name: str = COOKIE) -> str:
        """The whole line that sets it, '' when it is not set."""
        lines = self.headers.get_all("Set-Cookie") or []
        return next((str(line) for line in lines if str(line).startswith(f"{name}=")), "")


@dataclass
class Person:
    """A browser of one's own. `address`: where it is, of this machine's."""

    house: House
    address: str = "127.0.0.1"
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Page:
        """One request; redirects are not followed."""
        line = http.client.HTTPConnection("127.0.0.1", self.house.port, timeout=30, source_address=(self.address, 0))
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        try:
            line.request(method, path, body, {**sent, **(headers or {})})
            answer = line.getresponse()
            page = Page(answer.status, answer.headers, answer.read().decode())
        finally:
            line.close()
        self._keep(page)
        return page

    def get(self, path: str, **headers: str) -> Page:
        page = self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        self.csrf = page.csrf or self.csrf
        return page

    def post(self, path: str, fields: Mapping[str, object] | None = None, **headers: str) -> Page:
        """A form, with the token of the last page that had one."""
        body = urlencode({"csrf": self.csrf, **(fields or {})}, doseq=True).encode()
        sent = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        return self.ask("POST", path, body, {**sent, **{k.replace("_", "-"): v for k, v in headers.items()}})

    def login(self, known: Known, *, code: str | None = None, password: str | None = None, to: str = "") -> Page:
        """By the form. Codes that were used a moment ago are good again: a test has no thirty seconds."""
        if code is None:
            self.house.rows("UPDATE accounts SET totp_step = 0 WHERE name = %s RETURNING 1", known.name)
        page = self.post(
            "/admin/login",
            {
                "name": known.name,
                "password": known.password if password is None else password,
                "code": known.code if code is None else code,
                "next": to,
            },
        )
        if page.status == 303:
            self.get("/admin/confirm")  # any page of ours brings the token
        return page

    def _keep(self, page: Page) -> None:
        for line in page.headers.get_all("Set-Cookie") or []:
            name, _, rest = str(line).partition("=")
            value = rest.partition(";")[0]
            if value and "Max-Age=0" not in rest:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)


def account(house: House, role: str = "viewer", *, name: str = "", password: str = PASSWORD) -> Known:
    """A new local account."""
    name = name or f"{role}-{next(_names)}"
    with house.desk.db.tx() as conn:
        _, secret = accounts.add(conn, house.desk.vault, name, role, password)
    return Known(name, role, secret, password)


def logged_in(house: House, role: str = "viewer", address: str = "127.0.0.1") -> Person:
    """A browser of a new person with this role."""
    person = Person(house, address)
    page = person.login(account(house, role))
    assert page.status == 303, page.text
    return person


def trail(house: House, action: str = "") -> list[dict[str, Any]]:
    """The audit trail, or its rows of one kind, oldest first."""
    rows = house.rows("SELECT * FROM audit ORDER BY id")
    return [row for row in rows if not action or row["action"] == action]


def forget_tries(house: House) -> None:
    """All tests come from one address: its ten tries a minute begin anew."""
    house.rows("DELETE FROM login_failures RETURNING 1")


def _is_ours(address: str) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


needs_addresses = pytest.mark.skipif(not _is_ours("127.0.0.2"), reason="this machine has one loopback address only")
