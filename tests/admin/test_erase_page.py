"""Erasing from the case's page: by an officer alone, freshly logged in, who types the ticket's number (A017, A042)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.admin.erasekit import WHY, ask, erased, quiet_case
from tests.admin.pageskit import Web, event, person, trail, unchanged

FORM = "erase-confirm"


def kept(web: Web) -> list[int]:
    return [web.write("SELECT count(sealed) FROM cases"), web.write("SELECT count(body) FROM events")]


def test_only_an_officer_has_the_form(web: Web) -> None:
    """A017."""
    quiet_case(web)
    for role in ("viewer", "operator"):
        who = person(web, role)
        page = who.get("/admin/cases/7")
        assert not page.all("input", id=FORM), role
        assert "What is kept of the customer" in page.text
        assert ask(who, 7).status == 403
    assert kept(web) == [1, 1]
    refused = [(row["who"], row["action"], row["target"]) for row in trail(web)]
    assert refused == [(role, "refused", "route:/admin/cases/<number>/erase") for role in ("viewer", "operator")]
    officer = person(web, "officer")
    assert officer.get("/admin/cases/7").all("input", id=FORM)
    assert officer.get("/admin/cases/7/erase?confirm=7&reason=x").status == 405
    assert ask(officer, 7, csrf="").status == 403
    assert kept(web) == [1, 1]


def test_it_needs_a_fresh_login(web: Web) -> None:
    quiet_case(web)
    tired = person(web, "officer", fresh=False)
    with unchanged(web):
        page = ask(tired, 7, next="/admin/cases/7")
        assert page.status == 403
        assert "needs your password and code again" in page.text
        assert "/admin/confirm?next=/admin/cases/7" in page.links()


@pytest.mark.parametrize("typed", ["", "8", "07", "7 7", "seven", "٧", "7; --", "#", "yes"])
def test_a_wrong_confirmation_does_nothing(web: Web, typed: str) -> None:
    """A042."""
    quiet_case(web)
    officer = person(web, "officer")
    with unchanged(web):
        page = ask(officer, 7, confirm=typed)
        assert (page.status, "type the ticket's number" in page.text) == (400, True)


def test_no_reason_or_no_field_at_all_does_nothing(web: Web) -> None:
    quiet_case(web)
    officer = person(web, "officer")
    with unchanged(web):
        assert "say why" in ask(officer, 7, reason=" ").text
        assert officer.post("/admin/cases/7/erase", reason=WHY).status == 400
        assert officer.post("/admin/cases/7/erase", confirm="7").status == 400
        assert ask(officer, 7, reason="x\0").status == 400
        assert ask(officer, 7, reason="x" * 2001).status == 400


@pytest.mark.parametrize("number", ["8", "0", "-7", "07", "7x", "9" * 30])
def test_a_ticket_that_is_not_there(web: Web, number: str) -> None:
    quiet_case(web)
    officer = person(web, "officer")
    with unchanged(web):
        assert officer.post(f"/admin/cases/{number}/erase", reason=WHY, confirm=number).status == 404


def test_erased_once_and_said_so_to_everybody(web: Web) -> None:
    quiet_case(web)
    officer = person(web, "officer")
    page = officer.act("/admin/cases/7/erase", reason=f" {WHY} ", confirm=" 7 ", next="/admin/cases/7")
    assert "Erased of ticket 7: details of cases 1, texts of forms 1, unusable bodies 0." in page.text
    assert kept(web) == [0, 0]
    told = person(web, "viewer").get("/admin/cases/7").text
    assert "asked for by officer" in told
    assert "details of cases 1, texts of forms 1, unusable bodies 0" in told
    assert [(row["action"], row["reason"]) for row in trail(web)] == [("case.erase_asked", WHY), ("case.erased", "")]
    assert not officer.get("/admin/cases/7").all("input", id=FORM), "there is nothing more to erase"
    once = trail(web)
    officer.act("/admin/cases/7/erase", reason="again", confirm="7")
    assert (len(erased(web, 7)), trail(web)) == (1, once)
    event(web, "done")
    assert officer.get("/admin/cases/7").all("input", id=FORM), "something has come in since"
    texts = officer.get("/admin/audit").text
    assert "erasure asked for" in texts
    assert "What was kept of the customer was erased." in officer.get("/admin/events/1").text


def test_an_unusable_body_of_the_ticket_is_waited_for_by_nobody(web: Web) -> None:
    """There is nothing in it to replay; one of another ticket stays."""
    quiet_case(web)
    sealed = web.desk.vault.seal(b"Siti, ticket 8", "d:1"), web.desk.vault.seal(b"Siti", "d:2")
    event(web, "dead", kind="dead", fact="d:1", ticket_id=8, body=sealed[0])
    event(web, "dead", kind="dead", fact="d:2", ticket_id=7, body=sealed[1])
    officer = person(web, "officer")
    assert "unusable bodies 1" in officer.act("/admin/cases/7/erase", reason=WHY, confirm="7").text
    assert web.rows("SELECT fact FROM events WHERE body IS NOT NULL") == [{"fact": "d:1"}]
    assert "It was cleared, by schedule or with its ticket." in officer.get("/admin/dead/3").text


def test_a_forged_field_is_written_down_and_does_nothing(web: Web) -> None:
    """A020."""
    quiet_case(web)
    officer = person(web, "officer")
    ask(officer, 7, ticket_id="8", by="somebody", until_id="999")
    assert [row["who"] for row in erased(web, 7)] == ["officer"]
    assert "form.unknown" in [row["action"] for row in trail(web)]


# ---- in a real browser


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    pytest.importorskip("playwright")
    from tests.admin.chromium import CHROMIUM, chromium

    if not CHROMIUM.exists():
        pytest.skip("needs chromium (apt install chromium)")
    with chromium() as started:
        yield started


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("width", "script"), [(1280, True), (320, False)])
def test_by_keyboard_on_any_screen_with_and_without_javascript(
    web: Web, browser: object, width: int, script: bool
) -> None:
    from playwright.sync_api import expect

    from tests.admin.chromium import log_in, picture, sitting

    quiet_case(web)
    options = {} if script else {"java_script_enabled": False}
    with sitting(browser, web, width=width, **options) as page:  # type: ignore[arg-type]
        log_in(page, web, "officer")
        page.goto("/admin/cases/7")
        picture(page, f"erase-{width}")
        if script:
            assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        page.get_by_role("button", name="Erase").click()
        assert kept(web) == [1, 1], "the browser asks for the fields first"
        page.get_by_label("Why to erase").focus()
        page.keyboard.type(WHY)
        page.keyboard.press("Tab")
        page.keyboard.type("7")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("#notice")).to_contain_text("Erased of ticket 7")
        picture(page, f"erased-{width}")
    assert kept(web) == [0, 0]
