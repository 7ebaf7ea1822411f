"""The supervisors' column in a real browser, in either chat: who sees what, and forms that are filled in by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from sandbox.listener import Listener
from sandbox.mattermost.people import BOT_USER
from sandbox.server import Config, Sandbox
from tests.browser import PATIENCE, chrome, needs_browser, one
from tests.sandbox.mattermost_kit import AISYAH, BALA, attached, button, call, made

http = urllib3.PoolManager(retries=False)
EVIL = "**<img src=x onerror=alert(1)>** [x](javascript:alert(1)) ![p](http://tracker.example/p.png) @all"
WRONG = {"note": "Say more."}


@pytest.fixture(params=["slack", "mattermost"])
def box(request: pytest.FixtureRequest, listener: Listener) -> Iterator[Sandbox]:
    listener.requests.clear()
    listener.status, listener.body = 200, b""
    with Sandbox(Config(desk=listener.url, chat=request.param, limits=False)) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with chrome() as driver:
        driver.set_window_size(1400, 900)
        yield driver


def slack(box: Sandbox, method: str, **args: Any) -> dict[str, Any]:
    headers = {"Authorization": "Bearer xoxb-stand-in"}
    found = http.request("POST", f"{box.url}/api/{method}", json=args, headers=headers).json()
    assert found["ok"], found
    return dict(found)


def card(box: Sandbox, listener: Listener) -> None:
    """A message with one button, and words that would be dangerous as HTML."""
    if box.config.chat == "mattermost":
        integration = {"url": f"{listener.url}/action", "context": {"token": "t"}}
        made(box, message="", props={"attachments": attached(button("decline", integration=integration), text=EVIL)})
        return
    text = {"type": "plain_text", "text": "Decline"}
    pressed = {"type": "button", "action_id": "decline", "text": text, "value": "t"}
    said = {"type": "section", "text": {"type": "plain_text", "text": EVIL}}
    blocks = [said, {"type": "actions", "elements": [pressed]}]
    slack(box, "chat.postMessage", channel=box.config.slack_channel, text="card", blocks=blocks)


def open_form(box: Sandbox, listener: Listener, title: str = "Decline") -> None:
    """What the desk does when it hears of the press."""
    trigger = listener.requests[-1].json["trigger_id"]
    if box.config.chat == "mattermost":
        elements = [
            {
                "display_name": "Why",
                "name": "reason",
                "type": "select",
                "options": [{"text": "<b>Other</b>", "value": "x"}],
            },
            {"display_name": "Note", "name": "note", "type": "textarea", "optional": True, "max_length": 9},
        ]
        dialog = {"callback_id": "decline", "title": title, "elements": elements, "state": "s"}
        body = {"trigger_id": trigger, "url": f"{listener.url}/dialog", "dialog": dialog}
        assert call(box, "POST", "actions/dialogs/open", body)[0] == 200
        return

    def plain(text: str) -> dict[str, str]:
        return {"type": "plain_text", "text": text}

    select = {
        "type": "static_select",
        "action_id": "reason",
        "options": [{"text": plain("<b>Other</b>"), "value": "x"}],
    }
    area = {"type": "plain_text_input", "action_id": "note", "multiline": True, "max_length": 9}
    blocks = [
        {"type": "input", "block_id": "reason", "label": plain("Why"), "element": select},
        {"type": "input", "block_id": "note", "label": plain("Note"), "element": area, "optional": True},
    ]
    view = {"type": "modal", "title": plain(title), "submit": plain("Send"), "close": plain("Cancel"), "blocks": blocks}
    slack(box, "views.open", trigger_id=trigger, view=view)


def complaint(box: Sandbox) -> bytes:
    answer = {"errors": WRONG} if box.config.chat == "mattermost" else {"response_action": "errors", "errors": WRONG}
    return json.dumps(answer).encode()


def filled(listener: Listener) -> dict[str, Any]:
    """What the desk was sent, field by field."""
    sent = listener.requests[-1].json
    if "submission" in sent:
        return dict(sent["submission"])
    values = sent["view"]["state"]["values"]
    option = values["reason"]["reason"]["selected_option"]
    return {"reason": option["value"], "note": values["note"]["note"]["value"]}


def closed(browser: webdriver.Chrome) -> bool:
    return not browser.find_element(By.ID, "form").get_property("open")


@needs_browser
def test_a_form_is_filled_in_by_hand(box: Sandbox, listener: Listener, browser: webdriver.Chrome) -> None:
    card(box, listener)
    browser.get(box.url)
    one(browser, "[data-action=decline]").click()
    WebDriverWait(browser, PATIENCE).until(lambda _: len(listener.requests) == 1)
    open_form(box, listener)
    one(browser, "#form [name=send]").click()
    assert one(browser, "#form select:invalid")
    assert len(listener.requests) == 1  # what must be filled in is asked for before anything is sent
    Select(one(browser, "#form select")).select_by_value("x")
    one(browser, "#form [name=note]").send_keys("too long a note")
    listener.body = complaint(box)
    one(browser, "#form [name=send]").click()
    assert one(browser, "#form .wrong").text == "Say more."
    assert one(browser, "#form [name=note]").get_property("value") == "too long "
    assert filled(listener) == {"reason": "x", "note": "too long "}
    listener.status = 503
    one(browser, "#form [name=send]").click()
    WebDriverWait(browser, PATIENCE).until(lambda b: "did not take it" in b.find_element(By.ID, "form").text)
    listener.status, listener.body = 200, b""
    one(browser, "#form [name=send]").click()
    WebDriverWait(browser, PATIENCE).until(closed)
    assert len(listener.requests) == 4
    assert browser.find_elements(By.CSS_SELECTOR, "main img, #form b") == []


@needs_browser
def test_a_form_is_for_whoever_pressed_and_can_be_left(
    box: Sandbox, listener: Listener, browser: webdriver.Chrome
) -> None:
    card(box, listener)
    browser.get(box.url)
    one(browser, "[data-action=decline]").click()
    WebDriverWait(browser, PATIENCE).until(lambda _: len(listener.requests) == 1)
    bala = BALA if box.config.chat == "mattermost" else "U0BALA"
    browser.execute_script("sessionStorage.setItem('person', arguments[0])", bala)
    open_form(box, listener)
    browser.refresh()
    one(browser, "[data-action=decline]")
    assert closed(browser)  # it is open before somebody else
    browser.execute_script("sessionStorage.clear()")
    browser.refresh()
    one(browser, "#form [data-cancel]").click()
    WebDriverWait(browser, PATIENCE).until(closed)
    assert len(listener.requests) == 1  # nobody is told of a form that was left
    assert not box.world.slack.views
    assert not box.world.mattermost.dialogs


@needs_browser
def test_words_for_one_person_are_seen_by_them_alone(browser: webdriver.Chrome, listener: Listener) -> None:
    with Sandbox(Config(desk=listener.url, chat="mattermost", limits=False)) as box:
        direct = call(box, "POST", "channels/direct", [BOT_USER, BALA])[1]["id"]
        made(box, channel_id=direct, message="only for Bala")
        post = made(box, message="for all")
        reply = made(box, message="below it", root_id=post["id"])
        listener.body = json.dumps({"ephemeral_text": "only for Aisyah"}).encode()
        card(box, listener)
        browser.get(box.url)
        one(browser, "[data-action=decline]").click()
        WebDriverWait(browser, PATIENCE).until(lambda b: "only for Aisyah" in b.page_source)
        assert "only for Bala" not in browser.page_source
        assert "Commented on the message: for all" in one(browser, f"[data-post='{reply['id']}']").text
        Select(one(browser, "#channel .head select")).select_by_value(BALA)
        WebDriverWait(browser, PATIENCE).until(lambda b: "only for Bala" in b.page_source)
        assert "only for Aisyah" not in browser.page_source
        assert browser.find_elements(By.CSS_SELECTOR, "main img, #channel a") == []
        Select(one(browser, "#channel .head select")).select_by_value(AISYAH)
