"""An admin at a real browser: logs in, finds a failure, reads it, repairs it; by mouse, by keyboard, on a narrow
screen, with and without JavaScript. Chromium says that no policy was broken, axe-core that everybody can use it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright")

from playwright.sync_api import Browser, Page, expect

from app import bulk
from tests.admin.chromium import chromium, faults, log_in, needs_chromium, picture, sitting
from tests.cli_kit import failed_card
from tests.databases import drop_database, new_database
from tests.house import House
from tests.kit import Sent, deliver, sent

pytestmark = [needs_chromium, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def desk(database_server: str) -> Iterator[House]:
    """One case that is done, one that waits, one that failed, one body that could not be used. Only looked at."""
    uri = new_database(database_server)
    with House(uri) as house:
        ticket, key = house.to_banning("pref_stop_sms")
        house.move_issue(key, "Done")
        house.wait_state(ticket, "done")
        house.to_awaiting()
        failed_card(house)
        deliver(house, b'{"type":"desk.tag","ticket_id":"{{ticket.id}}","name":"Siti"}')
        yield house
    drop_database(database_server, uri)


def places(house: House) -> dict[str, str]:
    """Every page, by the name of its picture."""
    [done] = house.rows("SELECT ticket_id FROM cases WHERE state = 'done' AND ticket_id > 0")
    [dead] = house.rows("SELECT id FROM events WHERE state = 'dead' AND kind <> 'dead'")
    [letter] = house.rows("SELECT id FROM events WHERE kind = 'dead'")
    return {
        "overview": "/admin/",
        "events": "/admin/events",
        "events-failed": "/admin/events?state=dead",
        "event": f"/admin/events/{dead['id']}",
        "cases": "/admin/cases",
        "case": f"/admin/cases/{done['ticket_id']}",
        "letters": "/admin/dead",
        "letter": f"/admin/dead/{letter['id']}",
        "failures": "/admin/failures",
        "schedules": "/admin/schedules",
        "vendors": "/admin/vendors",
        "audit": "/admin/audit",
    }


# ---- found, read, repaired


def test_a_failure_is_found_read_and_repaired(browser: Browser, house: House) -> None:
    ticket, number = failed_card(house)
    with sitting(browser, house) as page:
        log_in(page, house, "operator")
        page.get_by_role("link", name="failed", exact=True).first.click()
        expect(page.get_by_role("heading", name="Failures", exact=True)).to_be_visible()
        page.get_by_role("link", name="the chat channel is missing").click()
        page.get_by_label("Ticket").fill(str(ticket))
        page.get_by_role("button", name="Filter").click()
        page.get_by_role("link", name=str(number), exact=True).click()
        expect(page.get_by_text("card to the supervisors: failed for good")).to_be_visible()
        expect(page.get_by_text("skip it, it is done").first).to_be_visible()
        page.get_by_role("button", name="Dry run").click()
        expect(page.get_by_text("Nothing was changed")).to_be_visible()
        picture(page, "dry-run")
        assert sent(house, ticket) == Sent(mails=1)
        house.sandbox.world.faults.clear()
        page.get_by_role("button", name="Replay", exact=True).click()
        expect(page.locator("#notice")).to_contain_text("is queued")
        house.wait(lambda: sent(house, ticket) == Sent(mails=1, cards=1), what="the card is out")
        expect(page.locator("#event")).to_contain_text("The run ended well.")  # live, without a reload
        expect(page.locator("#replay")).to_contain_text("refused, it ended done")
        picture(page, "replayed")
        page.reload()  # F5 asks for the page, not for the replay
        page.go_back()
        page.go_forward()
    house.settle()
    assert sent(house, ticket) == Sent(mails=1, cards=1)


@pytest.mark.long
def test_everything_of_a_cause_is_repaired_with_progress(
    browser: Browser, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "PAUSE", bulk.PAUSE / 50)
    tickets = [failed_card(house)[0] for _ in range(3)]
    house.sandbox.world.faults.clear()
    with sitting(browser, house) as page:
        log_in(page, house, "operator")
        page.get_by_role("link", name="Failures", exact=True).click()
        page.get_by_role("button", name="Show the plan for channel").click()
        expect(page.get_by_text("3 events have failed of this cause")).to_be_visible()
        picture(page, "bulk-plan")
        page.get_by_role("button", name="Replay all 3").click()
        expect(page.locator("#notice")).to_contain_text("under way")
        picture(page, "bulk-begun")
        expect(page.locator("#bulks")).to_contain_text("3 of 3 queued")
        expect(page.locator("#causes")).to_contain_text("Nothing has failed.")
    for ticket in tickets:
        assert sent(house, ticket) == Sent(mails=1, cards=1)


@pytest.mark.long
def test_pause_and_resume(browser: Browser, house: House) -> None:
    with sitting(browser, house) as page:
        log_in(page, house, "operator")
        page.get_by_role("link", name="Third parties", exact=True).first.click()
        page.get_by_role("button", name="Pause Zendesk").click()
        assert page.locator("#notice").count() == 0  # the browser asks for the reason first
        page.get_by_label("Why pause Zendesk").fill("the macro is being edited")
        page.get_by_role("button", name="Pause Zendesk").click()
        expect(page.locator("#health")).to_contain_text("paused by an administrator")
        picture(page, "paused")
        ticket = house.ticket()
        house.tag(ticket, "data_deletion_request", "pref_stop_all")
        house.wait(lambda: house.rows("SELECT 1 FROM effects WHERE reason = 'paused'"), what="it waits")
        time.sleep(0.3)
        assert sent(house, ticket).mails == 0
        page.get_by_role("button", name="Resume Zendesk").click()
        expect(page.locator("#notice")).to_contain_text("resumed")
        house.wait_state(ticket, "awaiting")


@pytest.mark.long
def test_a_viewer_sees_everything_and_can_do_nothing(browser: Browser, desk: House) -> None:
    with sitting(browser, desk) as page:
        log_in(page, desk, "viewer")
        for path in places(desk).values():
            page.goto(path)
            assert {button.inner_text() for button in page.get_by_role("button").all()} <= {"Log out", "Filter"}, path
        answers = [page.request.post(f"/admin/{path}").status for path in ("failures/replay", "audit/verify")]
        assert answers == [403, 403]
    assert desk.rows("SELECT 1 FROM bulk_replays") == []


# ---- live


@pytest.mark.long
def test_live_keeps_what_the_reader_has_done_to_the_page(browser: Browser, house: House) -> None:
    house.to_awaiting()
    with sitting(browser, house) as page:
        log_in(page, house, "viewer")
        page.locator("#hours-table summary").click()
        page.get_by_role("link", name="waiting for a supervisor").focus()
        page.evaluate("window.here = true")
        failed_card(house)
        expect(page.locator("#tiles")).to_contain_text("1 failed")
        expect(page.locator("#live")).to_contain_text("Live,")
        assert page.evaluate("window.here && document.activeElement.textContent") == "waiting for a supervisor"
        assert page.locator("#hours-table").get_attribute("open") is not None
        house.rows("DELETE FROM sessions RETURNING 1")
        expect(page.locator("#live")).to_contain_text("Not live: you are logged out")
        picture(page, "not-live")


@pytest.mark.long
def test_without_javascript_it_is_complete(browser: Browser, house: House) -> None:
    ticket, number = failed_card(house)
    with sitting(browser, house, java_script_enabled=False) as page:
        log_in(page, house, "operator")
        page.goto("/admin/events")
        page.get_by_label("State").select_option("dead")
        page.get_by_role("button", name="Filter").click()
        page.get_by_label(f"Choose event {number}").check()
        page.get_by_role("button", name="Show the plan of those chosen").click()
        house.sandbox.world.faults.clear()
        page.get_by_role("button", name="Replay these 1").click()
        expect(page.locator("#notice")).to_contain_text("1 of 1 events are queued")
        house.wait(lambda: sent(house, ticket) == Sent(mails=1, cards=1), what="the card is out")
        page.get_by_role("link", name="Reload").click()
        expect(page.get_by_text("No events found.")).to_be_visible()


# ---- for everybody


def test_by_keyboard_alone(browser: Browser, house: House) -> None:
    ticket, number = failed_card(house)
    house.sandbox.world.faults.clear()
    with sitting(browser, house) as page:
        log_in(page, house, "operator")
        page.goto(f"/admin/events/{number}")
        tab_to(page, "Skip to the content")
        tab_to(page, "Dry run")
        page.keyboard.press("Enter")
        expect(page.locator("#notice")).to_contain_text("Dry run")
        tab_to(page, "Replay")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        page.keyboard.press("Enter")
        expect(page.locator("#notice")).to_contain_text("is queued")
        house.wait(lambda: sent(house, ticket) == Sent(mails=1, cards=1), what="the card is out")
        page.goto("/admin/")
        tab_to(page, "The same as a table")
        page.keyboard.press("Enter")
        assert page.locator("details[open]").count() == 1
        tab_to(page, "Events by hour")  # a table that scrolls is reached too
        page.keyboard.press("ArrowRight")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until what has the focus is called so."""
    named = "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent.trim()"
    seen: list[Any] = []
    for _ in range(80):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(named))
        if seen[-1] == name:
            return
    raise AssertionError(f"no way to {name!r} by Tab: {seen}")


