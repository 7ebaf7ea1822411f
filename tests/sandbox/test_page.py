"""The page, in a real browser, on the real sandbox: what a newcomer does with the mouse arrives, and is seen."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from sandbox.server import Config, Sandbox
from tests.browser import PATIENCE, chrome, needs_browser, one


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Real stand-ins whose webhooks go nowhere: nobody listens at the desk's address."""
    sb = Sandbox(Config(desk="http://127.0.0.1:9", trigger_webhooks=False), tls=False)
    sb.start()
    yield sb
    sb.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[webdriver.Chrome]:
    with chrome() as driver:
        yield driver


def state(sandbox: Sandbox) -> dict[str, Any]:
    with urllib.request.urlopen(f"{sandbox.url}/sandbox/state", timeout=5) as answer:
        given: dict[str, Any] = json.load(answer)
    return given


def post(sandbox: Sandbox, path: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(
        sandbox.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        given: dict[str, Any] = json.load(answer)
    return given


def test_page_allows_nothing_but_itself(sandbox: Sandbox) -> None:
    with urllib.request.urlopen(sandbox.url + "/", timeout=5) as answer:
        html = answer.read().decode()
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert "//" not in html.replace("<!doctype html>", "")  # no address of another host
    assert " style=" not in html
    assert "onclick" not in html


@needs_browser
def test_tag_by_click(sandbox: Sandbox, browser: webdriver.Chrome) -> None:
    ticket = state(sandbox)["tickets"][0]
    assert ticket["tags"] == []
    browser.get(sandbox.url)
    one(browser, ".step.now .number")
    one(browser, "[data-add=data_deletion_request]").click()
    one(browser, ".chip[data-tag=data_deletion_request]")
    assert state(sandbox)["tickets"][0]["tags"] == ["data_deletion_request"]
    shown = [row.text for row in browser.find_elements(By.CSS_SELECTOR, ".strip .rows li") if "tags added" in row.text]
    assert len(shown) == 1, "the timeline says once that a person tagged"
    assert sandbox.world.applied == []  # nothing was sent anywhere
    assert sandbox.world.arrivals == []
    assert state(sandbox)["webhooks"] == []
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@needs_browser
def test_what_a_customer_writes_stays_text_and_arrives_live(sandbox: Sandbox, browser: webdriver.Chrome) -> None:
    evil = "<img src=x onerror=\"document.title='owned'\"> <b>bold</b>"
    browser.get(sandbox.url)
    tabs = len(state(sandbox)["tickets"])
    WebDriverWait(browser, PATIENCE).until(
        lambda b: len(b.find_elements(By.CSS_SELECTOR, ".tab[data-key^=tab-]")) == tabs
    )
    made = post(
        sandbox,
        "/sandbox/tickets",
        {
            "subject": evil,
            "name": evil,
            "email": "evil@example.com",
            "phone": "",
            "fields": {},
            "tags": [],
            "comment": evil,
        },
    )
    one(browser, f"[data-key=tab-{made['id']}]").click()
    assert one(browser, ".sheet h3").text == evil
    assert evil in one(browser, ".requester").text
    assert "bold" in one(browser, ".comment .body").text
    assert browser.find_elements(By.CSS_SELECTOR, "main img, main b") == []
    assert browser.title == "Deletion Desk sandbox"


@needs_browser
def test_half_typed_words_survive_a_change(sandbox: Sandbox, browser: webdriver.Chrome) -> None:
    browser.get(sandbox.url)
    ticket = state(sandbox)["tickets"][0]["id"]
    box = one(browser, ".composer textarea")
    box.send_keys("half a sen")
    post(sandbox, f"/sandbox/tickets/{ticket}/tags", {"add": ["regulatory_threat"], "remove": []})
    one(browser, ".chip[data-tag=regulatory_threat]")
    box.send_keys("tence")  # the very same element, still in the page
    assert box.get_property("value") == "half a sentence"
    assert browser.switch_to.active_element == box


@needs_browser
def test_refusal_is_shown_in_words(sandbox: Sandbox, browser: webdriver.Chrome) -> None:
    button = {"type": "button", "action_id": "approve", "value": "x", "text": {"type": "plain_text", "text": "Approve"}}
    request = urllib.request.Request(
        f"{sandbox.url}/api/chat.postMessage",
        json.dumps(
            {
                "channel": sandbox.config.slack_channel,
                "text": "card",
                "blocks": [{"type": "actions", "elements": [button]}],
            }
        ).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {sandbox.config.slack_bot_token}"},
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert json.load(answer)["ok"] is True
    browser.get(sandbox.url)
    one(browser, "[data-action=approve]").click()
    assert "The desk could not be reached" in one(browser, ".toast.bad").text
    assert one(browser, "[data-action=approve]").is_enabled()


@needs_browser
def test_marked_up_text_becomes_nodes_never_html(sandbox: Sandbox, browser: webdriver.Chrome) -> None:
    browser.get(sandbox.url)
    draw = """
        const [kind, text, done] = arguments;
        const people = kind === "markdown" ? new Set(["bala"]) : {U0BALA: "Bala"};
        import(kind === "markdown" ? "/page/markdown.js" : "/page/text.js").then((m) => {
          const place = document.createElement("div");
          place.append(...m[kind](text, people).flat(Infinity));
          for (const a of place.querySelectorAll("a")) for (const n of ["target", "rel", "title"]) a.removeAttribute(n);
          done(place.innerHTML);
        });
    """
    cases = {
        ("mrkdwn", "*Name:* Tan &amp; &lt;b&gt;"): "<strong>Name:</strong> Tan &amp; &lt;b&gt;",
        (
            "mrkdwn",
            "<https://a.example/x?a=1&amp;b=2|ticket 7>",
        ): '<a href="https://a.example/x?a=1&amp;b=2">ticket 7</a>',
        ("mrkdwn", "<javascript:alert(1)|bank>"): "&lt;javascript:alert(1)|bank&gt;",
        ("mrkdwn", "<@U0BALA> <!channel>"): '<span class="mention">@Bala</span> <span class="mention">@channel</span>',
        ("mrkdwn", "<!date^1795323600^{date_num} {time}|2026-11-22 13:00>"): (
            '<time datetime="2026-11-22T05:00:00.000Z" title="2026-11-22 13:00">2026-11-22 05:00</time>'
        ),
        ("mrkdwn", "<!date^soon^{date_num}|<b>later>"): "&lt;!date^soon^{date_num}|&lt;b&gt;later&gt;",
        ("markdown", "**Name:** Tan _Wei_ `<b>`"): (
            '<p class="md-line"><strong>Name:</strong> Tan <em>Wei</em> <code>&lt;b&gt;</code></p>'
        ),
        ("markdown", "[ticket \\#7](https://a.example/7) @bala @nobody a@bala"): (
            '<p class="md-line"><a href="https://a.example/7">ticket #7</a> <span class="mention">@bala</span> '
            "@nobody a@bala</p>"
        ),
        ("markdown", "[x](javascript:alert(1)) ![p](http://tracker/p.png)"): (
            '<p class="md-line">[x](javascript:alert(1)) <span class="edited">[image: p]</span></p>'
        ),
        ("markdown", "\\*no\\* 2*3*4 snake_case_name &lt;b&gt;"): (
            '<p class="md-line">*no* 2*3*4 snake_case_name &lt;b&gt;</p>'
        ),
        ("markdown", "- one\n> two\n### three\n```\n**four**\n```"): (
            '<p class="md-item">• one</p><blockquote>two</blockquote><p class="md-h md-h3">three</p><pre>**four**</pre>'
        ),
        ("mrkdwn", "2*3*4 and snake_case_name"): "2*3*4 and snake_case_name",
        ("mrkdwn", "<img src=x onerror=alert(1)>"): "&lt;img src=x onerror=alert(1)&gt;",
        ("wiki", "h3. Ban\n[ticket|https://a.example/7]"): (
            '<strong class="wiki-heading">Ban</strong>\n<a href="https://a.example/7">ticket</a>'
        ),
        ("wiki", "[x|javascript:alert(1)] <b>"): "[x|javascript:alert(1)] &lt;b&gt;",
        ("words", "see https://a.example/7."): 'see <a href="https://a.example/7">https://a.example/7</a>.',
    }
    assert {case: browser.execute_async_script(draw, *case) for case in cases} == cases
