"""What can be done from the pages: once, by whom it may be, and written down."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from app import bulk, replay
from app.admin.pages import exports, letters
from tests.admin.pageskit import XSS, Page, Person, Web, books, case, effect, event, person, trail, unchanged
from tests.cli_kit import failed_card
from tests.house import House
from tests.kit import Sent, arrivals, quiet_for, sent, together


def hidden(page: Page) -> dict[str, str]:
    """The hidden fields of a page's forms, without the token."""
    return {had["name"]: had["value"] for had in page.all("input", type="hidden") if had["name"] != "csrf"}


def shown_event(who: Person, number: int) -> dict[str, str]:
    given = hidden(who.get(f"/admin/events/{number}"))
    return {name: given[name] for name in ("state", "walk")}


def buttons(page: Page) -> set[str]:
    return {had.get("value", "") for had in page.all("button")}


def dead_event(web: Web, **given: Any) -> int:
    """One that failed, with an effect that is done and one that is dead."""
    number = case(web, ticket=int(given.get("ticket_id", 7)))
    effect(web, number, "apply_macro", arg="Data Deletion Request", done_at="2026-11-01T02:02:00Z")
    effect(web, number, "ask_supervisor", "dead", vendor="slack", reason="channel", sent_at="2026-11-01T02:03:00Z")
    return event(web, "dead", **{"reason": "channel", "case_id": number, **given})


# ---- one event


def test_the_plan_is_shown_and_a_viewer_has_no_button(web: Web) -> None:
    number = dead_event(web)
    viewer, operator = person(web, "viewer"), person(web, "operator")
    page = viewer.get(f"/admin/events/{number}")
    assert "the event failed, needs a person walk it again from the top" in page.text
    assert "skip it, it is done" in page.text
    assert "look it up first, then try it again" in page.text
    assert "Log out" in page.text
    assert buttons(page) == {""}
    assert buttons(operator.get(f"/admin/events/{number}")) == {"", "run", "start", "dry"}
    given = shown_event(operator, number)
    for path, fields in (("replay", {"act": "run", **given}), ("settle", {"reason": "x"})):
        assert viewer.post(f"/admin/events/{number}/{path}", **fields).status == 403
        assert operator.get(f"/admin/events/{number}/{path}?act=run").status == 405  # A016
        assert operator.get("/admin/replay?event=1&act=run").status == 405
        assert operator.post(f"/admin/events/{number}/{path}", csrf="", **fields).status == 403  # A014
    assert web.rows("SELECT state FROM events") == [{"state": "dead"}]


def test_a_dry_run_changes_nothing_but_the_trail(web: Web) -> None:
    operator, number = person(web, "operator"), dead_event(web)
    before = books(web)
    page = operator.act(f"/admin/events/{number}/replay", act="dry", **shown_event(operator, number))
    assert "Dry run: the plan below is what a replay would do now. Nothing was changed." in page.text
    assert page.all("a", id="reload")[0]["href"] == f"/admin/events/{number}"
    after = books(web)
    assert {name for name in before if before[name] != after[name]} == {"audit"}
    assert [(row["who"], row["action"], row["target"]) for row in trail(web)] == [
        ("operator", "event.dry_run", f"event:{number}")
    ]


def test_replay_is_one_however_often_it_is_pressed(web: Web) -> None:
    """A021: a double click, the way back, two admins."""
    one, other, number = person(web, "operator"), person(web, "officer"), dead_event(web)
    given = {"act": "run", **shown_event(one, number)}
    answers: list[Page] = []
    together(
        *(lambda who=who: answers.append(who.post(f"/admin/events/{number}/replay", **given)) for who in (one, other))
    )
    assert [answer.status for answer in answers] == [303, 303]
    said = [who.get(answer.headers["location"]).text for who in (one, other) for answer in answers]
    assert sum("is queued; the page shows how it goes" in text for text in said) == 1
    late = one.act(f"/admin/events/{number}/replay", **given)
    assert "somebody else was first, or it has moved on" in late.text
    assert [row["action"] for row in trail(web)] == ["event.replayed"]
    assert web.rows("SELECT count(*) AS n FROM procrastinate_jobs") == [{"n": 1}]
    # It ran and failed anew: what an old page sends is not for this run.
    web.write("UPDATE events SET state = 'dead', walk = walk + 1")
    assert "moved on" in one.act(f"/admin/events/{number}/replay", **given).text
    assert web.rows("SELECT count(*) AS n FROM procrastinate_jobs") == [{"n": 1}]


