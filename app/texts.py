"""Every text a person reads, from `macros/*.toml`: three languages each, strict, filled in one pass.

A file is a family, a table with exactly the keys en, ms and zh is a text: `notes.toml` with `[state.waiting]` gives the
key `notes.state.waiting`. `{name}` marks a value; values are inserted literally and never looked at again, so
`{0.__class__}`, `{{7*7}}` and `%(x)s` in a value stay text (X040). Encoding for a sink is the caller's (app.sinks).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Self

from app.clients.chat import Line, Span
from app.errors import ConfigError

LANGUAGES = ("en", "ms", "zh")
FAMILIES = (
    *("cards", "answers", "jira", "notes"),
    *("bans", "clocks", "confirmed", "decline", "forms", "joins", "kept", "threats", "withdrawal"),
)
FOLDER = Path(__file__).resolve().parent.parent / "macros"
MARK = re.compile(r"\{([a-z][a-z_]*)\}")


class Texts:
    """The texts of one language. Unknown key, missing or unused value: an error, never a half-empty sentence."""

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self._texts = dict(texts)

    @classmethod
    def load(cls, language: str, folder: Path | None = None) -> Self:
        """Reads and checks all languages, keeps `language`. Raises ConfigError, reason `texts`, naming the key."""
        if language not in LANGUAGES:
            raise ConfigError(f"no texts in language {language}", "texts")
        texts = read(folder) if folder else _own()
        return cls(language, {key: by_language[language] for key, by_language in texts.items()})

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self._texts)

    def get(self, key: str, **values: str | int) -> str:
        """The text of `key` with every mark filled. KeyError: no such key. ValueError: a value too many or missing."""
        text = self._texts[key]
        wanted = set(MARK.findall(text))
        if wanted != values.keys():
            raise ValueError(f"{key} takes {sorted(wanted)}, was given {sorted(values)}")
        return MARK.sub(lambda mark: str(values[mark[1]]), text)

    def line(self, key: str, **values: str | int | Span | Line) -> Line:
        """Like `get`, for chat: a link, a person or a time stays what it is, for the client to render."""
        text = self._texts[key]
        wanted = set(MARK.findall(text))
        if wanted != values.keys():
            raise ValueError(f"{key} takes {sorted(wanted)}, was given {sorted(values)}")
        line: list[Span] = []
        for place, piece in enumerate(MARK.split(text)):
            for span in (piece,) if place % 2 == 0 else _spans(values[piece]):
                if isinstance(span, str) and line and isinstance(line[-1], str):
                    line[-1] += span
                elif span != "":
                    line.append(span)
        return tuple(line)

    def cause(self, reason: str) -> str:
        """Plain words for an error's reason slug (`gave_up:timeout` as `timeout`); one without words is named."""
        for slug in (reason, reason.rpartition(":")[2]):
            if f"notes.cause.{slug}" in self._texts:
                return self.get(f"notes.cause.{slug}")
        return self.get("notes.cause.other", reason=reason)

    def decline_reason(self, code: str) -> str:
        """Label of a decline reason code; a code that is not ours counts as unspecified."""
        return self._texts.get(f"cards.reason.{code}", self._texts["cards.reason.unspecified"])


def _spans(value: str | int | Span | Line) -> Line:
    if isinstance(value, tuple):
        return value
    return (str(value) if isinstance(value, int) else value,)


@cache
def _own() -> dict[str, dict[str, str]]:
    """The product's own, read once per process."""
    return read(FOLDER)


def read(folder: Path) -> dict[str, dict[str, str]]:
    """Key -> language -> text for every family in `folder`. Raises ConfigError, reason `texts`."""
    found: dict[str, dict[str, str]] = {}
    for family in FAMILIES:
        try:
            table = tomllib.loads((folder / f"{family}.toml").read_text("utf-8"))
        except (OSError, UnicodeError, tomllib.TOMLDecodeError):
            raise ConfigError(f"{family}.toml cannot be read", "texts") from None
        _collect(family, table, found)
    return found


def _collect(key: str, table: Mapping[str, object], found: dict[str, dict[str, str]]) -> None:
    if table.keys() & set(LANGUAGES):
        found[key] = by_language(key, table)
        return
    for name, item in table.items():
        if not isinstance(item, dict):
            raise ConfigError(f"{key}.{name} is not a text in {', '.join(LANGUAGES)}", "texts")
        _collect(f"{key}.{name}", item, found)


def by_language(key: str, table: Mapping[str, object], *, marks: re.Pattern[str] = MARK) -> dict[str, str]:
    """One text in all languages, with the same marks in each. Raises ConfigError, reason `texts`."""
    texts = {name: item.strip("\n") for name, item in table.items() if isinstance(item, str) and item.strip()}
    if texts.keys() != set(LANGUAGES) or table.keys() != set(LANGUAGES):
        raise ConfigError(f"{key} must have exactly the languages {', '.join(LANGUAGES)}", "texts")
    for name, text in texts.items():
        if sorted(marks.findall(text)) != sorted(marks.findall(texts["en"])):
            raise ConfigError(f"{key} ({name}) has other values than the English text", "texts")
        if re.search(r"[{}]", marks.sub("", text)):
            raise ConfigError(f"{key} ({name}) has a stray brace", "texts")
    return texts
