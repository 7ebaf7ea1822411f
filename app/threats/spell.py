"""Undoes what hides a word: figures for letters, stretched letters, slips of the finger, blanks and dots inside.

A correction never touches a word that is one by itself (`words` of the model, and `real` of plain.toml), only changes
towards words of the lists, keeps the first letter, and changes one letter (two from nine letters on).
Source: shared/threat/lexicon.md 7.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from app.threats import lexicon
from app.threats.chars import LEET

SHORTEST, LONG, LONGEST = 5, 9, 24
STRETCHED = re.compile(r"(.)\1{2,}")


class Speller:
    """Made once from the words that may be corrected to, and those that may not be touched."""

    def __init__(self, targets: Iterable[str], known: Iterable[str]) -> None:
        self._known = frozenset(known) | lexicon.plain().real
        self._targets = frozenset(word for word in targets if word.isascii())
        self._of_length: dict[int, list[str]] = {}
        for word in sorted(self._targets):  # in one order in every process
            self._of_length.setdefault(len(word), []).append(word)
        self._near: dict[str, set[str]] = {}
        for word in self._targets:
            if len(word) >= SHORTEST:
                for near in {word, *_shorter(word, word)}:
                    self._near.setdefault(near, set()).add(word)

    def right(self, word: str) -> str:
        """The word that was meant, or the word itself."""
        if len(word) > LONGEST or len(word) < 3 or word in self._targets:
            return word
        plain = self._plain(word)
        if plain in self._targets or plain in self._known:
            return plain if plain in self._targets or plain != word else word
        if word in self._known or not plain.isalpha() or len(plain) < SHORTEST:
            return word
        return self._nearest(plain) or word

    def _plain(self, word: str) -> str:
        """Without figures for letters and without stretching, if that makes a word of ours."""
        tries = [word]
        if any(char in LEET or char == "*" for char in word) and any(char.isalpha() for char in word):
            tries.append("".join(LEET.get(char, char) for char in word))
            tries.append("".join({"1": "l", "!": "l"}.get(char, LEET.get(char, char)) for char in word))
            if word.startswith("@"):
                tries.append(word[1:])
            if "*" in word:
                tries += self._wild(tries[-2]) + self._wild(tries[-1])
        if STRETCHED.search(word):
            tries += [STRETCHED.sub(r"\1", one) for one in tries] + [STRETCHED.sub(r"\1\1", one) for one in tries]
        for one in tries[1:]:
            if one in self._targets:
                return one
        return next(
            (one for one in tries[1:] if one.isalpha() and one in self._known), tries[-1] if len(tries) > 1 else word
        )

    def _wild(self, word: str) -> list[str]:
        like = re.compile("".join("." if char == "*" else re.escape(char) for char in word))
        return [one for one in self._of_length.get(len(word), ()) if like.fullmatch(one)]

    def _nearest(self, word: str) -> str:
        best = ""
        for near in {word, *_shorter(word, word)}:
            for target in self._near.get(near, ()):
                if target[0] == word[0] and abs(len(target) - len(word)) <= 1 and _one_apart(word, target):
                    best = min(best, target) if best else target
        return best


def _shorter(word: str, of: str) -> list[str]:
    """Every word that is one letter shorter."""
    return [word[:at] + word[at + 1 :] for at in range(len(word))]


def _one_apart(one: str, two: str) -> bool:
    """One letter more, less or other, or two neighbours swapped."""
    if len(one) == len(two):
        unlike = [at for at in range(len(one)) if one[at] != two[at]]
        if len(unlike) <= 1:
            return True
        return (
            len(unlike) == 2
            and unlike[1] == unlike[0] + 1
            and one[unlike[0]] == two[unlike[1]]
            and one[unlike[1]] == two[unlike[0]]
        )
    short, long = sorted((one, two), key=len)
    at = next((at for at in range(len(short)) if short[at] != long[at]), len(short))
    return short[at:] == long[at + 1 :]
