"""`python -m app.threats.train`: trains `model.jsonl` from `corpus/*.jsonl`, and measures on what it did not see.

Logistic regression over the features of app.threats.features, in plain Python: of a threat the strongest place must
speak up, of anything else every place must be silent (multiple-instance learning). The same corpus
gives the same model.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from app.threats import around, features, lexicon, model
from app.threats.learner import Learner
from app.threats.measure import show
from app.threats.messages import Row, embedded, families, known, read_all
from app.threats.quoted import own_words
from app.threats.reader import read
from app.threats.spell import Speller

NEAR, ABOUT = (8, 0.25), (6, 0.1)  # rounds and rate, for the weights of app.threats.features and of app.threats.around
RARE = 2  # a feature must be in so many messages
SMALL = 0.05  # weights below this are not stored
FOLDS = 5
BAGS, QUICK = 4, 2  # models whose mean is taken, and as many when cross-validating
EVEN = 0.0  # the score at which it is as likely as not
SHARE = 0.8  # of the messages, for each of them


@dataclass(frozen=True)
class Lesson:
    """The features of some places of one message, and their kinds; '' for one that has none of its own."""

    row: Row
    kinds: tuple[str, ...]
    places: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Case:
    """One message as the model sees it: its places, its parts, and the part in which each place is."""

    row: Row
    near: Lesson
    about: Lesson
    part: tuple[int, ...]


def cases(messages: Sequence[Row], words: frozenset[str]) -> list[Case]:
    """The messages as the model sees them."""
    lists = lexicon.load()
    speller = Speller(lexicon.known_words(lists.phrases), words)
    out = []
    for row in messages:
        reading = read(own_words(row.text), lists, speller)
        anchors = (*reading.anchors, *reading.clauses)
        kinds = (*(anchor.rule.kind for anchor in reading.anchors), *("" for _ in reading.clauses))
        near = Lesson(row, kinds, tuple(tuple(features.of(reading, anchor)) for anchor in anchors))
        parts = tuple(map(tuple, around.of(reading)))
        about = Lesson(row, ("",) * len(parts), parts)
        out.append(Case(row, near, about, tuple(reading.part(anchor) for anchor in anchors)))
    return out


def fit(seen: Sequence[Case], bags: int = BAGS) -> dict[str, float]:
    """The weights of both, each learnt by itself."""
    return _mean([case.near for case in seen], NEAR, bags) | _mean([case.about for case in seen], ABOUT, QUICK)


def _mean(seen: Sequence[Lesson], pace: tuple[int, float], bags: int) -> dict[str, float]:
    """The mean of several, each trained on most of the messages in an order of its own."""
    total: Counter[str] = Counter()
    for seed in range(bags):
        draw = random.Random(seed)  # noqa: S311 - a choice of messages, no secret
        total.update(_fit([lesson for lesson in seen if draw.random() < SHARE], pace, draw))
    mean = {one: round(weight / bags, 3) for one, weight in sorted(total.items())}
    return {one: weight for one, weight in mean.items() if abs(weight) >= SMALL}


def _fit(seen: Sequence[Lesson], pace: tuple[int, float], draw: random.Random) -> dict[str, float]:
    """AdaGrad; the order of the messages is drawn. Messages that are answered as good as right teach nothing more."""
    count = Counter(one for lesson in seen for one in {one for place in lesson.places for one in place})
    names = sorted({one for one, times in count.items() if times >= RARE} | set(features.KNOWN))
    number = {one: at for at, one in enumerate(names)}
    kept = [(lesson, [[number[one] for one in place if one in number] for place in lesson.places]) for lesson in seen]
    rounds, rate = pace
    learner = Learner([features.KNOWN.get(one, 0.0) for one in names], {number[one] for one in features.KNOWN}, rate)
    for _ in range(rounds):
        draw.shuffle(kept)
        for lesson, places in kept:
            for place in _spoken(lesson, places, learner):
                learner.learn(place, lesson.row.label)
    return dict(zip(names, learner.weights, strict=True))


def _spoken(lesson: Lesson, places: list[list[int]], learner: Learner) -> list[list[int]]:
    """The places that this message teaches from: all of a non-threat, of a threat the strongest of its kind."""
    if not lesson.row.label or not places:
        return places
    right = [place for kind, place in zip(lesson.kinds, places, strict=True) if kind == lesson.row.kind] or places
    return [max(right, key=learner.score)]


def score(weights: dict[str, float], case: Case) -> float:
    """The strongest place; far below 0 where there is none."""
    about = [_sum(weights, part) for part in case.about.places]
    places = zip(case.near.places, case.part, strict=True)
    return max((_sum(weights, place) + features.context(place, about[part]) for place, part in places), default=-20.0)


def _sum(weights: dict[str, float], names: Sequence[str]) -> float:
    return sum(weights.get(one, 0.0) for one in names)


def crossed(seen: Sequence[Case], more: Sequence[tuple[int, Case]]) -> list[float]:
    """The score of each message from a model that has seen neither it nor its family. `more`: messages that were made
    from others, of which the number is given; they teach with them and are not measured."""
    folds = [fold % FOLDS for fold in families([case.row for case in seen])]
    scores = [0.0] * len(seen)
    for fold in range(FOLDS):
        others = [case for case, its in zip(seen, folds, strict=True) if its != fold]
        weights = fit([*others, *(case for at, case in more if folds[at] != fold)], QUICK)
        for at, its in enumerate(folds):
            if its == fold:
                scores[at] = score(weights, seen[at])
    return scores


def main() -> None:
    """Cross-validate on the training files, train on all of them, measure on the others."""
    rows = read_all("train")
    words = known(rows)
    seen, made = cases(rows, words), embedded(rows)
    more = list(zip((at for at, _ in made), cases([row for _, row in made], words), strict=True))
    scores = crossed(seen, more)
    show("cross-validated", [(row, one >= EVEN) for row, one in zip(rows, scores, strict=True)])
    weights = fit([*seen, *(case for _, case in more)])
    model.store(weights, EVEN, words)
    held = cases(read_all("held_out"), words)
    show("held out", [(case.row, score(weights, case) >= EVEN) for case in held])


if __name__ == "__main__":
    main()
