"""The run of one event as a timeline: what was tried when, what the other side answered, what comes next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app.admin.words import Words
from app.db import Row

TONES = {"done": "good", "event_done": "good", "dead": "bad", "event_dead": "bad", "unknown": "unsure"}
COUNTS = ("looked", "taken", "cleared", "bulk")  # of the desk's own duties
IDLE = ("event_waiting", "unknown", "planned")  # lines of a wait, which come again and again


@dataclass(frozen=True)
class Step:
    """One line. `tone`: good, bad, unsure or plain; `times`: how often the same came in a row, `until`: the last."""

    at: datetime
    what: str
    cause: str = ""
    slug: str = ""
    tone: str = "plain"
    times: int = 1
    until: datetime | None = None


def steps(words: Words, journal: Iterable[Row]) -> list[Step]:
    """Oldest first; the same line again and again is one."""
    found: list[Step] = []
    for row in journal:
        step = _step(words, row)
        last = found[-1] if found else None
        if last and row["what"] in IDLE and (last.what, last.slug) == (step.what, step.slug):
            found[-1] = Step(last.at, last.what, last.cause, last.slug, last.tone, last.times + 1, step.at)
        else:
            found.append(step)
    return found


def _step(words: Words, row: Row) -> Step:
    what, reason = row["what"], row["reason"]
    tone = TONES.get(what, "plain")
    if row["verb"] is None:
        return Step(row["at"], _of_run(words, what, row["detail"]), words.cause(reason), reason, tone)
    said = f"{effect(words, row['verb'], row['arg'])}: {words.say('what', what)}"
    if attempt := _number(row["detail"], "attempt"):
        said += f", attempt {attempt}"
    return Step(row["at"], said, words.cause(reason), reason, tone)


def _of_run(words: Words, what: str, detail: object) -> str:
    said = words.say("run", what)
    counts = [f"{name} {value}" for name in COUNTS if (value := _number(detail, name)) is not None]
    return f"{said} ({', '.join(counts)})" if counts else said


def effect(words: Words, verb: str, arg: str) -> str:
    """`e-mail to the customer (Data Deletion Request)`."""
    said = words.say("verb", verb)
    return f"{said} ({arg})" if verb in ("apply_macro", "remind", "comment_jira") and arg else said


def _number(detail: object, name: str) -> int | None:
    value = detail.get(name) if isinstance(detail, dict) else None
    return value if isinstance(value, int) else None
