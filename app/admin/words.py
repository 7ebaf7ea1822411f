"""Slugs of the database in plain words, from `words.toml`; a slug that is not there is shown as it is.

English only: the pages are for the people who run the desk. What an agent reads too is taken from `notes.toml`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from app.errors import ConfigError
from app.texts import MARK, Texts

FILE = Path(__file__).resolve().parent / "words.toml"
Table = Mapping[str, Mapping[str, str]]


class Words:
    """`table`: family -> slug -> words."""

    def __init__(self, table: Table, texts: Texts) -> None:
        self._table = table
        self._texts = texts

    def say(self, family: str, slug: object) -> str:
        """The words of this slug, or the slug itself."""
        text = "" if slug is None else str(slug)
        return self._table.get(family, {}).get(text, text)

    def knows(self, family: str, slug: str) -> bool:
        return slug in self._table.get(family, {})

    def cause(self, reason: object) -> str:
        """A reason in a sentence, `gave_up:timeout` and its like too; one that nobody has words for is itself."""
        slug = "" if reason is None else str(reason)
        if plain := self._cause(slug):
            return plain
        for begin, words in self._table["begins"].items():
            if slug.startswith(begin) and len(slug) > len(begin):
                rest = slug[len(begin) :]
                plain = self._cause(rest) or self._cause(rest.rpartition(":")[2])  # the last part says why
                return words.replace("{rest}", plain or self.say("case", rest))
        return slug

    def _cause(self, slug: str) -> str:
        if key := self._table["reason"].get(slug):
            return key
        return self._texts.get(f"notes.cause.{slug}") if f"notes.cause.{slug}" in self._texts.keys else ""

    def timer(self, what: object) -> str:
        """`reminder:50` -> what is due, with its part."""
        name, _, part = str(what).partition(":")
        words = self.say("timer", name)
        return f"{words} ({part})" if part else words

    def notice(self, key: str, values: Mapping[str, object]) -> str:
        """One sentence after an action; values are put in literally, in one pass."""
        text = self.say("notice", key)
        return MARK.sub(lambda mark: str(values.get(mark[1], "")), text)


def read(path: Path) -> Table:
    """Raises ConfigError, reason `texts`: not there, or not a table of tables of texts."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeError, tomllib.TOMLDecodeError):
        raise ConfigError(f"{path.name} cannot be read", "texts") from None
    for family, words in table.items():
        if not isinstance(words, dict) or not all(isinstance(text, str) and text for text in words.values()):
            raise ConfigError(f"{path.name}: [{family}] is not a table of texts", "texts")
        if family not in ("notice", "begins") and any(re.search(r"[{}]", text) for text in words.values()):
            raise ConfigError(f"{path.name}: [{family}] has a stray brace", "texts")
    return table


@cache
def load() -> Words:
    """The product's own, read once a process."""
    return Words(read(FILE), Texts.load("en"))
