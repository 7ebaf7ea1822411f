"""Every route under /admin, as a crawler finds them: GET changes nothing, nothing is there without a login, every
answer has its headers, and what a customer may have written stays text wherever it is shown."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator

import pytest

from app.admin import shown
from tests.admin.pageskit import XSS, Page, Person, Web, case, effect, event, person, unchanged
from tests.databases import drop_database, new_database

OPEN = {"/admin/login", "/admin/static/<path:filename>"}
ELSEWHERE = {"/admin/logout", "/admin/confirm", "/admin/login"}  # forms of the login's own tests
FETCHED = ("href", "src", "action", "data", "poster", "srcset", "formaction", "xlink:href")


@pytest.fixture(scope="module")
def full(database_server: str) -> Iterator[Web]:
    """A desk with something in every table, and the worst of texts in every field that takes one."""
    uri = new_database(database_server)
    with Web(uri) as web:
        fill(web)
        yield web
    drop_database(database_server, uri)


def fill(web: Web) -> None:
    number = case(
        web, 7, XSS, procedure=XSS, reason=XSS, jira_key=XSS, decision=XSS, decided_by=XSS, preference=[XSS],
        problems=[XSS], chat_channel=XSS, chat_ts=XSS, decided_at="2026-01-01T00:00:00Z", jira_status=XSS,
    )  # fmt: skip
    case(web, 7, "awaiting", generation=2, due_at="2026-01-01T00:00:00Z")
    common = {"case_id": number, "reason": XSS, "sender": XSS, "detail": {"tags": [XSS], XSS: XSS}}
    for place, state in enumerate(("queued", "running", "waiting", "held", "done", "ignored", "void", "dead")):
        event(web, state, fact=f"{XSS}{place}", **common)
    event(web, "done", kind=XSS, fact=f"{XSS}kind", **common)
    event(web, "dead", kind="dead", fact=XSS, reason=XSS, sender=XSS, body=web.desk.vault.seal(XSS.encode(), XSS))
    for place, state in enumerate(("planned", "sending", "unknown", "done", "dead", "void")):
        made = effect(web, number, f"{XSS}{place}", state, arg=XSS, vendor=XSS, reason=XSS, done_at="2026-01-01T00:00Z")
        web.write(
            "INSERT INTO journal (event_id, case_id, effect_id, what, reason, detail) VALUES (1, %s, %s, %s, %s, %s)",
            number, made, XSS, XSS, json.dumps({"attempt": XSS}),
        )  # fmt: skip
    effect(web, number, "apply_macro", arg=XSS, done_at="2026-01-01T00:00Z")
    web.write("INSERT INTO wishes (case_id, wish, source) VALUES (%s, %s, %s)", number, XSS, XSS)
    web.write("INSERT INTO timers (name, what, case_id, due_at) VALUES (%s, %s, %s, now())", XSS, XSS, number)
    web.write("INSERT INTO vendors (name, reason, failures) VALUES (%s, %s, 9), (%s, '', 0)", XSS, XSS, f"{XSS}:{XSS}")
    web.write("INSERT INTO pauses (vendor, who, reason) VALUES (%s, %s, %s), ('all', %s, %s)", XSS, XSS, XSS, XSS, XSS)
    web.write("INSERT INTO bulk_replays (who, cause, until_id, total) VALUES (%s, %s, 1, 1)", XSS, XSS)
    web.write("INSERT INTO erasures (ticket_id, who, done_at) VALUES (7, %s, now()), (7, %s, NULL)", XSS, XSS)
    web.write(
        "INSERT INTO audit (id, at, who, role, origin, action, target, before, after, reason, mac) VALUES"
        " (1, now(), %s, %s, %s, %s, %s, %s, %s, %s, '')",
        XSS, XSS, XSS, XSS, XSS, json.dumps({XSS: XSS}), json.dumps({XSS: XSS}), XSS,
    )  # fmt: skip


def routes(web: Web, method: str) -> list[str]:
    """Every rule under /admin that takes this method."""
    return sorted(
        str(rule) for rule in web.app.url_map.iter_rules() if str(rule).startswith("/admin") and method in rule.methods
    )


def paths(web: Web, method: str) -> list[str]:
    """Every address that these lead to, with ids that are there."""
    found = []
    letter = web.rows("SELECT id FROM events WHERE kind = 'dead'")[0]["id"]
    for rule in routes(web, method):
        path = rule.replace("<path:filename>", "pages.css").replace("<vendor>", "jira")
        number = {"cases": "7", "dead": str(letter)}.get(path.split("/")[2], "1")
        found.append(re.sub("<[^>]+>", number, path))
    return found


def everywhere(web: Web, who: Person) -> Iterator[tuple[str, Page]]:
    """Every page, and every page that one of ours leads to by a link or a GET form."""
    seen, todo = set(), paths(web, "GET")
    while todo:
        path = todo.pop()
        if path in seen or len(seen) > 300:
            continue
        seen.add(path)
        page = who.get(path)
        yield path, page
        if page.headers["content-type"].startswith("text/html"):
            todo += [link for link in page.links() if link.startswith("/admin") and "#" not in link]


def test_there_is_something_to_crawl(full: Web) -> None:
    assert len(routes(full, "GET")) > 12
    assert len(routes(full, "POST")) > 9
    reached = dict(everywhere(full, person(full, "officer")))
    assert len(reached) > 40
    assert {page.status for page in reached.values()} <= {200, 303}


def test_no_get_changes_anything(full: Web) -> None:
    officer = person(full, "officer")
    with unchanged(full):
        for _ in everywhere(full, officer):
            pass
        for path in paths(full, "POST"):
            assert officer.get(path).status in (200, 303, 404, 405), path
            assert officer.get(f"{path}?id=1&act=run&reason=x&csrf={officer.csrf}").status in (200, 303, 404, 405), path


def test_nothing_is_there_without_a_login(full: Web) -> None:
    """A001, A031."""
    nobody, known = Person(full), {}
    for path in paths(full, "GET"):
        for headers in ({}, {"Accept": "application/json"}, {"Cookie": "__Host-desk=" + "0" * 64}):
            page = nobody.get(path, **headers)
            assert page.headers["cache-control"] == "no-store" or path.startswith("/admin/static"), path
            known[path] = page.status
            if not any(path.startswith(rule.partition("<")[0]) for rule in OPEN):
                assert page.status == 303, path
                assert page.headers["location"].startswith("/admin/login"), path
                assert not re.search(r"#7|SUP|alert|Siti", page.raw), path
        for more in ("?format=json", ".json", ".csv"):
            assert nobody.get(path + more).status in (200, 303, 404), path + more
    for path in set(paths(full, "POST")) - ELSEWHERE:
        with unchanged(full):
            assert nobody.post(path).status == 303, path


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_a_role_that_is_too_small_is_refused_and_sees_no_button(full: Web, role: str) -> None:
    """A017: every form on a page is one that this person may send."""
    who = person(full, role)
    for path in paths(full, "POST"):
        needed = {"viewer": ("operator", "officer"), "operator": ("officer",)}[role]
        view = full.app.view_functions[_endpoint(full, path)]
        if getattr(view, "_desk_role", "") in needed:
            assert who.post(path).status == 403, path
    allowed = {"viewer": {"viewer"}, "operator": {"viewer", "operator"}}[role] | {"anybody"}
    for path, page in everywhere(full, who):
        for form in page.all("form"):
            if form.get("method") == "post" and "alert" not in form["action"]:
                view = full.app.view_functions[_endpoint(full, form["action"])]
                assert getattr(view, "_desk_role", "") in allowed, (path, form["action"])


def _endpoint(web: Web, path: str) -> str:
    return str(web.app.url_map.bind("desk").match(path, method="POST")[0])


def test_every_answer_has_every_header(full: Web) -> None:
    """A030, A040."""
    for who in (person(full, "officer"), person(full, "viewer"), Person(full)):
        for path in [*paths(full, "GET"), *paths(full, "POST"), "/admin/nowhere", "/admin"]:
            headers = who.get(path).headers
            for name in shown.PAGE_HEADERS:
                assert name.lower() in headers, (path, name)
            assert "default-src 'none'" in headers["content-security-policy"], path
            assert headers["x-content-type-options"] == "nosniff", path
            assert headers["cache-control"] == "no-store" or path.startswith("/admin/static"), path


def test_what_anybody_wrote_stays_text(full: Web) -> None:
    """A028, X014: autoescape everywhere; no script, style or handler within a page; nothing from elsewhere."""
    found = 0
    for path, page in everywhere(full, person(full, "officer")):
        if not page.headers["content-type"].startswith(("text/html", "image/svg")):
            continue
        found += "alert(1)" in page.text
        assert "<script>alert" not in page.raw, path
        for tag, had in page.html.elements:
            assert not [name for name in had if name.startswith("on")], (path, tag, had)
            assert "style" not in had or path.endswith(".svg"), (path, tag, had)
            assert had.get("src") != "x", path
            if tag == "script":
                assert had["src"].startswith("/admin/static/"), path
            for name in FETCHED:
                assert not had.get(name, "").lower().startswith(("javascript:", "data:", "//")), (path, had)
            if tag in ("img", "link", "script", "iframe", "form"):
                assert had.get("src", had.get("href", had.get("action", "/"))).startswith("/"), (path, had)
    assert found > 12  # it is shown on most pages
    assert "{{7*7}}" in person(full, "officer").get("/admin/audit").text


def test_a_page_that_asks_for_itself_keeps_no_session_alive(full: Web) -> None:
    who = person(full, "viewer", name="away")
    full.write("UPDATE sessions SET seen_at = now() - interval '20 minutes' FROM accounts"
               " WHERE accounts.id = account_id AND name = 'away'")  # fmt: skip
    asked = (
        "SELECT seen_at < now() - interval '19 minutes' AS old FROM sessions JOIN accounts ON accounts.id = account_id"
    )
    assert who.get("/admin/events", **{"X-Live": "1"}).status == 200
    assert full.rows(f"{asked} WHERE name = 'away'") == [{"old": True}]
    assert who.get("/admin/events").status == 200
    assert full.rows(f"{asked} WHERE name = 'away'") == [{"old": False}]


def test_headings_labels_and_tables_are_whole(full: Web) -> None:
    """What a screen reader needs of every page; axe looks at the rest in a real browser."""
    for path, page in everywhere(full, person(full, "officer")):
        if not page.headers["content-type"].startswith("text/html") or page.status != 200:
            continue
        levels = [int(tag[1]) for tag, _ in page.html.elements if re.fullmatch("h[1-6]", tag)]
        assert levels.count(1) == 1, path
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), (path, levels)
        ids = [had["id"] for _, had in page.html.elements if "id" in had]
        assert len(ids) == len(set(ids)), (path, [one for one in ids if ids.count(one) > 1])
        labelled = {had["for"] for had in page.all("label")}
        for tag in ("input", "select", "textarea"):
            for had in page.all(tag):
                assert had.get("type") == "hidden" or had.get("id") in labelled or "aria-label" in had, (path, had)
        for had in page.all("th"):
            assert had.get("scope") in ("col", "row"), path
        assert len(page.all("table")) == len(page.all("caption")), path
        assert len(page.all("table")) <= len(page.all("div", role="region", tabindex="0")), path
        assert all("alt" in had for had in page.all("img")), path
