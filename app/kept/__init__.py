"""What must be kept in spite of a deletion, why and until when, from a dated table (features 0.8).

The table is data, reviewed by people; each case keeps what it said on the day (cases.kept), so that a later table does
not change what a customer was told. Not legal advice.
"""

from __future__ import annotations

import html as markup
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.errors import ConfigError
from app.events import Json
from app.texts import Texts

if TYPE_CHECKING:
    from app.notes import Note

TABLE = Path(__file__).resolve().parent / "retention.toml"
KINDS = ("delete", "stop")
REFUSAL = "retention_applies"  # the decline reason that needs a basis from this table (features 2.5)


@dataclass(frozen=True)
class Duty:
    """One row. `years` from the end of the relationship or the transaction; 0: as long as `until` says (a text)."""

    id: str
    profiles: tuple[str, ...]
    law: str
    category: str
    reason: str
    years: int
    counted_from: str
    source: str
    applies_to: tuple[str, ...]
    reviewed: date
    review_by: date
    until: str = ""


@dataclass(frozen=True)
class Table:
    """`version`: the day of the table, as written in it."""

    version: str
    duties: tuple[Duty, ...]

    def of(self, profile: str, kind: str) -> tuple[Duty, ...]:
        """What applies to a wish of this kind (`delete`, `stop`) under this profile."""
        return tuple(d for d in self.duties if kind in d.applies_to and {profile, "*"} & set(d.profiles))

    def overdue(self, today: date) -> tuple[str, ...]:
        """Ids of the duties whose review is past."""
        return tuple(duty.id for duty in self.duties if duty.review_by < today)


def load(path: Path = TABLE) -> Table:
    """Raises ConfigError, reason `texts`, when a row is not whole."""
    try:
        raw = tomllib.loads(path.read_text("utf-8"))
        return Table(str(raw["version"]), tuple(_duty(row) for row in raw["duty"]))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError):
        raise ConfigError(f"{path.name} is not a table of retention duties", "texts") from None


@cache
def table() -> Table:
    """The desk's own, read once a process."""
    return load()


def _duty(row: Mapping[str, Any]) -> Duty:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    duty = Duty(**values)
    lasting = duty.years > 0 or duty.until
    if not lasting or not set(duty.applies_to) <= set(KINDS) or duty.review_by < duty.reviewed:
        raise ValueError(duty.id)
    return duty


def snapshot(found: Table, *, profile: str, preference: Sequence[str], today: date) -> dict[str, Json]:
    """What goes into the case row: the table's version, and each duty with the end it has if all ended today."""
    kind = "delete" if "delete_all" in preference else "stop"
    duties: list[Json] = [
        {"id": d.id, "law": d.law, "until": _after(today, d.years) if d.years else "", "open": d.until}
        for d in found.of(profile, kind)
    ]
    return {"version": found.version, "profile": profile, "kind": kind, "on": today.isoformat(), "duties": duties}


def _after(day: date, years: int) -> str:
    try:
        return day.replace(year=day.year + years).isoformat()
    except ValueError:  # the 29th of February: at least so long
        return date(day.year + years, 3, 1).isoformat()


def lines(note: Note) -> Sequence[str]:
    """The note's lines: what is kept, why and until when; and the basis, when the supervisor declined because of it."""
    case, get = note.case, note.texts.get
    duties = _duties(case.kept)
    if not duties or case.state in ("open", "incomplete", "withdrawn", "void"):
        return ()
    head = get("kept.head", **{part: str(case.kept[part]) for part in ("on", "version", "profile")})
    found = ["\n".join([head, *(f"  - {get('kept.line', **part)}" for part in told(note.texts, case.kept))])]
    if case.decision == "decline" and case.reason == REFUSAL:
        laws = "; ".join(duty["law"] for duty in duties if duty["id"] != "suppression") or duties[0]["law"]
        found.append(get("kept.refusal", laws=laws))
    return found


def reply(texts: Texts, kept: Mapping[str, Json], *, html: bool) -> str:
    """What is added to the customer's reply: in the desk's language, encoded for the body's kind; '' for nothing."""
    items = [texts.get("kept.reply.line", **part) for part in told(texts, kept)]
    if not items:
        return ""
    head = texts.get("kept.reply.head", on=str(kept["on"]))
    if html:
        listed = "".join(f"<li>{markup.escape(item)}</li>" for item in items)
        return f"<p>{markup.escape(head)}</p><ul>{listed}</ul>"
    return "\n\n" + "\n".join([head, *(f"- {item}" for item in items)])


def _duties(kept: Mapping[str, Json]) -> list[dict[str, str]]:
    duties = kept.get("duties")
    rows = duties if isinstance(duties, list) else []
    return [{str(name): str(value) for name, value in row.items()} for row in rows if isinstance(row, dict)]


def told(texts: Texts, kept: Mapping[str, Json]) -> list[dict[str, str]]:
    """Each duty in words: what is kept, why, by which law and until when."""
    found = []
    for duty in _duties(kept):
        until = (
            texts.get("kept.until.date", until=duty["until"])
            if duty["until"]
            else texts.get(f"kept.until.{duty['open']}")
        )
        what, why = (texts.get(f"kept.duty.{duty['id']}.{part}") for part in ("what", "why"))
        found.append({"what": what, "why": why, "law": duty["law"], "until": until})
    return found
