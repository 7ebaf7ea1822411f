"""Named places where a test may kill or freeze the process: on both sides of every durable write and vendor call.

`CHAOS_POINT=name:n,…` ends the process with `os._exit(137)` at the n-th passing of whichever of these names is first;
`CHAOS_STOP=name:n,…` freezes it there (SIGSTOP) until somebody wakes it. A process that is started again leaves out the
names it finds in the file `CHAOS_FIRED`, where each one is written before it acts. With none of them set a point costs
one look at an empty dict. Source: faults.md T20, T21.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from pathlib import Path

# Places every effect passes, in order; each is tested with every verb (`place/verb`).
EFFECT_POINTS = (
    "effect.before_plan",
    "effect.after_plan",
    "effect.before_claim",
    "effect.after_claim",
    "effect.after_call",
    "effect.after_outcome",
)
# Places outside the ledger.
OTHER_POINTS = (
    "door.before_commit",
    "door.after_commit",
    "walk.after_begin",
    "walk.before_finish",
    "walk.after_finish",
    "case.before_open",
    "case.after_open",
    "case.before_move",
    "case.after_move",
)
# What a walk writes into the desk's own tables: what is due, what was said of a person, each single wish, each vote.
TABLE_POINTS = (
    "timer.before_fire",
    "timer.after_fire",
    "consent.before_write",
    "consent.after_write/stop",
    "consent.after_write/restore",
    "wish.before_write/ask",
    "wish.after_write/ask",
    "wish.before_write/claim",
    "wish.after_write/claim",
    "wish.before_write/confirm",
    "wish.after_write/confirm",
    "wish.before_write/judge",
    "wish.after_write/judge",
    "wish.before_write/unclaim",
    "wish.before_write/withdraw",
    "vote.before_write",
    "vote.after_write",
)

_armed: dict[str, tuple[str, int]] = {}  # name -> (which of the two, at which passing)
_passed: Counter[str] = Counter()
_one = threading.Lock()


def arm() -> None:
    """Read the environment; done at import, and by whoever forks processes for a test."""
    _armed.clear()
    _passed.clear()
    file = os.environ.get("CHAOS_FIRED", "")
    fired = set(Path(file).read_text().split()) if file and Path(file).exists() else set()
    for what in ("CHAOS_POINT", "CHAOS_STOP"):
        for item in filter(None, os.environ.get(what, "").split(",")):
            name, _, nth = item.rpartition(":")
            if name not in fired:
                _armed[name] = (what, int(nth))


def point(name: str, verb: str = "") -> None:
    """Pass the place `name` (for an effect: with its verb). Ends or freezes the process when a test asked for it."""
    if not _armed:
        return
    full = f"{name}/{verb}" if verb else name
    if full in _armed:
        _fire(full)


def _fire(full: str) -> None:
    with _one:  # one name a life: the walks of other threads wait here, and die with the process
        what, nth = _armed.get(full, ("", 0))
        _passed[full] += 1
        if _passed[full] != nth:
            return
        if file := os.environ.get("CHAOS_FIRED"):
            with Path(file).open("a") as fired:
                fired.write(f"{full}\n")
        if what == "CHAOS_POINT":
            os._exit(137)
        # To this very thread: sent to the process, another thread may take it while this one runs on for a moment.
        signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)


arm()
