"""The first command on a new machine: runs on a bare Python and says plainly what is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app import bootstrap

ROOT = Path(__file__).resolve().parent.parent


def bare(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m app.bootstrap` without any installed package (-S) or setting of the user."""
    command = [sys.executable, "-S", "-E", "-m", "app.bootstrap", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=20)


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("--help",)])
def test_usage_on_a_bare_python(arguments: tuple[str, ...]) -> None:
    done = bare(*arguments)
    assert (done.returncode, done.stderr) == (2, "")
    assert "demo|test|" in done.stdout


def test_this_machine_can_run_it() -> None:
    assert bootstrap.problem() is None


@pytest.mark.parametrize(
    ("version", "words"),
    [((3, 10, 4), "Python 3.11 or newer is needed"), ((3, 14, 0), "Python 3.11, 3.12 or 3.13 is needed")],
)
def test_other_pythons_are_refused(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap.sys, "version_info", version)
    assert bootstrap.main(["demo"]) == 1
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(
    ("system", "machine", "libc", "words"),
    [
        ("win32", "AMD64", "", "WSL"),
        ("darwin", "x86_64", "", "macOS arm64"),
        ("linux", "riscv64", "glibc", "Linux x86-64 or arm64"),
        ("linux", "x86_64", "musl", "glibc"),
    ],
)
def test_other_platforms_are_refused(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, libc: str, words: str
) -> None:
    monkeypatch.setattr(bootstrap.sys, "platform", system)
    monkeypatch.setattr(bootstrap.platform, "machine", lambda: machine)
    monkeypatch.setattr(bootstrap.platform, "libc_ver", lambda: (libc, ""))
    assert words in str(bootstrap.problem())


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("requirements.lock", "requirements-dev.lock", "pyproject.toml"):
        (tmp_path / name).write_text(name)
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    (tmp_path / ".venv").mkdir()
    return tmp_path


def stamp(lock: Path) -> None:
    (bootstrap.VENV / f"{lock.name}.stamp").write_text(bootstrap.stamp_text(lock))


def test_a_stamp_saves_the_second_installation(clone: Path) -> None:
    demo, test = bootstrap.lock_for("demo"), bootstrap.lock_for("test")
    assert demo != test
    assert not bootstrap.installed(demo)
    stamp(demo)
    assert bootstrap.installed(demo)
    assert not bootstrap.installed(test)  # the runtime packages do not run the tests
    stamp(test)
    demo.with_name(".venv").joinpath("requirements.lock.stamp").unlink()
    assert bootstrap.installed(demo)  # the dev lock holds them all


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml"])
def test_a_changed_file_asks_for_a_new_installation(clone: Path, name: str) -> None:
    stamp(bootstrap.lock_for("demo"))
    (clone / name).write_text("changed")
    assert not bootstrap.installed(bootstrap.lock_for("demo"))


def test_a_moved_clone_gets_a_new_environment(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp(bootstrap.lock_for("demo"))
    moved = clone.rename(clone.with_name("moved"))
    monkeypatch.setattr(bootstrap, "ROOT", moved)
    monkeypatch.setattr(bootstrap, "VENV", moved / ".venv")
    assert not bootstrap.installed(bootstrap.lock_for("demo"))
