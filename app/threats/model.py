"""The trained weights (`model.json`): a linear model, so that each answer is a sum of reasons that can be shown."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from app.errors import ConfigError

FILE = Path(__file__).with_name("model.json")


@dataclass(frozen=True)
class Model:
    """`threshold`: the score from which on it is a threat; `words`: what was read in training, never corrected."""

    weights: Mapping[str, float]
    threshold: float
    words: frozenset[str] = field(default_factory=frozenset, repr=False)

    def score(self, features: Iterable[str]) -> float:
        weights = self.weights
        return sum(weights.get(one, 0.0) for one in features)

    def reasons(self, features: Iterable[str], count: int = 5) -> tuple[tuple[str, float], ...]:
        """The features that spoke loudest for a threat, loudest first."""
        known = ((one, self.weights.get(one, 0.0)) for one in features if one != "bias")
        return tuple(sorted((pair for pair in known if pair[1] > 0), key=lambda pair: -pair[1])[:count])

    def confidence(self, score: float) -> float:
        """Between 0 and 1; 0.5 at the threshold."""
        return 1 / (1 + math.exp(min(max(self.threshold - score, -30), 30)))


@cache
def load(file: Path = FILE) -> Model:
    """Raises ConfigError, reason `model`."""
    try:
        raw = json.loads(file.read_text("utf-8"))
        return Model(raw["weights"], float(raw["threshold"]), frozenset(raw["words"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigError("the model of threats cannot be read", "model") from None
