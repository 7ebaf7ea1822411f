"""`desk suppress check` beside the rest of the world: files in the way, late answers, full disks, long lists."""

from __future__ import annotations

import json
import os
import random
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.suppress import lookup
from tests.procedure.suppress_kit import ENV, ROOT, VAULT, WISHED, Book, Run, book, out, put, reasons, refused, run

__all__ = ["book", "run"]  # fixtures


def test_nothing_is_overwritten_unless_forced_and_rights_are_the_lists(run: Run) -> None:
    put("phone\n0199999999\n").chmod(0o640)
    Path("list.allowed.csv").write_text("precious")
    assert "--force" in run("suppress", "check", "list.csv", "--channel", "calls", code=2).stderr
    assert out("allowed") == b"precious"
    assert not Path("list.refused.csv").exists()
    same = ("--allowed", "list.csv", "--force")
    assert "different files" in run("suppress", "check", "list.csv", "--channel", "calls", *same, code=2).stderr
    twice = ("--allowed", "a.csv", "--refused", "./a.csv")
    assert "different files" in run("suppress", "check", "list.csv", "--channel", "calls", *twice, code=2).stderr
    run("suppress", "check", "list.csv", "--channel", "calls", "--force")
    assert out("allowed") == b"phone\n0199999999\n"
    assert stat.S_IMODE(Path("list.refused.csv").stat().st_mode) == 0o640
    assert sorted(path.name for path in Path().iterdir()) == ["list.allowed.csv", "list.csv", "list.refused.csv"]


@pytest.mark.parametrize("force", [(), ("--force",)])
@pytest.mark.parametrize("option", ["--allowed", "--refused"])
def test_a_link_or_a_device_in_the_way_is_refused(
    run: Run, tmp_path: Path, option: str, force: tuple[str, ...]
) -> None:
    """C017: nothing is written through a link, wherever it leads. `desk suppress` alone writes files."""
    put("phone\n0199999999\n")
    (tmp_path / "theirs").write_text("precious")
    for name, to in (("link", "theirs"), ("nowhere", "missing"), ("device", "/dev/full"), ("folder", ".")):
        Path(name).symlink_to(to)
        run("suppress", "check", "list.csv", "--channel", "calls", option, name, *force, code=2)
        assert Path(name).is_symlink()
        Path(name).unlink()
    run("suppress", "check", "list.csv", "--channel", "calls", option, "/dev/null", *force, code=2)
    run("suppress", "check", "list.csv", "--channel", "calls", option, "none/here.csv", *force, code=1)
    assert (tmp_path / "theirs").read_text() == "precious"
    assert sorted(path.name for path in Path().iterdir()) == ["list.csv", "theirs"]


def test_who_says_no_while_the_file_is_read_is_refused_too(
    run: Run, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(b"\xef\xbb\xbfphone\n0199999999\n0123456789\n0188888888\n")
    real, late = lookup.standing, []

    def meanwhile(*given: object) -> object:
        found = real(*given)  # type: ignore[arg-type]
        if not late:
            late.append(book.say("0123456789", "calls"))
        return found

    monkeypatch.setattr(lookup, "standing", meanwhile)
    said = json.loads(run("suppress", "check", "list.csv", "--channel", "calls", "--json").stdout)
    assert (said["allowed"], said["refused"], said["refused_while_reading"]) == (2, 1, 1)
    assert out("allowed") == b"\xef\xbb\xbfphone\n0199999999\n0188888888\n"
    assert reasons() == ["opted_out:calls"]
    assert len(list(Path().iterdir())) == 3


def test_the_database_fails_in_the_middle_and_nothing_is_left(
    run: Run, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*given: object) -> object:
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr(lookup, "standing", lost)
    put("phone\n0199999999\n")
    run("suppress", "check", "list.csv", "--channel", "calls", code=4)
    run("suppress", "check", "list.csv", "--channel", "calls", code=4, DATABASE_URL="postgresql://u@127.0.0.1:9/x")
    assert [path.name for path in Path().iterdir()] == ["list.csv"]


def desk(
    folder: Path, uri: str, *words: str, limit: int | None = None, **more: object
) -> subprocess.CompletedProcess[str]:
    """A real process, which may write no file larger than `limit` bytes: what a full disk is to it."""
    code = (
        "import resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        * bool(limit)
        + "import sys\nfrom pathlib import Path\nfrom app.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "finally:\n"
        "    if Path('/proc/self/status').exists(): print(Path('/proc/self/status').read_text(), file=sys.stderr)"
    )
    env = {**os.environ, **ENV, "DATABASE_URL": uri, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code, *words], cwd=folder, env=env, text=True, check=False,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 100, **more},
    )  # fmt: skip


