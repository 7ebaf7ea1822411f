"""Messages in, findings out, as JSON lines: `desk classify`. Nothing is stored, sent or logged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from app.threats import language, wish
from app.threats.finder import find
from app.threats.quoted import own


def answers(lines: Iterable[bytes]) -> Iterator[tuple[int, dict[str, Any] | None]]:
    """Line number and answer of each line that is not blank; None for a line that is no `{id, text}`."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield number, _answer(line)


def _answer(line: bytes) -> dict[str, Any] | None:
    try:
        raw = json.loads(line.decode("utf-8-sig"))
        key, text = raw["id"], raw["text"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(text, str) or isinstance(key, bool) or not isinstance(key, str | int):
        return None
    return {"id": key, **answer(text)}


def answer(text: str) -> dict[str, Any]:
    """What is found in one message, quoted text left out; places are those of the text as it came."""
    words = own(text)
    evidence, wished = find(words.text), wish.suggest(words.text)
    return {
        "label": evidence.label,
        "kind": evidence.kind,
        "intent": wished.intent,
        "channels": list(wished.channels),
        "confidence": evidence.confidence,
        "language": language.of(words.text),
        "evidence": [
            {
                "kind": span.kind,
                "rule": span.rule,
                "words": span.words,
                "start": words.original(span.start),
                "end": words.original(span.end - 1) + 1,
                "confidence": span.confidence,
                "why": [list(reason) for reason in span.why],
            }
            for span in evidence.spans
        ],
    }
