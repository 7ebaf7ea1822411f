"""The messages that the model is trained on and measured on (`corpus/*.jsonl`), and their families."""

from __future__ import annotations

import json
import math
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.threats.tokens import tokens

CORPUS = Path(__file__).with_name("corpus")
NEUTRAL = frozenset({"n.neutral", "n.easy"})
EMBEDDED, SHORT, ROUND = 0.35, 200, 6  # share of the messages of so many characters, among at most so many others
ENDS = ".!?\u3002\uff01\uff1f"
FAMILY = 30  # messages of one frame, kind and wish that are kept together when cross-validating
DISGUISED = (
    *("typo", "leet", "stretched", "dots", "pinyin", "spaced", "runtogether", "homoglyph", "fullwidth", "censored"),
    *("t:obfuscated", "hn:obfuscated"),
)


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


def read_all(name: str) -> list[Row]:
    """The messages of every file of this beginning: `train` or `held_out`."""
    return [row for file in sorted(CORPUS.glob(f"{name}-*.jsonl")) for row in rows(file)]


def rows(file: Path) -> list[Row]:
    """The messages of one file."""
    with file.open(encoding="utf-8") as lines:
        return [row_of(json.loads(line)) for line in lines if line.strip()]


def row_of(raw: dict[str, Any]) -> Row:
    """One line of a file."""
    return Row(**{**raw, "channels": tuple(raw["channels"])})


def known(messages: Iterable[Row]) -> frozenset[str]:
    """Words that were read in messages without disguise; they are never taken for slips."""
    plain = (row for row in messages if not row.note.startswith(DISGUISED))
    count = Counter(token.folded for row in plain for token in tokens(row.text) if token.kind == "a")
    return frozenset(word for word in count if word.isalpha() and len(word) >= 3)


def families(messages: Sequence[Row]) -> list[int]:
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
    random.Random(11).shuffle(order)  # noqa: S311 - an order, no secret
    return [order[family] for family in families]


def embedded(messages: Sequence[Row]) -> list[tuple[int, Row]]:
    """Some of the short messages among neutral sentences of their language, so that what decides is learnt wherever it
    stands; each with the number of the message that it was made from."""
    neutral: dict[str, list[str]] = defaultdict(list)
    for row in messages:
        if row.note in NEUTRAL:
            neutral[row.variant].append(row.text)
    draw = random.Random(5)  # noqa: S311 - a choice of messages, no secret
    made = []
    for at, row in enumerate(messages):
        pool = neutral.get(row.variant, [])
        if len(row.text) <= SHORT and "\n" not in row.text and len(pool) >= ROUND and draw.random() < EMBEDDED:
            around = draw.sample(pool, draw.randint(2, ROUND))
            around.insert(draw.randint(0, len(around)), row.text)
            made.append((at, replace(row, text=" ".join(one if one[-1] in ENDS else f"{one}." for one in around))))
    return made
