"""`python -m app.threats.train`: trains `model.json` from `corpus/*.jsonl`, and measures on what it did not see.

Logistic regression over the features of app.threats.features, in plain Python: of a threat the strongest place must
speak up, of anything else every place must be silent (multiple-instance learning). The same corpus
gives the same model.
"""

from __future__ import annotations

import json
import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.threats import features, lexicon
from app.threats.measure import best, show
from app.threats.messages import HALVES, Row, families, known, read_all
from app.threats.model import FILE, Model
from app.threats.quoted import own_words
from app.threats.reader import read
from app.threats.spell import Speller

ROUNDS = 8
RATE = 0.25
DECAY = 0.012  # pulls every weight towards 0 at each step in which it is used
SURE = 0.01  # an error that is left alone
RARE = 2  # a feature must be in so many messages
SMALL = 0.03  # weights below this are not stored
FOLDS = 5
BAGS, QUICK = 4, 2  # models whose mean is taken, and as many when cross-validating
SHARE = 0.8  # of the messages, for each of them


@dataclass(frozen=True)
class Case:
    """The places of one message where words of the lists stand: their kinds, and their features."""

    row: Row
    kinds: tuple[str, ...]
    places: tuple[tuple[str, ...], ...]


def cases(messages: Sequence[Row], words: frozenset[str]) -> list[Case]:
    """The messages as the model sees them."""
    lists = lexicon.load()
    speller = Speller(lexicon.known_words(lists.phrases), words)
    out = []
    for row in messages:
        reading = read(own_words(row.text), lists, speller)
        anchors = (*reading.anchors, *reading.clauses)
        places = tuple(tuple(features.of(reading, anchor)) for anchor in anchors)
        kinds = (*(anchor.rule.kind for anchor in reading.anchors), *("" for _ in reading.clauses))
        out.append(Case(row, kinds, places))
    return out


def fit(seen: Sequence[Case], bags: int = BAGS) -> dict[str, float]:
    """The weights: the mean of several, each trained on most of the messages in an order of its own."""
    total: Counter[str] = Counter()
    for seed in range(bags):
        draw = random.Random(seed)  # noqa: S311 - a choice of messages, no secret
        total.update(_fit([case for case in seen if draw.random() < SHARE], draw))
    mean = {one: round(weight / bags, 3) for one, weight in sorted(total.items())}
    return {one: weight for one, weight in mean.items() if abs(weight) >= SMALL}


def _fit(seen: Sequence[Case], draw: random.Random) -> dict[str, float]:
    """AdaGrad; the order of the messages is drawn. Messages that are answered as good as right teach nothing more."""
    count = Counter(one for case in seen for one in {one for place in case.places for one in place})
    names = sorted({one for one, times in count.items() if times >= RARE} | set(features.KNOWN))
    number = {one: at for at, one in enumerate(names)}
    kept = [(case, [[number[one] for one in place if one in number] for place in case.places]) for case in seen]
    weights = [features.KNOWN.get(one, 0.0) for one in names]
    squares = [1.0] * len(names)
    fixed = {number[one] for one in features.KNOWN}
    for _ in range(ROUNDS):
        draw.shuffle(kept)
        for case, places in kept:
            for place, label in _spoken(case, places, weights):
                _step(weights, squares, place, label, fixed)
    return dict(zip(names, weights, strict=True))


def _spoken(case: Case, places: list[list[int]], weights: list[float]) -> list[tuple[list[int], bool]]:
    """What this message teaches: of a non-threat every place; of a threat the strongest of its kind, and that clauses
    which name nobody are none when somebody is named."""
    if not case.row.label or not places:
        return [(place, False) for place in places]
    right = [place for kind, place in zip(case.kinds, places, strict=True) if kind == case.row.kind]
    strongest = max(right or places, key=lambda place: sum(map(weights.__getitem__, place)))
    beside = [place for kind, place in zip(case.kinds, places, strict=True) if right and not kind]
    return [(strongest, True), *((place, False) for place in beside)]


def _step(weights: list[float], squares: list[float], place: list[int], label: bool, fixed: set[int]) -> None:
    score = sum(map(weights.__getitem__, place))
    error = label - 1 / (1 + math.exp(-max(min(score, 30), -30)))
    if abs(error) < SURE:
        return
    for one in place:
        if one not in fixed:
            pull = error - DECAY * weights[one]
            squares[one] += error * error
            weights[one] += RATE * pull / math.sqrt(squares[one])


def score(weights: dict[str, float], case: Case) -> float:
    """The strongest place; far below 0 where there is none."""
    return max((sum(weights.get(one, 0.0) for one in place) for place in case.places), default=-20.0)


def crossed(seen: Sequence[Case]) -> list[float]:
    """The score of each message from a model that has seen neither it nor its family."""
    folds = [fold % FOLDS for fold in families([case.row for case in seen])]
    scores = [0.0] * len(seen)
    for fold in range(FOLDS):
        weights = fit([case for case, its in zip(seen, folds, strict=True) if its != fold], QUICK)
        for at, its in enumerate(folds):
            if its == fold:
                scores[at] = score(weights, seen[at])
    return scores


def store(weights: dict[str, float], threshold: float, words: frozenset[str], file: Path = FILE) -> Model:
    """Write the model, one weight a line, so that a change can be read."""
    document = {"threshold": threshold, "words": sorted(words), "weights": weights}
    file.write_text(json.dumps(document, ensure_ascii=False, indent=0) + "\n", "utf-8")
    return Model(weights, threshold, words)


def main() -> None:
    """Cross-validate on the training files, choose the threshold there, train on all of them, measure on the others."""
    rows = read_all("train")
    words = known(rows)
    seen = cases(rows, words)
    scores = crossed(seen)
    threshold = best(scores, [row.label for row in rows])
    show("cross-validated", [(row, one >= threshold) for row, one in zip(rows, scores, strict=True)])
    weights = fit(seen)
    store(weights, threshold, words)
    for half in HALVES:
        held = cases(read_all(half), words)
        show(half, [(case.row, score(weights, case) >= threshold) for case in held])


if __name__ == "__main__":
    main()
