"""A desk whose processes die at ordered places, and what must be true of the outside when it is over."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.house import ROOT, House
from tests.kit import REQUEST
from tests.processes import Processes

# Take-over within a second or so. `lease` is short, as it must be beside these short quiet periods (app.settings).
QUICK = {"heartbeat": "0.2", "stalled_after": "0.8", "lease": "0.6", "worker_concurrency": "2"}
WRITES = (
    ("zendesk", "tickets.update"),
    ("zendesk", "tags.add"),
    ("slack", "chat.postMessage"),
    ("slack", "chat.postEphemeral"),
    ("slack", "chat.update"),
    ("mattermost", "posts.create"),
    ("mattermost", "posts.patch"),
    ("jira", "create"),
    ("jira", "remotelink"),
    ("jira", "comment"),
)
REFUSAL = {
    "zendesk": {"fault": "403"},
    "slack": {"fault": "ok_false", "error": "is_archived"},
    "mattermost": {"fault": "403"},
    "jira": {"fault": "403"},
}
PATIENT = {"webhook_retry_refused": True, "circuit_breaker": False}


def verbs_in_source() -> set[str]:
    """Every verb that goes through the ledger: of each `Plan(...)` and each `own_messages.post(...)` in app/."""
    found = set()
    for path in (ROOT / "app").rglob("*.py"):
        module = ast.parse(path.read_text())
        for call in (node for node in ast.walk(module) if isinstance(node, ast.Call)):
            name, given = ast.unparse(call.func), []
            if name == "Plan":
                given = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "verb")]
            elif name == "own_messages.post":
                given = [constant_of(module, call.args[2])]
            found |= {value.value for value in given if isinstance(value, ast.Constant)}
    return {str(verb) for verb in found}


def constant_of(module: ast.Module, value: ast.expr) -> ast.expr:
    """What a name of this module stands for: `NAME = …`, or its part of `NAME, OTHER = …, …`."""
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(value, ast.Name):
            target, given = node.targets[0], node.value
            several = isinstance(target, ast.Tuple) and isinstance(given, ast.Tuple)
            for name, meaning in zip(target.elts, given.elts, strict=True) if several else [(target, given)]:
                if ast.unparse(name) == value.id:
                    return meaning
    return value


def points_in_source() -> set[str]:
    """Every name handed to `point(...)` in app/, with its second part where that is written out."""
    texts = (path.read_text() for path in (ROOT / "app").rglob("*.py"))
    found = (names for text in texts for names in re.findall(r'\bpoint\(\s*"([\w.]+)"(?:,\s*"(\w+)")?', text))
    return {f"{place}/{part}" if part else place for place, part in found}


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
        self.armings = 0
        self.attended = False  # whether an admin replays what is dead
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
        """The names at which a process died or froze, in order; since `arm`, if that was called."""
        file = self.folder / (f"fired-{self.armings}" if self.armings else "fired")
        return file.read_text().split() if file.exists() else []

    def exit_codes(self, name: str) -> list[int]:
        file = self.folder / f"{name}.deaths"
        return [int(code) for code in file.read_text().split()] if file.exists() else []

    def pid(self, name: str) -> int:
        """The process that now lives under this name. ValueError while there is none: 0 would be our own group."""
        return int((self.folder / f"{name}.pid").read_text())

    def arm(self, *points: str) -> None:
        """From now on the worker dies at these names. Its present life, armed for nothing of this, ends at once."""
        self.armings += 1
        wanted = {
            "CHAOS_POINT": ",".join(name if ":" in name else f"{name}:1" for name in points),
            "CHAOS_FIRED": str(self.folder / f"fired-{self.armings}"),
        }
        (self.folder / "armed.new").write_text(json.dumps(wanted))
        (self.folder / "armed.new").replace(self.folder / "armed")
        deaths = len(self.exit_codes("worker"))
        self.kill_life("worker")
        self.wait(lambda: len(self.exit_codes("worker")) > deaths, 10, "the worker's next life")

    def settle(self, seconds: float = 15.0) -> None:
        super().settle(seconds)
        if self.attended:
            self.wait(lambda: not self.rows("SELECT 1 FROM events WHERE state = 'dead'"), 60, "nothing is dead")
            super().settle(60)

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

    def press_until_taken(self, card: dict[str, Any], action: str, user: str = "aisyah") -> None:
        """A supervisor presses again while the chat shows its warning: nobody answered."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                answer = self.pressed(action, user, card)
                if answer["status"] == 200 and answer.get("form", answer)["status"] == 200:
                    return
            except urllib.error.HTTPError as gone:
                if gone.code != 409:
                    raise
                return  # the card has no buttons any more: an earlier press was taken
            time.sleep(0.1)
        raise AssertionError("no press was ever answered")


