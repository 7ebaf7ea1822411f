"""Which language a message is in, as far as the figures need it: en, ms, zh, ta or mixed. Simple on purpose."""

from __future__ import annotations

from collections import Counter

from app.threats import lexicon
from app.threats.tokens import tokens

LANGUAGES = ("en", "ms", "zh", "ta", "mixed")
READ = 2_000  # characters; a message does not change its language after them
CLEAR = 0.75  # of the words that tell


def of(text: str) -> str:
    """One of `LANGUAGES`; `en` where nothing tells."""
    told: Counter[str] = Counter()
    for token in tokens(text[:READ]):
        if token.kind == "c":
            told["zh"] += 1
        elif token.kind == "t":
            told["ta"] += 3
        elif token.kind == "a":
            told.update(name for name, words in lexicon.plain().of.items() if token.folded in words)
    if not told:
        return "en"
    (name, most), total = told.most_common(1)[0], sum(told.values())
    return name if most >= CLEAR * total else "mixed"
