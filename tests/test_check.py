"""`desk check`: names what is wrong at the far sides in plain words, sends nothing, and is content without fields."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from flask.helpers import get_debug_flag
from requests.adapters import HTTPAdapter
from slack_sdk.http_retry import default_retry_handlers
from urllib3 import Retry

from app import clients
from app.check import Finding, run
from app.cli import main
from app.macro_texts import load_macros
from app.settings import Settings, load
from sandbox.mattermost.people import GROUP_ID
from sandbox.mattermost.state import FOREIGN_CHANNEL, URGENT_CHANNEL
from sandbox.server import Config, Sandbox
from tests.databases import to_the_disk

EXAMPLE = Path(__file__).resolve().parent.parent / ".env.example"
REQUEST = "macro Data Deletion Request"
SUPERVISORS = "supervisorsxxxxxxxxxxxxxxx"
Look = Callable[..., dict[str, Finding]]


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    """The stand-ins, with their seed."""
    with Sandbox(Config(limits=False, trigger_webhooks=False, drop_webhooks=1.0)) as box:
        yield box


@pytest.fixture(scope="module", autouse=True)
def _as_in_production(database_server: str) -> Iterator[None]:
    """Tests' servers do not wait for the disk, and that is a finding."""
    with psycopg.connect(database_server) as conn:
        before = conn.execute("SHOW fsync").fetchone()
    if before == ("on",):
        yield
        return
    to_the_disk(database_server, "on")
    yield
    to_the_disk(database_server, "off")


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.world.reset()
    return server


@pytest.fixture
def settings_of(sandbox: Sandbox, database: str) -> Callable[..., Settings]:
    """Settings that point at the stand-ins and at a migrated database."""

    def build(**given: Any) -> Settings:
        url = sandbox.url
        base = {"zendesk_url": url, "jira_url": url, "slack_url": f"{url}/api", "database_url": database}
        base |= {"mattermost_url": url, "mattermost_token": "stand-in-mattermost", "mattermost_channel": SUPERVISORS}
        return load(_env_file=EXAMPLE, **{**base, **given})

    return build


@pytest.fixture
def look(sandbox: Sandbox, settings_of: Callable[..., Settings]) -> Look:
    """All findings by name. After every look: nothing has changed anywhere."""

    def build(**given: Any) -> dict[str, Finding]:
        before = len(sandbox.world.effects())
        found = {finding.name: finding for finding in run(settings_of(**given))}
        assert len(sandbox.world.effects()) == before
        return found

    return build


def faults(found: dict[str, Finding]) -> dict[str, str]:
    return {name: finding.text for name, finding in found.items() if finding.level == "FAIL"}


def test_all_is_well(look: Look, sandbox: Sandbox) -> None:
    found = look()
    hints = [finding for finding in found.values() if finding != Finding(finding.name)]
    assert [(hint.name, hint.level) for hint in hints] == [("confirmation", "warn")], "four fields: the rest is derived"
    assert {"database fsync", REQUEST, "slack channel", "jira project", "one retry owner", "clocks"} <= set(found)
    asked = {
        vendor: {call["method"] for call in sandbox.world.arrived(vendor)} for vendor in ("zendesk", "slack", "jira")
    }
    assert asked == {
        "zendesk": {"oauth.token", "users.me", "macros.list", "macros.show", "search.export"}
        | {"users.search", "users.show", "users.identities"},
        "slack": {"auth.test", "conversations.history"},
        "jira": {"myself", "project"},
    }, "reads only"


def test_approvers_must_be_agents(look: Look, sandbox: Sandbox) -> None:
    bala = next(user for user in sandbox.world.zendesk.users.values() if user.email == "bala@example.com")
    bala.role = "end-user"
    found = look(threat_approvers="U0CHEN=chen@example.com", threat_two_persons="true")
    assert (found["APPROVERS"].level, found["APPROVERS"].text) == (
        "warn",
        "no active agent has the address of U0BALA",
    )
    assert faults(found) == {
        "THREAT_APPROVERS": "no active agent has the address of U0CHEN",
        "THREAT_TWO_PERSONS": "fewer than two agents may decide about a threat",
    }


