"""A text as folded words that remember where they stand: NFKC, any case, invisible characters left out.

Pure and linear in the length of the text.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

GAP = frozenset("-\u2010\u2011\u2012\u2013_")  # what may stand between the words of a phrase, beside white space
APOSTROPHES = frozenset("'\u2019\u02bc")
MANY_BLANKS = 40  # a wider gap parts two words


@dataclass(frozen=True)
class Token:
    """A word as compared (`folded`) and its place in the text. `joined`: only a gap lies between it and the last."""

    folded: str = field(repr=False)
    start: int
    end: int
    joined: bool


def tokens(text: str) -> Iterator[Token]:
    """The words of a text, in order."""
    word: list[str] = []
    start, end, joined, blanks, lines = 0, 0, False, 0, 0
    for at, char in enumerate(text):
        folded = char.lower() if char.isascii() else _folded(char)
        if not folded:
            continue
        if folded.isalnum() or (word and (char in APOSTROPHES or unicodedata.category(char)[0] == "M")):
            if not word:
                start = at
            word.append(folded)
            end = at + 1
            continue
        if word:
            yield _whole("".join(word), start, end, joined)
            word, joined, blanks, lines = [], True, 0, 0
        blanks += 1
        lines += char == "\n"
        joined = joined and blanks <= MANY_BLANKS and lines <= 1 and (folded.isspace() or char in GAP)
    if word:
        yield _whole("".join(word), start, end, joined)


def _folded(char: str) -> str:
    """As compared; '' for zero-width characters and soft hyphens, which hide a word from machines only."""
    return "" if unicodedata.category(char) == "Cf" else unicodedata.normalize("NFKC", char).casefold()


def _whole(word: str, start: int, end: int, joined: bool) -> Token:
    """Without an English possessive or a quotation mark at its end."""
    for mark in APOSTROPHES:
        word = word.replace(mark, "'")
    if word.endswith("'s"):
        word, end = word[:-2], end - 2
    bare = word.rstrip("'")
    return Token(bare, start, end - (len(word) - len(bare)), joined)
