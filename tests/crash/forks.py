"""`python -m tests.crash.forks worker|web FOLDER`: imports the desk once and forks a new life whenever one dies.

Each life runs the real entry point (`desk work`, gunicorn) in a process of its own, in a group of its own, so it can be
killed as a process is killed; only the seconds of importing are saved. FOLDER/<name>.pid is the present life,
FOLDER/<name>.deaths has an exit code a line.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType

from app import points
from app.threats import find

DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG
PARTS = ("app.cli.service", "app.desk", "app.engine", "app.walk", "app.clients", "app.logs", "handlers.data_deletion")
WEB = ("gunicorn.app.wsgiapp", "flask", "app.web.zendesk", "app.web.slack", "app.web.jira", "app.web.health")


def live(name: str) -> None:
    """One life, to its end."""
    os.setsid()
    if sys.platform == "linux":  # a life ends with its supervisor; elsewhere `Crashing.kill` ends it
        ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if name.startswith("web"):
        from gunicorn.app.wsgiapp import run

        sys.argv = ["gunicorn", "app:create_app()"]
        run()
    else:
        from app.cli import main

        main(["work"])


def blind() -> None:
    """Break the desk on purpose: what may have been sent is not looked up, but sent again. The tests must see it."""
    from app.ledger.perform import Ledger, Outcome, Owner, Plan

    sighted = Ledger.perform

    def perform(self: Ledger, owner: Owner, case_id: int, plan: Plan) -> Outcome:
        return sighted(self, owner, case_id, replace(plan, find=lambda effect: None, repeatable=True))

    Ledger.perform = perform  # type: ignore[method-assign]


def arm(folder: Path) -> None:
    """What a test has ordered since this supervisor began (`Crashing.arm`) is for the worker's next lives."""
    if (folder / "armed").exists():
        os.environ.update(json.loads((folder / "armed").read_text()))
    points.arm()


def supervise(name: str, folder: Path) -> None:
    for part in (*PARTS, *(WEB if name.startswith("web") else ())):
        importlib.import_module(part)
    if name == "worker":
        find("")
    if os.environ.get("CHAOS_BLIND"):
        blind()
    os.register_at_fork(after_in_child=lambda: arm(folder) if name == "worker" else points.arm())
    ending: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        ending.append(number)
        os.kill(child, signal.SIGTERM)

    while True:
        child = os.fork()
        if child == 0:
            try:
                live(name)
            except SystemExit as end:
                os._exit(end.code if isinstance(end.code, int) else 0)
            except BaseException:  # noqa: BLE001 - whatever it was, this fork must not go on as a supervisor
                sys.excepthook(*sys.exc_info())
            os._exit(1)
        written = folder / f"{name}.pid.new"
        written.write_text(str(child))
        written.replace(folder / f"{name}.pid")  # whole or not there: an empty file would read as no process at all
        signal.signal(signal.SIGTERM, stop)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if ending:
            return
        with (folder / f"{name}.deaths").open("a") as deaths:
            deaths.write(f"{code}\n")


if __name__ == "__main__":
    supervise(sys.argv[1], Path(sys.argv[2]))