def test_no_fields_is_a_hint_and_no_fault(look: Look) -> None:
    found = look(desk_fields="")
    assert found["ticket fields"].level == "warn"
    assert faults(found) == {}
    assert (
        look(desk_fields="name=1,preference=2")["ticket fields"].text == "DESK_FIELDS does not name contact, backoffice"
    )


def body() -> str:
    return load_macros()["Data Deletion Request"].body["en"]


@pytest.mark.parametrize(
    ("actions", "words"),
    [
        ([{"field": "comment_value", "value": "We have deleted everything."}], "what must be retained"),
        ([{"field": "comment_value", "value": body() + "Click here for a special offer!"}], "words of marketing"),
        ([{"field": "comment_value", "value": body() + "[Insert name]"}], "placeholder"),
        ([{"field": "comment_value", "value": body() + "{{ticket.requester.phone}}"}], "placeholder"),
        ([{"field": "status", "value": "pending"}], "writes no comment"),
        ([{"field": "comment_value_html", "value": f"<p>{body()}</p><img src=x>"}], "words of marketing"),
    ],
)
def test_an_account_macro_that_drifted(look: Look, sandbox: Sandbox, actions: list[dict[str, Any]], words: str) -> None:
    macro(sandbox)["actions"] = actions
    found = faults(look())
    assert list(found) == [REQUEST]
    assert words in found[REQUEST]


def test_rich_text_is_read_as_its_reader_sees_it(look: Look, sandbox: Sandbox) -> None:
    rich = body().replace("some information", "<b>some</b>&nbsp;information").replace("\n", "<br>")
    macro(sandbox)["actions"] = [{"field": "comment_value_html", "value": f"<div>{rich}</div>"}]
    assert faults(look()) == {}


def macro(sandbox: Sandbox) -> dict[str, Any]:
    return next(m for m in sandbox.world.zendesk.macros.values() if m["title"] == "Data Deletion Request")


def test_macros_that_are_missing_or_twice(look: Look, sandbox: Sandbox) -> None:
    macro(sandbox)["title"] = "Something else"
    sandbox.world.zendesk.add_macro("Acknowledgement Consent on Promotional Calls", [])
    assert faults(look()) == {
        REQUEST: "there is no active shared macro of exactly this title",
        "macro Acknowledgement Consent on Promotional Calls": "there are several active macros of this title",
    }


@pytest.mark.parametrize(
    ("given", "name", "words"),
    [
        ({"approvers": ""}, "settings", "APPROVERS is empty: nobody may decide"),
        ({"slack_channel": "C0ELSEWHERE"}, "slack channel", "SLACK_CHANNEL does not exist, or the bot is not in it"),
        ({"jira_project": "NOPE"}, "jira project", "it does not exist, or these credentials may not see it"),
    ],
)
def test_settings_that_fit_nothing(look: Look, given: dict[str, str], name: str, words: str) -> None:
    assert faults(look(**given)) == {name: words}


def test_wrong_credentials_are_said_once_a_vendor(look: Look) -> None:
    found = faults(look(zendesk_client_secret="not-this-one", slack_bot_token="xoxb-no", jira_token="not-this-one"))
    assert {name: text for name, text in found.items() if text != "not looked at"} == dict.fromkeys(
        ("zendesk account", "slack account", "jira account"), "the credentials were refused"
    )
    assert set(found) >= {REQUEST, "slack channel", "jira project"}


AGAIN = Retry(total=3)


def zendesk_again(made: clients.Clients) -> None:
    """As zenpy would mount it."""
    made.zendesk._client.session.mount("https://", HTTPAdapter(max_retries=AGAIN))  # type: ignore[attr-defined]


def jira_again(made: clients.Clients) -> None:
    made.jira._client._session.max_retries = 3  # type: ignore[attr-defined]


