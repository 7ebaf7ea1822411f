"""`python -m app.threats.train`: trains `model.json` from `corpus/*.jsonl`, and measures on what it did not see.

Logistic regression over the features of app.threats.features, in plain Python: of a threat the strongest place must
speak up, of anything else every place must be silent (multiple-instance learning). The same corpus
gives the same model.
"""

from __future__ import annotations

import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.threats import features, lexicon
from app.threats.model import FILE, Model
from app.threats.reader import read
from app.threats.spell import Speller
from app.threats.tokens import tokens

CORPUS = Path(__file__).with_name("corpus")
ROUNDS = 14
RATE = 0.25
DECAY = 0.012  # pulls every weight towards 0 at each step in which it is used
SURE = 0.01  # an error that is left alone
RARE = 2  # a feature must be in so many messages
SMALL = 0.03  # weights below this are not stored
FOLDS = 5
FAMILY = 30  # messages of one frame, kind and wish that are kept together when cross-validating
BAGS = 4
SHARE = 0.8  # of the messages, for each of them
RECALL = 0.945  # of the threats of the corpus, cross-validated: a missed one costs more than a false alarm


@dataclass(frozen=True)
class Row:
    """One message of the corpus, by language, with what it is."""

    text: str
    label: bool
    kind: str
    lang: str
    variant: str
    note: str
    intent: str
    channels: tuple[str, ...]


@dataclass(frozen=True)
class Case:
    """The places of one message where words of the lists stand: their kinds, and their features."""

    row: Row
    kinds: tuple[str, ...]
    places: tuple[tuple[str, ...], ...]


def rows(file: Path) -> list[Row]:
    """The messages of one file."""
    with file.open(encoding="utf-8") as lines:
        return [_row(json.loads(line)) for line in lines if line.strip()]


def _row(raw: dict[str, Any]) -> Row:
    return Row(**{**raw, "channels": tuple(raw["channels"])})


def known(messages: Iterable[Row]) -> frozenset[str]:
    """Words that were read in messages without disguise; they are never taken for slips."""
    plain = (row for row in messages if not row.note.startswith(("typo", "leet", "stretched", "dots", "pinyin")))
    count = Counter(token.folded for row in plain for token in tokens(row.text) if token.kind == "a")
    return frozenset(word for word in count if word.isalpha() and len(word) >= 3)


def cases(messages: Sequence[Row], words: frozenset[str]) -> list[Case]:
    """The messages as the model sees them."""
    lists = lexicon.load()
    speller = Speller(lexicon.known_words(lists.phrases), words)
    out = []
    for row in messages:
        reading = read(row.text, lists, speller)
        anchors = (*reading.anchors, *reading.clauses)
        places = tuple(tuple(features.of(reading, anchor)) for anchor in anchors)
        kinds = (*(anchor.rule.kind for anchor in reading.anchors), *("" for _ in reading.clauses))
        out.append(Case(row, kinds, places))
    return out


def fit(seen: Sequence[Case]) -> dict[str, float]:
    """The weights: the mean of several, each trained on most of the messages in an order of its own."""
    total: Counter[str] = Counter()
    for seed in range(BAGS):
        draw = random.Random(seed)  # noqa: S311 - a choice of messages, no secret
        total.update(_fit([case for case in seen if draw.random() < SHARE], draw))
    mean = {one: round(weight / BAGS, 3) for one, weight in sorted(total.items())}
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
            for place in _spoken(case, places, weights):
                _step(weights, squares, place, case.row.label, fixed)
    return dict(zip(names, weights, strict=True))


def _spoken(case: Case, places: list[list[int]], weights: list[float]) -> list[list[int]]:
    """The places that this message teaches from: all of a non-threat, of a threat the strongest of its kind."""
    if not case.row.label or not places:
        return places
    right = [place for kind, place in zip(case.kinds, places, strict=True) if kind == case.row.kind] or places
    return [max(right, key=lambda place: sum(map(weights.__getitem__, place)))]


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
    folds = [fold % FOLDS for fold in _families([case.row for case in seen])]
    scores = [0.0] * len(seen)
    for fold in range(FOLDS):
        weights = fit([case for case, its in zip(seen, folds, strict=True) if its != fold])
        for at, its in enumerate(folds):
            if its == fold:
                scores[at] = score(weights, seen[at])
    return scores


def _families(messages: Sequence[Row]) -> list[int]:
    """The number of each message's family: the same frame, kind and wish, written at about the same place of its file,
    whatever the language. Sisters of a message in other languages are of its family."""
    groups: dict[tuple[object, ...], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for at, row in enumerate(messages):
        groups[row.note, row.kind, row.intent, row.channels][row.variant].append(at)
    families, number = [0] * len(messages), 0
    for key in sorted(groups, key=str):
        parts = math.ceil(sum(map(len, groups[key].values())) / FAMILY)
        for places in groups[key].values():
            for nth, at in enumerate(places):
                families[at] = number + nth * parts // len(places)
        number += parts
    order = list(range(number))
    random.Random(11).shuffle(order)  # noqa: S311 - as above
    return [order[family] for family in families]


def figures(pairs: Iterable[tuple[bool, bool]]) -> tuple[float, float, float]:
    """Precision, recall and F1 of (is one, was said to be one)."""
    count = Counter(pairs)
    right, said, all_ = (
        count[True, True],
        count[True, True] + count[False, True],
        count[True, True] + count[True, False],
    )
    precision, recall = right / said if said else 0.0, right / all_ if all_ else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if right else 0.0


def best(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """The highest threshold, in steps of 0.1, at which `RECALL` of the threats are found."""
    found = sorted((one for one, label in zip(scores, labels, strict=True) if label), reverse=True)
    return math.floor(10 * found[math.ceil(RECALL * len(found)) - 1]) / 10


def store(weights: dict[str, float], threshold: float, words: frozenset[str], file: Path = FILE) -> Model:
    """Write the model, one weight a line, so that a change can be read."""
    document = {"threshold": threshold, "words": sorted(words), "weights": weights}
    file.write_text(json.dumps(document, ensure_ascii=False, indent=0) + "\n", "utf-8")
    return Model(weights, threshold, words)


def main() -> None:
    """Cross-validate on the training files, choose the threshold there, train on all of them, measure on held_out."""
    train = [row for file in sorted(CORPUS.glob("train-*.jsonl")) for row in rows(file)]
    words = known(train)
    seen = cases(train, words)
    scores = crossed(seen)
    labels = [row.label for row in train]
    threshold = best(scores, labels)
    _show("cross-validated", [(row, one >= threshold) for row, one in zip(train, scores, strict=True)])
    weights = fit(seen)
    store(weights, threshold, words)
    held = [row for file in sorted(CORPUS.glob("held_out-*.jsonl")) for row in rows(file)]
    if held:
        _show(
            "held out",
            [(row, score(weights, case) >= threshold) for row, case in zip(held, cases(held, words), strict=True)],
        )


def _show(title: str, answers: Sequence[tuple[Row, bool]]) -> None:
    groups: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for row, said in answers:
        for name in ("all", row.lang, "hard negatives" if not row.label and "easy" not in row.note else ""):
            groups[name].append((row.label, said))
    lines = [title]
    for name in sorted(filter(None, groups)):
        precision, recall, f1 = figures(groups[name])
        alarms = sum(said for label, said in groups[name] if not label)
        parts = f"precision {precision:.3f} recall {recall:.3f} F1 {f1:.3f} false alarms {alarms}"
        lines.append(f"  {name:15} n={len(groups[name]):4} {parts}")
    print("\n".join(lines))  # noqa: T201 - a command line


if __name__ == "__main__":
    main()