@pytest.mark.long
@pytest.mark.parametrize("width", [1280, 320])
def test_every_page_looks_right_and_fits(browser: Browser, desk: House, width: int) -> None:
    with sitting(browser, desk, width=width) as page:
        page.goto("/admin/login")
        picture(page, f"login-{width}")
        log_in(page, desk, "officer")
        for name, path in places(desk).items():
            page.goto(path)
            page.wait_for_load_state("networkidle")
            for details in page.locator("details").all():
                details.evaluate("one => { one.open = true }")
            picture(page, f"{name}-{width}")
            assert page.evaluate("document.scrollingElement.scrollWidth") <= width, path
            assert page.evaluate("[...document.images].every(one => one.complete && one.naturalWidth)"), path


@pytest.mark.long
def test_axe_finds_no_serious_fault(browser: Browser, desk: House) -> None:
    found: dict[str, list[str]] = {}
    with sitting(browser, desk, bypass_csp=True) as page:  # axe is put into the page
        page.goto("/admin/login")
        found["login"] = faults(page)
        log_in(page, desk, "officer")
        for name, path in places(desk).items():
            page.goto(path)
            for details in page.locator("details").all():
                details.evaluate("one => { one.open = true }")
            found[name] = faults(page)
        page.goto("/admin/failures")
        page.get_by_role("button", name="Show the plan for channel").click()
        found["bulk"] = faults(page)
    assert {name: rules for name, rules in found.items() if rules} == {}