def slack_again(made: clients.Clients) -> None:
    """As slack_sdk's own client has it."""
    made.chat._web.retry_handlers.extend(default_retry_handlers())  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("again", "vendor"), [(zendesk_again, "zendesk"), (jira_again, "jira"), (slack_again, "slack")]
)
def test_c019_a_library_that_sends_again(
    settings_of: Callable[..., Settings], again: Callable[[clients.Clients], None], vendor: str
) -> None:
    """C019; the rest of it is in the tests that follow, each fault by its own name."""
    settings = settings_of()
    made = clients.make(settings)
    again(made)
    found = faults({finding.name: finding for finding in run(settings, made)})
    assert found == {"one retry owner": f"the libraries of {vendor} send again by themselves"}


@pytest.mark.parametrize(("off", "wrong"), [(-75, True), (75, True), (-50, False), (50, False)])
def test_a_clock_that_is_off(look: Look, monkeypatch: pytest.MonkeyPatch, off: int, wrong: bool) -> None:
    """By the Date header of every vendor's answer."""
    real = BaseHTTPRequestHandler.date_time_string
    monkeypatch.setattr(BaseHTTPRequestHandler, "date_time_string", lambda self: real(self, time.time() + off))
    found = faults(look())
    assert set(found) == ({"clocks"} if wrong else set())
    if wrong:
        said = re.findall(r"(\w+) is ([-+]\d+) s from ours", found["clocks"])
        assert {name for name, _ in said} == {"zendesk", "slack", "jira"}
        assert all(abs(int(seconds) - off) <= 2 for _, seconds in said)


@pytest.mark.parametrize(("value", "wrong"), [("1", True), ("true", True), ("0", False), ("", False), ("no", False)])
def test_a_debugger(look: Look, monkeypatch: pytest.MonkeyPatch, value: str, wrong: bool) -> None:
    """What Flask takes for one, create_app refuses and this names."""
    monkeypatch.setenv("FLASK_DEBUG", value)
    assert get_debug_flag() == wrong
    assert list(faults(look())) == (["debugger"] if wrong else [])


