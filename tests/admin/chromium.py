"""The distribution's Chromium by Playwright: a page that remembers what the browser complains of, and logs in for real.

SCREENSHOTS=<folder> says where pictures go; else they are in a temporary folder, whose path is printed.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from app.admin import accounts
from tests.admin.pageskit import PASSWORD
from tests.browser import CHROMIUM
from tests.house import House

FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-gpu", "--no-first-run", "--disable-sync"]
PATIENCE = 15_000  # milliseconds
needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs chromium (apt install chromium)")


@contextmanager
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def sitting(browser: Browser, house: House, *, width: int = 1280, **options: Any) -> Iterator[Page]:
    """A browser of one's own. At the end: it has complained of nothing, least of all of a broken policy."""
    context = browser.new_context(base_url=house.url, viewport={"width": width, "height": 900}, **options)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    complaints: list[str] = []

    def said(line: ConsoleMessage) -> None:
        if line.type in ("error", "warning") and not line.location.get("url", "").endswith("/favicon.ico"):
            complaints.append(line.text)

    page.on("console", said)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: complaints.append(asked.url) if not asked.url.startswith(house.url) else None)
    try:
        yield page
        assert not complaints, complaints
    finally:
        context.close()


def log_in(page: Page, house: House, role: str) -> None:
    """An account of its own for each browser: a code is good once."""
    name = f"{role}-{next(house.customers)}"
    with house.desk.db.tx() as conn:
        secret = accounts.add(conn, house.desk.vault, name, role, PASSWORD)[1]
    page.goto("/admin/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code of your authenticator app").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Overview", exact=True).wait_for()


@cache
def album() -> Path:
    """Where the pictures are."""
    folder = Path(os.environ.get("SCREENSHOTS") or tempfile.mkdtemp(prefix="desk-admin-pictures-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"\nscreenshots: {folder}")
    return folder


def picture(page: Page, name: str) -> None:
    page.screenshot(path=album() / f"{name}.png", full_page=True)


def faults(page: Page) -> list[str]:
    """What axe-core finds that is serious or critical: rule, and where."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {[node['target'] for node in rule['nodes']][:5]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
    ]
