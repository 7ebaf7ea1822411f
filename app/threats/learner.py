"""Logistic regression, one example after the other (AdaGrad), in plain Python."""

from __future__ import annotations

import math

DECAY = 0.012  # pulls every weight towards 0 at each step in which it is used
SURE = 0.01  # an error that is left alone


class Learner:
    """Weights by number, those in `fixed` as they are given."""

    def __init__(self, weights: list[float], fixed: set[int], rate: float) -> None:
        self.weights, self._fixed, self._rate = weights, fixed, rate
        self._squares = [1.0] * len(weights)

    def score(self, place: list[int]) -> float:
        """The sum of the weights of these features."""
        return sum(map(self.weights.__getitem__, place))

    def learn(self, place: list[int], label: bool) -> None:
        """One step towards the answer `label` for these features."""
        error = label - 1 / (1 + math.exp(-max(min(self.score(place), 30), -30)))
        if abs(error) < SURE:
            return
        weights, squares = self.weights, self._squares
        for one in place:
            if one not in self._fixed:
                squares[one] += error * error
                weights[one] += self._rate * (error - DECAY * weights[one]) / math.sqrt(squares[one])