@pytest.mark.parametrize(("mode", "wrong"), [(0o644, True), (0o602, True), (0o640, False), (0o600, False)])
def test_a_file_of_secrets_that_everybody_can_read(
    settings_of: Callable[..., Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int, wrong: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = settings_of()
    Path(".env").write_text(EXAMPLE.read_text("utf-8"), "utf-8")
    Path(".env").chmod(mode)
    found = {finding.name: finding for finding in run(settings)}
    assert faults(found) == (
        {"secrets in .env": "everybody on this machine may read or change it: chmod 600 .env"} if wrong else {}
    )
    assert "secrets in .env" in found


def test_socket_mode_has_its_own_token(look: Look, sandbox: Sandbox) -> None:
    assert "slack socket mode" not in look()
    assert look(slack_app_token="xapp-stand-in")["slack socket mode"].level == "ok"
    found = look(slack_app_token="xapp-other")["slack socket mode"]
    assert (found.level, found.text.partition(" ")[0]) == ("FAIL", "SLACK_APP_TOKEN")
    assert not sandbox.world.sockets.on, "no connection was opened"


class TestMattermost:
    """The other chat: the same looks, and the way from its server to us."""

    def test_all_is_well(self, look: Look, sandbox: Sandbox) -> None:
        found = look(chat="mattermost", approvers_group=GROUP_ID, threat_channel=URGENT_CHANNEL)
        assert faults(found) == {}
        seen = {"mattermost account", "mattermost channel", "threat channel", "APPROVERS_GROUP"}
        assert seen | {"mattermost peers 127.0.0.1/32"} <= set(found)
        assert found["mattermost calls us"].level == "warn", "127.0.0.1 is no address that Mattermost calls unasked"
        assert "AllowedUntrustedInternalConnections" in found["mattermost calls us"].text
        asked = {call["method"] for call in sandbox.world.arrived("mattermost")}
        assert asked == {"users.me", "channels.get", "channels.member", "groups.members"}, "reads only"

    @pytest.mark.parametrize(
        ("given", "name", "words"),
        [
            (
                {"mattermost_channel": FOREIGN_CHANNEL},
                "mattermost channel",
                "MATTERMOST_CHANNEL does not exist, or the bot is not in it",
            ),
            (
                {"threat_channel": FOREIGN_CHANNEL},
                "threat channel",
                "THREAT_CHANNEL does not exist, or the bot is not in it",
            ),
            (
                {"approvers_group": "a" * 26},
                "APPROVERS_GROUP",
                "it does not exist, or these credentials may not see it",
            ),
        ],
    )
    def test_settings_that_fit_nothing(self, look: Look, given: dict[str, str], name: str, words: str) -> None:
        assert faults(look(chat="mattermost", **given)) == {name: words}

    @pytest.mark.parametrize(("kind", "words"), [("unlicensed", "licence"), ("forbidden", "may not read the group")])
    def test_a_group_that_cannot_be_read(self, look: Look, sandbox: Sandbox, kind: str, words: str) -> None:
        sandbox.world.config.mattermost_groups = kind
        try:
            found = faults(look(chat="mattermost", threat_approvers_group=GROUP_ID))
        finally:
            sandbox.world.config.mattermost_groups = "readable"
        assert list(found) == ["THREAT_APPROVERS_GROUP"]
        assert words in found["THREAT_APPROVERS_GROUP"]

    def test_a_wrong_token_is_said_once(self, look: Look) -> None:
        found = faults(look(chat="mattermost", mattermost_token="not-this-one", approvers_group=GROUP_ID))
        assert found == {
            "mattermost account": "the credentials were refused",
            "mattermost channel": "not looked at",
            "APPROVERS_GROUP": "not looked at",
        }

    def test_who_may_call_us(self, look: Look) -> None:
        assert "anybody" in look(chat="mattermost", mattermost_peers="any")["mattermost peers"].text
        named = look(chat="mattermost", mattermost_peers="10.0.0.0/8,192.0.2.7", public_url="https://1.1.1.1")
        assert named["mattermost peers 10.0.0.0/8, 192.0.2.7/32"].level == "ok"
        assert named["mattermost calls us"].level == "ok"


class TestDatabase:
    """There, answering, ours, and safe."""

    def test_none_is_made(self, look: Look, tmp_path: Path) -> None:
        found = faults(look(database_url="", var_dir=str(tmp_path / "var")))
        assert found == {"database": "there is none here: run `desk migrate`"}
        assert list(tmp_path.iterdir()) == []

    def test_down(self, look: Look) -> None:
        assert faults(look(database_url="postgresql://u@127.0.0.1:9/x")) == {"database": "it does not answer"}

    def test_not_migrated(self, look: Look, database: str) -> None:
        with psycopg.connect(database, autocommit=True) as conn:
            conn.execute("DROP TABLE desk_schema")
        assert faults(look()) == {"database schema": "migrations: not applied"}

    def test_unsafe(self, look: Look, database: str) -> None:
        with psycopg.connect(database, autocommit=True) as conn:
            name = conn.execute("SELECT current_database()").fetchone()
            assert name is not None
            conn.execute(f"ALTER DATABASE {name[0]} SET synchronous_commit = off")
        assert faults(look()) == {"database synchronous_commit": "is off"}

    @pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
    def test_unsafe_as_a_whole(self, look: Look, database_server: str, setting: str) -> None:
        to_the_disk(database_server, "off", setting)
        try:
            assert faults(look()) == {f"database {setting}": "is off"}
        finally:
            to_the_disk(database_server, "on", setting)


def test_the_command(settings_of: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for given, code, line in (
        ({}, 0, "ok    jira project\n"),
        ({"desk_fields": ""}, 0, "warn  ticket fields: DESK_FIELDS is empty"),
        ({"jira_project": "NOPE"}, 1, "FAIL  jira project: it does not exist"),
    ):
        settings = settings_of(**given)
        monkeypatch.setattr("app.cli.service.load", lambda found=settings: found)
        result = CliRunner().invoke(main, ["check"])
        assert result.exit_code == code, result.output
        assert line in result.stdout
