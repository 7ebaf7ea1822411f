"""Erasing from the command line, and when the worker dies in the middle of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.admin.erasekit import WHY, erased, quiet_case, trail_of
from tests.admin.pageskit import Web, unchanged
from tests.cli_kit import Cli
from tests.crash.crashkit import Crashing
from tests.house import ROOT
from tests.kit import press_body
from tests.procedure.forgetting_kit import WORDS, kept


@pytest.fixture
def desk(web: Web, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`desk` beside a web process without a worker; a quiet ticket 7 is there."""
    monkeypatch.chdir(Path(__file__).parent)  # no .env of a developer here
    quiet_case(web)
    return Cli(web)


def test_wrong_usage_does_nothing(web: Web, desk: Cli) -> None:
    with unchanged(web):
        desk("cases", "erase", 7, code=2)
        desk("cases", "erase", 7, "--confirm", 7, code=2)
        desk("cases", "erase", code=2)
        assert "give --confirm" in desk("cases", "erase", 7, "--reason", WHY, code=2).output
        for typed in ("", "8", "07", "yes"):
            said = desk("cases", "erase", 7, "--reason", WHY, "--confirm", typed, code=2).output
            assert "nothing was done" in said
        assert "say why" in desk("cases", "erase", 7, "--reason", " ", "--confirm", 7, code=2).output
        for missing in ("8", "-1", "0", "x", "9" * 30):
            desk("cases", "erase", missing, "--reason", WHY, "--confirm", missing, code=3)


def test_done_and_done_again_is_one(web: Web, desk: Cli) -> None:
    said = desk("cases", "erase", 7, "--reason", WHY, "--confirm", 7).output
    assert "erased: details 1, words 1, dead_letters 0" in said
    assert kept(web, 7) == []
    once = desk.json("cases", "erase", 7, "--reason", "again", "--confirm", 7)
    assert (once["id"], once["cleared"]) == (erased(web, 7)[0]["id"], {"details": 1, "words": 1, "dead_letters": 0})
    assert [action for _, action in trail_of(web, 7)] == ["case.erase_asked", "case.erased"]
    assert "erased" in desk("cases", "show", 7).output


@pytest.mark.long
def test_somebody_at_a_terminal_is_asked(web: Web) -> None:
    quiet_case(web)
    code, _, said = at_terminal(web, "8\n")
    assert (code, "nothing was done" in said, len(kept(web, 7))) == (2, True, 2)
    code, out, said = at_terminal(web, "7\n")
    assert (code, json.loads(out)["cleared"]["words"], kept(web, 7)) == (0, 1, [])
    assert "This cannot be taken back." in said, "beside the JSON, not in it"


def at_terminal(web: Web, typed: str) -> tuple[int, str, str]:
    """`desk cases erase` in a process of its own, with somebody who types: exit code, stdout, stderr."""
    mine, its = os.openpty()
    try:
        os.write(mine, typed.encode())
        words = [sys.executable, "-m", "app.cli", "cases", "erase", "7", "--reason", WHY, "--json"]
        environment = {**os.environ, **web.environment}
        done = subprocess.run(words, cwd=ROOT, env=environment, stdin=its, capture_output=True, timeout=60, check=False)
    finally:
        os.close(mine)
        os.close(its)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.mark.long
@pytest.mark.timeout(180)
def test_killed_in_the_middle_it_is_done_once(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """kill -9 before it is written, and after, before the walk has ended."""
    monkeypatch.chdir(Path(__file__).parent)
    with Crashing(database, tmp_path) as house:
        cli, ticket = Cli(house), house.to_awaiting()
        assert cli.json("cases", "erase", ticket, "--reason", WHY, "--confirm", ticket)["done_at"] is None
        press_body(house, ticket, "decline", form=WORDS)
        house.wait_state(ticket, "declined")
        looks = "SELECT 1 FROM timers WHERE starts_with(what, 'threats:') AND fired_at IS NULL"
        house.wait(lambda: not house.rows(looks), what="the later looks at the ticket are over")
        house.settle()
        assert kept(house, ticket) == ["details", "words"]
        house.arm("timer.before_fire", "walk.after_begin", "walk.before_finish")  # a new life looks for what is due
        house.wait(lambda: len(house.fired()) == 3, 60, "all three have killed it")
        house.settle(60)
        [row] = erased(house, ticket)
        assert (kept(house, ticket), row["cleared"]) == ([], {"details": 1, "words": 1, "dead_letters": 0})
        assert [action for _, action in trail_of(house, ticket)] == ["case.erase_asked", "case.erased"]
        assert len(house.rows("SELECT 1 FROM journal WHERE what = 'erased'")) == 1
        walks = house.rows("SELECT walk, state FROM events WHERE detail->>'what' = %s", f"erase:{row['id']}")
        assert walks == [{"walk": 3, "state": "done"}]
        assert house.exit_codes("worker").count(137) == 3
