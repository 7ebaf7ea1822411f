"""Login in a real browser: cookies, links from elsewhere, the way back from the provider, keyboard, narrow screens.

To a browser `localhost` is another site than `127.0.0.1`, where the desk is. SCREENSHOTS=<folder> keeps pictures.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.wait import WebDriverWait
from werkzeug.serving import make_server

from app.admin.guard import COOKIE
from tests.admin.kit import Known, account, forget_tries
from tests.admin.provider_kit import StandIn
from tests.browser import PATIENCE, chrome, needs_browser, one
from tests.databases import drop_database, new_database
from tests.house import House, free_port

pytestmark = needs_browser
PAGE = "/admin/confirm"


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandIn]:
    with StandIn(host="localhost") as made:
        made.person = {"sub": "1", "preferred_username": "dewi", "groups": ["desk"]}
        yield made


@pytest.fixture(scope="module")
def both(database_server: str, stand_in: StandIn) -> Iterator[House]:
    """Local accounts and the provider's."""
    uri = new_database(database_server)
    with House(uri, **stand_in.settings(oidc_roles="desk=operator")) as built:
        yield built
    drop_database(database_server, uri)


@pytest.fixture
def house(both: House) -> House:
    forget_tries(both)
    account(both)  # without any the login page has no form, but says how to make one
    return both


@pytest.fixture
def browser() -> Iterator[webdriver.Chrome]:
    """What the page's own policy forbids is an error in its log, and nothing is."""
    with chrome() as driver:
        yield driver
        severe = [line["message"] for line in driver.get_log("browser") if line["level"] == "SEVERE"]
        assert [line for line in severe if "401 (UNAUTHORIZED)" not in line] == []


def picture(browser: webdriver.Chrome, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        browser.save_screenshot(str(Path(folder) / f"login-{name}.png"))


def fill_in(browser: webdriver.Chrome, known: Known, password: str = "") -> None:
    one(browser, "#name").clear()
    one(browser, "#name").send_keys(known.name, Keys.TAB, password or known.password, Keys.TAB, known.code, Keys.ENTER)


def arrives(browser: webdriver.Chrome, path: str) -> None:
    WebDriverWait(browser, PATIENCE).until(lambda b: b.current_url.partition("?")[0].endswith(path), path)


@contextmanager
def elsewhere(*links: str) -> Iterator[str]:
    """A page of another site with these links."""
    app, port = Flask("elsewhere", static_folder=None), free_port()
    app.add_url_rule("/", "page", lambda: "".join(f'<a id="l{n}" href="{to}">x</a>' for n, to in enumerate(links)))
    app.add_url_rule("/favicon.ico", "icon", lambda: "")
    server = make_server("127.0.0.1", port, app)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://localhost:{port}/"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.long
def test_with_the_keyboard_alone(house: House, browser: webdriver.Chrome) -> None:
    known = account(house, "operator")
    browser.get(f"{house.url}/admin/login")
    browser.switch_to.active_element.send_keys(Keys.TAB)
    assert browser.switch_to.active_element.text == "Skip to the content"
    picture(browser, "1-skip")
    fill_in(browser, known, "wrong wrong wrong")
    assert "wrong" in one(browser, "[role=alert]").text
    assert one(browser, "#name").get_property("value") == known.name
    picture(browser, "2-wrong")
    fill_in(browser, known)
    arrives(browser, "/admin/")
    cookie = browser.get_cookie(COOKIE)
    assert cookie is not None
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"]) == (True, True, "Strict")
    browser.get(f"{house.url}{PAGE}")
    picture(browser, "3-confirm")
    one(browser, "form[action='/admin/logout'] button").send_keys(Keys.ENTER)
    arrives(browser, "/admin/login")
    assert browser.get_cookie(COOKIE) is None


@pytest.mark.long
def test_a_link_from_another_site_needs_no_second_login(house: House, browser: webdriver.Chrome) -> None:
    with elsewhere(f"{house.url}/admin/events?state=dead") as page:
        browser.get(page)
        one_link = browser.find_element(By.ID, "l0")
        browser.execute_script("arguments[0].click()", one_link)
        arrives(browser, "/admin/login")
        fill_in(browser, account(house))
        arrives(browser, "/admin/events")
        assert browser.current_url.endswith("?state=dead")
        browser.get(page)
        browser.execute_script("arguments[0].click()", browser.find_element(By.ID, "l0"))
        arrives(browser, "/admin/events")
        assert browser.current_url.endswith("?state=dead")


@pytest.mark.long
def test_by_way_of_the_identity_provider_and_once_more(house: House, browser: webdriver.Chrome) -> None:
    browser.get(f"{house.url}/admin/login?next=/admin/events")
    picture(browser, "4-provider")
    browser.find_element(By.LINK_TEXT, "Log in with your company account").click()
    arrives(browser, "/admin/events")
    assert "dewi" in one(browser, ".desk-who").text
    house.rows("UPDATE sessions SET fresh_at = now() - interval '1 h' RETURNING 1")
    browser.get(f"{house.url}{PAGE}?next=/admin/cases")
    picture(browser, "5-confirm-provider")
    browser.find_element(By.PARTIAL_LINK_TEXT, "Log in once more").click()
    arrives(browser, "/admin/cases")
    assert house.rows("SELECT 1 FROM sessions WHERE fresh_at > now() - interval '1 min'")


@pytest.mark.parametrize("path", ["/admin/login", PAGE])
def test_320_pixels_are_enough(house: House, browser: webdriver.Chrome, path: str) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": False}
    )
    browser.get(f"{house.url}/admin/login")
    if path == PAGE:
        fill_in(browser, account(house, "officer", name="a-person-with-rather-long-name@customer-service.example.com"))
        arrives(browser, "/admin/")
    browser.get(f"{house.url}{path}")
    picture(browser, f"6-narrow{path.replace('/', '-')}")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 320
