"""The command line in tests, and what it is used on: an event that has failed."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import click
from click.testing import CliRunner, Result

from app.cli import main
from app.logs import Stderr
from tests.house import ROOT, House

ONE_LINE = re.compile(r"desk: [^\n]+\n")
SECRETS = ("stand-in", "only-for-this-machine", "Siti", "siti@", "345 6789", "backoffice.example.com")


@contextlib.contextmanager
def without_logs() -> Iterator[None]:
    """What the house in this process logs meanwhile is no output of the command."""
    root = logging.getLogger()
    kept = [handler for handler in root.handlers if isinstance(handler, Stderr)]
    for handler in kept:
        root.removeHandler(handler)
    try:
        yield
    finally:
        for handler in kept:
            root.addHandler(handler)


class Cli:
    """`desk …` with the house's environment; every output is searched for what must never be shown."""

    def __init__(self, house: House) -> None:
        self._env = house.environment

    def __call__(self, *words: object, code: int = 0) -> Result:
        with without_logs():
            result = CliRunner().invoke(main, [str(word) for word in words], env={**self._env, "COLUMNS": "200"})
        assert result.exit_code == code, f"{words}: {result.exit_code}\n{result.output}"
        assert "Traceback" not in result.output
        assert not [word for word in SECRETS if word in result.output]
        return result

    def json(self, *words: object, code: int = 0) -> Any:
        return json.loads(self(*words, "--json", code=code).stdout)


def process(house: House, *words: object, **more: Any) -> subprocess.Popen[bytes]:
    """The real command, which has nobody to ask."""
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", *map(str, words)],
        cwd=ROOT / "tests",
        env={**os.environ, **house.environment, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more},
    )


def commands(group: click.Group = main, *before: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with its words."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)
        else:
            yield (*before, name), command


def failed_card(house: House, error: str = "channel_not_found") -> tuple[int, int]:
    """A ticket whose card could not be posted for good; (ticket, event)."""
    house.sandbox.world.faults.add("slack", "chat.postMessage", "ok_false", times=None, error=error)
    ticket = house.ticket()
    house.tag(ticket, "data_deletion_request", "pref_stop_all")
    house.wait_state(ticket, "awaiting")
    [event] = house.rows("SELECT id, state, reason FROM events WHERE ticket_id = %s", ticket)
    assert (event["state"], event["reason"]) == ("dead", "channel")
    return ticket, int(event["id"])
