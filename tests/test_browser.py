"""A newcomer with the mouse: tags, approves and closes on the sandbox's page, and watches it happen.

SCREENSHOTS=<folder> keeps a picture of each step.
"""

from __future__ import annotations

import os
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser import PATIENCE, chrome, needs_browser, one
from tests.house import House
from tests.kit import Sent, sent


def picture(browser: webdriver.Chrome, name: str) -> None:
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        browser.save_screenshot(str(Path(folder) / f"{name}.png"))


@needs_browser
def test_tag_approve_close_by_mouse(house: House) -> None:
    ticket = house.ticket(fields={"preference": "pref_stop_all"}, tags=["pref_stop_all"])
    with chrome() as browser:
        browser.set_window_size(1400, 900)
        browser.get(f"{house.sandbox.url}/?ticket={ticket}")
        one(browser, "[data-add=data_deletion_request]")
        picture(browser, "1-before")
        one(browser, "[data-add=data_deletion_request]").click()
        one(browser, ".chip[data-tag=desk_waiting]")
        one(browser, "[data-action=approve]")
        picture(browser, "2-waiting")
        one(browser, "[data-action=approve]").click()
        one(browser, ".chip[data-tag=desk_approved]")
        WebDriverWait(browser, PATIENCE).until(lambda b: not b.find_elements(By.CSS_SELECTOR, "[data-action=approve]"))
        key = house.wait_state(ticket, "banning")["jira_key"]
        picture(browser, "3-approved")
        one(browser, f"[data-key-of={key}]").click()
        one(browser, '[data-move="Done"]').click()
        one(browser, ".chip[data-tag=desk_done]")
        house.wait_state(ticket, "done")
        WebDriverWait(browser, PATIENCE).until(lambda b: "done according to JIRA" in b.page_source)
        picture(browser, "4-done")
        severe = [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]
    assert severe == []
    assert len(house.applied("mail")) == 1
    assert len(house.applied("create", "jira")) == 1


@needs_browser
def test_withdraw_by_mouse(house: House) -> None:
    ticket = house.ticket(fields={"preference": "pref_stop_all"}, tags=["pref_stop_all"])
    with chrome() as browser:
        browser.set_window_size(1400, 900)
        browser.get(f"{house.sandbox.url}/?ticket={ticket}")
        one(browser, "[data-add=data_deletion_request]").click()
        one(browser, ".chip[data-tag=desk_waiting]")
        one(browser, "[data-action=approve]")
        one(browser, "[data-add=data_deletion_withdrawn]").click()
        one(browser, ".chip[data-tag=desk_withdrawn]")
        WebDriverWait(browser, PATIENCE).until(lambda b: not b.find_elements(By.CSS_SELECTOR, "[data-action=approve]"))
        house.wait_state(ticket, "withdrawn")
        WebDriverWait(browser, PATIENCE).until(lambda b: "no further action is required" in b.page_source)
        picture(browser, "5-withdrawn")
        severe = [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]
    assert severe == []
    assert sent(house, ticket) == Sent(mails=2, cards=1)  # acknowledged, then confirmed; nothing went to JIRA


@needs_browser
def test_single_channels_threat_and_false_alarm_by_mouse(house: House) -> None:
    ticket = house.ticket()
    with chrome() as browser:
        browser.set_window_size(1400, 900)
        browser.get(f"{house.sandbox.url}/?ticket={ticket}")
        one(browser, "[data-flow='Threat of a regulator']").click()
        one(browser, f"[data-key=tab-{ticket}]").click()
        for tag in ("pref_stop_calls", "pref_stop_sms"):
            one(browser, f"[data-tick={tag}]").click()
            one(browser, f".chip[data-tag={tag}]")
        one(browser, "[data-add=regulatory_threat]").click()
        one(browser, ".chip[data-tag=desk_threat]")
        one(browser, "[data-add=data_deletion_request]").click()
        one(browser, "[data-action=approve]")
        picture(browser, "6-threat")
        one(browser, "[data-action=false_alarm]").click()
        one(browser, "dialog button[value=yes]").click()
        WebDriverWait(browser, PATIENCE).until(
            lambda b: not b.find_elements(By.CSS_SELECTOR, "[data-action=false_alarm]")
        )
        house.settle()
        picture(browser, "7-false-alarm")
        assert one(browser, "[data-action=approve]").is_enabled()  # the request goes on beside it
        severe = [line for line in browser.get_log("browser") if line["level"] == "SEVERE"]
    assert severe == []
    assert "stop only Calls, SMS" in " ".join(house.notes(ticket))
    assert len(house.applied("mail")) == 1
    assert house.issues() == []
