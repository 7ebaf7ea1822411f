"""A desk whose processes die at ordered places, and what must be true of the outside when it is over."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import signal
import sys
import time
import urllib.error
from collections import Counter
from pathlib import Path
from typing import Any

from tests.house import ROOT, House, Processes
from tests.kit import REQUEST

# Take-over within a second or so. `lease` is short, as it must be beside these short quiet periods (app.settings).
QUICK = {"heartbeat": "0.2", "stalled_after": "0.8", "lease": "0.6", "worker_concurrency": "2"}
PATIENT = {"webhook_retry_refused": True, "circuit_breaker": False}


def verbs_in_source() -> set[str]:
    """Every verb that goes through the ledger: the first argument of each `Plan(...)` in app/steps."""
    found = set()
    for path in (ROOT / "app" / "steps").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Plan":
                given = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "verb")]
                found |= {value.value for value in given if isinstance(value, ast.Constant)}
    return {str(verb) for verb in found}


def points_in_source() -> set[str]:
    """Every name handed to `point(...)` in app/."""
    texts = (path.read_text() for path in (ROOT / "app").rglob("*.py"))
    return {name for text in texts for name in re.findall(r'\bpoint\(\s*"([\w.]+)"', text)}


class Crashing(Processes):
    """Forked processes that die (`points`) or freeze (`stops`) at these names, one a life, and are started again.

    A name may say at which passing (`name:2`). `blind`: the ledger looks nothing up, which must show.
    """

    def __init__(
        self,
        uri: str,
        folder: Path,
        *,
        points: tuple[str, ...] = (),
        stops: tuple[str, ...] = (),
        blind: bool = False,
        sandbox: dict[str, Any] | None = None,
        **settings: str,
    ) -> None:
        super().__init__(uri, sandbox={**PATIENT, **(sandbox or {})}, **{**QUICK, **settings})
        self.folder = folder
        self.wanted = points
        self.environment |= {
            "CHAOS_POINT": ",".join(name if ":" in name else f"{name}:1" for name in points),
            "CHAOS_STOP": ",".join(f"{name}:1" for name in stops),
            "CHAOS_BLIND": "1" if blind else "",
            "CHAOS_FIRED": str(folder / "fired"),
        }
        self.COMMANDS = {
            name: [sys.executable, "-m", "tests.crash.forks", name, str(folder)] for name in ("web", "worker")
        }

    def fired(self) -> list[str]:
        """The names at which a process died or froze, in order."""
        file = self.folder / "fired"
        return file.read_text().split() if file.exists() else []

    def exit_codes(self, name: str) -> list[int]:
        file = self.folder / f"{name}.deaths"
        return [int(code) for code in file.read_text().split()] if file.exists() else []

    def pid(self, name: str) -> int:
        """The process that now lives under this name. ValueError while there is none: 0 would be our own group."""
        return int((self.folder / f"{name}.pid").read_text())

    def kill_life(self, name: str, number: int = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError, ValueError, FileNotFoundError):
            os.killpg(self.pid(name), number)

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """The supervisor, and what it keeps alive."""
        super().kill(name, number)
        if number == signal.SIGKILL:
            self.kill_life(name)

    def stop(self) -> None:
        super().stop()
        for name in self.running:
            self.kill_life(name)

    def press_until_taken(self, card: dict[str, Any], action: str) -> None:
        """A supervisor presses again while the chat shows its warning: nobody answered."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                body = {"ts": card["ts"], "action_id": action, "user": "U0AISYAH"}
                if self.call("/sandbox/slack/press", body)["status"] == 200:
                    return
            except urllib.error.HTTPError as gone:
                if gone.code != 409:
                    raise
                return  # the card has no buttons any more: an earlier press was taken
            time.sleep(0.1)
        raise AssertionError("no press was ever answered")


def give_macro_a_tag(house: Processes) -> None:
    """The acknowledgement also tags the ticket, so that the verb for a macro's tags has something to do."""
    with house.sandbox.world.lock:
        for macro in house.sandbox.world.zendesk.macros.values():
            if macro["title"] == REQUEST:
                macro["actions"].append({"field": "current_tags", "value": "acknowledged"})


def nothing_open(house: House, *, overtaken: bool = False) -> None:
    """Every event has come to a good end, and no job is left behind: nothing is lost and nothing is stranded.

    `overtaken`: a refused mark, note or state of the card may stay dead when a newer one was shown.
    """
    states = Counter(row["state"] for row in house.rows("SELECT state FROM events"))
    assert set(states) <= {"done", "ignored", "void"}, states
    open_effects = house.rows("SELECT verb, arg, state, reason FROM effects WHERE state NOT IN ('done', 'void')")
    if overtaken:
        open_effects = [row for row in open_effects if row["verb"] not in ("mark", "note", "update_card")]
    assert not open_effects
    jobs = "SELECT id FROM procrastinate_jobs WHERE task_name <> 'desk:take_over' AND status <> 'succeeded'"
    house.wait(lambda: not house.rows(jobs), 5, "no job is left")


def each_effect_once(house: House) -> None:
    """By the op ids that reached the vendors: each was applied once, and each is one of ours that says `done`."""
    applied = [e for e in house.sandbox.world.effects() if e["op"] and e.get("by", "desk") == "desk"]
    once = Counter(e["op"].removeprefix("desk-") for e in applied if e["kind"] in ("comment", "post", "create"))
    assert {op: n for op, n in once.items() if n != 1} == {}
    verbs = ["apply_macro", "note", "ask_supervisor", "open_jira", "comment_jira", "remind", "digest"]
    rows = house.rows("SELECT op_id, state FROM effects WHERE verb = ANY(%s)", verbs)
    assert set(once) == {row["op_id"] for row in rows if row["state"] == "done"}
    made = Counter(e["op"] for e in house.sandbox.world.effects("jira", "link") if e["created"])
    assert {op: n for op, n in made.items() if n != 1} == {}
