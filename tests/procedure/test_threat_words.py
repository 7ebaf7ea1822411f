"""The SOP's own words and their Malay forms, whole words only; quoted text and signatures are nobody's threat."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from app.errors import ConfigError
from app.threats import find, lexicon, own_words
from app.threats.said import EXCERPT, Said, excerpts

FOUND = [
    ("I will complain to BNM", "bank_negara", "BNM"),
    ("bank negara malaysia will hear of it", "bank_negara", "bank negara malaysia"),
    ("going to KPKT!", "kpkt", "KPKT"),
    ("I take LEGAL ACTION.", "legal_action", "LEGAL ACTION"),
    ("my lawyers' letter", "lawyer", "lawyers"),
    ("my lawyer’s letter", "lawyer", "lawyer"),
    ("a police report", "police_report", "police report"),
    ("a police\nreport", "police_report", "police\nreport"),
    ("police-report", "police_report", "police-report"),
    ("the Police", "police", "Police"),
    ("see you at the Tribunal", "tribunal", "Tribunal"),
    ("the regulators", "regulator", "regulators"),
    ("saya adu ke Bank Negara", "bank_negara", "Bank Negara"),
    ("peguam saya", "lawyer", "peguam"),
    ("tindakan undang-undang akan diambil", "legal_action", "tindakan undang-undang"),
    ("tindakan undang undang", "legal_action", "tindakan undang undang"),
    ("buat laporan polis", "police_report", "buat laporan polis"),
    ("saya report polis", "police_report", "report polis"),
    ("jumpa di mahkamah", "court", "mahkamah"),
    ("saya saman", "sue", "saman"),
    ("Tribunal Pengguna", "tribunal", "Tribunal Pengguna"),
    ("ＢＮＭ", "bank_negara", "ＢＮＭ"),
    ("B\u200bNM", "bank_negara", "B\u200bNM"),
    ("“tribunal”", "tribunal", "tribunal"),
]
SILENT = [
    "",
    "Please stop all offers.",
    "polisi privasi",
    "bnmx xkpkt police2",
    "legal. Action please",
    "bank, negara",
    "my legal name; action needed",
    "bank\n\nnegara",
    "lawyering",
    "policeman",
]


@pytest.mark.parametrize(("text", "rule", "words"), FOUND)
def test_words_of_the_sop_are_found_as_they_were_written(text: str, rule: str, words: str) -> None:
    [span] = find(text).spans
    assert (span.rule, span.words) == (rule, words)
    assert text[span.start : span.end] == words


@pytest.mark.parametrize("text", SILENT)
def test_only_whole_words_count(text: str) -> None:
    assert not find(text)


def test_every_word_that_the_sop_names_is_there() -> None:
    """SOP 000: "Bank Negara Malaysia, KPKT, Legal action, Lawyers, Police Report, Tribunal", "BNM, …, Police, …"."""
    kinds = {"Bank Negara Malaysia": "regulator", "BNM": "regulator", "KPKT": "regulator", "Legal action": "legal",
             "Lawyers": "legal", "Police Report": "police", "Police": "police", "Tribunal": "tribunal"}  # fmt: skip
    for word, kind in kinds.items():
        assert find(word).kinds == (kind,), word


def test_evidence_shows_no_words_by_itself() -> None:
    evidence = find("my lawyer goes to the police")
    assert evidence.kinds == ("legal", "police")
    assert evidence.rules == ("lawyer", "police")
    assert "my" not in repr(evidence)
    assert repr(evidence).count("lawyer") == 1  # the rule's name


def test_the_list_says_where_it_comes_from_and_when_it_was_looked_at() -> None:
    words = lexicon.load()
    assert words.reviewed < words.review_by
    assert all(rule.source for rule in words.phrases.values())


@pytest.mark.parametrize(
    "text",
    [
        "reviewed = 2026-01-01",
        "reviewed = 2026-01-01\nreview_by = 2026-02-01\n[[rule]]\nname='a'\nkind='threat'\nsource='x'\nwords=['a']",
        "reviewed = 2026-01-01\nreview_by = 2026-02-01\n[[rule]]\nname='a'\nkind='legal'\nsource='x'\nwords=['a', 'A']",
        "reviewed = 2026-01-01\nreview_by = 2026-02-01\n[[rule]]\nname='a'\nkind='legal'\nsource='x'\nwords=['-']",
        "reviewed = 'soon'\nreview_by = 2026-02-01\nrule = []",
        "not toml",
    ],
)
def test_a_broken_list_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "words.toml"
    file.write_text(text)
    with pytest.raises(ConfigError):
        lexicon.load(file)


OLDER = [
    "> BNM",
    "  > BNM",
    "On Mon, 3 Nov 2026 at 10:00, Desk <desk@example.com> wrote:\nBNM",
    "On Mon, 3 Nov 2026 at 10:00, Desk\n<desk@example.com> wrote:\n\nBNM",
    "Pada Isn, 3 Nov 2026 pada 10:00, Desk menulis:\nBNM",
    "在 2026年11月3日 10:00，Desk 写道：\nBNM",
    "-----Original Message-----\nBNM",
    "---------- Forwarded message ---------\nFrom: x\nBNM",
    "From: Desk <desk@example.com>\nSent: Monday, 3 November 2026\nTo: Siti\nBNM",
    "*Daripada:* Desk\n*Tarikh:* 3 Nov\nBNM",
    "________________________________\nBNM",
    "On 3 Nov 2026, Desk wrote:\n> a long line that is\nbroken: BNM\nBNM\n> more\nBNM",
    "On 3 Nov 2026, Desk wrote:\n> well\n\nOn 2 Nov 2026, Siti wrote:\nBNM",
    "-- \nLim & Co, Lawyers",
    "--\nPolice Force",
]


@pytest.mark.parametrize("older", OLDER)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_quoted_text_and_signatures_are_left_out(older: str, ends: str) -> None:
    text = ("Thank you.\n\n" + older).replace("\n", ends)
    assert own_words(text).strip() == "Thank you."
    assert not find(own_words(text))


@pytest.mark.parametrize(
    "text",
    [
        "On 3 November I wrote to you; now I go to BNM.",
        "From: now on I talk to my lawyer.",
        "- police\n- tribunal",
        "-- I mean it -- BNM",
        "> you said\nI go to BNM\n> and\nmore",
        "Pada hari ini saya ke BNM",
        "On my way to the police.",
        "On 3 Nov 2026 at 10:00, Desk <desk@example.com> wrote:\n> we cannot\n> delete it\n\nThen I go to BNM.",
        "On 3 Nov 2026 at 10:00, Desk\n<desk@example.com> wrote:\n\n> we cannot\n>\n\nThen I go to BNM.\n> bye",
    ],
)
def test_own_words_stay(text: str) -> None:
    assert find(own_words(text))


@pytest.mark.long
def test_long_texts_take_linear_time() -> None:
    """What doubles in length may not take four times as long; the slack is for a busy machine."""
    for piece in ("bank ", "a'", "On ", "on 1\n", " ", "On 1 " * 3 + "x", "> ", "From: a\n", "tindakan undang "):

        def took(times: int, piece: str = piece) -> float:
            text = piece * times
            began = time.process_time()
            find(own_words(text))
            return time.process_time() - began

        base = 4000
        assert took(8 * base) < 40 * max(took(base), 0.002), piece


def said(text: str, number: int = 1) -> Said:
    return Said(number, text, find(text))


def test_excerpts_hold_the_exact_words_and_stay_short() -> None:
    text = "x " * 500 + "I go to BNM and the police" + " y" * 500 + " and the tribunal" + " z" * 500
    one, two = excerpts([said(text)])
    assert "I go to BNM and the police" in one
    assert "tribunal" in two
    assert one.startswith("…")
    assert one.endswith("…")
    assert all(len(piece) <= EXCERPT + 2 for piece in (one, two))


def test_of_many_the_newest_are_shown_oldest_first() -> None:
    many = [said(f"number {n}: BNM", n) for n in range(10)]
    assert excerpts(many) == ("number 7: BNM", "number 8: BNM", "number 9: BNM")
    assert len(excerpts([said("BNM " + "x" * 300 + " ") for _ in range(9)])) == 3
    assert excerpts([]) == ()
