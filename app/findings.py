"""What `desk check` says about one thing it has looked at, and how it looks at the far sides: by reads only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from app.clients import retry
from app.errors import DeskError

HINTS = {
    "macro_missing": "there is no active shared macro of exactly this title",
    "macro_twice": "there are several active macros of this title",
    "gone": "it does not exist, or these credentials may not see it",
    "unlicensed": "the server's licence or settings have no user groups",
}


@dataclass(frozen=True)
class Finding:
    """What was looked at. `ok`: nothing to say; `warn`: it works, but read `text`; `FAIL`: it will not work."""

    name: str
    text: str = ""
    level: Literal["ok", "warn", "FAIL"] = "ok"


def judged(name: str, problem: str) -> Finding:
    return Finding(name, problem, "FAIL" if problem else "ok")


def skipped(name: str, account: Finding) -> Finding | None:
    """No second long wait for a vendor that has not answered the first look."""
    return Finding(name, "not looked at", "FAIL") if account.level == "FAIL" else None


def look(name: str, ask: Callable[[], object], **hints: str) -> Finding:
    """Ask a far side something. `hints`: reason -> plain words, before the usual ones."""
    try:
        retry.read(ask)
    except DeskError as error:
        plain = str(error).partition(": ")[2] or str(error)
        return judged(name, {**HINTS, **hints}.get(error.reason, plain))
    return Finding(name)
