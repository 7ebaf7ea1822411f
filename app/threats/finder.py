"""Words of regulators, law, police and tribunals in a text: whole words from a dated list, nothing guessed.

One function for the whole desk; how good it is can be changed here without touching anything else. Source: SOP 000
"Regulatory Complaint Threats" and "Notes & Key Reminder"; features 0.7, 0.32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.threats import lexicon
from app.threats.lexicon import KINDS, Rule
from app.threats.tokens import Token, tokens


@dataclass(frozen=True)
class Span:
    """One finding: `words` exactly as the customer wrote them, at [start, end) of the text; `rule`: a rule's name."""

    kind: str
    rule: str
    words: str = field(repr=False)
    start: int
    end: int


@dataclass(frozen=True)
class Evidence:
    """What was found, in the order of the text; falsy when nothing was. Only `kinds` and `rules` may be stored."""

    spans: tuple[Span, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.spans)

    @property
    def kinds(self) -> tuple[str, ...]:
        found = {span.kind for span in self.spans}
        return tuple(kind for kind in KINDS if kind in found)

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(sorted({span.rule for span in self.spans}))


def find(text: str) -> Evidence:
    """The threat words in a customer's own words (app.threats.own_words). Linear in the length of the text."""
    words = lexicon.load()
    seen = list(tokens(text))
    spans: list[Span] = []
    at = 0
    while at < len(seen):
        rule, length = _longest(seen, at, words.phrases, words.longest)
        if rule is not None:
            start, end = seen[at].start, seen[at + length - 1].end
            spans.append(Span(rule.kind, rule.name, text[start:end], start, end))
        at += max(length, 1)
    return Evidence(tuple(spans))


def _longest(
    seen: list[Token], at: int, phrases: Mapping[tuple[str, ...], Rule], longest: int
) -> tuple[Rule | None, int]:
    """The longest phrase that begins at this word, and its number of words."""
    found: tuple[Rule | None, int] = (None, 0)
    key: tuple[str, ...] = ()
    for length, token in enumerate(seen[at : at + longest], 1):
        if length > 1 and not token.joined:
            break
        key += (token.folded,)
        if key in phrases:
            found = (phrases[key], length)
    return found
