"""The guard of all admin pages: who is let in, what is refused, where one lands, what every answer has."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlencode

import flask
import pytest
from flask import Blueprint

from app import admin, create_app
from app.admin import guard, pages
from app.admin.guard import COOKIE, form, needs, who
from app.admin.shown import PAGE_HEADERS
from app.web.door import Door
from app.web.guard import SECURITY_HEADERS
from tests.admin.kit import Known, Page, Person, account, forget_tries, logged_in, trail
from tests.databases import drop_database, new_database
from tests.house import House

CANARY = "Nurul-Canary-60123456789"
register_pages = pages.register


def with_probes(routes: Blueprint, door: Door) -> None:
    """The real pages, and some that do nothing but stand behind the guard."""
    register_pages(routes, door)

    @routes.get("/probe")
    @needs("viewer")
    def probe() -> str:
        return f"for {who().name}"

    @routes.post("/probe/act")
    @needs("operator")
    def probe_act() -> flask.Response:
        return flask.jsonify(form("reason"))

    @routes.route("/probe/fresh", methods=["GET", "POST"])
    @needs("operator", fresh=True)
    def probe_fresh() -> str:
        return "done"

    @routes.get("/probe/live")
    @needs("viewer", touch=False)
    def probe_live() -> str:
        return "live"

    @routes.get("/probe/bug")
    @needs("viewer")
    def probe_bug() -> str:
        raise ValueError(CANARY)


@pytest.fixture(scope="module")
def probed(database_server: str) -> Iterator[House]:
    uri = new_database(database_server)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "register", with_probes)
        with House(uri) as built:
            yield built
    drop_database(database_server, uri)


@pytest.fixture
def house(probed: House) -> House:
    forget_tries(probed)
    return probed


def rules(house: House) -> list[str]:
    """Every route under /admin, with something in the place of its variables."""
    found = create_app(house.settings(), house.desk).url_map.iter_rules()
    ours = [rule for rule in found if rule.rule.startswith("/admin") and rule.endpoint != "admin.static"]
    assert len(ours) > 5
    return sorted({re.sub(r"<[^>]+>", "1", rule.rule) for rule in ours})


def is_page(page: Page) -> bool:
    return page.headers["Content-Type"].startswith("text/html") and "<main" in page.text


# ---- without a session


def test_a001_nothing_without_a_session(house: House) -> None:
    stranger = Person(house)
    for path in rules(house):
        if path == "/admin/login":
            continue
        for method in ("GET", "POST"):
            page = stranger.ask(method, path, b"a=1" if method == "POST" else None)
            assert page.status in (303, 405), (method, path)
            if page.status == 303:
                assert page.to.partition("?")[0] == "/admin/login", path
                assert "redirected" in page.text
                assert len(page.text) < 300, "no data"
            assert page.headers["Cache-Control"] == "no-store"
    assert trail(house, "refused") == []


def test_a001_back_to_the_page_that_was_asked_for(house: House) -> None:
    assert Person(house).get("/admin/probe?a=1&b=x%20y").to == "/admin/login?next=/admin/probe?a%3D1%26b%3Dx%2520y"
    assert Person(house).ask("POST", "/admin/probe/act", b"").to == "/admin/login"
    known, person = account(house), Person(house)
    page = person.get(person.get("/admin/probe?a=1&b=x%20y").to)
    assert page.hidden("next") == "/admin/probe?a=1&b=x%20y"
    assert person.login(known, to=page.hidden("next")).to == "/admin/probe?a=1&b=x%20y"


@pytest.mark.parametrize("path", ["/admin", "/admin/nothing", "/admin/../etc/passwd", "/admin/static/../guard.py",
                                  "/admin/static/none.css", "/admin//probe", "/admin/%2e%2e/x"])  # fmt: skip
def test_a039_paths_that_lead_nowhere(house: House, path: str) -> None:
    page = Person(house).get(path)
    if path == "/admin":
        assert (page.status, page.to.removeprefix(house.url)) == (308, "/admin/")
        return
    assert page.status == 404
    assert is_page(page)
    assert "Werkzeug" not in page.text


@pytest.mark.parametrize("accept", ["application/json", "*/*", "text/csv"])
def test_a031_however_it_is_asked_for(house: House, accept: str) -> None:
    for path in ("/admin/probe", "/admin/probe?format=json"):
        assert Person(house).get(path, Accept=accept).status == 303
    assert Person(house).get("/admin/probe.json", Accept=accept).status == 404


# ---- roles, tokens, fields


def test_a017_a_role_that_is_too_small(house: House) -> None:
    person = logged_in(house, "viewer")
    page = person.post("/admin/probe/act", {"reason": "x"})
    assert page.status == 403
    assert is_page(page)
    row = trail(house, "refused")[-1]
    assert (row["role"], row["origin"], row["target"]) == ("viewer", "127.0.0.1", "route:/admin/probe/act")
    assert row["after"] == {"reason": "role", "method": "POST"}
    assert logged_in(house, "operator").post("/admin/probe/act", {"reason": "x"}).status == 200
    assert logged_in(house, "officer").post("/admin/probe/act", {"reason": "x"}).status == 200


def test_a014_a_post_brings_its_sessions_token(house: House) -> None:
    person, other = logged_in(house, "operator"), logged_in(house, "operator")
    assert person.post("/admin/probe/act", {"reason": "x"}).status == 200
    assert person.post("/admin/probe/act", {"csrf": "", "reason": "x"}, X_CSRF=person.csrf).status == 200
    before = len(trail(house, "refused"))
    for wrong in ("", "0" * 64, other.csrf, person.csrf.upper(), "é"):
        assert person.post("/admin/probe/act", {"csrf": wrong, "reason": "x"}).status == 403
    assert person.post(f"/admin/probe/act?csrf={person.csrf}", {"csrf": ""}).status == 403
    assert person.post("/admin/probe/act", Sec_Fetch_Site="cross-site").status == 403
    assert person.post("/admin/probe/act", Sec_Fetch_Site="same-site").status == 403
    assert person.post("/admin/logout", {"csrf": ""}).status == 403
    rows = trail(house, "refused")[before:]
    assert [row["after"]["reason"] for row in rows] == ["csrf"] * 9
    assert person.get("/admin/probe").status == 200, "still in"


def test_a016_get_does_nothing(house: House) -> None:
    person = logged_in(house, "officer")
    for path in ("/admin/probe/act", "/admin/logout"):
        page = person.get(path)
        assert (page.status, page.headers["Allow"]) == (405, "OPTIONS, POST")
        assert is_page(page)
    assert person.get("/admin/probe").status == 200


def test_a020_fields_that_the_form_does_not_have(house: House) -> None:
    person = logged_in(house, "operator")
    sent = {"reason": "because", "role": "officer", "decision": "approve", f"x {CANARY}": "1"}
    page = person.post("/admin/probe/act", sent)
    assert json.loads(page.text) == {"reason": "because"}
    row = trail(house, "form.unknown")[-1]
    assert row["after"] == {"fields": ["?", "decision", "role"]}
    assert CANARY not in json.dumps(trail(house), default=str)


def test_fields_have_an_end(house: House) -> None:
    person = logged_in(house, "operator")
    assert person.post("/admin/probe/act", {"reason": "x" * 2000}).status == 200
    assert person.post("/admin/probe/act", {"reason": "x" * 2001}).status == 400
    assert person.post("/admin/probe/act", {"reason": "a\x00b"}).status == 400
    assert person.post("/admin/probe/act", {"reason": "x" * 17_000}).status == 413
    assert person.post("/admin/probe/act", {"reason": "two\r\nlines\tand é 😀"}).status == 200
    unsized = person.ask("POST", "/admin/probe/act", None, {"Transfer-Encoding": "chunked", "Content-Length": "3"})
    assert unsized.status in (400, 411)


def test_show_who_you_are_before_what_is_grave(house: House) -> None:
    known = account(house, "operator")
    person = Person(house)
    person.login(known)
    assert person.get("/admin/probe/fresh").text == "done"
    house.rows("UPDATE sessions SET fresh_at = now() - interval '11 min' RETURNING 1")
    page = person.get("/admin/probe/fresh?x=1")
    assert (page.status, page.to) == (303, "/admin/confirm?next=/admin/probe/fresh?x%3D1")
    refused = person.post("/admin/probe/fresh")
    assert refused.status == 403
    assert 'href="/admin/confirm?next=/admin/probe/fresh"' in refused.text
    elsewhere = person.post("/admin/probe/fresh", {"next": "https://evil.example/"})
    assert 'href="/admin/confirm?next=/admin/"' in elsewhere.text
    form_page = person.get(page.to)
    house.rows("UPDATE accounts SET totp_step = 0 RETURNING 1")
    fields = {"password": known.password, "code": known.code, "next": form_page.hidden("next")}
    assert person.post("/admin/confirm", fields).to == "/admin/probe/fresh?x=1"
    assert person.post("/admin/probe/fresh").text == "done"
    viewer = logged_in(house, "viewer")
    house.rows("UPDATE sessions SET fresh_at = now() - interval '11 min' RETURNING 1")
    assert viewer.get("/admin/probe/fresh").status == 403, "the role first"


def test_a_page_that_asks_by_itself_keeps_nobody_in(house: House) -> None:
    person = logged_in(house)
    for path, kept in (("/admin/probe/live", False), ("/admin/probe", True)):
        house.rows("UPDATE sessions SET seen_at = now() - interval '20 min' RETURNING 1")
        assert person.get(path).status == 200
        [row] = house.rows("SELECT count(*) AS n FROM sessions WHERE seen_at > now() - interval '1 min'")
        assert row["n"] == int(kept), path


# ---- where to


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.com",
        "/\\evil.com",
        "https:evil.com",
        "https://evil.com/admin/probe",
        "\t//evil",
        "http://good@evil",
        "javascript:alert(1)",
        "/ok%0d%0aX:",
        "/admin/probe\r\nX: y",
        "/admin/probe?a=\r\nX: y",
        "/admin/../healthz",
        "/admin//probe",
        "/admin/probe/act",
        "/admin/login",
        "/admin/logout",
        "/admin/confirm",
        "/admin/static/desk.css",
        "/admin/nothing",
        "/healthz",
        "/admin",
        "admin/probe",
        "/admin/probe#x",
        "/admin/probe?" + "a" * 1500,
        "/ADMIN/probe",
        "",
    ],
)
def test_a026_only_pages_of_ours_are_gone_to(house: House, wanted: str) -> None:
    person = Person(house)
    page = person.login(account(house), to=wanted)
    assert (page.status, page.to) == (303, "/admin/")
    assert person.get(f"/admin/login?{urlencode({'next': wanted})}").to == "/admin/"


# ---- what every answer has


def test_a030_headers_of_every_route(house: House) -> None:
    person, stranger = logged_in(house, "officer"), Person(house)
    for path in [*rules(house), "/admin/nothing", "/admin/probe/bug"]:
        for who_asks in (person, stranger):
            page = who_asks.get(path)
            shown = {name: page.headers.get(name) for name in PAGE_HEADERS}
            if not is_page(page) and page.status == 200:  # a picture or a file may be stricter, or drawn with styles
                assert str(shown.pop("Content-Security-Policy")).startswith("default-src 'none'"), path
            assert shown.items() <= PAGE_HEADERS.items(), path
    post = person.post("/admin/probe/act", {"csrf": ""})
    assert {name: post.headers.get(name) for name in PAGE_HEADERS} == PAGE_HEADERS
    policy = PAGE_HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    for part in ("default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert part in policy


def test_no_script_and_no_style_within_a_page(house: House) -> None:
    known = account(house)
    person = Person(house)
    pages_of_ours = [person.get("/admin/login"), person.login(known, password="wrong wrong wrong")]
    person.login(known)
    pages_of_ours += [person.get(path) for path in ("/admin/confirm", "/admin/nothing")]
    for page in pages_of_ours:
        assert not re.search(r"<style|<script(?! src=)|\son[a-z]+=|\sstyle=|javascript:|https?://", page.text)
        assert re.search(r'<html lang="en">', page.text)
        assert page.text.count("<h1") == 1
        assert "<main" in page.text


def test_style_sheets_are_served_from_here(house: House) -> None:
    stranger = Person(house)
    links = re.findall(r'<link rel="stylesheet" href="([^"]+)"', stranger.get("/admin/login").text)
    assert len(links) == 2
    for link in links:
        page = stranger.get(link)
        assert page.status == 200
        assert page.headers["Content-Type"].startswith("text/css")
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert {"no-cache"} == {page.headers["Cache-Control"]}, "kept, and asked for whether it is still good"
        assert stranger.get(link, If_None_Match=page.headers["ETag"]).status == 304
    assert stranger.get("/bootstrap/static/../__init__.py").status == 404


def test_a038_a_bug_says_nothing_but_a_key(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    page = logged_in(house).get("/admin/probe/bug")
    assert page.status == 500
    assert is_page(page)
    assert CANARY not in page.text
    assert "ValueError" not in page.text
    [key] = re.findall(r"key <code>([0-9a-f]{12})</code>", page.text)
    [bug] = [record for record in caplog.records if record.msg == "web.failed"]
    assert (bug.key, bug.error, bug.route) == (key, "ValueError", "/admin/probe/bug")
    assert CANARY not in "".join(str(record.__dict__) for record in caplog.records)


def test_a038_no_start_with_a_debugger(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLASK_DEBUG", "1")
    with pytest.raises(SystemExit) as stopped:
        create_app(house.settings(), house.desk)
    assert stopped.value.code == 4
    assert "FLASK_DEBUG" in capsys.readouterr().err


def test_a_route_that_asks_nobody_who_they_are_stops_the_start(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(routes: Blueprint, door: Door) -> None:
        routes.add_url_rule("/careless", "careless", lambda: "data", methods=["GET"])

    monkeypatch.setattr(pages, "register", careless)
    app = flask.Flask("test")
    door = Door(house.settings(), house.desk)
    with pytest.raises(RuntimeError, match=r"admin\.careless"):
        app.register_blueprint(admin.blueprint(door))


def test_while_the_database_is_away_people_get_a_page(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    person = logged_in(house)
    house.desk.db.close()
    try:
        page = person.get("/admin/probe")
        assert (page.status, page.headers["Retry-After"]) == (503, "2")
        assert is_page(page)
    finally:
        house.desk.db = type(house.desk.db)(house.uri, size=16)
        house.desk.db.open()
    assert person.get("/admin/probe").status == 200


def test_machines_still_get_their_short_errors(house: House) -> None:
    page = Person(house).get("/nothing")
    assert (page.status, page.text) == (404, '{"error":"not_found"}')
    assert {name: page.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_the_cookie_of_another_name_is_none(house: House) -> None:
    known: Known = replace(account(house))
    person = Person(house)
    person.login(known)
    assert guard.COOKIE == COOKIE == "__Host-desk"
    assert Person(house, cookies={"desk": person.cookies[COOKIE]}).get("/admin/probe").status == 303
