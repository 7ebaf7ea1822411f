"""Child processes of `desk demo`: each in its own group, its output in a file, stopped by TERM and then by KILL."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

STOP_WITHIN = 25.0  # seconds the children get after TERM (the contract for SIGTERM), then KILL
TAIL = 15  # lines of a dead child's log that are shown

Say = Callable[[str], None]


class DemoError(Exception):
    """The demo cannot go on; the message is for people."""


@dataclass(frozen=True)
class Child:
    """A process and where it writes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def signal(self, number: int) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, number)  # the group is its own: gunicorn's workers go with it

    def failure(self) -> DemoError:
        """What ended and how, with the last lines it wrote."""
        lines = self.log.read_text(errors="replace").splitlines()[-TAIL:] or ["(it wrote nothing)"]
        shown = "\n".join(f"    {line}" for line in lines)
        return DemoError(f"{self.name} ended with {self.process.returncode}; the end of {self.log}:\n{shown}")


def start(name: str, command: Sequence[str], *, folder: Path, logs: Path, environment: Mapping[str, str]) -> Child:
    """Start `command` in `folder` with `environment` on top of ours; its output goes to `logs/<name>.log`."""
    log = logs / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command,
            cwd=folder,
            env={**os.environ, **environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Child(name, process, log)


def check(children: Sequence[Child]) -> None:
    """Raises DemoError for the first child that has ended."""
    for child in children:
        if child.process.poll() is not None:
            raise child.failure()


def stop(children: Sequence[Child], say: Say) -> None:
    """Stop in the order given, all within STOP_WITHIN; another Ctrl-C meanwhile kills at once."""
    until = time.monotonic() + STOP_WITHIN

    def kill_now(*_: object) -> None:
        for child in children:
            child.signal(signal.SIGKILL)

    signal.signal(signal.SIGINT, kill_now)
    for child in children:
        child.signal(signal.SIGTERM)
        try:
            child.process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            say(f"{child.name} did not stop in time, killing it")
            child.signal(signal.SIGKILL)
            child.process.wait()
