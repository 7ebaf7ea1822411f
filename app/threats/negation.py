"""Whether a negation takes the threat away: the one thing that is known of a place without being learnt."""

from __future__ import annotations

from app.threats.reader import Anchor, Reading

REACH = 7  # words between a negation and what it denies
CLOSE = 3  # words between a negation and one that denies it


def denied(reading: Reading, anchor: Anchor, first: int, last: int) -> bool:
    """Whether a negation reaches these words: `I will not report you to …`, `… கொடுக்க மாட்டேன்`.

    Not one of another clause or subject (`if you do not delete I go to …`), nor one that is denied itself, and not
    where the sentence goes on with a but, or speaks of being forced (apophasis is a threat).
    """
    if any({"but", "force"}.intersection(reading.cues[at]) for at in range(first, last)):
        return False
    for at in range(anchor.last, min(last, anchor.last + REACH)):
        if reading.words[at].kind == ".":
            break
        if "after" in reading.cues[at]:
            return "only" not in reading.cues[at - 1]
    for at in range(anchor.first - 1, max(first, anchor.first - REACH) - 1, -1):
        cues = reading.cues[at]
        if "neg" in cues and "if" not in cues:  # 不然, illana: or else
            return not _undone(reading, first, at, anchor.first)
        if reading.words[at].kind == "." or {"clause", "subject"}.intersection(cues):
            return False
    return False


def _undone(reading: Reading, first: int, neg: int, end: int) -> bool:
    """Whether the negation stands in a condition, is denied itself (`not that I will not`), or denies a doubt and not
    the act. `I will not go to the police and not complain` denies twice and is not undone."""
    if any("only" in reading.cues[at] for at in range(neg, end)):
        return True
    if any("condition" in reading.cues[at] for at in range(max(first, neg - REACH), neg)):
        return True
    close = range(max(first, neg - CLOSE), neg)
    if any(reading.words[at].kind == "." for at in close) or any(reading.near(close.start, neg)):
        return False
    return any("neg" in reading.cues[at] for at in close)