def test_a_notice_is_shown_to_whoever_acted_and_cannot_be_made_up(web: Web) -> None:
    one, other, number = person(web, "operator"), person(web, "viewer"), dead_event(web)
    answer = one.post(f"/admin/events/{number}/replay", act="run", **shown_event(one, number))
    place = answer.headers["location"]
    assert one.get(place).all("p", id="notice")
    assert not other.get(place).all("p", id="notice")
    assert not one.get(f"/admin/events/{number}?said=chain_sound").all("p", id="notice")


@pytest.mark.parametrize("act", ["", "nonsense", "run; drop", "RUN"])
def test_an_act_that_is_none_is_refused(web: Web, act: str) -> None:
    operator, number = person(web, "operator"), dead_event(web)
    with unchanged(web):
        assert operator.post(f"/admin/events/{number}/replay", act=act, state="dead", walk="0").status == 400


def test_what_ended_well_is_only_walked_from_the_beginning(web: Web) -> None:
    operator, number = person(web, "operator"), event(web, "done")
    page = operator.get(f"/admin/events/{number}")
    assert "refused, it ended done" in page.text
    assert buttons(page) == {"", "start", "dry"}
    given = shown_event(operator, number)
    assert "was not queued: it ended done" in operator.act(f"/admin/events/{number}/replay", act="run", **given).text
    assert "is queued" in operator.act(f"/admin/events/{number}/replay", act="start", **given).text


def test_a_wish_that_was_taken_back_is_not_replayed(web: Web) -> None:
    operator, number = person(web, "operator"), dead_event(web)
    newer = event(web, "done", detail={"tags": ["data_deletion_withdrawn"]})
    page = operator.get(f"/admin/events/{number}")
    assert f"the customer's latest wish is newer: event {newer}" in page.text
    assert "run" not in buttons(page)
    said = operator.act(f"/admin/events/{number}/replay", act="run", state="dead", walk="0").text
    assert "was not queued: the customer's latest wish is newer" in said


def test_settled_with_a_reason_once(web: Web) -> None:
    operator, number = person(web, "operator"), dead_event(web)
    assert operator.post(f"/admin/events/{number}/settle", reason="  ").status == 400
    assert "is marked as settled" in operator.act(f"/admin/events/{number}/settle", reason="done by hand").text
    assert "has not failed, or somebody else was first" in operator.act(
        f"/admin/events/{number}/settle", reason="twice"
    ).text  # fmt: skip
    assert [(row["action"], row["reason"]) for row in trail(web)] == [("event.settled", "done by hand")]
    assert "Marked as settled by a person." in operator.get(f"/admin/events/{number}").text


def test_replayed_from_the_page_only_what_failed_is_done(house: House) -> None:
    ticket, number = failed_card(house)
    operator = person(house, "operator")
    assert sent(house, ticket) == Sent(mails=1)
    house.sandbox.world.faults.clear()
    operator.act(f"/admin/events/{number}/replay", act="run", **shown_event(operator, number))
    house.wait(lambda: sent(house, ticket) == Sent(mails=1, cards=1), what="the card is out, and one e-mail")
    house.settle()
    before = arrivals(house)
    operator.act(f"/admin/events/{number}/replay", act="start", **shown_event(operator, number))
    quiet_for(house, 0.3)
    assert arrivals(house) == before


# ---- several events


def test_chosen_events_are_planned_and_replayed(web: Web) -> None:
    ids = [dead_event(web, ticket_id=number) for number in (1, 2, 3)]
    operator = person(web, "operator")
    page = operator.get("/admin/events?state=dead")
    assert {had["value"] for had in page.all("input", type="checkbox")} == {str(number) for number in ids}
    assert not person(web, "viewer").get("/admin/events?state=dead").all("input", type="checkbox")
    plan = operator.post("/admin/replay", act="dry", event=ids[:2])
    assert "2 of 2 can be replayed" in plan.text
    assert [had["value"] for had in plan.all("input", name="event")] == [str(number) for number in ids[:2]]
    assert "2 of 2 events are queued" in operator.act("/admin/replay", act="run", event=ids[:2]).text
    assert "0 of 2 events are queued" in operator.act("/admin/replay", act="run", event=ids[:2]).text
    assert [row["action"] for row in trail(web)] == ["event.dry_run", "event.replayed", "event.replayed"]


