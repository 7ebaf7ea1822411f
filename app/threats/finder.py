"""Regulatory Complaint Threats in a text: `find(text)`, with the exact words, the rule behind each and a confidence.

Words of a dated list (app.threats.lexicon) are looked for, disguised or not; a small linear model weighs what stands
around each of them. It escalates and nothing else: a person decides. Source: SOP 000 "Regulatory Complaint Threats" and
"Notes & Key Reminder"; features 0.7, 0.32, 0.33.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from app.threats import around, features, lexicon, model
from app.threats.lexicon import KINDS, Lexicon
from app.threats.model import Model
from app.threats.reader import CLAUSE, Reading, read
from app.threats.spell import Speller
from app.threats.tokens import tokens

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Span:
    """One finding: `words` exactly as the customer wrote them, at [start, end) of the text; `rule`: a rule's name.

    `why`: what spoke for it, loudest first (names of app.threats.features, each with its weight).
    """

    kind: str
    rule: str
    words: str = field(repr=False)
    start: int
    end: int
    confidence: float = 1.0
    why: tuple[tuple[str, float], ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Evidence:
    """What was found, in the order of the text; falsy when nothing was. Only `kinds` and `rules` may be stored.

    `confidence`: of the strongest place, between 0 and 1; from 0.5 on it is a threat.
    """

    spans: tuple[Span, ...] = ()
    confidence: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.spans)

    @property
    def label(self) -> bool:
        return bool(self.spans)

    @property
    def kind(self) -> str:
        """Of the first body named that was as good as certain, else of the strongest place; `none` without a threat."""
        named = [span for span in self.spans if span.rule not in UNNAMED] or list(self.spans)
        strongest = max((span.confidence for span in named), default=0.0)
        return next((span.kind for span in named if span.confidence >= strongest - NEARLY), "none")

    @property
    def kinds(self) -> tuple[str, ...]:
        found = {span.kind for span in self.spans}
        return tuple(kind for kind in KINDS if kind in found)

    @property
    def rules(self) -> tuple[str, ...]:
        return tuple(sorted({span.rule for span in self.spans}))


ACTS = frozenset({"complain", "report", "clause"})
UNNAMED = ACTS | {"veiled_body", "veiled_law", "veiled_police"}  # acts and standing phrases: they name no body
NEARLY = 0.15  # of confidence


def find(text: str) -> Evidence:
    """The threats in a customer's own words (app.threats.own_words). Linear in the length of the text.

    Should it fail, every word of the list counts: rather a card too many than a threat that nobody sees (B044).
    """
    lists = lexicon.load()
    try:
        weights, speller = _tools(lists)
        return _weighed(text, read(text, lists, speller), weights)
    except Exception as error:  # noqa: BLE001 - whatever it is, it may not hide a threat
        log.error("threat.find_failed", extra={"reason": type(error).__name__})
        return _unweighed(text, lists)


def _unweighed(text: str, lists: Lexicon) -> Evidence:
    """Whatever is on the lists, word by word, without what stands around it."""
    heard = [token for token in tokens(text) if (token.folded,) in lists.phrases]
    named = [(lists.phrases[(token.folded,)], token.start, token.end) for token in heard]
    return Evidence(tuple(Span(rule.kind, rule.name, text[a:b], a, b) for rule, a, b in named), 1.0 if named else 0.0)


_ready: dict[int, tuple[Model, Speller]] = {}


def _tools(lists: Lexicon) -> tuple[Model, Speller]:
    """The model and the speller for these lists, made once."""
    if id(lists) not in _ready:
        weights = model.load()
        _ready.clear()
        _ready[id(lists)] = (weights, Speller(lexicon.known_words(lists.phrases), weights.words))
    return _ready[id(lists)]


def _weighed(text: str, reading: Reading, weights: Model) -> Evidence:
    spans, highest = [], -30.0
    context = around.of(reading)
    about = [weights.score(part) for part in context]
    for anchor in (*reading.anchors, *reading.clauses):
        seen, part = features.of(reading, anchor), reading.part(anchor)
        if anchor.rule is CLAUSE and not _understood(seen, weights):
            continue
        score = weights.score(seen) + features.context(seen, about[part])
        highest = max(highest, score)
        if score >= weights.threshold:
            why, sure = weights.reasons([*seen, *context[part]]), round(weights.confidence(score), 3)
            start, end = reading.words[anchor.first].start, reading.words[anchor.last - 1].end
            spans.append(Span(anchor.rule.kind, anchor.rule.name, text[start:end], start, end, sure, why))
    named = tuple(span for span in spans if span.rule not in ACTS)  # complain, report: only where nothing is named
    return Evidence(named or tuple(spans), round(weights.confidence(highest), 3))


def _understood(seen: list[str], weights: Model) -> bool:
    """Whether any word of a clause, or two together, was read in training; its length alone says nothing."""
    return any(one.startswith(("c:w:", "c:b:", "c:t:")) and one in weights.weights for one in seen)
