"""docs/sop.md is what the tests' names make of it, and no line of the procedure is without a test."""

from __future__ import annotations

from pathlib import Path

from tests import sop_table
from tests.sop_table import Line, Proof

KNOWN = [Line("0.1", "First | line.", ("handlers/data_deletion.py",)), Line("0.2", "Second.", ("docs/nowhere.md",))]


def test_every_line_has_its_test_and_the_table_is_current() -> None:
    known, shown = sop_table.lines(), sop_table.proofs()
    assert sop_table.problems(known, shown) == []
    current = sop_table.TABLE.read_text("utf-8") == sop_table.table(known, shown)
    assert current, "run `python -m tests.sop_table`"


def test_the_procedure_is_there_whole() -> None:
    numbers = [line.number for line in sop_table.lines()]
    assert numbers[:34] == [f"0.{n}" for n in range(1, 35)]
    duties = ["1.1", "1.5", "1.6", "1.7", "1.10", "2.6", "2.7", "3.1", "3.2", "3.3", "3.4", "4.1", "4.2"]
    assert [line.number for line in sop_table.lines()[34:] if line.asked] == duties


def test_tests_are_found_by_name_only_as_whole_functions(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(
        "# def test_sop_0_9_in_a_comment\n"
        "def test_sop_0_1_of_a_line(): ...\n"
        "def test_sop_words(): ...\n"
        "def helper(): return 'test_sop_0_2_in_a_text'\n"
    )
    assert sop_table.proofs(tmp_path) == {"0.1": [Proof("test_sop_0_1_of_a_line", "test_x.py")]}


def test_gaps_strangers_and_wrong_places_are_named() -> None:
    shown = {"0.1": [Proof("test_sop_0_1_a", "tests/a.py")], "7.7": [Proof("test_sop_7_7_b", "tests/b.py")]}
    assert sop_table.problems(KNOWN, shown) == [
        "0.2 has no test",
        "tests/b.py: test_sop_7_7_b is of no line",
        "0.2: there is no docs/nowhere.md",
    ]
