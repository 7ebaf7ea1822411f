"""Which section of which procedure answers which tag, button or issue status. A wrong name fails at start."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from app.steps import Case, Steps

K = TypeVar("K")
V = TypeVar("V")

Section = Callable[[Case, Steps], None]

ISSUE_STATUSES = ("done", "refused", "reopened")
DECIDED = ("approved", "declined", "done")
ASKED = "awaiting"  # of a button that decides nothing: the section runs, the case waits on
TIMES = ("reminder", "overdue", "refresh", "look", "recheck", "again", "joined", "withdrawn")


@dataclass(frozen=True)
class Tagged:
    """A section that a tag starts. `rank`: when several tags are on a ticket, the highest rank alone speaks."""

    tag: str
    procedure: str
    rank: int
    section: Section


@dataclass(frozen=True)
class Button:
    """What a press does: the state it decides the case to (ASKED: none), and the section that runs then."""

    state: str
    section: Section


_tags: dict[str, Tagged] = {}
_buttons: dict[tuple[str, str], Button] = {}
_threats: dict[str, Section] = {}
_issues: dict[tuple[str, str], Section] = {}
_times: dict[tuple[str, str], Section] = {}


def on_tag(tag: str, *, procedure: str, rank: int = 0) -> Callable[[Section], Section]:
    """The section that runs while this tag (its name in DESK_TAGS) is on the ticket."""

    def register(section: Section) -> Section:
        _add(_tags, tag, Tagged(tag, procedure, rank, section))
        return section

    return register


def on_button(card: str, action: str, *, to: str) -> Callable[[Section], Section]:
    """The section that runs when this press has decided the case: moved it from awaiting to the state `to`.

    `to` may be awaiting itself, for a press that asks and decides nothing.
    """
    if to not in (*DECIDED, ASKED):
        raise ValueError(f"{to!r} is none of {(*DECIDED, ASKED)}")

    def register(section: Section) -> Section:
        _add(_buttons, (card, action), Button(to, section))
        return section

    return register


def on_threat(*, procedure: str) -> Callable[[Section], Section]:
    """The section that runs when a customer threatens to go to a regulator, or an agent flags the ticket so."""

    def register(section: Section) -> Section:
        _add(_threats, procedure, section)
        return section

    return register


def on_issue(procedure: str, status: str) -> Callable[[Section], Section]:
    """The section that runs when the JIRA issue is `done`, `refused` (closed without doing it, or deleted) or
    `reopened` (no longer done, after it was)."""
    if status not in ISSUE_STATUSES:
        raise ValueError(f"{status!r} is none of {ISSUE_STATUSES}")

    def register(section: Section) -> Section:
        _add(_issues, (procedure, status), section)
        return section

    return register


def on_time(procedure: str, what: str) -> Callable[[Section], Section]:
    """The section that runs when a timer of this name (app.timers) is due for an open or closed case."""
    if what not in TIMES:
        raise ValueError(f"{what!r} is none of {TIMES}")

    def register(section: Section) -> Section:
        _add(_times, (procedure, what), section)
        return section

    return register


def _add(table: dict[K, V], key: K, value: V) -> None:
    if key in table:
        raise ValueError(f"two sections for {key!r}")
    table[key] = value


def load() -> None:
    """Import every procedure in handlers/."""
    import handlers

    for module in pkgutil.iter_modules(handlers.__path__):
        importlib.import_module(f"handlers.{module.name}")


def procedures() -> list[str]:
    """The names of all procedures; known once they are loaded."""
    return sorted({tagged.procedure for tagged in _tags.values()} | set(_threats))


def for_tags(tags: frozenset[str]) -> Tagged | None:
    """The section for these tags (names, not the account's words); None when none of them starts anything."""
    found = [tagged for name, tagged in _tags.items() if name in tags]
    return max(found, key=lambda tagged: tagged.rank, default=None)


def request(procedure: str) -> Section:
    """The section that begins a procedure: the one of its tag with the lowest rank. ValueError: it has none."""
    return min((tagged for tagged in _tags.values() if tagged.procedure == procedure), key=lambda t: t.rank).section


def for_button(card: str, action: str) -> Button | None:
    return _buttons.get((card, action))


def for_threat(procedure: str) -> Section | None:
    return _threats.get(procedure)


def for_time(procedure: str, what: str) -> Section | None:
    return _times.get((procedure, what.partition(":")[0]))


def for_issue(procedure: str, status: str) -> Section | None:
    return _issues.get((procedure, status))
