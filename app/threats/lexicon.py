"""The dated word list `words.toml`: which words make a threat, of which kind, by which rule and source."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from app.errors import ConfigError
from app.threats.tokens import tokens

FILE = Path(__file__).with_name("words.toml")
KINDS = ("regulator", "legal", "police", "tribunal", "media")


@dataclass(frozen=True)
class Rule:
    """`source`: where these words come from (SOP line, or the Malay form of one)."""

    name: str
    kind: str
    source: str


@dataclass(frozen=True)
class Lexicon:
    """`phrases`: the words of a phrase, folded -> its rule. `longest`: words in the longest phrase."""

    phrases: Mapping[tuple[str, ...], Rule]
    longest: int
    reviewed: date
    review_by: date


@cache
def load(file: Path = FILE) -> Lexicon:
    """The list, checked: every rule named once, of a known kind, with a source. Raises ConfigError, reason `words`."""
    try:
        table = tomllib.loads(file.read_text("utf-8"))
        reviewed, review_by = table["reviewed"], table["review_by"]
        entries = [(Rule(raw["name"], raw["kind"], raw["source"]), raw["words"]) for raw in table["rule"]]
    except (OSError, UnicodeError, tomllib.TOMLDecodeError, KeyError, TypeError):
        raise ConfigError("the word list of threats cannot be read", "words") from None
    if not isinstance(reviewed, date) or not isinstance(review_by, date):
        raise ConfigError("the word list of threats has no review dates", "words")
    phrases: dict[tuple[str, ...], Rule] = {}
    names: set[str] = set()
    for rule, words in entries:
        if rule.kind not in KINDS or not rule.source or rule.name in names:
            raise ConfigError(f"rule {rule.name} of the word list of threats is not of the form it must have", "words")
        names.add(rule.name)
        for phrase in words:
            key = tuple(token.folded for token in tokens(phrase))
            if not key or key in phrases:
                raise ConfigError(f"rule {rule.name} has an empty phrase, or one that stands elsewhere", "words")
            phrases[key] = rule
    return Lexicon(phrases, max(map(len, phrases), default=0), reviewed, review_by)
