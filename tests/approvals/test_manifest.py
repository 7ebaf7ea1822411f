"""`desk manifest slack`: what Slack's schema takes, the fewest scopes, and every scope that a call of ours needs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli import main
from app.cli.manifest import SCOPES
from tests.house import ROOT

SPECS = ROOT.parent / "shared" / "specs" / "slack" / "docs-slack-dev-methods"
LIMITS = {"name": 35, "description": 140, "long_description": 4000}  # facts S42
NEEDLESS = {"auth.test", "views.open", "apps.connections.open"}  # methods that no scope is needed for


def manifest(*options: str, **environment: str) -> Any:
    result = CliRunner().invoke(main, ["manifest", "slack", *options], env=environment)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is set up there is no `.env`."""
    monkeypatch.chdir(tmp_path)


def test_presses_go_to_our_address() -> None:
    made = manifest(PUBLIC_URL="https://desk.example.com/")
    assert made["settings"]["interactivity"] == {
        "is_enabled": True,
        "request_url": "https://desk.example.com/webhooks/slack",
    }
    assert made["settings"]["socket_mode_enabled"] is False


def test_socket_mode_needs_no_address() -> None:
    made = manifest("--socket")
    assert made["settings"]["interactivity"] == {"is_enabled": True}
    assert made["settings"]["socket_mode_enabled"] is True


@pytest.mark.parametrize(("given", "words"), [(None, "is missing"), ("desk.example.com", "must be an http(s) URL")])
def test_an_address_that_is_none_is_named(given: str | None, words: str) -> None:
    result = CliRunner().invoke(main, ["manifest", "slack"], env={"PUBLIC_URL": given})
    assert result.exit_code == 1
    assert re.search(rf"PUBLIC_URL {re.escape(words)}", result.stderr)
    assert result.stdout == ""


def test_no_field_is_too_long_and_none_is_unknown() -> None:
    made = manifest("--socket")
    for name, limit in LIMITS.items():
        assert 0 < len(made["display_information"][name]) <= limit
    assert re.fullmatch(r"#[0-9a-f]{6}", made["display_information"]["background_color"])
    assert len(made["features"]["bot_user"]["display_name"]) <= 80
    assert made["_metadata"]["major_version"] in (1, 2)
    assert set(made) == {"_metadata", "display_information", "features", "oauth_config", "settings"}
    assert set(made["features"]) == {"bot_user"}
    assert set(made["oauth_config"]) == {"scopes"}
    assert set(made["oauth_config"]["scopes"]) == {"bot"}  # no user's rights
    assert "event_subscriptions" not in made["settings"]


def called() -> set[str]:
    """The methods that our client calls, by the names that slack_sdk gives them."""
    source = (ROOT / "app/clients/slack.py").read_text()
    found = set(re.findall(r"\bweb\.([a-z]+(?:_[a-zA-Z]+)+)\(", source))
    return {name.replace("_", ".") for name in found}


def test_every_call_has_its_scope_and_every_scope_its_call() -> None:
    if not SPECS.is_dir():
        pytest.skip("Slack's description of its methods is not on this machine")
    needed = {}
    for method in called():
        scopes = json.loads((SPECS / f"{method}.json").read_text())["scope"].get("bot", [])
        ours = {scope for scope in scopes if scope in SCOPES}
        assert ours or method in NEEDLESS, method
        needed[method] = ours
    assert "chat.postMessage" in needed
    used = set().union(*needed.values())
    # a person's e-mail address is a field of users.info, which Slack leaves out without this scope
    assert set(SCOPES) - used == {"users:read.email"}