def test_many_are_no_more_than_the_limit_and_need_a_fresh_login(web: Web) -> None:
    number = dead_event(web)
    operator, tired = person(web, "operator"), person(web, "operator", fresh=False)
    for chosen in ([], list(range(1, replay.LIMIT + 2)), ["1 OR 1=1"]):
        with unchanged(web):
            assert operator.post("/admin/replay", act="run", event=chosen).status in (400, 404)
    page = tired.post("/admin/replay", act="run", event=[number], next="/admin/events?state=dead")
    assert page.status == 403
    assert "needs your password and code again" in page.text
    assert any("/admin/confirm?next=/admin/events" in link for link in page.links())
    assert web.rows("SELECT state FROM events") == [{"state": "dead"}]


# ---- all of a cause


def bulk_of(web: House, who: Person, cause: str) -> Page:
    plan = who.post("/admin/failures/replay", act="dry", cause=cause)
    assert plan.status == 200, plan.text
    given = hidden(plan)
    return who.act("/admin/failures/replay", act="run", cause=given["cause"], mark=given["mark"])


def test_bulk_shows_its_plan_first_and_its_progress(web: Web) -> None:
    for number in range(25):
        dead_event(web, ticket_id=number + 1)
    dead_event(web, ticket_id=99, reason="closed")
    operator = person(web, "operator")
    assert (
        "the chat channel is missing, archived or closed to the desk. channel 25 0"
        in operator.get("/admin/failures").text
    )
    before = books(web)
    plan = operator.post("/admin/failures/replay", act="dry", cause="channel")
    assert "25 events have failed of this cause" in plan.text
    assert "And 5 more." in plan.text
    after = books(web)
    assert {name for name in before if before[name] != after[name]} == {"audit"}
    page = bulk_of(web, operator, "channel")
    assert "about sixty events a minute" in page.text
    assert "0 of 25 queued" in page.text
    assert [had["max"] for had in page.all("progress")] == ["25"]
    again = operator.post("/admin/failures/replay", act="dry", cause="channel")
    refused = operator.post("/admin/failures/replay", act="run", cause="channel", mark=hidden(again)["mark"])
    assert refused.status == 400
    assert "a replay of this cause is under way" in refused.text
    assert [row["action"] for row in trail(web) if row["action"] == "bulk.started"] == ["bulk.started"]


