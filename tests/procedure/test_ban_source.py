"""The question to the ban's source: whom it is about, what counts as an answer, how it is set up and checked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import responses

from app.bans import customer, schedule, wishes
from app.check import Finding, run
from app.clients.bans import BanClient
from app.errors import AuthError, ConfigError, PermanentError, UnknownOutcomeError
from app.settings import Settings, load
from sandbox.server import Config, Sandbox

EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"
EACH = "https://bans.example.com/v1/{customer}/offers?channel={channel}"
ALL = "https://bans.example.com/v1/{customer}"
TEMPLATE = "https://backoffice.example.com/customers/{customer}"


def settings_with(**given: str) -> Settings:
    return load(_env_file=EXAMPLE, **given)


def client(url: str, **given: str) -> BanClient:
    return BanClient(settings_with(ban_check_url=url, ban_check_token="hush", **given))


@responses.activate
def test_each_channel_alone_with_the_token_and_the_customer_encoded() -> None:
    found = client(EACH)
    base = "https://bans.example.com/v1/a%2Fb%3F%20%C3%A9/offers"
    for channel, banned in (("calls", True), ("sms", False)):
        responses.get(f"{base}?channel={channel}", json={"banned": banned})
    assert found.banned("a/b? é", ("calls", "sms")) == {"calls": True, "sms": False}
    assert [call.request.url for call in responses.calls] == [f"{base}?channel=calls", f"{base}?channel=sms"]
    assert {call.request.headers["Authorization"] for call in responses.calls} == {"Bearer hush"}
    assert found.library_retries == 0


@responses.activate
def test_one_answer_for_all_channels() -> None:
    responses.get("https://bans.example.com/v1/7", json={"channels": {"calls": True, "sms": {"allowed": True}}})
    assert client(ALL).banned("7", ("calls", "sms")) == {"calls": True, "sms": False}
    assert len(responses.calls) == 1


@pytest.mark.parametrize(
    ("answer", "banned"),
    [
        ('{"banned": true}', True),
        ('{"banned": false}', False),
        ('{"allowed": false}', True),
        ('{"allowed": true}', False),
        ('{"banned": true, "allowed": false}', True),
        ('{"channels": {"calls": false}}', False),
        ('{"channels": {"calls": {"banned": true}}, "more": [1]}', True),
    ],
)
@responses.activate
def test_what_counts_as_an_answer(answer: str, banned: bool) -> None:
    responses.get("https://bans.example.com/v1/7", body=answer)
    assert client(ALL).banned("7", ("calls",)) == {"calls": banned}


@pytest.mark.parametrize(
    "answer",
    ["", "{}", "[]", "true", "banned", '{"banned": "true"}', '{"banned": 1}', '{"banned": null}', '{"channels": []}',
     '{"channels": {"sms": true}}', '{"banned": true, "allowed": true}', '{"banned": true, "allowed": "no"}',
     '{"banned": true, "banned": false}', '{"banned": true', "<html>banned</html>", '{"channels": {"calls": "yes"}}'],
)  # fmt: skip
@responses.activate
def test_whatever_else_confirms_nothing(answer: str) -> None:
    responses.get("https://bans.example.com/v1/7", body=answer)
    with pytest.raises(UnknownOutcomeError) as caught:
        client(ALL).banned("7", ("calls",))
    assert caught.value.reason == "unreadable"
    assert caught.value.vendor == "bans"


@responses.activate
def test_statuses() -> None:
    found = client(ALL)
    responses.get("https://bans.example.com/v1/nobody", status=404, body="<html>")
    assert found.banned("nobody", ("calls",)) is None
    for status, error in ((401, AuthError), (403, PermanentError), (500, UnknownOutcomeError)):
        responses.get(f"https://bans.example.com/v1/{status}", status=status)
        with pytest.raises(error):
            found.banned(str(status), ("calls",))
    responses.get("https://bans.example.com/v1/302", status=302, headers={"Location": "https://evil.example/"})
    with pytest.raises(PermanentError) as caught:
        found.banned("302", ("calls",))
    assert caught.value.reason == "redirect"
    assert not [call for call in responses.calls if "evil" in str(call.request.url)]


@pytest.mark.parametrize(
    ("link", "template", "external", "wanted"),
    [
        ("https://backoffice.example.com/customers/42", TEMPLATE, "", "42"),
        ("https://backoffice.example.com/customers/a%20b/", TEMPLATE, "x", "a b"),
        ("https://backoffice.example.com/customers/42/loans?tab=1", TEMPLATE, "x", "42"),
        ("https://backoffice.example.com/other/42", TEMPLATE, "ext-9", "ext-9"),
        ("https://backoffice.example.com/other/42", TEMPLATE, "", "42"),
        ("https://bo.example.com/c?id=42&x=1", "https://bo.example.com/c?id={customer}", "", "42"),
        ("https://bo.example.com/a/b/77/", "", "", "77"),
        ("https://backoffice.example.com/customers/%2e%2e", TEMPLATE, "", ""),
        ("https://backoffice.example.com/customers/a%0Ab", TEMPLATE, "", ""),
        ("https://backoffice.example.com/", TEMPLATE, "", ""),
        ("https://[::1", "", "", ""),
    ],
)
def test_whom_it_is_about(link: str, template: str, external: str, wanted: str) -> None:
    assert customer.of_link(link, template, lambda: external) == wanted


def test_zendesk_is_not_asked_when_the_link_says_it() -> None:
    def ask() -> str:
        raise AssertionError("not needed")

    assert customer.of_link("https://backoffice.example.com/customers/42", TEMPLATE, ask) == "42"


def test_wishes_of_a_preference() -> None:
    four = ("calls", "sms", "email", "push")
    assert wishes.names(("delete_all",)) == ("deletion", "offers", *four)
    assert wishes.names(("stop_all",)) == ("offers", *four)
    assert wishes.names(("stop_push", "stop_calls")) == ("calls", "push")
    assert not wishes.complete(())


def test_looks_grow_to_a_day_and_last_about_a_week() -> None:
    hours = [pause.total_seconds() / 3600 for pause in schedule.LOOKS]
    assert hours == sorted(hours)
    assert 7 * 24 <= sum(hours) < 8 * 24
    assert [schedule.look_of(due) for due in ("recheck:look-3", "recheck:7", "", "reminder:50")] == [3, 0, 0, 0]


@pytest.mark.parametrize(
    "url",
    ["https://bans.example.com/", "https://bans.example.com/{channel}", "https://{customer}.example.com/x",
     "https://bans.example.com/{customer}/{phone}", "https://bans.example.com/{customer", "ftp://x/{customer}",
     "http://bans.example.com/{customer}", "https://user:secret@bans.example.com/{customer}", "{customer}"],
)  # fmt: skip
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_with(ban_check_url=url)
    assert "BAN_CHECK_URL" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "bans.example" not in str(caught.value)


def test_addresses_that_are_taken() -> None:
    for url in ("", EACH, ALL, "http://127.0.0.1:9000/bans?c={customer}"):
        assert settings_with(ban_check_url=url).ban_check_url == url


def findings(box: Sandbox, database: str, **given: Any) -> dict[str, Finding]:
    url = box.url
    base = {"zendesk_url": url, "jira_url": url, "slack_url": f"{url}/api", "database_url": database}
    source = {"ban_check_url": f"{url}/backoffice/bans/{{customer}}", "ban_check_token": "stand-in-bans"}
    given = {**base, **source, "completion_macro": "Opt-Out Confirmation", **given}
    return {found.name: found for found in run(settings_with(**given))}


def test_desk_check_looks_at_the_source_and_at_the_second_macro(database: str) -> None:
    with Sandbox(Config(limits=False, trigger_webhooks=False, drop_webhooks=1.0)) as box:
        macro = "macro Opt-Out Confirmation"
        found = findings(box, database)
        assert found["ban's source"] == Finding("ban's source")
        assert found[macro] == Finding(macro)
        assert [a["path"] for a in box.world.arrived("backoffice")] == ["/backoffice/bans/desk-check"]
        found = findings(box, database, ban_check_token="not-this-one")
        assert found["ban's source"].level == "FAIL"
        assert "credentials" in found["ban's source"].text
        found = findings(box, database, ban_check_url="")
        assert "ban's source" not in found
        with box.world.lock:
            [there] = [m for m in box.world.zendesk.macros.values() if m["title"] == "Opt-Out Confirmation"]
            there["actions"][0]["value"] = "Dear customer, thank you."
        found = findings(box, database)
        assert found[macro].level == "FAIL"
        assert "does not say that the opt-out is processed" in found[macro].text
        assert findings(box, database, completion_macro="Ours")["macro Ours"].level == "FAIL"
        assert "macro Ours" not in findings(box, database, completion_macro="")