def give_macro_a_tag(house: Processes, title: str = REQUEST) -> None:
    """The macro also tags the ticket, so that the verb for a macro's tags has something to do."""
    with house.sandbox.world.lock:
        for macro in house.sandbox.world.zendesk.macros.values():
            if macro["title"] == title:
                macro["actions"].append({"field": "current_tags", "value": "acknowledged"})


def nothing_open(house: House, *, overtaken: bool = False) -> None:
    """Every event has come to a good end, and no job is left behind: nothing is lost and nothing is stranded.

    `overtaken`: a refused mark, note or state of the card may stay dead when a newer one was shown.
    """

    def ended() -> bool:  # the stand-ins' last webhooks may still come in
        return {row["state"] for row in house.rows("SELECT state FROM events")} <= {"done", "ignored", "void"}

    house.wait(ended, 60, "every event has come to a good end")
    open_effects = house.rows(
        "SELECT case_id, verb, arg, state, reason FROM effects WHERE state NOT IN ('done', 'void')"
    )
    if overtaken:
        open_effects = [row for row in open_effects if row["verb"] not in ("mark", "note", "update_card")]
    assert not open_effects, open_effects
    jobs = "SELECT id FROM procrastinate_jobs WHERE task_name <> 'desk:take_over' AND status <> 'succeeded'"
    house.wait(lambda: not house.rows(jobs), 5, "no job is left")


def each_effect_once(house: House) -> None:
    """By the op ids that reached the vendors: each was applied once, and each is one of ours that says `done`."""
    applied = [e for e in house.sandbox.world.effects() if e["op"] and e.get("by", "desk") == "desk"]
    once = Counter(e["op"].removeprefix("desk-") for e in applied if e["kind"] in ("comment", "post", "create"))
    assert {op: n for op, n in once.items() if n != 1} == {}
    verbs = ["apply_macro", "note", "ask_supervisor", "ask_agent", "open_jira", "comment_jira"]
    verbs += ["remind", "digest", "burst", "alert", "audit_head"]
    rows = house.rows("SELECT op_id, case_id, verb, arg, state, reason FROM effects WHERE verb = ANY(%s)", verbs)
    wrong = [row for row in rows if (row["op_id"] in once) != (row["state"] == "done")]
    assert not wrong, wrong
    assert set(once) <= {row["op_id"] for row in rows}
    made = Counter(e["op"] for e in house.sandbox.world.effects("jira", "link") if e["created"])
    assert {op: n for op, n in made.items() if n != 1} == {}


def once_in_the_books(house: House) -> None:
    """No entry of the consent ledger says again what the one before it said, and no timer has been passed over."""
    said: dict[tuple[str, ...], tuple[bool, str]] = {}
    for row in house.rows("SELECT * FROM consents ORDER BY id"):
        of = tuple(str(row[name]) for name in ("person", "purpose", "channel", "case_id"))
        assert said.get(of) != (row["allowed"], row["reason"]), f"twice: {of}"
        said[of] = (row["allowed"], row["reason"])
    late = "SELECT name FROM timers WHERE fired_at IS NULL AND due_at < now() - interval '3 seconds'"
    house.wait(lambda: not house.rows(late), 10, "no timer is late")


def failing(house: Crashing, when: str) -> None:
    """Each kind of write fails the next time: `retry` for now, `replay` for good, `try` not at all."""
    here = {"zendesk", "jira", house.room.name}
    for vendor, method in [write for write in WRITES if write[0] in here] if when != "try" else ():
        if when == "replay" and method in ("remotelink", "chat.postEphemeral"):
            continue  # a refusal of these is taken as it is
        fault = {"fault": "503_before"} if when == "retry" else REFUSAL[vendor]
        house.sandbox.world.faults.add(vendor, method, times=1, **fault)


@contextlib.contextmanager
def an_admin(house: Crashing) -> Iterator[None]:
    """Replays what is dead, as soon as it is, until it is over."""
    over = threading.Event()
    command = [sys.executable, "-m", "app.cli", "events", "replay", "--failed"]
    environment = {**os.environ, **house.environment, "CHAOS_POINT": ""}

    def replay() -> None:
        while not over.wait(0.3):
            if house.rows("SELECT 1 FROM events WHERE state = 'dead'"):
                subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)

    thread = threading.Thread(target=replay)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
