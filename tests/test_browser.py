"""A newcomer with the mouse: tags, approves, closes, declines and asks on the sandbox's page, in either chat.

SCREENSHOTS=<folder> keeps a picture of each step.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser import PATIENCE, chrome, needs_browser, one
from tests.house import House
from tests.kit import Sent, buttons, card_of, sent

FALSE_ALARM = "[data-action=false_alarm], [data-action=falsealarm]"


@pytest.fixture(params=["slack", "mattermost"])
def either(request: pytest.FixtureRequest, database: str) -> Iterator[House]:
    """A whole desk, once with each chat."""
    with House(database, chat=request.param) as built:
        yield built


def picture(browser: webdriver.Chrome, name: str, house: House | None = None) -> None:
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        browser.save_screenshot(str(Path(folder) / f"{house.room.name + '-' if house else ''}{name}.png"))


def severe(browser: webdriver.Chrome) -> list[str]:
    return [line["message"] for line in browser.get_log("browser") if line["level"] == "SEVERE"]


def no_form(browser: webdriver.Chrome) -> None:
    WebDriverWait(browser, PATIENCE).until(lambda b: not b.find_element(By.ID, "form").get_property("open"))


@needs_browser
def test_tag_approve_close_by_mouse(either: House) -> None:
    house = either
    ticket = house.ticket(fields={"preference": "pref_stop_all"}, tags=["pref_stop_all"])
    with chrome() as browser:
        browser.set_window_size(1400, 900)
        browser.get(f"{house.sandbox.url}/?ticket={ticket}")
        one(browser, "[data-add=data_deletion_request]")
        picture(browser, "1-before", house)
        one(browser, "[data-add=data_deletion_request]").click()
        one(browser, ".chip[data-tag=desk_waiting]")
        one(browser, "[data-action=approve]")
        picture(browser, "2-waiting", house)
        one(browser, "[data-action=approve]").click()
        one(browser, ".chip[data-tag=desk_approved]")
        WebDriverWait(browser, PATIENCE).until(lambda b: not b.find_elements(By.CSS_SELECTOR, "[data-action=approve]"))
        key = house.wait_state(ticket, "banning")["jira_key"]
        picture(browser, "3-approved", house)
        one(browser, f"[data-key-of={key}]").click()
        one(browser, '[data-move="Done"]').click()
        one(browser, ".chip[data-tag=desk_done]")
        house.wait_state(ticket, "done")
        WebDriverWait(browser, PATIENCE).until(lambda b: "done according to JIRA" in b.page_source)
        picture(browser, "4-done", house)
        assert severe(browser) == []
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
        assert severe(browser) == []
    assert sent(house, ticket) == Sent(mails=2, cards=1)  # acknowledged, then confirmed; nothing went to JIRA


@needs_browser
def test_single_channels_threat_and_false_alarm_by_mouse(either: House) -> None:
    house = either
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
        picture(browser, "6-threat", house)
        one(browser, FALSE_ALARM).click()
        if house.room.name == "slack":  # Mattermost's clients ask nothing first
            one(browser, "dialog button[value=yes]").click()
        WebDriverWait(browser, PATIENCE).until(lambda b: not b.find_elements(By.CSS_SELECTOR, FALSE_ALARM))
        house.settle()
        picture(browser, "7-false-alarm", house)
        assert one(browser, "[data-action=approve]").is_enabled()  # the request goes on beside it
        assert severe(browser) == []
    assert "stop only Calls, SMS" in " ".join(house.notes(ticket))
    assert len(house.applied("mail")) == 1
    assert house.issues() == []


@needs_browser
def test_decline_by_form_with_the_mouse(either: House) -> None:
    house = either
    ticket = house.to_awaiting()
    with chrome() as browser:
        browser.set_window_size(1400, 900)
        browser.get(f"{house.sandbox.url}/?ticket={ticket}")
        one(browser, "[data-action=decline]").click()
        one(browser, "#form [name=send]").click()
        assert one(browser, "#form select:invalid")  # no reason yet: the client itself does not send it
        picture(browser, "8-form", house)
        one(browser, "#form [data-cancel]").click()
        no_form(browser)
        house.settle()
        assert buttons(card_of(house, ticket)) == ["approve", "decline", "ask"]
        one(browser, "[data-action=decline]").click()
        Select(one(browser, "#form select")).select_by_value("wrong_details")
        one(browser, "#form [name=note]").send_keys("The number is another customer's.")
        one(browser, "#form [name=send]").click()
        no_form(browser)
        one(browser, ".chip[data-tag=desk_declined]")
        house.wait_state(ticket, "declined")
        WebDriverWait(browser, PATIENCE).until(lambda b: not b.find_elements(By.CSS_SELECTOR, "[data-action]"))
        picture(browser, "9-declined", house)
        assert severe(browser) == []
    assert "The number is another customer" in house.notes(ticket)[-1]
    assert sent(house, ticket) == Sent(mails=1, cards=1)


@needs_browser
def test_ask_the_agent_with_the_mouse(either: House) -> None:
    house = either
    ticket = house.to_awaiting()
    with chrome() as browser:
        browser.set_window_size(1400, 900)
        browser.get(f"{house.sandbox.url}/?ticket={ticket}")
        one(browser, "[data-action=ask]").click()
        one(browser, "#form [name=question]").send_keys("Did she say SMS too?")
        picture(browser, "10-ask", house)
        one(browser, "#form [name=send]").click()
        no_form(browser)
        WebDriverWait(browser, PATIENCE).until(lambda b: "Did she say SMS too?" in b.page_source)
        house.settle()
        picture(browser, "11-asked", house)
        assert one(browser, "[data-action=approve]").is_enabled()
        assert severe(browser) == []
    assert [note for note in house.notes(ticket) if "Did she say SMS too?" in note]
    assert house.case(ticket)["state"] == "awaiting"
