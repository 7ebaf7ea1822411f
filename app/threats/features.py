"""What can be said about one place of a text where words of the lists stand: the features that the model weighs.

Only what stands near counts, and what the lists know of the rest of the message: chatter around changes little.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache

from app.threats.negation import denied
from app.threats.reader import CLAUSE, Anchor, Reading

WINDOW = 14  # words on each side
NEAR = 3
ORDERED = 8  # words before, whose order counts
STEM, ENDING = 5, 4  # letters of the beginning and the end of a long word
SOUNDS = (("ndr", "nr"), ("dh", "t"), ("th", "t"), ("zh", "l"), ("gh", "g"), ("d", "t"), ("b", "p"), ("w", "v"))
DOUBLED = re.compile(r"(.)\1+")
OTHERS = 60  # words on each side in other sentences whose cues count


def _listed(names: str) -> list[str]:
    return names.split()


# Cues that say something wherever they stand in the message.
CONTEXT = frozenset(
    _listed("""
    work loan docs lost third other received over internal licence rates credit address homonym procedure quote pdpa
    harass app seem others closing target fear apology temper firms asked
""")
)
PAIRED = frozenset(
    _listed("""
    you me will if neg but force act where ask done over received work licence third other docs internal staff
    homonym address loan rates credit deadline delete stop family quote harass app seem others closing procedure
    elsewhere higher evidence rights enough still made lost paper pay
    target fear apology temper firms leave praise account asif learn asked
