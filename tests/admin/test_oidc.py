"""Login with the company's accounts, against a stand-in provider: who gets in, as what, and who never does."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import trustme
from joserfc.jwk import RSAKey

from app.admin import accounts
from app.admin.guard import COOKIE
from app.admin.oidc import COOKIE as ON_THE_WAY
from tests.admin.kit import Page, Person, account, forget_tries, trail
from tests.admin.provider_kit import StandIn
from tests.databases import drop_database, new_database
from tests.house import House

PAGE = "/admin/confirm"
AISYAH = {"sub": "0815", "preferred_username": "Aisyah", "groups": ["staff", "desk-operators"]}
ROLES = "desk-viewers=viewer,desk-operators=operator,desk-officers=officer"


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with StandIn() as made:
        yield made


@pytest.fixture(scope="module")
def mapped(database_server: str, stand_in: StandIn) -> Iterator[House]:
    """A desk whose roles come from the provider."""
    uri = new_database(database_server)
    with House(uri, **stand_in.settings(oidc_roles=ROLES)) as built:
        yield built
    drop_database(database_server, uri)


@pytest.fixture
def house(mapped: House, stand_in: StandIn) -> House:
    """With a provider that says the truth, and nobody known yet."""
    forget_tries(mapped)
    mapped.rows("DELETE FROM sessions RETURNING 1")
    mapped.rows("DELETE FROM accounts RETURNING 1")
    stand_in.person, stand_in.twist, stand_in.document, stand_in.down = dict(AISYAH), lambda _: None, {}, False
    stand_in.signs_with, stand_in.header = stand_in.key, {"alg": "RS256", "kid": "one"}
    stand_in.asked.clear()
    return mapped


def there(person: Person, path: str = "/admin/oidc", *, verify: str | bool = True) -> str:
    """To the provider, and the path with which it sends the person back."""
    page = person.get(path)
    assert page.status == 303, page.text
    answer = requests.get(page.to, allow_redirects=False, timeout=10, verify=verify)
    assert answer.status_code == 302
    return answer.headers["Location"].removeprefix(person.house.url)


def login(person: Person, path: str = "/admin/oidc") -> Page:
    return person.get(there(person, path), Sec_Fetch_Site="cross-site")


def role_of(person: Person) -> str:
    page = person.get(PAGE)
    return next((role for role in accounts.ROLES if f">{role}</span>" in page.text), "") if page.status == 200 else ""


def test_in_with_the_role_of_the_claim(house: House, stand_in: StandIn) -> None:
    person = Person(house)
    assert "/admin/oidc?next=/admin/" in person.get("/admin/login").text
    page = login(person, "/admin/oidc?next=/admin/")
    assert page.status == 200
    assert '<meta http-equiv="refresh" content="0; url=/admin/">' in page.text, "the next page is asked for by ours"
    assert role_of(person) == "operator"
    assert ON_THE_WAY not in person.cookies, "it has done its work"
    [row] = house.rows("SELECT name, subject, password FROM accounts")
    assert row == {"name": "aisyah", "subject": f"{stand_in.issuer}|0815", "password": ""}
    assert [row["action"] for row in trail(house)[-2:]] == ["login", "account.added"]
    asked = stand_in.asked[-1]
    assert asked["scope"].split()[0] == "openid"
    assert len(asked["state"]) > 40
    assert len(asked["nonce"]) > 40
    assert "prompt" not in asked


def test_a012_cookies(house: House) -> None:
    person = Person(house)
    line = person.get("/admin/oidc").cookie(ON_THE_WAY)
    assert line.startswith("__Host-desk-oidc=")
    assert {part.strip() for part in line.split(";")[1:]} >= {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"}
    session = login(Person(house)).cookie()
    assert {part.strip() for part in session.split(";")[1:]} == {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"}


@pytest.mark.parametrize(
    ("groups", "role"),
    [
        (["desk-viewers"], "viewer"),
        (["desk-viewers", "desk-officers", "desk-operators"], "officer"),
        ("desk-viewers", "viewer"),
        (["staff"], ""),
        ([], ""),
        ("", ""),
        (None, ""),
        ([{"name": "desk-officers"}], ""),
        ({"desk-officers": True}, ""),
        (["DESK-OFFICERS"], ""),
    ],
)
def test_which_role_a_claim_gives(house: House, stand_in: StandIn, groups: Any, role: str) -> None:
    stand_in.person["groups"] = groups
    person = Person(house)
    page = login(person)
    assert page.status == (200 if role else 403)
    assert role_of(person) == role
    if not role:
        assert house.rows("SELECT 1 FROM accounts") == []
        assert trail(house, "login.refused")[-1]["after"] == {"reason": "nobody"}


def test_the_claim_decides_at_every_login(house: House, stand_in: StandIn) -> None:
    person = Person(house)
    login(person)
    assert role_of(person) == "operator"
    stand_in.person["groups"] = ["desk-viewers"]
    login(person)
    assert role_of(person) == "viewer"
    [row] = trail(house, "account.role")[-1:]
    assert (row["before"], row["after"]) == ({"role": "operator"}, {"role": "viewer", "by": "oidc"})
    stand_in.person["groups"] = ["staff"]
    other = Person(house)
    assert login(other).status == 403, "who has lost the group is out"


def test_who_is_disabled_here_stays_out(house: House) -> None:
    person = Person(house)
    login(person)
    house.rows("UPDATE accounts SET disabled_at = now() RETURNING 1")
    assert role_of(person) == ""
    assert login(Person(house)).status == 403


def test_a_name_is_never_taken_over(house: House, stand_in: StandIn) -> None:
    """A local account of that name is another person."""
    known = account(house, "officer", name="aisyah")
    person = Person(house)
    login(person)
    rows = house.rows("SELECT name, role, subject IS NULL AS local FROM accounts ORDER BY id")
    assert rows[0] == {"name": "aisyah", "role": "officer", "local": True}
    assert rows[1]["name"].startswith("aisyah-")
    assert role_of(person) == "operator"
    assert Person(house).login(known).status == 303
    stand_in.person = {"sub": "x", "preferred_username": "<b>' é", "groups": "desk-viewers"}
    login(Person(house))
    assert house.rows("SELECT 1 FROM accounts WHERE name ~ '^[a-z0-9][a-z0-9._@+-]*$'") == [{"?column?": 1}] * 3


def test_without_a_mapping_only_who_was_named_here(database: str, stand_in: StandIn) -> None:
    stand_in.person, stand_in.twist = dict(AISYAH), lambda _: None
    with House(database, **stand_in.settings()) as house:
        assert login(Person(house)).status == 403
        with house.desk.db.tx() as conn:
            accounts.add_known(conn, "aisyah", "officer", f"{stand_in.issuer}|0815")
            accounts.add_known(conn, "other", "officer", f"https://other.example|{AISYAH['sub']}0")
        person = Person(house)
        assert login(person).status == 200
        assert role_of(person) == "officer"


# ---- what is not believed


def set_to(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def twist(claims: dict[str, Any]) -> None:
        claims[name] = value

    return twist


def without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.pop(name, None)


@pytest.mark.parametrize(
    "twist",
    [
        set_to("iss", "https://evil.example"),
        set_to("aud", "another-client"),
        set_to("aud", ["another-client", "third"]),
        set_to("aud", ["deletion-desk", "third"]),  # of several, and nobody says for whom it was made
        set_to("azp", "another-client"),
        set_to("nonce", "another-login"),
        set_to("exp", 1),
        set_to("exp", "tomorrow"),
        set_to("iat", 32503680000),
        set_to("nbf", 32503680000),
        set_to("sub", ""),
        set_to("sub", 17),
        set_to("sub", "x" * 300),
        set_to("at_hash", "AAAA"),
        without("iss"),
        without("aud"),
        without("nonce"),
        without("exp"),
        without("sub"),
    ],
)
def test_a_token_that_is_not_for_us_now(
    house: House, stand_in: StandIn, twist: Callable[[dict[str, Any]], None]
) -> None:
    stand_in.twist = twist
    person = Person(house)
    page = login(person)
    assert (page.status, page.cookie()) == (403, "")
    assert role_of(person) == ""
    assert house.rows("SELECT 1 FROM accounts") == []


def other_key(stand_in: StandIn) -> None:
    stand_in.signs_with = RSAKey.generate_key(2048, {"kid": "one"})


def unknown_key(stand_in: StandIn) -> None:
    stand_in.signs_with = RSAKey.generate_key(2048, {"kid": "two"})
    stand_in.header = {"alg": "RS256", "kid": "two"}


def shared_secret(stand_in: StandIn) -> None:
    stand_in.signs_with, stand_in.header = stand_in.key.as_pem(private=False), {"alg": "HS256", "kid": "one"}


def unsigned(stand_in: StandIn) -> None:
    stand_in.header = {"alg": "none"}


@pytest.mark.parametrize("trick", [other_key, unknown_key, shared_secret, unsigned])
@pytest.mark.filterwarnings("ignore")  # joserfc warns of what is done here on purpose
def test_a_token_that_nobody_has_signed(house: House, stand_in: StandIn, trick: Callable[[StandIn], None]) -> None:
    trick(stand_in)
    page = login(Person(house))
    assert (page.status, page.cookie()) == (403, "")
    assert house.rows("SELECT 1 FROM accounts") == []


def test_a_key_that_was_changed_is_known_at_once(house: House, stand_in: StandIn) -> None:
    login(Person(house))
    stand_in.key = stand_in.signs_with = RSAKey.generate_key(2048, {"kid": "new", "use": "sig", "alg": "RS256"})
    stand_in.header = {"alg": "RS256", "kid": "new"}
    assert login(Person(house)).status == 200
    stand_in.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})


def test_only_whoever_began_comes_back(house: House, stand_in: StandIn) -> None:
    began, other = Person(house), Person(house)
    back = there(began)
    assert other.get(back).status == 403, "a link that somebody was given: no cookie, no login"
    there(other)
    assert other.get(back).status == 403, "another login's state"
    assert began.get(back.replace("state=", "state=x")).status == 403
    assert ON_THE_WAY not in began.cookies
    again = there(began)
    kept = dict(began.cookies)
    assert began.get(again).status == 200
    began.cookies = dict(kept)
    assert began.get(again).status == 503, "a code is good once"
    forged = Person(house, cookies={ON_THE_WAY: kept[ON_THE_WAY][:-2] + "AA"})
    assert forged.get(again).status == 403
    assert "invalid" not in Person(house).get("/admin/oidc/back?error=access_denied&state=x").text
    assert Person(house).get("/admin/oidc/back").status == 403


def test_another_providers_answer(house: House, stand_in: StandIn) -> None:
    """RFC 9207: mixed up with another provider."""
    person = Person(house)
    assert person.get(there(person) + "&iss=https://evil.example").status == 403


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"issuer": 17},
        {"token_endpoint": "http://evil.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": None},
        {"authorization_endpoint": ""},
    ],
)
def test_a_provider_that_makes_no_sense(house: House, stand_in: StandIn, document: dict[str, Any]) -> None:
    stand_in.document = document
    page = Person(house).get("/admin/oidc")
    assert (page.status, page.to) == (503, "")


def test_while_the_provider_is_down_local_accounts_log_in(house: House, stand_in: StandIn) -> None:
    known, person = account(house), Person(house)
    back = there(person)
    stand_in.down = True
    page = person.get(back)
    assert page.status == 503
    assert "could not be asked" in page.text
    assert Person(house).get("/admin/oidc").status == 503
    assert Person(house).login(known).status == 303


@pytest.mark.parametrize("wanted", ["//evil.com", "https://evil.com", "/admin/oidc", "/admin/oidc/back", "/healthz"])
def test_a026_where_one_lands(house: House, wanted: str) -> None:
    page = login(Person(house), f"/admin/oidc?next={wanted}")
    assert 'content="0; url=/admin/"' in page.text


def test_to_show_once_more_who_one_is(house: House, stand_in: StandIn) -> None:
    person = Person(house)
    login(person)
    house.rows("UPDATE sessions SET fresh_at = now() - interval '1 hour' RETURNING 1")
    page = person.get(PAGE)
    assert "/admin/oidc?confirm=1&amp;next=/admin/" in page.text
    assert 'type="password"' not in page.text
    before = person.cookies[COOKIE]
    back = there(person, "/admin/oidc?confirm=1&next=/admin/")
    assert (stand_in.asked[-1]["prompt"], stand_in.asked[-1]["max_age"]) == ("login", "0")
    session, person.cookies = person.cookies[COOKIE], {ON_THE_WAY: person.cookies[ON_THE_WAY]}
    assert session == before
    assert person.get(back, Sec_Fetch_Site="cross-site").status == 200, "the strict cookie is not sent back then"
    assert person.cookies[COOKIE] != before
    assert house.rows("SELECT fresh_at > now() - interval '1 min' AS fresh FROM sessions") == [{"fresh": True}]
    assert trail(house)[-1]["action"] == "confirmed"


@pytest.mark.parametrize(
    "twist",
    [set_to("auth_time", int(time.time()) - 3600), without("auth_time"), set_to("sub", "somebody-else")],
)
def test_not_with_a_login_of_an_hour_ago_or_somebody_elses(
    house: House, stand_in: StandIn, twist: Callable[[dict[str, Any]], None]
) -> None:
    person = Person(house)
    login(person)
    house.rows("UPDATE sessions SET fresh_at = now() - interval '1 hour' RETURNING 1")
    stand_in.twist = twist
    assert login(person, "/admin/oidc?confirm=1").status == 403
    assert house.rows("SELECT count(*) AS n FROM sessions WHERE fresh_at > now() - interval '1 min'") == [{"n": 0}]


def test_begun_ten_times_a_minute(house: House) -> None:
    """Each beginning asks the provider something: nobody makes us ask it for ever."""
    assert [Person(house).get("/admin/oidc").status for _ in range(12)] == [303] * 10 + [429] * 2


def test_over_tls_with_its_own_authority(database: str, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    with StandIn(context) as stand_in:
        stand_in.person = dict(AISYAH)
        with House(database, **stand_in.settings(oidc_roles=ROLES, ca_bundle=str(file))) as house:
            person = Person(house)
            assert person.get(there(person, verify=str(file))).status == 200
            assert role_of(person) == "operator"
            back = urlsplit(there(person, verify=str(file)))
            assert {"code", "state"} <= parse_qs(back.query).keys()
        uri_of_another = {**stand_in.settings(oidc_roles=ROLES)}
        with House(database, **uri_of_another) as house:
            assert Person(house).get("/admin/oidc").status == 503, "whose certificate nobody vouches for is not asked"