def test_bulk_only_after_its_plan_within_its_limit_and_freshly_logged_in(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A023."""
    for number in range(4):
        dead_event(web, ticket_id=number + 1)
    dead_event(web, ticket_id=9, reason="closed")
    operator, tired = person(web, "operator"), person(web, "operator", fresh=False)
    other = hidden(operator.post("/admin/failures/replay", act="dry", cause="closed"))["mark"]
    for mark in ("", "x", other):
        assert operator.post("/admin/failures/replay", act="run", cause="channel", mark=mark).status == 400
    assert operator.post("/admin/failures/replay", act="dry", cause="never_seen").status == 400
    assert tired.post("/admin/failures/replay", act="dry", cause="channel").status == 403
    assert person(web, "viewer").post("/admin/failures/replay", act="dry", cause="channel").status == 403
    monkeypatch.setattr(bulk, "LIMIT", 3)
    page = operator.post("/admin/failures/replay", act="dry", cause="channel")
    assert page.status == 400
    assert "More than 3 have failed of this cause" in page.text
    assert web.rows("SELECT 1 FROM bulk_replays") == []


def test_bulk_from_the_page_repairs_everything(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PAUSE", bulk.PAUSE / 50)
    tickets = [failed_card(house)[0] for _ in range(3)]
    house.sandbox.world.faults.clear()
    operator = person(house, "operator")
    bulk_of(house, operator, "channel")
    house.wait(lambda: all(sent(house, ticket) == Sent(mails=1, cards=1) for ticket in tickets), what="all have a card")
    house.wait(lambda: house.rows("SELECT 1 FROM bulk_replays WHERE ended_at IS NOT NULL"), what="it has ended")
    assert "3 of 3 queued" in operator.get("/admin/failures").text


# ---- pause


def test_pause_and_resume_each_once(web: Web) -> None:
    operator, viewer = person(web, "operator"), person(web, "viewer")
    assert operator.post("/admin/vendors/jira/pause", reason=" ").status == 400
    assert operator.post("/admin/vendors/telegram/pause", reason="x").status == 400
    assert viewer.post("/admin/vendors/jira/pause", reason="x").status == 403
    page = operator.act("/admin/vendors/jira/pause", reason="moving <b>projects</b>")
    assert "Paused: JIRA. Events are still taken in." in page.text
    assert "by operator since" in page.text
    assert "moving <b>projects</b>" in page.text
    assert "JIRA: paused by an administrator" in operator.get("/admin/").text
    assert "JIRA: paused already" in operator.act("/admin/vendors/jira/pause", reason="again").text
    assert "Pause and resume" not in viewer.get("/admin/vendors").text
    assert "JIRA: resumed" in operator.act("/admin/vendors/jira/resume").text
    assert "JIRA: not paused" in operator.act("/admin/vendors/jira/resume").text
    assert "Everything is paused by operator" in operator.act("/admin/vendors/all/pause", reason="audit").text
    assert [row["action"] for row in trail(web)][-3:] == ["vendor.paused", "vendor.resumed", "vendor.paused"]


# ---- unusable bodies


def letter(web: Web, body: bytes = XSS.encode()) -> int:
    return event(web, "dead", kind="dead", fact="zd:dead:1", reason="json", detail={"refused": "json"},
                 body=web.desk.vault.seal(body, "zd:dead:1"))  # fmt: skip


def test_a_body_is_shown_once_to_an_officer_who_says_why(web: Web) -> None:
    """A036, X014."""
    number, officer = letter(web, b"Siti\x1b[2J" + XSS.encode()), person(web, "officer")
    page = officer.get(f"/admin/dead/{number}")
    assert "it is not valid JSON" in page.text
    assert "Siti" not in page.raw
    assert "Siti" not in officer.get(f"/admin/events/{number}").raw
    assert person(web, "operator").post(f"/admin/dead/{number}/unmask", reason="curious").status == 403
    assert officer.post(f"/admin/dead/{number}/unmask", reason=" ").status == 400
    assert [row["action"] for row in trail(web)] == ["refused"]
    shown = officer.post(f"/admin/dead/{number}/unmask", reason="the trigger sends no JSON")
    assert shown.status == 200
    assert "Siti\\x1b[2J<script>alert(1)</script>" in shown.text
    assert "<script>alert" not in shown.raw
    assert shown.headers["cache-control"] == "no-store"
    assert "Siti" not in officer.get(f"/admin/dead/{number}").raw
    assert [(row["who"], row["action"], row["target"], row["reason"]) for row in trail(web)][1:] == [
        ("officer", "letter.unmasked", f"event:{number}", "the trigger sends no JSON")
    ]
    assert officer.post("/admin/dead/999/unmask", reason="x").status == 404


def test_what_is_no_letter_is_not_unmasked(web: Web) -> None:
    """A form's text is sealed too; it is no unusable body."""
    number = event(web, "done", kind="button_pressed", fact="p:1", body=web.desk.vault.seal(b"private", "p:1"))
    officer = person(web, "officer")
    assert officer.get(f"/admin/dead/{number}").status == 404
    assert officer.post(f"/admin/dead/{number}/unmask", reason="x").status == 404


def test_many_unmaskings_are_an_alarm(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(letters, "UNMASKINGS", 2)
    number, officer = letter(web), person(web, "officer")
    for _ in range(3):
        officer.post(f"/admin/dead/{number}/unmask", reason="looking")
    assert 'desk_alarms_total{reason="unmaskings"} 1.0' in person(web, "viewer").get("/metrics").raw


# ---- files


def test_export_is_safe_in_a_spreadsheet_marked_and_recorded(web: Web) -> None:
    """A035, X016."""
    officer = person(web, "officer", name="siti@example.com")
    event(web, fact="=HYPERLINK(1)", reason="+1")
    event(web, fact='@SUM "x"', reason="-1", ticket_id=8)
    answer = officer.post("/admin/export/events")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["content-disposition"].startswith('attachment; filename="desk-events-2')
    mark, head, *rows = csv.reader(io.StringIO(answer.raw))
    assert mark[0].startswith("Deletion Desk, exported by siti@example.com at 20")
    assert head[:3] == ["id", "received_at", "sender"]
    assert [row[head.index("fact")] for row in rows] == ['\'@SUM "x"', "'=HYPERLINK(1)"]
    assert [row[head.index("reason")] for row in rows] == ["'-1", "'+1"]
    only = list(csv.reader(io.StringIO(officer.post("/admin/export/events", ticket="8").raw)))
    assert len(only) == 3
    [first, second] = trail(web)
    assert (first["action"], first["after"]) == ("events.exported", {"rows": 2, "whole": True, "filter": {}})
    assert second["after"]["filter"] == {"ticket": "8"}


def test_an_export_says_how_far_back_it_has_looked(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    officer = person(web, "officer")
    for day in (1, 2, 3):
        event(web, received_at=f"2026-01-0{day}T00:00:00Z", sender="jira")
    monkeypatch.setattr(exports, "LOOKED_AT", 2)
    for sender, found in (("jira", 2), ("slack", 0)):
        [mark], _, *rows = list(csv.reader(io.StringIO(officer.post("/admin/export/events", sender=sender).raw)))
        assert len(rows) == found
        assert mark.endswith("only what is not older than 2026-01-02T00:00:00+00:00: narrow it by time for the rest")
    monkeypatch.setattr(exports, "MOST", 1)
    [mark], _, *rows = list(csv.reader(io.StringIO(officer.post("/admin/export/events").raw)))
    assert (len(rows), mark.endswith(", the newest 1 only")) == (1, True)


def test_export_of_cases_and_who_may(web: Web) -> None:
    case(web, 5, "awaiting", preference=["stop_sms"])
    officer = person(web, "officer")
    rows = list(csv.reader(io.StringIO(officer.post("/admin/export/cases", state="unfinished").raw)))
    assert rows[2][1] == "5"
    assert "stop_sms" in rows[2]
    for path in ("/admin/export/events", "/admin/export/cases"):
        assert person(web, "operator").post(path).status == 403
        assert person(web, "officer", fresh=False).post(path).status == 403
        assert officer.get(path).status == 405
        assert "Export" not in person(web, "operator").get(path.replace("/export", "")).text


# ---- the trail


def test_the_trail_is_filtered_and_verified(web: Web) -> None:
    operator, officer = person(web, "operator"), person(web, "officer")
    operator.act("/admin/vendors/jira/pause", reason="moving house")
    officer.act("/admin/vendors/slack/pause", reason=XSS)
    assert "moving house" not in officer.get("/admin/audit?who=officer").text
    assert "moving house" in officer.get("/admin/audit?target=vendor:jira&action=vendor.paused").text
    assert operator.post("/admin/audit/verify").status == 403
    assert "The audit trail is sound: 3 rows" in officer.act("/admin/audit/verify").text
    with web.sql() as conn:
        conn.execute("ALTER TABLE audit DISABLE TRIGGER audit_append_only")
        conn.execute("UPDATE audit SET reason = 'forged' WHERE id = 1")
        conn.execute("ALTER TABLE audit ENABLE TRIGGER audit_append_only")
    assert "The audit trail is broken at row 1" in officer.act("/admin/audit/verify").text


def test_the_trail_goes_on_by_pages(web: Web) -> None:
    operator = person(web, "operator")
    for _ in range(30):
        operator.act("/admin/vendors/jira/pause", reason="on")
        operator.act("/admin/vendors/jira/resume")
    page = operator.get("/admin/audit")
    [older] = [link for link in page.links()[:-1] if "before=" in link]
    assert len(operator.get(older).all("tr")) == 11


def test_fields_that_nobody_asked_for_change_nothing(web: Web) -> None:
    """A020."""
    operator, number = person(web, "operator"), dead_event(web)
    operator.post(f"/admin/events/{number}/settle", reason="x", role="officer", decision="approve", state="done")
    assert web.rows("SELECT role FROM accounts") == [{"role": "operator"}]
    assert web.rows("SELECT decision FROM cases") == [{"decision": None}]
    assert [row["action"] for row in trail(web)] == ["form.unknown", "event.settled"]
