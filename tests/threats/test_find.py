"""What a finding says of itself, and how good findings are on messages that the model has not seen."""

from __future__ import annotations

import itertools
import json
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from app.errors import ConfigError
from app.threats import finder, lexicon, measure, messages, model, train
from app.threats.finder import find
from app.threats.quoted import own, own_words
from tests.threats.messages import SCRIPTS, SILENT, THREATS

SHARED = Path(__file__).parents[2].parent / "shared" / "threat" / "dev.jsonl"


@pytest.mark.parametrize(("text", "kind"), [(frame.format(name), kind) for frame, name, kind in THREATS] + SCRIPTS)
def test_a_threat_is_found_with_its_kind_words_rule_and_reasons(text: str, kind: str) -> None:
    found = find(text)
    assert (found.label, found.kind) == (True, kind)
    assert found.confidence >= 0.5
    rules = {rule.name: rule.kind for rule in lexicon.load().phrases.values()}
    for span in found.spans:
        assert text[span.start : span.end] == span.words
        assert rules[span.rule] == span.kind
        assert span.confidence >= 0.5
        assert span.why
        assert all(weight > 0 for _, weight in span.why)


@pytest.mark.parametrize("text", SILENT)
def test_a_false_friend_is_left_alone(text: str) -> None:
    found = find(text)
    assert (bool(found), found.kind, found.spans) == (False, "none", ())
    assert found.confidence < 0.5


def test_a_reader_that_fails_lets_every_word_of_the_list_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts B044: a failing classifier also escalates."""

    def fails(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(finder, "read", fails)
    assert find("my husband works at bnm").kinds == ("regulator",)
    assert not find("good morning")


def test_a_place_is_known_in_the_text_as_it_came() -> None:
    text = "> you wrote: see BNM\r\nHello,\r\nI go to KPKT now.\u2028My lawyer knows.\r\n-- \r\nLim, Tribunal"
    words = own(text)
    assert words.text == own_words(text)
    found = find(words.text)
    assert [span.words for span in found.spans] == ["KPKT", "lawyer"]
    for span in found.spans:
        assert text[words.original(span.start) : words.original(span.end - 1) + 1] == span.words


@pytest.mark.parametrize(
    "header",
    ["2026-10-14 அன்று வாடிக்கையாளர் சேவை எழுதியது:", "在 2026年10月14日 客服 寫道：", "-----原始郵件-----"],
)
def test_an_older_message_below_a_header_of_any_language_is_left_out(header: str) -> None:
    assert own_words(f"Please check.\n{header}\nI go to KPKT.").strip() == "Please check."


def test_a_line_that_begins_with_a_figure_is_no_header() -> None:
    text = "3 calls a day, I will tell KPKT.\n2 of them at night."
    assert own_words(text) == text


def measured(rows: list[messages.Row]) -> dict[str, tuple[float, float, float]]:
    groups: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    for row in rows:
        for name in ("all", row.lang):
            groups[name].append((row.label, find(own_words(row.text)).label))
    return {name: measure.figures(pairs) for name, pairs in groups.items()}


def test_messages_that_the_model_has_not_seen() -> None:
    """Written by others (docs/threats.md): a floor, so that a change of words or weights that harms shows."""
    held = messages.read_all("held_out")
    seen = {row.text for row in messages.read_all("train")}
    assert len(held) > 300
    assert not seen.intersection(row.text for row in held)
    figures = measured(held)
    precision, recall, _ = figures["all"]
    assert (precision >= 0.85, recall >= 0.88) == (True, True), figures
    assert all(f1 >= 0.75 for _, _, f1 in figures.values()), figures


def test_fresh_messages() -> None:
    """Issue 7's figures, on messages that nobody who works on the model has read (docs/threats.md)."""
    fresh = messages.read_all("fresh")
    seen = {row.text for row in messages.read_all("train")}
    assert len(fresh) == 300
    assert not seen.intersection(row.text for row in fresh)
    figures = measured(fresh)
    assert min(figures["all"][:2]) >= 0.9, figures
    assert all(f1 >= 0.85 for _, _, f1 in figures.values()), figures
    hard = [row for row in fresh if row.note.startswith("hn")]
    alarms = sum(find(own_words(row.text)).label for row in hard)
    assert alarms < len(hard) / 10


