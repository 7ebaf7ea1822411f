"""Headless Chromium for tests: start it with `chrome()`, find things with `one()`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

CHROMIUM = Path("/usr/bin/chromium")
DRIVER = Path("/usr/bin/chromedriver")
FLAGS = (
    "--headless=new --no-sandbox --disable-background-networking --disable-gpu --disable-quic --no-first-run "
    "--disable-component-update --disable-sync --window-size=1280,800"
)
PATIENCE = 10  # seconds
needs_browser = pytest.mark.skipif(
    not (CHROMIUM.exists() and DRIVER.exists()), reason="needs chromium and chromedriver (apt install chromium-driver)"
)


@contextmanager
def chrome() -> Iterator[webdriver.Chrome]:
    """A browser of one's own; nothing of it survives."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    try:
        yield driver
    finally:
        driver.quit()


def one(browser: webdriver.Chrome, css: str) -> WebElement:
    """The element, once it is there and visible."""
    return WebDriverWait(browser, PATIENCE, ignored_exceptions=[]).until(
        lambda b: next((e for e in b.find_elements(By.CSS_SELECTOR, css) if e.is_displayed()), None)
    )