""")
)


# Rules: what is known without being learnt, and outweighs much of what is.
KNOWN = {"denied": -20.0}


def context(place: Collection[str], about: float) -> float:
    """What the sentences around add to a place: nothing speaks for a threat that is denied right there."""
    return min(about, 0.0) if "denied" in place else about


def of(reading: Reading, anchor: Anchor) -> list[str]:
    """The features of this anchor, or of a clause without one, each once."""
    return list(dict.fromkeys(_clause(reading, anchor) if anchor.rule is CLAUSE else _of(reading, anchor)))


def _clause(reading: Reading, part: Anchor) -> Iterator[str]:
    """Of a part that names nobody: its words, in pairs too, its cues and their order."""
    first, last = part.first, part.last
    yield "c:bias"
    for name in _words(reading, first, last):
        yield f"c:{name}"
    here = _cues(reading, range(first, last))
    yield from (f"c:{cue}" for cue in here)
    yield from (f"c:{pair}" for pair in _pairs(here))
    before: list[str] = []
    for at in range(first, last):
        now = [cue for cue in dict.fromkeys(reading.cues[at]) if cue in PAIRED]
        yield from (f"c:{one}>{cue}" for cue in now for one in before)
        before = now or before
    yield from (f"c:{shape}" for shape in _shape(reading, part, first, last))


def _of(reading: Reading, anchor: Anchor) -> Iterator[str]:
    rule = anchor.rule
    yield "bias"
    yield f"r:{rule.name}"
    yield f"k:{rule.kind}"
    if reading.words[anchor.first].kind == "@":
        yield "mail"
    first, last = _bounds(reading, anchor)
    if denied(reading, anchor, first, last):
        yield "denied"
    here: set[str] = set()
    for at in range(first, last):
        side = "l" if at < anchor.first else "r" if at >= anchor.last else "i"
        far = anchor.first - at if side == "l" else at - anchor.last + 1
        for cue in reading.cues[at]:
            if side == "i" and cue not in ("neg", "you"):
                continue
            here.add(cue)
            yield f"{side}:{cue}"
            if far <= NEAR:
                yield f"{side}n:{cue}"
            yield f"{rule.name}&{cue}"
            yield f"{rule.kind}&{cue}"
    yield from _words(reading, first, last)
    yield from _order(reading, anchor, first)
    yield from _pairs(here)
    yield from _around(reading, anchor, first, last, here)
    yield from _shape(reading, anchor, first, last)


def _bounds(reading: Reading, anchor: Anchor) -> tuple[int, int]:
    """The part of the sentence that counts."""
    number = reading.sentence[anchor.first]
    first, last = anchor.first, anchor.last
    while first > 0 and anchor.first - first < WINDOW and reading.sentence[first - 1] == number:
        first -= 1
    while last < len(reading.words) and last - anchor.last < WINDOW and reading.sentence[last] == number:
        last += 1
    return first, last


def _words(reading: Reading, first: int, last: int) -> Iterator[str]:
    """The words themselves, alone and in pairs; those of the lists as the rule's name. One Chinese character says
    nothing alone."""
    earlier, before = "", "^"
    names = {at: f"<{one.rule.name}>" for one in reading.near(first, last) for at in range(one.first, one.last)}
    for at in range(first, last):
        word = names.get(at) or reading.words[at].folded
        if at in names and before == word:
            continue
        kind = reading.words[at].kind
        if kind != "c" or at in names:
            yield f"w:{word}"
        yield f"b:{before} {word}"
        if at not in names and len(word) > STEM and kind in ("a", "t"):
            yield f"s:{word[:STEM]}"
            yield f"e:{word[-ENDING:]}"
        if at not in names and kind == "a" and len(word) > NEAR:
            yield f"f:{_sound(word)}"
        if kind == "c":
            yield f"t:{earlier} {before} {word}"
        earlier, before = before, word


@lru_cache(maxsize=8192)
def _sound(word: str) -> str:
    """About how a word sounds: Tamil in Latin letters has no fixed spelling (panren, pandren; poren, poreen)."""
    for many, one in SOUNDS:
        word = word.replace(many, one)
    return DOUBLED.sub(r"\1", word).rstrip("u")


def _order(reading: Reading, anchor: Anchor, first: int) -> Iterator[str]:
    """Which cue leads to which, and the last ones to the words: `I > will > go to > …`."""
    before: list[str] = []
    for at in range(max(first, anchor.first - ORDERED), anchor.first):
        now = [cue for cue in dict.fromkeys(reading.cues[at]) if cue in PAIRED]
        for cue in now:
            yield from (f"{one}>{cue}" for one in before)
        before = now or before
    yield from (f"{one}>{anchor.rule.kind}" for one in before)


def _pairs(cues: Iterable[str]) -> Iterator[str]:
    listed = sorted(PAIRED.intersection(cues))
    for n, one in enumerate(listed):
        for two in listed[n + 1 :]:
            yield f"{one}+{two}"


def _around(reading: Reading, anchor: Anchor, first: int, last: int, here: set[str]) -> Iterator[str]:
    for name, part in (
        ("p", range(max(first - OTHERS, 0), first)),
        ("n", range(last, min(last + OTHERS, len(reading.words)))),
    ):
        for cue in _cues(reading, part):
            yield f"{name}:{cue}"
            if cue in CONTEXT and cue not in here:
                yield f"m:{cue}"
                yield f"{anchor.rule.kind}&m:{cue}"
    rules = {one.rule.name for one in reading.near(first, last)} - {anchor.rule.name}
    for rule in sorted(rules):
        yield f"a:{rule}"
        yield f"a:{'+'.join(sorted((rule, anchor.rule.name)))}"


def _cues(reading: Reading, places: range) -> list[str]:
    """The cues there, each once, in order of the alphabet."""
    return sorted({cue for at in places for cue in reading.cues[at]})


def _shape(reading: Reading, anchor: Anchor, first: int, last: int) -> Iterator[str]:
    words: Sequence[str] = [word.folded for word in reading.words[first:last] if word.kind != "."]
    yield f"len:{min(len(words), 12) // 3}"
    yield f"all:{min(len(reading.words), 60) // 12}"
    end = reading.words[last - 1].folded
    if end == "?":
        yield "question"
        yield f"question&{anchor.rule.name}"
    if any(word.folded == '"' for word in reading.words[first:last]):
        yield "quotes"
    if first == 0 and last >= len(reading.words) - 1:
        yield "alone"
