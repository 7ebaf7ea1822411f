"""What the sentences around a place are about: the features of a part of the text together with its neighbours.

Where app.threats.features asks what stands at the words, this asks what is talked about. The weights of both are added.
One answer for a part, whatever stands in it, so that the time stays linear.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from app.threats.reader import Reading

NEIGHBOURS = 2  # parts on each side
GRAMS = (3, 4, 5)  # letters in a row, across words


def of(reading: Reading) -> list[list[str]]:
    """The features of each part of the reading, each feature once, in order of the alphabet."""
    names = {at: f"<{one.rule.kind}>" for one in reading.anchors for at in range(one.first, one.last)}
    found = []
    for at in range(len(reading.parts)):
        first = reading.parts[max(at - NEIGHBOURS, 0)][0]
        last = reading.parts[min(at + NEIGHBOURS, len(reading.parts) - 1)][1]
        found.append(sorted({f"v:{one}" for one in _of(reading, names, first, last)}))
    return found


def _of(reading: Reading, names: dict[int, str], first: int, last: int) -> Iterator[str]:
    words = [word.folded for word in reading.words[first:last]]
    text = f"^{' '.join(words)}$"
    for size in GRAMS:
        yield from (f"g:{text[at : at + size]}" for at in range(len(text) - size + 1))
    said = [names.get(at, word) for at, word in enumerate(words, first)]
    yield from (f"w:{word}" for word in said)
    yield from (f"b:{one} {two}" for one, two in pairwise(said))
    yield from (f"s:{one} {two}" for one, two in zip(said, said[2:], strict=False))
    cues = {cue for at in range(first, last) for cue in reading.cues[at]}
    yield from (f"c:{cue}" for cue in cues)
    anchors = list(reading.near(first, last))
    yield f"n:{min(len(anchors), 3)}"
    yield from (f"k:{kind}&{cue}" for kind in {one.rule.kind for one in anchors} for cue in cues)
