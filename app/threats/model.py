"""The trained weights (`model.jsonl`): a linear model, so that each answer is a sum of reasons that can be shown."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from app.errors import ConfigError

FILE = Path(__file__).with_name("model.jsonl")
UNIT = 1000  # weights have three decimals: whole thousandths are summed, so that a sum has no error


class Weights:
    """Weights by the hash of the feature's name: 4 MB, where a dict of the 100,000 names takes 28.

    Two names with the same 64 bits would share a weight; that any two of them do has a chance of one in a thousand
    million.
    """

    def __init__(self, size: int) -> None:
        slots = 1 << (2 * size).bit_length()
        self._mask = slots - 1
        self._keys = array("q", bytes(8 * slots))
        self._values = array("i", bytes(4 * slots))

    def _slot(self, name: str, *, put: bool = False) -> int:
        """Where this name is, or would be; `put`: it is there from now on."""
        key = hash(name) or 1  # 0 is an empty slot
        keys, mask = self._keys, self._mask
        at = key & mask
        while keys[at] != key and keys[at]:
            at = (at + 1) & mask
        if put:
            keys[at] = key
        return at

    def put(self, name: str, weight: float) -> None:
        self._values[self._slot(name, put=True)] = round(weight * UNIT)

    def __contains__(self, name: str) -> bool:
        return self._keys[self._slot(name)] != 0

    def __getitem__(self, name: str) -> float:
        """0 for a name that has none."""
        return self._values[self._slot(name)] / UNIT

    def sum(self, names: Iterable[str]) -> float:
        values, slot = self._values, self._slot
        return sum(values[slot(name)] for name in names) / UNIT


@dataclass(frozen=True)
class Model:
    """`threshold`: the score from which on it is a threat; `words`: what was read in training, never corrected."""

    weights: Weights = field(repr=False)
    threshold: float
    words: frozenset[str] = field(repr=False)

    def score(self, features: Iterable[str]) -> float:
        return self.weights.sum(features)

    def reasons(self, features: Iterable[str], count: int = 5) -> tuple[tuple[str, float], ...]:
        """The features that spoke loudest for a threat, loudest first."""
        known = ((one, self.weights[one]) for one in features if one != "bias")
        return tuple(sorted((pair for pair in known if pair[1] > 0), key=lambda pair: -pair[1])[:count])

    def confidence(self, score: float) -> float:
        """Between 0 and 1; 0.5 at the threshold."""
        return 1 / (1 + math.exp(min(max(self.threshold - score, -30), 30)))


def store(weights: Mapping[str, float], threshold: float, words: Iterable[str], file: Path = FILE) -> None:
    """A line of what there is once, then one weight a line, so that a change can be read."""
    head = {"threshold": threshold, "words": sorted(words), "weights": len(weights)}
    with file.open("w", encoding="utf-8") as out:
        for line in (head, *weights.items()):
            out.write(json.dumps(line, ensure_ascii=False) + "\n")


@cache
def load(file: Path = FILE) -> Model:
    """Line by line: what a large document leaves behind when it is parsed is not given back. Raises ConfigError,
    reason `model`."""
    try:
        with file.open(encoding="utf-8") as lines:
            head = json.loads(next(lines))
            weights = Weights(head["weights"])
            for line in lines:
                weights.put(*json.loads(line))
        return Model(weights, float(head["threshold"]), frozenset(head["words"]))
    except (OSError, StopIteration, ValueError, KeyError, TypeError, OverflowError):
        raise ConfigError("the model of threats cannot be read", "model") from None
