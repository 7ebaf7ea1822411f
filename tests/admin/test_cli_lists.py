"""`desk events|cases|dead list`: narrowed as the pages are; unusable bodies stay masked until somebody says why."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from app import letters
from app.admin import queries
from tests.admin.pageskit import XSS, Web, case, event, person, trail, unchanged
from tests.cli_kit import Cli
from tests.house import ROOT


def ids(desk: Cli, *words: object) -> list[int]:
    return [row["id"] for row in desk.json(*words)]


def on_the_page(web: Web, path: str, *words: str) -> list[int]:
    """The same question to the page: `--since X` is `since=X`."""
    asked = {word[2:]: value for word, value in zip(words[::2], words[1::2], strict=True)}
    page = person(web, "viewer").get(f"/admin/{path}?{urlencode(asked)}")
    assert page.status == 200
    found = [re.search(rf"/admin/(?:{path}|dead)/(\d+)$", link) for link in page.links()]
    return [int(one[1]) for one in found if one]


def test_events_are_narrowed_as_on_the_page(web: Web, desk: Cli) -> None:
    old = event(web, sender="jira", ticket_id=1, received_at="2026-01-01T00:00:00Z")
    done = event(web, ticket_id=4711, fact="100%_sure", received_at="2026-01-03T00:00:00Z")
    dead = event(web, "dead", ticket_id=2, reason="closed", received_at="2026-01-04T00:00:00Z")
    for words, found in {
        (): [dead, done, old],
        ("--state", "dead"): [dead],
        ("--cause", "closed"): [dead],
        ("--cause", "none"): [],
        ("--ticket", "4711"): [done],
        ("--sender", "jira"): [old],
        ("--since", "2026-01-02"): [dead, done],
        ("--until", "2026-01-02T00:00"): [old],
        ("--since", "2026-01-01T08:00", "--until", "2026-01-01T08:01"): [old],  # the desk's own time zone
        ("--since", "2026-01-01T00:00Z", "--until", "2026-01-01T00:01Z"): [old],
        ("--text", "100%_s"): [done],
        ("--text", "100_s"): [],
        ("--text", "'; DROP TABLE events; --"): [],
        ("--before", str(dead)): [done, old],
        ("--state", "dead", "--sender", "jira"): [],
    }.items():
        assert ids(desk, "events", "list", *words) == found, words
        assert on_the_page(web, "events", *words) == found, words
    assert ids(desk, "events", "list", "--failed", "--ticket", 2) == [dead]


def test_cases_are_narrowed_as_on_the_page(web: Web, desk: Cli) -> None:
    now = datetime.now(UTC)
    case(web, 1, "awaiting", due_at=now + timedelta(days=1))
    case(web, 2, "banning", due_at=now - timedelta(days=1), jira_key="SUP-9")
    case(web, 3, "done", closed_at=now)
    case(web, 4, "open", procedure="regulatory_threat")
    case(web, 0, "done", closed_at=now, procedure="digest")
    for words, found in {
        (): [4, 3, 2, 1],
        ("--state", "unfinished"): [4, 2, 1],
        ("--state", "overdue"): [2],
        ("--state", "done"): [3],
        ("--procedure", "regulatory_threat"): [4],
        ("--procedure", "data_deletion", "--state", "unfinished"): [2, 1],
        ("--ticket", "1"): [1],
        ("--text", "sup-9"): [2],
        ("--since", "2030-01-01"): [],
    }.items():
        assert [row["ticket_id"] for row in desk.json("cases", "list", *words)] == found, words
        assert on_the_page(web, "cases", *words) == found, words
    assert [row["ticket_id"] for row in desk.json("cases", "list", "--overdue")] == [2]
    assert [row["ticket_id"] for row in desk.json("cases", "list", "--open")] == [4, 2, 1]


@pytest.mark.parametrize(
    "words",
    [
        ("--since", "yesterday"),
        ("--until", "2026-13-01"),
        ("--since", "9999-12-31T23:59-23:59"),
        ("--sender", "telegram"),
    ],
)
def test_a_filter_that_says_nothing_sensible(web: Web, desk: Cli, words: tuple[str, str]) -> None:
    said = desk("events", "list", *words, code=2).stderr
    assert words[0] in said
    assert person(web, "viewer").get(f"/admin/events?{words[0][2:]}={words[1]}").status == 400


def test_people_are_told_that_there_is_more(web: Web, desk: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [event(web) for _ in range(5)]
    first = desk("events", "list", "--limit", 2)
    assert first.stderr == f"there may be more: --before {numbers[3]}\n"
    assert desk("events", "list", "--limit", 2, "--json").stderr == ""
    assert ids(desk, "events", "list", "--limit", 2, "--before", numbers[3]) == [numbers[2], numbers[1]]
    assert desk("events", "list", "--limit", 2, "--before", numbers[1]).stderr == ""
    monkeypatch.setattr(queries, "FAR", 3)
    assert "looked back to 20" in desk("events", "list", "--sender", "jira").stderr


def letter(web: Web, body: bytes = b'{"name": "Siti"', **given: object) -> int:
    fact = f"zd:dead:{web.write('SELECT count(*) FROM events')}"
    return event(web, "dead", **{"kind": "dead", "fact": fact, "reason": "json", "ticket_id": None,
                                 "body": web.desk.vault.seal(body, fact), **given})  # fmt: skip


def test_unusable_bodies_are_listed_masked(web: Web, desk: Cli) -> None:
    event(web, "dead", reason="json")
    first, other = letter(web), letter(web, sender="slack", reason="depth")
    with unchanged(web):
        assert ids(desk, "dead", "list") == [other, first]
        assert ids(desk, "dead", "list", "--cause", "depth") == [other]
        assert ids(desk, "dead", "list", "--sender", "zendesk") == [first]
        assert ids(desk, "dead", "list", "--before", other) == [first]
        assert ids(desk, "dead", "list", "--until", "2026-01-01") == []
        assert desk.json("dead", "show", first)["body"] is None
        assert re.search(rf"{first} .* json +\d+", desk("dead", "show", first).stdout)
        desk("dead", "show", 1, code=3)  # an event, and no letter
        desk("dead", "show", 1, "--reason", "x", code=3)
    assert "Siti" not in desk("events", "show", first).output


def test_a_body_is_shown_to_whoever_says_why(
    web: Web, desk: Cli, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on the page: one row of the audit trail each, nothing hidden in what is shown, many are said to be many."""
    monkeypatch.setattr("tests.cli_kit.SECRETS", ())
    monkeypatch.setattr(letters, "UNMASKINGS", 1)
    number = letter(web, b"Siti\x1b[2J\n" + XSS.encode())
    shown = desk("dead", "show", number, "--reason", " the trigger sends no JSON ")
    assert f"Siti\\x1b[2J\n{XSS}" in shown.stdout
    assert shown.stderr == ""
    again = desk("dead", "show", number, "--reason", "once more", "--json")
    assert json.loads(again.stdout)["body"] == f"Siti\\x1b[2J\n{XSS}"
    assert again.stderr == "desk: 2 bodies were opened within the hour\n"
    assert [(row["role"], row["action"], row["target"], row["reason"]) for row in trail(web)] == [
        ("shell", "letter.unmasked", f"event:{number}", "the trigger sends no JSON"),
        ("shell", "letter.unmasked", f"event:{number}", "once more"),
    ]


def test_a_body_that_cannot_be_shown(web: Web, desk: Cli) -> None:
    cleared = letter(web, body=b"x")
    web.write("UPDATE events SET body = NULL")
    assert "was cleared" in desk("dead", "show", cleared, "--reason", "x", code=3).stderr
    sealed = letter(web)
    web.environment["DATA_KEY"] = "another key, of another desk"
    assert "another DATA_KEY" in desk("dead", "show", sealed, "--reason", "x", code=1).stderr
    assert trail(web) == []


def test_the_command_line_loads_none_of_the_pages() -> None:
    code = "import sys, app.cli; print({'flask', 'werkzeug', 'jinja2', 'authlib'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"