def test_a_full_disk_leaves_no_half_file(run: Run, book: Book, tmp_path: Path) -> None:
    put("phone\n" + "".join(f"01{n:08d}\n" for n in range(3000)))
    done = desk(tmp_path, book.uri, "suppress", "check", "list.csv", "--channel", "calls", limit=20_000)
    assert done.returncode == 7, done.stderr
    assert "desk: the output cannot be written\n" in done.stderr
    assert [path.name for path in Path().iterdir()] == ["list.csv"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_terminal_shows_a_bar_and_an_answer_that_cannot_be_given_is_an_error(
    run: Run, book: Book, tmp_path: Path
) -> None:
    put("phone\n0199999999\n")
    ours, theirs = os.openpty()
    with Path("/dev/full").open("w") as full:
        words = ("suppress", "check", "list.csv", "--channel", "calls", "--json")
        done = desk(tmp_path, book.uri, *words, stderr=theirs, stdout=full)
    os.close(theirs)
    seen = os.read(ours, 100_000).decode()
    os.close(ours)
    assert done.returncode == 7, seen
    assert "reading" in seen
    assert "100%" in seen


def shuffled(rows: int, seed: int) -> tuple[list[str], set[int]]:
    """Generated lines of a campaign file, and the places of those who have opted out (all channels)."""
    dice = random.Random(seed)
    out_of = set(dice.sample(range(rows), rows // 10))
    shapes = ("0{0}", "+60{0}", "60{0}", "0060{0}", "0{1}-{2} {3}")
    lines = []
    for n in range(rows):
        number = f"11{n:08d}"
        phone = dice.choice(shapes).format(number, number[:2], number[2:6], number[6:])
        lines.append(f'{n},"Aina, {n}",{phone},aina{n}@example.my\n')
    return lines, out_of


def fill(uri: str, numbers: Iterator[int]) -> None:
    with psycopg.connect(uri) as conn, conn.cursor() as cursor:
        columns = "person, kind, purpose, channel, allowed, actor, wording, wished_at"
        with cursor.copy(f"COPY consents ({columns}) FROM STDIN") as copy:
            for n in numbers:
                digest = VAULT.digest("phone", f"+6011{n:08d}")
                copy.write_row((digest, "phone", "offers", "any", False, "9", "w1", WISHED))
        cursor.execute("ANALYZE consents")


def test_thirty_thousand_rows(run: Run, book: Book) -> None:
    lines, out_of = shuffled(30_000, 7)
    fill(book.uri, iter(sorted(out_of)))
    put("id,name,phone,email\n" + "".join(lines))
    said = json.loads(run("suppress", "check", "list.csv", "--channel", "email", "--json").stdout)
    assert (said["rows"], said["allowed"], said["refused"]) == (30_000, 27_000, 3_000)
    kept = [line for n, line in enumerate(lines) if n not in out_of]
    assert out("allowed").decode() == "id,name,phone,email\n" + "".join(kept)
    assert [int(row["id"]) for row in refused()] == sorted(out_of)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_million_rows_in_flat_memory(run: Run, book: Book, tmp_path: Path) -> None:
    """A million rows beside a million suppressed persons, a tenth of them in the file: under 150 MB."""
    lines, out_of = shuffled(1_000_000, 11)
    others = range(1_000_000, 1_900_000)
    fill(book.uri, iter([*sorted(out_of), *others]))
    put("id,name,phone,email\n" + "".join(lines))
    done = desk(tmp_path, book.uri, "suppress", "check", "list.csv", "--channel", "all", "--json", timeout=500)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["rows"], said["allowed"], said["refused"]) == (1_000_000, 900_000, 100_000)
    # Not getrusage: what this process took before it became the desk's counts there, and that is pytest's memory.
    peak = re.search(r"VmHWM:\s+(\d+) kB", done.stderr)
    assert peak, "no /proc here"
    assert int(peak[1]) / 1024 < 150
