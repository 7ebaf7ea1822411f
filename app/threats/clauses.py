"""Parts of a text in which no word of the lists stands: each is weighed as a whole, for a threat may name nobody.

A part is a sentence, or what lies between two commas of a long one, so that one clause decides in a long message.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.threats.tokens import Token

LONG = 16  # words from which on a comma ends a part
LONGEST = 40
SHORTEST = 2  # words; less says nothing


def parts(words: Sequence[Token], sentence: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The parts as [first, last) of the words, marks included."""
    first = 0
    for at in range(1, len(words) + 1):
        length = at - first
        ends = at == len(words) or sentence[at] != sentence[at - 1] or length >= LONGEST
        if ends or (length >= LONG and words[at - 1].folded == ","):
            yield first, at
            first = at


def unnamed(
    words: Sequence[Token], among: Sequence[tuple[int, int]], taken: Sequence[int]
) -> Iterator[tuple[int, int]]:
    """The parts `among` in which none of the words `taken` (their numbers, in order) stands."""
    at = 0
    for first, last in among:
        while at < len(taken) and taken[at] < first:
            at += 1
        if at < len(taken) and taken[at] < last:
            continue
        if sum(word.kind != "." for word in words[first:last]) >= SHORTEST:
            yield first, last
