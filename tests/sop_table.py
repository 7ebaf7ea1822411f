"""Makes docs/sop.md: each line of the procedure, where it is carried out, and the tests that are named after it.

`python -m tests.sop_table` writes it; a test named `test_sop_0_16_<words>` proves line 0.16, in any file of tests/.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINES = ROOT / "tests" / "sop_lines.toml"
TABLE = ROOT / "docs" / "sop.md"
NAME = re.compile(r"test_sop_([0-9]+)_([0-9]+)_\w+")
HEAD = """# The procedure, line by line

Each line of SOP 000 ("Data deletion", 0.1 to 0.34) and the duties of the privacy documents beside it that touch
customer service, where it is carried out, and the tests that prove it through the real doors. Made by `python -m
tests.sop_table` from the tests' names; a test fails when it is out of date or a line has no test.

| line | in the procedure's words | carried out by | shown by |
|---|---|---|---|
"""


@dataclass(frozen=True)
class Line:
    """One line of the procedure. `asked`: it must have a test."""

    number: str
    words: str
    by: tuple[str, ...]
    asked: bool = True


@dataclass(frozen=True)
class Proof:
    """A test function and its file, from the repository's root."""

    name: str
    file: str


def lines() -> list[Line]:
    """The lines in the order of their numbers."""
    found = [Line(**{**raw, "by": tuple(raw["by"])}) for raw in tomllib.loads(LINES.read_text("utf-8"))["line"]]
    return sorted(found, key=lambda line: _order(line.number))


def proofs(folder: Path = ROOT / "tests") -> dict[str, list[Proof]]:
    """Number -> the tests of that line, read from the source without running it."""
    found: dict[str, list[Proof]] = defaultdict(list)
    for path in sorted(folder.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and (match := NAME.fullmatch(node.name)):
                file = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
                found[f"{match[1]}.{match[2]}"].append(Proof(node.name, file))
    return dict(found)


def problems(known: Sequence[Line], shown: Mapping[str, Sequence[Proof]]) -> list[str]:
    """Lines without a test, tests of lines that do not exist, and places that do not exist."""
    numbers = {line.number for line in known}
    wrong = [f"{line.number} has no test" for line in known if line.asked and not shown.get(line.number)]
    wrong += [f"{test.file}: {test.name} is of no line" for n in shown if n not in numbers for test in shown[n]]
    return wrong + [
        f"{line.number}: there is no {place}" for line in known for place in line.by if not (ROOT / place).exists()
    ]


def table(known: Sequence[Line], shown: Mapping[str, Sequence[Proof]]) -> str:
    """The whole page."""
    rows = []
    for line in known:
        if not line.asked and not shown.get(line.number):
            continue
        files: dict[str, list[str]] = defaultdict(list)
        for test in shown.get(line.number, ()):
            files[test.file].append(f"`{test.name}`")
        proof = "<br>".join(f"{file}: {', '.join(sorted(names))}" for file, names in sorted(files.items())) or "none"
        rows.append(f"| {line.number} | {line.words} | {', '.join(f'`{place}`' for place in line.by)} | {proof} |\n")
    return HEAD + "".join(rows)


def _order(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.split("."))


def main() -> int:
    known, shown = lines(), proofs()
    TABLE.write_text(table(known, shown), "utf-8")
    wrong = problems(known, shown)
    print("\n".join([*wrong, f"{TABLE.relative_to(ROOT)}: {len(known)} lines, {len(wrong)} problems"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
