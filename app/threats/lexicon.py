"""The dated word lists: `words.toml` (which words may make a threat, of which kind), `cues.toml` (what they stand in),
`wishes.toml` (app.threats.wish) and `plain.toml` (ordinary words).

Administrators add words of their own with a file of the form of `words.toml` (setting THREAT_WORDS, `use`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from app.errors import ConfigError
from app.threats.tokens import tokens

FILE = Path(__file__).with_name("words.toml")
CUES = Path(__file__).with_name("cues.toml")
PLAIN = Path(__file__).with_name("plain.toml")
WISHES = Path(__file__).with_name("wishes.toml")
KINDS = ("regulator", "legal", "police", "tribunal", "media")


@dataclass(frozen=True)
class Rule:
    """`source`: where these words come from (SOP line, a body's own page)."""

    name: str
    kind: str
    source: str


@dataclass(slots=True)
class Node:
    """One step of a phrase: `next` by whole word, `stems` by beginning of the last word; what ends here."""

    next: dict[str, Node] = field(default_factory=dict)
    stems: dict[str, Node] = field(default_factory=dict)
    rule: Rule | None = None
    cues: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lexicon:
    """`phrases`: the words of a phrase, folded -> its rule; `tree`: the same and all cues, to be walked; `endings`:
    end of a word -> cues; `runs`: a phrase without blanks -> its words."""

    phrases: Mapping[tuple[str, ...], Rule]
    tree: Node
    endings: Mapping[str, tuple[str, ...]]
    runs: Mapping[str, tuple[str, ...]]
    reviewed: date
    review_by: date
    reviews: Mapping[str, date]

    def overdue(self, today: date) -> dict[str, date]:
        """The files whose review is past, and the day by which it was due."""
        return {name: by for name, by in self.reviews.items() if by < today}


@dataclass(frozen=True)
class _File:
    reviewed: date
    review_by: date
    phrases: Mapping[tuple[str, ...], tuple[Rule, bool]]


@dataclass(frozen=True)
class Plain:
    """Ordinary words: `real` are never taken for slips; `of`: language -> its commonest words."""

    real: frozenset[str]
    of: Mapping[str, frozenset[str]]


@cache
def plain() -> Plain:
    """Raises ConfigError, reason `words`."""
    table = _table(PLAIN)[0]
    of = {name: frozenset(words.split()) for name, words in table["language"].items()}
    return Plain(frozenset(table["real"].split()), of)


_more: tuple[Path, ...] = ()


def use(file: str) -> None:
    """Add an administrator's file ('' for none) to the lists of this process. Raises ConfigError, reason `words`."""
    global _more  # noqa: PLW0603 - one list per process, as with the settings it comes from
    _more = (Path(checked(file)),) if file else ()


def checked(file: str) -> str:
    """The same file, if it is one of the form that it must have. Raises ConfigError, reason `words`."""
    if file:
        _rules(Path(file))
    return file


def load(file: Path = FILE) -> Lexicon:
    """The lists, checked: every rule named once, of a known kind, with a source. Raises ConfigError, reason `words`."""
    return _load(file, _more)


@cache
def _load(file: Path, more: tuple[Path, ...]) -> Lexicon:
    ours = _rules(file)
    phrases = dict(ours.phrases)
    dates = {str(file.name): ours.review_by}
    for one in more:
        extra = _rules(one)
        phrases |= extra.phrases  # a word of ours may be moved to another kind
        dates[str(one)] = extra.review_by
    cues, by = _cues(CUES)
    dates[CUES.name] = by
    dates[WISHES.name] = _cues(WISHES)[1]
    dates[PLAIN.name] = _table(PLAIN)[2]
    tree, endings = _grown(phrases, cues)
    in_one = sorted((key for key, (_, stem) in phrases.items() if not stem and _runs(key)), key=len)
    runs = {"".join(key): key for key in in_one}
    plain = {key: rule for key, (rule, _) in phrases.items()}
    return Lexicon(plain, tree, endings, runs, ours.reviewed, ours.review_by, dates)


@cache
def of_cues(file: Path) -> Lexicon:
    """A list of cues and nothing else (`wishes.toml`). Raises ConfigError, reason `words`."""
    cues, by = _cues(file)
    tree, endings = _grown({}, cues)
    return Lexicon({}, tree, endings, {}, by, by, {file.name: by})


def _grown(
    phrases: Mapping[tuple[str, ...], tuple[Rule, bool]],
    cues: Mapping[tuple[tuple[str, ...], bool, bool], tuple[str, ...]],
) -> tuple[Node, dict[str, tuple[str, ...]]]:
    """The tree of these phrases and cues, and the cues that are endings of words."""
    tree, endings = Node(), {}
    for key, (rule, stem) in phrases.items():
        _end(tree, key, stem).rule = rule
    for (key, before, after), names in cues.items():
        if before:
            endings[key[0]] = names
        else:
            _end(tree, key, after).cues = names
    return tree, endings


def _runs(key: tuple[str, ...]) -> bool:
    """Whether the phrase may be looked for with its blanks in other places."""
    word = "".join(key)
    return word.isascii() and len(word) >= (7 if len(key) > 1 else 3)


def _end(tree: Node, key: tuple[str, ...], stem: bool) -> Node:
    node = tree
    for word in key[:-1]:
        node = node.next.setdefault(word, Node())
    return (node.stems if stem else node.next).setdefault(key[-1], Node())


def _table(file: Path) -> tuple[dict[str, Any], date, date]:
    try:
        table = tomllib.loads(file.read_text("utf-8"))
        reviewed, review_by = table["reviewed"], table["review_by"]
    except (OSError, UnicodeError, tomllib.TOMLDecodeError, KeyError):
        raise ConfigError(f"the word list of threats {file.name} cannot be read", "words") from None
    if type(reviewed) is not date or type(review_by) is not date:
        raise ConfigError(f"the word list of threats {file.name} has no review dates", "words")
    return table, reviewed, review_by


@cache
def _rules(file: Path) -> _File:
    table, reviewed, review_by = _table(file)
    try:
        entries = [(Rule(raw["name"], raw["kind"], raw["source"]), list(raw["words"])) for raw in table["rule"]]
    except (KeyError, TypeError):
        raise ConfigError(f"the word list of threats {file.name} is not of the form it must have", "words") from None
    phrases: dict[tuple[str, ...], tuple[Rule, bool]] = {}
    names: set[str] = set()
    for rule, words in entries:
        if rule.kind not in KINDS or not rule.source or not rule.name or rule.name in names:
            raise ConfigError(f"rule {rule.name} of the word list of threats is not of the form it must have", "words")
        names.add(rule.name)
        for phrase in words:
            key, _, stem = _key(phrase)
            if not key or key in phrases:
                raise ConfigError(f"rule {rule.name} has an empty phrase, or one that stands elsewhere", "words")
            phrases[key] = (rule, stem)
    return _File(reviewed, review_by, phrases)


def _cues(file: Path) -> tuple[dict[tuple[tuple[str, ...], bool, bool], tuple[str, ...]], date]:
    table, _, review_by = _table(file)
    found: dict[tuple[tuple[str, ...], bool, bool], tuple[str, ...]] = {}
    for name, words in table["cue"].items():
        for phrase in words:
            key = _key(phrase)
            if key[0]:
                found[key] = tuple(dict.fromkeys((*found.get(key, ()), name)))
    return found, review_by


def _key(phrase: object) -> tuple[tuple[str, ...], bool, bool]:
    """The words of a phrase as the reader sees them; whether anything may stand before, and after."""
    if not isinstance(phrase, str):
        return (), False, False
    bare = phrase.strip()
    before, after = bare.startswith("*"), bare.endswith("*")
    words = tuple(token.folded for token in tokens(bare.strip("*")) if token.kind not in (".", "@"))
    return words, before, after


def known_words(keys: Iterable[tuple[str, ...]]) -> set[str]:
    """Every single word of these phrases."""
    return {word for key in keys for word in key}
