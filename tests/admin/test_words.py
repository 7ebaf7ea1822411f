"""The admins' words: every slug that the code can write has some, and one that it cannot is shown as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app import browse, duties, letters, pause
from app.admin import words
from app.admin.counts import WAITING
from app.cases import CLOSED_STATES, OPEN_STATES
from app.errors import ConfigError
from app.inbox import KINDS
from app.notes import WHAT

APP = Path(words.__file__).resolve().parent.parent
SAY = words.load()


def code(*folders: str) -> str:
    return "\n".join(path.read_text("utf-8") for folder in folders for path in sorted((APP / folder).rglob("*.py")))


@pytest.mark.parametrize(
    ("family", "slugs"),
    [
        ("event", browse.EVENT_STATES),
        ("case", (*OPEN_STATES, *CLOSED_STATES)),
        ("waits", WAITING),
        ("kind", (*KINDS, "dead", "ignored")),
        ("vendor", pause.NAMES),
        ("verb", WHAT),
        ("timer", duties.DUTIES),
        ("run", tuple(f"event_{state}" for state in ("waiting", "done", "ignored", "void", "dead"))),
    ],
)
def test_every_known_slug_has_words(family: str, slugs: tuple[str, ...]) -> None:
    assert [slug for slug in slugs if not SAY.knows(family, slug)] == []


def test_every_action_of_the_trail_has_words() -> None:
    text = code("")
    actions = {letters.ACTION, *(f"{name}.exported" for name in ("events", "cases"))}
    actions |= set(re.findall(r'audit\.write\([^"]{0,80}"([a-z_.]+)"', text))
    actions |= set(re.findall(r'"(account\.[a-z_]+)"', text))
    assert len(actions) > 12
    assert sorted(name for name in actions if not SAY.knows("action", name)) == []


def test_every_reason_of_a_refused_body_has_words() -> None:
    text = code("parse") + (APP / "strictjson.py").read_text("utf-8") + (APP / "verify.py").read_text("utf-8")
    reasons = set(re.findall(r'(?:_refuse|ignored|dead)\((?:[^"()]*,)?\s*"([a-z_]+)"\)', text)) - {
        "zd",
        "jira",
        "slack",
    }
    assert len(reasons) > 10
    assert sorted(reason for reason in reasons if SAY.cause(reason) == reason) == []


def test_a_cause_is_told_in_plain_words_whatever_is_before_it() -> None:
    assert SAY.cause("timeout") == "the other system did not answer in time."
    assert SAY.cause("gave_up:timeout").endswith(": the other system did not answer in time.")
    assert SAY.cause("look_up:server").startswith("whether it is there could not be looked up: ")
    assert SAY.cause("missing:ticket_id") == "a field is missing: ticket_id"
    assert SAY.cause("case_withdrawn") == "the case had moved on: withdrawn"
    assert SAY.timer("reminder:50") == "remind the supervisors (50)"


@pytest.mark.parametrize("slug", ["", "never_seen", "<script>", "{rest}", "gave_up:", None])
def test_what_nobody_has_words_for_is_itself(slug: str | None) -> None:
    assert SAY.cause(slug) == (slug or "")
    assert SAY.say("state", slug) == (slug or "")


def test_values_of_a_notice_are_put_in_literally() -> None:
    assert SAY.notice("replayed", {"event": "{event} <b>"}).startswith("Event {event} <b> is queued")
    assert SAY.notice("never_seen", {}) == "never_seen"


@pytest.mark.parametrize("text", ["x = 1", "[event]\nx = 1", "[event]\nx = ''", "[event]\nx = 'a {mark}'", "["])
def test_a_table_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "words.toml").write_text(text, "utf-8")
    with pytest.raises(ConfigError):
        words.read(tmp_path / "words.toml")
