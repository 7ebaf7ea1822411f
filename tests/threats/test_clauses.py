"""Threats that name nobody, and single clauses in long messages."""

from __future__ import annotations

import pytest

from app.threats import clauses, find, lexicon, model
from app.threats.reader import CLAUSE, read
from app.threats.spell import Speller

NEUTRAL = [
    "I opened my account in March.",
    "Your branch in Kajang was helpful.",
    "The app shows my balance well.",
    "I pay on the fifth of each month.",
    "My new address is on the form.",
    "Thank you for the calendar.",
]
UNNAMED = [
    "I have asked three times, and the next time it will not be you whom I ask.",
    "Sudah tiga kali saya meminta, kali keempat bukan lagi kepada tuan.",
    "这里解决不了，就换个地方解决。",
    "இங்கே முடியாவிட்டால் வேறு இடத்தில் முடிப்போம்.",
    "Inga mudiyala na vera idathula mudippom.",
]


def parts(text: str) -> list[str]:
    lists = lexicon.load()
    reading = read(text, lists, Speller((), ()))
    found = clauses.parts(reading.words, reading.sentence)
    return [text[reading.words[a].start : reading.words[b - 1].end] for a, b in found]


def test_a_long_sentence_is_cut_at_commas_and_a_short_one_is_not() -> None:
    short = "If you do not answer, I know whom to ask."
    long = "one two three four five six seven eight nine ten one two three four five six, seven eight"
    assert parts(short) == [short]
    assert parts(long) == [long[:-12], "seven eight"]
    assert parts("Good morning. Where is it?") == ["Good morning.", "Where is it?"]
    assert [len(part.split()) for part in parts("word " * 90)] == [40, 40, 10]


def test_what_holds_words_of_the_lists_is_no_clause_of_its_own() -> None:
    reading = read("I go to KPKT now. Please answer soon.", lexicon.load(), Speller((), ()))
    assert [anchor.rule.name for anchor in reading.anchors] == ["kpkt"]
    assert [reading.words[part.first].folded for part in reading.clauses] == ["please"]


@pytest.mark.parametrize("text", UNNAMED)
def test_a_threat_that_names_nobody_is_found_as_a_clause(text: str) -> None:
    found = find(text)
    assert (found.label, found.kind, found.rules) == (True, "regulator", (CLAUSE.name,))
    assert all(span.words == text[span.start : span.end] and span.why for span in found.spans)


@pytest.mark.parametrize("text", ["I will report you to KPKT.", UNNAMED[0]])
@pytest.mark.parametrize("many", [1, 6])
def test_one_clause_decides_in_a_long_message(text: str, many: int) -> None:
    around = " ".join(NEUTRAL * many)
    assert not find(around)
    found = find(f"{around} {text} {around}")
    assert any(len(around) < span.start < span.end <= len(around) + 1 + len(text) for span in found.spans)


def test_a_weight_says_which_feature_it_is_of() -> None:
    assert "c:bias" in model.load().weights
