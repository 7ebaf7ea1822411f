"""What the pages show, and to whom; how lists are narrowed and go on."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from app import audit
from app.admin import counts, queries
from app.admin.filters import Filter
from app.audit import Actor
from tests.admin.pageskit import Page, Web, case, effect, event, person
from tests.house import House
from tests.kit import press_body

PAGES = ("/", "/events", "/cases", "/dead", "/failures", "/schedules", "/vendors", "/audit")
WRONG = ("1%20OR%201=1", "1;--", "%00", "9" * 30, "-1", "..%2f1", "0", "01", "1e3", "%D9%A3", "x'--")


def look(web: House, path: str, role: str = "viewer") -> Page:
    page = person(web, role).get(f"/admin{path}")
    assert page.status == 200, (path, page.status, page.text)
    return page


def rows_of(page: Page) -> list[str]:
    """Where the rows of a list of events lead."""
    return [link.rpartition("/")[2] for link in page.links() if link.startswith("/admin/events/")]


def test_every_page_of_an_empty_desk(web: Web) -> None:
    for path in PAGES:
        page = look(web, path)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert len(page.all("h1")) == 1
        assert len(page.all("main")) == 1
        assert [had["aria-current"] for had in page.all("a") if "aria-current" in had] == ["page"]
        assert page.all("a", id="reload")[0]["href"] == f"/admin{path}"


def test_overview_says_what_waits_for_whom(web: Web) -> None:
    for number in range(3):
        event(web, "dead", reason="timeout", case_id=case(web, 10 + number, "awaiting"))
    event(web, "waiting", reason="vendor_busy")
    case(web, 20, "incomplete", due_at=datetime.now(UTC) - timedelta(days=1), received_at="2026-01-01T00:00:00Z")
    case(web, 21, "done", closed_at=datetime.now(UTC))
    web.write("UPDATE vendors SET failures = 6, reason = 'server', open_until = now() WHERE name = 'jira'")
    page = look(web, "/")
    assert "waiting for a supervisor a supervisor 3" in page.text
    assert "details missing the agent 1" in page.text
    assert "the other system did not answer in time. timeout 3 0" in page.text
    assert "failed, needs a person 3" in page.text
    assert "waiting for its next try 1" in page.text
    assert "JIRA: down, one probe at a time, the other system reported an error of its own. server" in page.text
    assert "Mattermost" not in page.text
    assert "case of #20 (data deletion), received 2026-01-01 08:00:00, details missing, due" in page.text
    assert "overdue" in page.text
    assert "1 overdue wishes" in page.text
    assert "NO a worker is running" in page.text


def test_times_are_local_with_utc_beside_them(web: Web) -> None:
    event(web, received_at="2026-03-04T05:06:07Z")
    [time] = [had for had in look(web, "/events").all("time") if had["datetime"].startswith("2026-03")]
    assert time == {"datetime": "2026-03-04T05:06:07+00:00", "title": "2026-03-04 05:06:07 UTC"}
    assert "2026-03-04 13:06:07" in look(web, "/events").text


def test_a_ticket_link_leaves_nothing_behind_and_goes_where_the_settings_say(web: Web) -> None:
    """A041."""
    event(web, ticket_id=4711)
    [link] = [had for had in look(web, "/events").all("a") if had["href"].endswith("4711")]
    assert link["href"] == f"{web.sandbox.url}/agent/tickets/4711"
    assert link["rel"] == "noopener noreferrer"


def test_an_id_that_cannot_be_is_not_there(web: Web) -> None:
    """A019."""
    officer = person(web, "officer")
    for path in ("/events/{}", "/cases/{}", "/dead/{}", "/cases/{}/proof.json"):
        for wrong in WRONG:
            assert officer.get(f"/admin{path.format(wrong)}").status in (400, 404), (path, wrong)


def test_a_filter_that_cannot_be_is_refused(web: Web) -> None:
    viewer = person(web, "viewer")
    for path in ("/events", "/cases"):
        for query in ("before=x", "ticket=1%20OR%201", "state=nonsense", "sender=me", "since=yesterday"):
            assert viewer.get(f"/admin{path}?{query}").status == 400, (path, query)


def test_events_by_each_filter(web: Web) -> None:
    old = event(web, "dead", reason="timeout", sender="jira", ticket_id=1, received_at="2026-01-01T00:00:00Z")
    done = event(web, "done", ticket_id=4712, fact="zd:100%_sure")
    dead = event(web, "dead", reason="closed", ticket_id=1)
    for query, found in {
        "": [dead, done, old],
        "state=dead": [dead, old],
        "state=dead&cause=closed": [dead],
        "cause=timeout": [old],
        "ticket=1": [dead, old],
        "ticket=1&state=done": [],
        "sender=jira": [old],
        "since=2026-01-02T00:00": [dead, done],
        "until=2026-01-02T00:00": [old],
        "since=2026-01-01T08:00&until=2026-01-01T08:01": [old],  # the desk's own time zone
        "text=100%25_s": [done],
        "text=100_s": [],
        "text=%25": [done],
        "text=CLOSED": [dead],
        "text=4712": [done],
        f"before={dead}": [done, old],
    }.items():
        assert rows_of(look(web, f"/events?{query}")) == [str(number) for number in found], query


def test_search_is_literal_and_limited(web: Web) -> None:
    """A033, X019."""
    viewer = person(web, "viewer")
    for text in ("x" * 10_000, "(.*)*$[", "'; DROP TABLE events; --", "\0", "\\", "%", "\ud800"):
        for path in ("/events", "/cases"):
            page = viewer.get(f"/admin{path}?text={quote(text, errors='surrogatepass')}")
            assert page.status == 200, (path, text[:20])
            assert max(len(had.get("value", "")) for had in page.all("input")) <= 200


def test_pages_go_on_where_the_one_before_ended(web: Web) -> None:
    ids = [event(web) for _ in range(120)]
    path, seen = "/events", []
    for _ in range(3):
        page = look(web, path)
        seen += rows_of(page)
        path = next((link.removeprefix("/admin") for link in page.links()[:-1] if "before=" in link), "")
    assert seen == [str(number) for number in reversed(ids)]
    assert path == ""


def test_no_more_than_a_window_is_looked_at_and_the_page_says_how_far(web: Web) -> None:
    wanted = event(web, sender="jira", received_at="2026-02-01T00:00:00Z")
    first, *_ = [event(web) for _ in range(30)]
    only = Filter(sender="jira")
    with web.desk.db.tx() as conn:
        near = queries.events(conn, only, window=20)
        assert (near.rows, near.older) == ([], first + 10)
        assert near.back_to is not None
        far = queries.events(conn, Filter(sender="jira", before=near.older), window=20)
    assert [row["id"] for row in far.rows] == [wanted]
    assert far.older is None


def test_the_trail_is_narrowed_and_says_how_far_it_was_looked_at(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    with web.desk.db.tx() as conn:
        for number in range(1, 61):
            who = Actor("rare" if number == 3 else "aminah", "operator", "cli")
            action = "event.settled" if number in (3, 9) else "event.replayed"
            audit.write(conn, web.desk.vault, who, action, f"event:{number % 2}")
    for query, found in {
        "who=rare": [3],
        "action=event.settled": [9, 3],
        "who=aminah&action=event.settled": [9],
        "target=event:0&who=rare": [],
        "target=event:1&action=event.settled&who=rare": [3],
        "before=3": [2, 1],
    }.items():
        page = look(web, f"/audit?{query}")
        assert re.findall(r" (\d+) \d{4}-\d\d-\d\d ", page.text) == [str(number) for number in found], query
        assert "Looked for back to" not in page.text
    monkeypatch.setattr(queries, "WINDOW", 20)
    page = look(web, "/audit?who=aminah&action=event.settled")
    assert "Looked for back to" in page.text
    [further] = [link for link in page.links() if "before=" in link]
    assert re.search(r"before=41\b", further)
    assert " 9 20" in look(web, "/audit?who=aminah&action=event.settled&before=20").text


def test_an_event_of_the_desk_shows_its_own_message_and_not_years_of_others(web: Web) -> None:
    books = case(web, 0, "done", procedure="digest", closed_at=datetime.now(UTC))
    old = event(web, kind="time_came", ticket_id=None, case_id=books, detail={"what": "alert:timeout"})
    new = event(web, "waiting", kind="time_came", ticket_id=None, case_id=books, detail={"what": "alert:closed"})
    sent = effect(web, books, "alert", arg=str(old), attempts=7)
    effect(web, books, "alert", "planned", arg=str(new), reason="in_line", attempts=0)
    journal = "INSERT INTO journal (event_id, case_id, effect_id, what) VALUES (%s, %s, %s, %s)"
    web.write(journal, old, books, sent, "sending")
    for place in range(30):
        other = effect(web, books, "digest", arg=f"2026-01-{place}")
        web.write(journal, None, books, other, "done")
    for number, attempts in ((old, 7), (new, 0)):
        text = look(web, f"/events/{number}").text
        assert f"word to the admins' channel {'done' if number == old else 'not sent yet'} Zendesk {attempts}" in text
        assert text.count("word to the admins' channel") == (3 if number == old else 2)  # the run, effects, the plan
        assert "daily list" not in text


def test_first_number_of_a_time_is_found_by_halving(web: Web) -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    ids = [event(web, received_at=begin + timedelta(minutes=number)) for number in range(0, 60, 2)]
    with web.desk.db.tx() as conn:
        for minutes, place in ((-5, 0), (0, 0), (1, 1), (2, 1), (30, 15), (57, 29), (58, 29)):
            found = queries.first_at(conn, "events", "received_at", begin + timedelta(minutes=minutes))
            assert found == ids[place], minutes
        assert queries.first_at(conn, "events", "received_at", begin + timedelta(hours=2)) == ids[-1] + 1


def test_cases_by_state_and_who_they_wait_for(web: Web) -> None:
    now = datetime.now(UTC)
    case(web, 1, "awaiting", due_at=now + timedelta(days=1))
    case(web, 2, "banning", due_at=now - timedelta(days=1), jira_key="SUP-9")
    case(web, 3, "done", closed_at=now)
    case(web, 0, "done", closed_at=now, procedure="digest")
    for query, found in {
        "": [3, 2, 1],
        "state=unfinished": [2, 1],
        "state=overdue": [2],
        "state=done": [3],
        "ticket=1": [1],
        "text=sup-9": [2],
    }.items():
        page = look(web, f"/cases?{query}")
        rows = [link.rpartition("/")[2] for link in page.links() if link.startswith("/admin/cases/")]
        assert rows == [str(number) for number in found], query
    assert "asked of JIRA the JIRA support team" in look(web, "/cases").text


def test_throughput_is_counted_by_hour_and_drawn(web: Web) -> None:
    now = datetime.now(UTC)
    for state in ("done", "done", "dead", "waiting"):
        event(web, state, received_at=now - timedelta(hours=2))
    event(web, received_at=now - timedelta(days=3))
    with web.desk.db.tx() as conn:
        hours = counts.per_hour(conn, now)
    assert len(hours) == 25
    [hour] = [hour for hour in hours if hour.total]
    assert (hour.finished, hour.unfinished, hour.failed) == (2, 1, 1)
    for name in ("throughput", "causes"):
        chart = person(web, "viewer").get(f"/admin/charts/{name}.svg")
        assert (chart.status, chart.headers["content-type"]) == (200, "image/svg+xml; charset=utf-8")
        assert chart.raw.startswith("<svg")
        for outside in ("<script", "href=", "url(http", "@import", "<image", "<foreignObject"):
            assert outside not in chart.raw, outside


def test_counts_end_at_their_cap(web: Web) -> None:
    web.write(
        "INSERT INTO events (fact, sender, kind, state, reason) SELECT 'many:' || n, 'zendesk', 'ticket_tagged',"
        " 'dead', 'timeout' FROM generate_series(1, 1200) AS n"
    )
    page = look(web, "/failures")
    assert "1,000 or more" in page.text
    assert "1,200" not in page.text


def test_a_run_reads_like_a_story(web: Web) -> None:
    number = case(web, 5, "awaiting")
    found = event(web, "waiting", ticket_id=5, case_id=number, reason="vendor_busy", next_at="2026-12-01T00:00:00Z")
    mail = effect(web, number, "apply_macro", arg="Data Deletion Request", done_at="2026-11-01T02:02:00Z", attempts=1)
    card = effect(web, number, "ask_supervisor", "unknown", vendor="slack", reason="timeout", attempts=2)
    for effect_id, what, reason, detail in (
        (mail, "sending", "", '{"attempt": 1}'),
        (mail, "done", "", "{}"),
        (card, "unknown", "timeout", "{}"),
        (card, "unknown", "timeout", "{}"),
        (None, "event_waiting", "vendor_busy", "{}"),
    ):
        web.write(
            "INSERT INTO journal (event_id, case_id, effect_id, what, reason, detail) VALUES (%s, %s, %s, %s, %s, %s)",
            found, number, effect_id, what, reason, detail,
        )  # fmt: skip
    text = look(web, f"/events/{found}").text
    assert "e-mail to the customer (Data Deletion Request): sent, attempt 1" in text
    assert (
        "the answer does not say whether it was done the other system did not answer in time. timeout 2 times" in text
    )
    assert "Next try 2026-12-01 08:00:00" in text
    assert "card to the supervisors unclear, to be looked up Slack 2" in text
    assert "e-mail to the customer (Data Deletion Request) done 2026-11-01 10:02:00 skip it, it is done" in text
    assert "card to the supervisors unclear, to be looked up look it up first, send it only if it is not there" in text


def test_schedules_say_what_is_due_and_what_is_late(web: Web) -> None:
    number = case(web, 5)
    now = datetime.now(UTC)
    insert = "INSERT INTO timers (name, what, case_id, due_at) VALUES (%s, %s, %s, %s)"
    web.write(insert, "desk:sweep", "sweep", None, now + timedelta(minutes=5))
    web.write(insert, "case:5:late", "recheck:7", number, now - timedelta(hours=1))
    for place in range(60):
        web.write(insert, f"case:5:reminder:{place}", f"reminder:{place}", number, now + timedelta(hours=place + 1))
    page = look(web, "/schedules")
    assert "look for webhooks that were lost" in page.text
    assert "late: is a worker running? ask the ban's source again (7) case of #5" in page.text
    [later] = [link for link in page.links() if "after=" in link]
    rest = person(web, "viewer").get(later)
    assert rest.status == 200
    assert "remind the supervisors (59)" in rest.text
    assert "remind the supervisors (10)" not in rest.text
    for wrong in ("x", "2026-01-01", "2026-01-01T00:00:00%2B00:00", "|", "2026-01-01T00:00|x"):
        assert person(web, "viewer").get(f"/admin/schedules?after={wrong}").status in (200, 400)


def test_a_case_is_a_picture_from_tag_to_proof(house: House) -> None:
    ticket, key = house.to_banning("pref_stop_sms")
    text = look(house, f"/cases/{ticket}").text
    for part in (
        *("Tagged done", "Customer told: received done", "Supervisor asked done", "Decided done", "approved"),
        *("JIRA issue opened done", key, "Ban verified under way", "Closed, proof kept still to come"),
    ):
        assert part in text, part
    assert house.user("aisyah") in text
    assert "Waits for the JIRA support team" in text
    house.move_issue(key, "Done")
    house.wait_state(ticket, "done")
    text = look(house, f"/cases/{ticket}").text
    for part in ("Ban verified done", "by JIRA's word", "Closed, proof kept done", "no second message is set up"):
        assert part in text, part


def test_a_declined_case_waits_for_nothing(house: House) -> None:
    ticket = house.to_awaiting()
    press_body(house, ticket, "decline")
    house.wait_state(ticket, "declined")
    text = look(house, f"/cases/{ticket}").text
    assert "JIRA issue opened not needed" in text
    assert "under way" not in text
    assert "still to come" not in text


def test_the_proof_is_for_officers(house: House) -> None:
    ticket = house.to_awaiting()
    path = f"/admin/cases/{ticket}/proof.json"
    assert person(house, "operator").get(path, Accept="application/json").status == 403
    proof = person(house, "officer").get(path)
    assert proof.status == 200
    assert '"sha256"' in proof.raw
    assert path in person(house, "officer").get(f"/admin/cases/{ticket}").links()
    assert path not in person(house, "operator").get(f"/admin/cases/{ticket}").links()