def test_no_family_is_in_two_folds() -> None:
    rows = messages.read_all("train")
    families = messages.families(rows)
    assert families == messages.families(rows)
    sisters = [number for row, number in zip(rows, families, strict=True) if row.note == "rhetorical"]
    assert len(rows) > 5000
    assert 0 < len(set(sisters)) < len(sisters)


def test_an_embedded_message_is_the_same_among_neutral_ones() -> None:
    rows = messages.read_all("train")
    made = messages.embedded(rows)
    neutral = {row.text for row in rows if row.note in messages.NEUTRAL}
    assert len(made) > 1000
    for at, row in made[:200]:
        assert rows[at].text in row.text
        assert (row.label, row.kind) == (rows[at].label, rows[at].kind)
        rest = row.text.replace(rows[at].text, "", 1)
        assert any(one in rest for one in neutral)


@pytest.mark.skipif(not SHARED.is_file(), reason="the shared development set is not here")
def test_the_development_set() -> None:
    """Issue 7: precision and recall of at least 0.90, F1 of at least 0.85 in every language."""
    raw = [json.loads(line) for line in SHARED.read_text("utf-8").splitlines()]
    for row in raw:
        row.pop("id")
    figures = measured([messages.row_of(row) for row in raw])
    assert min(figures["all"][:2]) >= 0.9
    assert all(f1 >= 0.85 for _, _, f1 in figures.values()), figures


def test_the_model_is_small_and_knows_its_words() -> None:
    assert model.FILE.stat().st_size < 3_000_000
    made = model.load()
    assert "the" in made.words
    assert "bias" in made.weights
    assert "no such feature" not in made.weights
    assert made.weights["no such feature"] == 0
    for line in model.FILE.read_text("utf-8").splitlines()[1:]:
        name, weight = json.loads(line)
        assert made.weights[name] == weight


@pytest.mark.long
def test_the_corpus_gives_the_model(tmp_path: Path) -> None:
    rows = messages.read_all("train")
    words = messages.known(rows)
    taught = [*rows, *(row for _, row in messages.embedded(rows))]
    model.store(train.fit(train.cases(taught, words)), train.EVEN, words, tmp_path / "model.jsonl")
    assert (tmp_path / "model.jsonl").read_text("utf-8") == model.FILE.read_text("utf-8")


def calls(text: str) -> int:
    """How many functions are called to read it: what it costs, on every machine the same."""
    count = itertools.count()
    sys.setprofile(lambda frame, event, arg: next(count) if event in ("call", "c_call") else None)
    try:
        find(text)
    finally:
        sys.setprofile(None)
    return next(count)


@pytest.mark.parametrize(
    "text",
    [
        "I asked you to stop. My neighbour works at the bank, and the loan is paid. Please delete my data today. ",
        "b*m l*wyer b n m p 0 l i c e, ",
    ],
)
def test_the_work_grows_with_the_length_and_no_faster(text: str) -> None:
    short, long = (text * (size // len(text)) for size in (2_000, 16_000))
    assert calls(long) < 10 * calls(short)


def test_a_model_that_cannot_be_read_lets_every_word_of_the_list_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts B044; the worker loads it at its start (`find("")`), and starts all the same."""

    def broken() -> None:
        raise ConfigError("the model of threats cannot be read", "model")

    monkeypatch.setattr(finder, "_ready", {})
    monkeypatch.setattr(model, "load", broken)
    assert not find("")
    assert find("my husband works at bnm").kinds == ("regulator",)
