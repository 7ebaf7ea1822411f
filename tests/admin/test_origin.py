"""Where a person comes from: the socket's peer, unless a proxy of ADMIN_PROXIES names somebody (A003, W062)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.errors import ConfigError
from app.settings import load
from tests.admin.kit import PASSWORD, Page, Person, account, forget_tries, needs_addresses, trail
from tests.house import House

PROXIES = "127.0.0.1,10.9.0.0/16"


@pytest.fixture
def house(database: str) -> Iterator[House]:
    with House(database, admin_proxies=PROXIES) as house:
        yield house


def wrong(person: Person, forwarded: str, name: str = "nobody.here") -> Page:
    fields = {"name": name, "password": PASSWORD, "code": "000000"}
    return person.post("/admin/login", fields, **({"X_Forwarded_For": forwarded} if forwarded else {}))


@pytest.mark.parametrize(
    ("forwarded", "origin"),
    [
        ("", "127.0.0.1"),
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),  # the first is what the person's browser says
        ("203.0.113.7, 10.9.1.1", "203.0.113.7"),  # two proxies of ours behind each other
        ("198.51.100.1, 203.0.113.7, 10.9.1.1", "203.0.113.7"),
        ("127.0.0.1", "127.0.0.1"),
        ("somebody", "127.0.0.1"),
        ("203.0.113.7, <script>", "127.0.0.1"),
        (", ".join(["10.9.1.1"] * 40), "10.9.1.1"),
    ],
)
def test_behind_our_proxy_people_come_from_where_it_says(house: House, forwarded: str, origin: str) -> None:
    forget_tries(house)
    assert wrong(Person(house), forwarded).status == 401
    assert trail(house, "login.refused")[-1]["origin"] == origin


@needs_addresses
def test_nobody_else_is_believed(house: House) -> None:
    assert wrong(Person(house, "127.0.0.2"), "203.0.113.7").status == 401
    assert trail(house, "login.refused")[-1]["origin"] == "127.0.0.2"


def test_tries_are_counted_for_each_person_behind_the_proxy(house: House) -> None:
    """A003: one who tries for ever keeps nobody else out, and cannot become somebody else by what they write."""
    forget_tries(house)
    person = Person(house)
    answers = [wrong(person, f"198.51.100.{n}, 203.0.113.66", f"nobody.{n}").status for n in range(12)]
    assert answers == [401] * 10 + [429] * 2
    known = account(house)
    person.get("/admin/login")
    fields = {"name": known.name, "password": known.password, "code": known.code}
    assert person.post("/admin/login", fields, X_Forwarded_For="203.0.113.7").status == 303


@pytest.mark.parametrize("proxies", ["any", "proxy.example.com", "10.9.0.0/16,any"])
def test_whoever_is_believed_is_named_by_address(house: House, proxies: str) -> None:
    given = {key.lower(): value for key, value in house.environment.items()}
    with pytest.raises(ConfigError, match="ADMIN_PROXIES"):
        load(_env_file=None, **{**given, "admin_proxies": proxies})
