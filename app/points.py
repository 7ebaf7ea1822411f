"""Named places where a test may kill the process: on both sides of every durable write and every vendor call.

`CHAOS_POINT=name:n` ends the process with `os._exit(137)` at the n-th passing of that name; unset, a point costs one
dictionary look-up. Source: faults.md T20.
"""

from __future__ import annotations

import os
from collections import Counter

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

_wanted, _, _nth = os.environ.get("CHAOS_POINT", "").rpartition(":")
_passed: Counter[str] = Counter()


def point(name: str, verb: str = "") -> None:
    """Pass the place `name` (for an effect: with its verb). Ends the process when a test asked for it."""
    if not _wanted:
        return
    full = f"{name}/{verb}" if verb else name
    if full == _wanted:
        _passed[full] += 1
        if _passed[full] == int(_nth):
            os._exit(137)
