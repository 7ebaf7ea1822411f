"""Case, spacing, disguise and chatter around do not change a verdict; a negation does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.threats import find, own_words
from tests.threats.messages import CHATTER, DENIED, SCRIPTS, SILENT, THREATS

calm = settings(deadline=None, max_examples=60, derandomize=True)
threats = st.sampled_from([(frame.format(name), kind) for frame, name, kind in THREATS] + SCRIPTS)
silent = st.sampled_from(SILENT)

LEET = str.maketrans({"a": "4", "e": "3", "i": "1", "o": "0"})
ALIKE = str.maketrans("aeopcxBKMT", "аеорсхВКМТ")
DISGUISES: dict[str, Callable[[str], str]] = {
    "dots": lambda word: ".".join(word.replace(" ", "")),
    "hyphens": lambda word: "-".join(word.replace(" ", "")),
    "blanks": " ".join,
    "figures": lambda word: word.lower().translate(LEET) if len(word) > 4 else word,
    "full width": lambda word: "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in word),
    "zero width": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "look-alikes": lambda word: word.translate(ALIKE),
    "stretched": lambda word: word + 3 * word[-1],
    "upper": str.upper,
    "lower": str.lower,
    "a letter twice": lambda word: word[:3] + word[2] + word[3:] if len(word) > 5 else word,
    "a letter gone": lambda word: word[:2] + word[3:] if len(word) > 5 else word,
}


@calm
@given(threats, st.data())
def test_case_does_not_change_a_threat(threat: tuple[str, str], data: st.DataObject) -> None:
    text, kind = threat
    upper = data.draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    mixed = "".join(char.upper() if high else char.lower() for char, high in zip(text, upper, strict=True))
    assert find(mixed).kind == kind


@calm
@given(silent, st.sampled_from([str.upper, str.lower, str.title]))
def test_case_makes_no_threat(text: str, change: Callable[[str], str]) -> None:
    assert not find(change(text))


@calm
@given(st.one_of(threats, silent.map(lambda text: (text, "none"))), st.sampled_from(["  ", "\t", " \u00a0", "\n"]))
def test_blanks_between_words_change_nothing(message: tuple[str, str], blank: str) -> None:
    text, kind = message
    assert find(text.replace(" ", blank)).kind == kind


@calm
@given(st.sampled_from(THREATS), st.sampled_from(sorted(DISGUISES)))
def test_a_disguise_hides_nothing(threat: tuple[str, str, str], disguise: str) -> None:
    frame, name, kind = threat
    text = frame.format(DISGUISES[disguise](name))
    found = find(text)
    assert found.kind == kind, text
    assert all(text[span.start : span.end] == span.words for span in found.spans)


@pytest.mark.parametrize(
    ("usual", "other"),
    [("வக்கீல் நோட்டீஸ் அனுப்புவேன்.", "வக்கில் நோட்டிஸ் அனுப்புவேன்."), ("போலீஸில் புகார் கொடுப்பேன்.", "பொலிஸில் புகார் கொடுப்பென்.")],
)
def test_tamil_spellings_that_sound_alike_are_one(usual: str, other: str) -> None:
    assert (find(usual).kind, find(usual).rules) == (find(other).kind, find(other).rules)
    assert find(other).spans[0].words in other


@calm
@given(threats, st.lists(st.sampled_from(CHATTER), max_size=6), st.lists(st.sampled_from(CHATTER), max_size=6))
def test_chatter_around_hides_no_threat(threat: tuple[str, str], before: list[str], after: list[str]) -> None:
    text, kind = threat
    assert find(" ".join([*before, text, *after])).kind == kind


@calm
@given(silent, st.lists(st.sampled_from(CHATTER), max_size=6), st.lists(st.sampled_from(CHATTER), max_size=6))
def test_chatter_around_makes_no_threat(text: str, before: list[str], after: list[str]) -> None:
    assert not find(" ".join([*before, text, *after]))


@pytest.mark.parametrize(("said", "denied"), DENIED)
def test_a_negation_takes_a_threat_away(said: str, denied: str) -> None:
    assert find(said)
    assert not find(denied)


@calm
@given(st.text(max_size=400))
def test_any_text_is_read_and_places_are_right(text: str) -> None:
    words = own_words(text)
    for span in find(words).spans:
        assert words[span.start : span.end] == span.words
