"""Login: one answer to all that is wrong, ten tries a minute, codes good once, and a session that is always new."""

from __future__ import annotations

import http.client
import threading
import unicodedata
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from argon2 import PasswordHasher

from app.admin import passwords
from app.admin.guard import COOKIE
from tests.admin.kit import PASSWORD, Known, Person, account, forget_tries, logged_in, needs_addresses, trail
from tests.house import House


@pytest.fixture
def house(shared_house: House) -> Iterator[House]:
    forget_tries(shared_house)
    yield shared_house
    forget_tries(shared_house)


@pytest.fixture
def known(house: House) -> Known:
    return account(house)


def alarms(house: House) -> float:
    """How often somebody was told that logins are tried."""
    with urllib.request.urlopen(f"{house.url}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    found = [line for line in lines if line.startswith('desk_alarms_total{reason="login"}')]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


def test_password_and_code_open_the_page_that_was_asked_for(house: House, known: Known) -> None:
    person = Person(house)
    asked = person.get("/admin/confirm")
    assert (asked.status, asked.to) == (303, "/admin/login")  # confirm is no page to come back to
    page = person.login(known, to="/admin/")
    assert (page.status, page.to) == (303, "/admin/")
    assert person.get("/admin/confirm").status == 200
    [row] = trail(house, "login")[-1:]
    assert (row["who"], row["role"], row["origin"]) == (known.name, "viewer", "127.0.0.1")
    assert person.get("/admin/login").status == 303, "who is in need not log in"


def test_a012_attributes_of_the_session_cookie(house: House, known: Known) -> None:
    line = Person(house).login(known).cookie()
    value, *attributes = [part.strip() for part in line.split(";")]
    assert value.startswith("__Host-desk=")
    assert set(attributes) == {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"}


def test_a002_whatever_is_wrong_the_answer_and_the_work_are_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, out = account(house, name="aisyah"), account(house, name="disabled")
    house.rows("UPDATE accounts SET disabled_at = now() WHERE name = %s RETURNING 1", out.name)
    worked: list[str] = []
    right = passwords._right
    monkeypatch.setattr(passwords, "_right", lambda kept, text: worked.append(kept[:9]) or right(kept, text))
    nobody = Known("nobody-of-that-name", "viewer", known.secret)
    answers = [
        Person(house).login(nobody),
        Person(house).login(known, password="not the right one at all"),
        Person(house).login(known, code="000000" if known.code != "000000" else "000001"),
        Person(house).login(out),
        Person(house).login(Known("'; DROP TABLE accounts --", "viewer", known.secret)),
    ]
    names = (nobody.name, known.name, known.name, out.name, "&#39;; DROP TABLE accounts --")
    texts = {page.text.replace(name, "") for page, name in zip(answers, names, strict=True)}
    assert [page.status for page in answers] == [401] * 5
    assert len(texts) == 1
    assert {page.cookie() for page in answers} == {""}
    assert worked == ["$argon2id"] * 5, "nobody is told by the time it takes"
    rows = trail(house, "login.refused")[-5:]
    assert [row["target"] for row in rows] == [
        "account:?",
        "account:aisyah",
        "account:aisyah",
        "account:disabled",
        "account:?",
    ]


def test_an_account_of_the_identity_provider_has_no_password_here(house: House) -> None:
    house.rows(
        "INSERT INTO accounts (name, role, subject) VALUES ('bala', 'viewer', 'https://id.example|1') RETURNING 1"
    )
    for password in ("", PASSWORD):
        assert Person(house).login(Known("bala", "viewer", "A" * 32, password)).status == 401


def test_a003_ten_wrong_in_a_minute_then_nothing_is_looked_at(house: House, known: Known) -> None:
    before = alarms(house)
    for _ in range(10):
        assert Person(house).login(known, password="wrong wrong wrong").status == 401
    for _ in range(3):
        late = Person(house).login(known)
        assert late.status == 429, "not even the right one"
        assert 1 <= int(late.headers["Retry-After"]) <= 60
    assert alarms(house) == before + 1, "one alarm, not one a try"
    [row] = trail(house, "login.blocked")[-1:]
    assert row["target"] == f"account:{known.name}"
    house.rows("UPDATE login_failures SET since = since - interval '61 s' RETURNING 1")
    assert Person(house).login(known).status == 303, "never for ever"
    assert Person(house).login(known, password="wrong wrong wrong").status == 401, "and the count began anew"


@needs_addresses
def test_a003_for_one_name_from_many_addresses(house: House, known: Known) -> None:
    for n in range(10):
        assert Person(house, f"127.0.0.{n + 2}").login(known, password="wrong wrong wrong").status == 401
    assert Person(house, "127.0.0.99").login(known).status == 429
    assert Person(house, "127.0.0.99").login(account(house)).status == 303, "others log in as ever"


@needs_addresses
def test_a003_for_many_names_from_one_address(house: House, known: Known) -> None:
    for n in range(10):
        wrong = Person(house, "127.0.0.2").login(Known(f"guess-{n}", "viewer", known.secret))
        assert wrong.status == 401
    assert Person(house, "127.0.0.2").login(known).status == 429
    assert Person(house).login(known).status == 303, "from elsewhere as ever"
    names = house.rows("SELECT name FROM login_failures")
    assert not [row for row in names if known.name in row["name"] or "127" in row["name"][:3]], "keyed hashes only"


def test_right_logins_are_not_counted(house: House, known: Known) -> None:
    assert {Person(house).login(known).status for _ in range(15)} == {303}


@pytest.mark.parametrize("length", [12, 200, 1024])
def test_a004_long_passwords(house: House, length: int) -> None:
    known = account(house, password="p" * length)
    assert Person(house).login(known).status == 303
    assert Person(house).login(known, password="p" * (length - 1)).status == 401


def test_a004_too_long_ones(house: House, known: Known) -> None:
    assert Person(house).login(known, password="p" * 1025).status == 401
    assert Person(house).login(known, password="p" * 17_000).status == 413
    line = http.client.HTTPConnection("127.0.0.1", house.port, timeout=30)
    line.putrequest("POST", "/admin/login")
    line.putheader("Content-Type", "application/x-www-form-urlencoded")
    line.putheader("Content-Length", str(10 * 1024 * 1024))
    line.endheaders(b"password=")
    with line.getresponse() as answer:
        closes = answer.getheader("Connection") or ""
    line.close()
    assert answer.status == 413
    assert "close" in closes, "unread"


def test_a_password_however_it_is_typed(house: House) -> None:
    known = account(house, password=unicodedata.normalize("NFD", "désk désk désk"))
    assert Person(house).login(known, password=unicodedata.normalize("NFC", "désk désk désk")).status == 303


def test_an_old_hash_is_renewed_by_a_login(house: House, known: Known) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(known.password)
    house.rows("UPDATE accounts SET password = %s WHERE name = %s RETURNING 1", weak, known.name)
    assert Person(house).login(known).status == 303
    [row] = house.rows("SELECT password FROM accounts WHERE name = %s", known.name)
    assert row["password"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert Person(house).login(known).status == 303


def test_a007_a_code_is_good_once(house: House, known: Known) -> None:
    code = known.code
    assert Person(house).login(known, code=code).status == 303
    assert Person(house).login(known, code=code).status == 401
    assert Person(house).login(known, code=f" {code[:3]} {code[3:]} ").status == 401
    with ThreadPoolExecutor(6) as pool:
        house.rows("UPDATE accounts SET totp_step = 0 WHERE name = %s RETURNING 1", known.name)
        fresh = known.code
        pages = list(pool.map(lambda _: Person(house).login(known, code=fresh), range(6)))
    statuses = [page.status for page in pages]
    assert statuses.count(303) == 1
    assert set(statuses) <= {303, 401, 503}


def test_a008_a_session_that_was_there_before_is_not_taken_over(house: House, known: Known) -> None:
    person = Person(house, cookies={COOKIE: "0" * 64})
    person.login(known)
    first = person.cookies[COOKIE]
    assert first != "0" * 64
    person.cookies = {COOKIE: first}
    assert person.login(known).status == 303
    assert person.cookies[COOKIE] != first
    assert Person(house, cookies={COOKIE: first}).get("/admin/confirm").status == 303, "the one before has ended"
    assert person.get("/admin/confirm").status == 200


def test_logout_ends_the_session_at_the_server(house: House) -> None:
    person = logged_in(house)
    kept = person.cookies[COOKIE]
    page = person.post("/admin/logout")
    assert (page.status, page.to) == (303, "/admin/login")
    assert COOKIE not in person.cookies
    assert Person(house, cookies={COOKIE: kept}).get("/admin/confirm").status == 303
    assert trail(house, "logout")


def test_a_form_that_another_site_sends_logs_nobody_in(house: House, known: Known) -> None:
    fields = {"name": known.name, "password": known.password, "code": known.code}
    for headers in ({"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "", "Origin": "https://evil.example"}):
        page = Person(house).post("/admin/login", fields, **headers)
        assert (page.status, page.cookie()) == (403, "")
    assert Person(house).post("/admin/login", fields, Sec_Fetch_Site="", Origin=house.url).status == 303


def test_a_link_in_a_chat_leads_on_without_a_second_login(house: House) -> None:
    """SameSite=Strict: the browser leaves the cookie out of what another site's page asks for."""
    person = logged_in(house)
    elsewhere = Person(house)
    first = elsewhere.get("/admin/login?next=/admin/", Sec_Fetch_Site="cross-site")
    assert first.status == 200
    assert '<meta http-equiv="refresh" content="0; url=/admin/login?next=/admin/">' in first.text
    assert "password" not in first.text
    assert person.get("/admin/login?next=/admin/", Sec_Fetch_Site="same-origin").to == "/admin/"
    assert 'type="password"' in elsewhere.get("/admin/login?next=/admin/", Sec_Fetch_Site="same-origin").text


def test_while_nobody_can_log_in_the_page_says_what_to_do(database: str) -> None:
    with House(database) as house:
        empty = Person(house).get("/admin/login")
        assert empty.status == 200
        assert "desk admin add" in empty.text
        assert 'type="password"' not in empty.text
        account(house)
        assert "desk admin add" not in Person(house).get("/admin/login").text


def test_to_show_once_more_who_one_is(house: House) -> None:
    known = account(house, "officer")
    person = Person(house)
    person.login(known)
    before, csrf = person.cookies[COOKIE], person.csrf
    house.rows("UPDATE sessions SET fresh_at = now() - interval '1 hour', made_at = now() - interval '2 h' RETURNING 1")
    wrong = person.post("/admin/confirm", {"password": "wrong wrong wrong", "code": known.code})
    assert wrong.status == 401
    assert person.cookies[COOKIE] == before
    house.rows("UPDATE accounts SET totp_step = 0 RETURNING 1")
    right = person.post("/admin/confirm", {"password": known.password, "code": known.code, "next": "/admin/"})
    assert (right.status, right.to) == (303, "/admin/")
    assert person.cookies[COOKIE] != before, "a new token for the same session"
    assert Person(house, cookies={COOKIE: before}).get("/admin/confirm").status == 303
    assert person.get("/admin/confirm").csrf == csrf, "forms that are open elsewhere stay good"
    [row] = house.rows(
        "SELECT fresh_at > now() - interval '1 min' AS fresh, sessions.made_at < now() - interval '1 h' AS old"
        " FROM sessions JOIN accounts ON accounts.id = account_id WHERE name = %s",
        known.name,
    )
    assert row == {"fresh": True, "old": True}, "its end stays where it was"
    assert [row["action"] for row in trail(house)[-2:]] == ["confirm.refused", "confirmed"]


@needs_addresses
def test_a046_many_logins_at_once(house: House, known: Known, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two are worked on, some wait, the others come again; whoever asks for something else is served."""
    lock, here, most = threading.Lock(), [0], [0]
    right = passwords._right

    def counted(kept: str, text: str) -> bool:
        with lock:
            here[0] += 1
            most[0] = max(most[0], here[0])
        try:
            return right(kept, text)
        finally:
            with lock:
                here[0] -= 1

    monkeypatch.setattr(passwords, "_right", counted)
    healthy = []

    def one(n: int) -> int:
        if n % 10 == 0:
            with urllib.request.urlopen(f"{house.url}/healthz", timeout=10) as answer:
                healthy.append(answer.status)
        guess = Known(f"guess-{n}", "viewer", known.secret)
        return Person(house, f"127.0.{1 + n // 200}.{1 + n % 200}").login(guess, code="123456").status

    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(one, range(200)))
    assert set(answers) <= {401, 503}
    assert answers.count(401) > 0
    assert most[0] <= passwords.AT_ONCE
    assert healthy == [200] * 20
    assert Person(house).login(known).status == 303
