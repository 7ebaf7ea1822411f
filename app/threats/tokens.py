"""A text as folded words that remember where they stand: any case, width and look-alike letters; scripts kept apart.

Latin and Tamil words are whole words, Chinese comes one character a word (nothing stands between its words), a mark of
punctuation that ends a sentence or a clause is a word of its own. Pure and linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.threats.chars import EMOJI, LEET, folded, script

GAP = frozenset("-\u2010\u2011\u2012\u2013_/*.")  # what may stand between the words of a phrase, beside white space
APOSTROPHES = frozenset("'\u2019\u02bc\u2018`")
STOPS = {".": ".", "!": "!", "?": "?", ";": ".", "。": ".", "\u2026": ".", "\n": "\n"}
STOPS |= dict.fromkeys(",、()", ",") | {":": ":"} | dict.fromkeys('"\u201c\u201d「」', '"')
MANY_BLANKS = 40  # a wider gap parts two words
ADDRESS = re.compile(
    r"(?:https?://|www\.)[^\s<>]{1,200}|[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}|\b[\w-]{2,63}(?:\.[\w-]{2,63}){0,3}\.(?:gov|com|org|net)(?:\.my)?\b"
)
TAG = re.compile(r"<(?:br|p|div|/p|/div)\s{0,3}/?>|&(?:nbsp|#160);", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Token:
    """A word as compared (`folded`) and its place in the text. `joined`: only a gap lies between it and the last.

    `kind`: a Latin, c Chinese, t Tamil, o another script, @ an address, . a mark (folded then is the mark).
    """

    folded: str = field(repr=False)
    start: int
    end: int
    joined: bool
    kind: str = "a"


def tokens(text: str) -> Iterator[Token]:
    """The words and marks of a text, in order."""
    holes = {found.start(): (found.end(), "") for found in TAG.finditer(text)} if "<" in text or "&" in text else {}
    if "@" in text or "." in text or "://" in text:
        for found in ADDRESS.finditer(text):
            holes.setdefault(found.start(), (found.end(), found.group().casefold()))
    return _Reader(text, holes).read()


class _Reader:
    """One pass over the characters; `_word` is what has been read of the current word."""

    def __init__(self, text: str, holes: dict[int, tuple[int, str]]) -> None:
        self._text, self._holes = text, holes
        self._word: list[str] = []
        self._kind = ""
        self._start = self._end = 0
        self._gap, self._blanks, self._lines = False, 0, 0

    def read(self) -> Iterator[Token]:
        text, at, size = self._text, 0, len(self._text)
        while at < size:
            if at in self._holes:
                yield from self._flush()
                at, address = self._hole(at)
                if address is not None:
                    yield address
                continue
            char = text[at]
            kind, plain = _read(char)
            if not plain:
                at += 1
                continue
            if not kind and self._inside(char, at):
                kind = self._kind
            if kind:
                if self._word and (kind != self._kind or kind == "c"):
                    yield from self._flush()
                if not self._word:
                    self._start, self._kind = at, kind
                self._word.append(plain)
                self._end = at + 1
            else:
                yield from self._flush()
                yield from self._between(char, plain, at)
            at += 1
        yield from self._flush()

    def _hole(self, at: int) -> tuple[int, Token | None]:
        end, address = self._holes[at]
        if not address:
            self._blanks += 1
            return end, None
        token = Token(address, at, end, False, "@")
        self._gap = False
        return end, token

    def _inside(self, char: str, at: int) -> bool:
        """Whether a sign stands for a letter here: an apostrophe, a vowel sign, `l@wyer`, `p*lice`, `$aman`."""
        if self._word and self._kind in ("a", "o") and (char in APOSTROPHES):
            return True
        if char not in LEET and char != "*":
            return False
        after = self._text[at + 1 : at + 2]
        if not after or script(after) != "a":
            return False
        if char in "$@" and not self._word:
            return not after.isdigit()
        if self._word and self._kind == "a" and self._end == at:
            return char != "*" or len(self._word) < 8
        return False

    def _flush(self) -> Iterator[Token]:
        if self._word:
            yield _whole("".join(self._word), self._start, self._end, self._gap, self._kind)
            self._word, self._gap, self._blanks, self._lines = [], True, 0, 0

    def _between(self, char: str, plain: str, at: int) -> Iterator[Token]:
        """What stands between words: it joins them, or parts them."""
        if char in EMOJI:
            yield Token(char, at, at + 1, False, "e")
            self._gap = False
            return
        self._blanks += 1
        self._lines += char == "\n"
        tight = char == "." and self._tight(at)
        blank = plain.isspace() or char in GAP
        if char == ".":
            blank = tight
        self._gap = self._gap and self._blanks <= MANY_BLANKS and self._lines <= 1 and blank
        mark = STOPS.get(char) or STOPS.get(plain)
        if mark and not tight and not (mark == "\n" and self._lines < 2):
            yield Token(mark, at, at + 1, False, ".")

    def _tight(self, at: int) -> bool:
        """A full stop that is followed by a letter or a digit at once ends no sentence: B.N.M, 1.30."""
        after = self._text[at + 1 : at + 2]
        return bool(after) and script(after) in ("a", "o", "c")


def _read(char: str) -> tuple[str, str]:
    if char.isascii():
        return ("a" if char.isalnum() else ""), char.lower()
    plain = folded(char)
    if not plain:
        return "", ""
    kind = script(char)
    if kind == "o" and plain.isascii() and plain.isalnum():
        return "a", plain
    if kind in ("t", "c"):
        return kind, plain
    return ("a" if plain.isascii() and plain.isalnum() else kind), plain


def _whole(word: str, start: int, end: int, joined: bool, kind: str) -> Token:
    """Without an English possessive or a quotation mark at its end."""
    if kind == "a":
        for mark in APOSTROPHES:
            word = word.replace(mark, "'")
        if word.endswith("'s"):
            word, end = word[:-2], end - 2
        bare = word.rstrip("'")
        word, end = bare, end - (len(word) - len(bare))
    return Token(word, start, end, joined, kind)
