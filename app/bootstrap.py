"""From a bare Python to a running desk: `python3 -m app.bootstrap demo|test|test-postgres|lint|bench`.

Standard library only, and nothing of ours is imported before the packages are there. Makes `.venv` beside the code,
installs the locked packages (every file checked against its hash) and hands over to the real command. A stamp in the
virtual environment holds the hash of what was installed, so the second run starts at once.
"""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
LOWEST, HIGHEST = (3, 11), (3, 13)  # the embedded PostgreSQL has wheels for these; docs/dependencies.md

# What each word runs inside the virtual environment, one command after the other; arguments go to the last one.
OWN_COMMAND = (
    "tests/crash/test_kills.py",
    "tests/approvals/test_decision_races.py",
    "tests/admin/test_dead_thousand.py",
)
LONG = ("-m", "long", "--dist", "load", *(f"--ignore={file}" for file in OWN_COMMAND), "tests")
COMMANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "demo": (("desk", "demo"),),
    "test": (("python", "-m", "pytest"),),
    "test-postgres": (("python", "-m", "tests.distribution_postgres"),),
    "test-kills": (("python", "-m", "pytest", "-n0", "-m", "long", "-s", OWN_COMMAND[0]),),
    "test-crash": (("python", "-m", "pytest", *LONG),),
    "test-races": (("python", "-m", "pytest", "-n0", "-m", "long", "-s", OWN_COMMAND[1]),),
    "test-dead": (("python", "-m", "pytest", "-n0", "-m", "long", "-s", OWN_COMMAND[2]),),
    "lint": (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",)),
    "bench": (("desk", "bench"),),
}
NEEDS_DEV = frozenset({"test", "test-postgres", "test-kills", "test-crash", "test-races", "test-dead", "lint"})


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - progress of a command for people


def problem() -> str | None:
    """Why this machine cannot run the desk, in one sentence; None when it can."""
    version = sys.version_info[:2]
    if version < LOWEST:
        return f"Python 3.11 or newer is needed, this is {platform.python_version()} ({sys.executable})."
    if version > HIGHEST:
        return (
            f"Python 3.11, 3.12 or 3.13 is needed, this is {platform.python_version()}: not all packages are there yet."
        )
    if sys.platform not in ("linux", "darwin"):
        return f"Linux or macOS is needed, this is {sys.platform}. On Windows use WSL."
    machine = platform.machine().lower()
    if machine not in {"linux": ("x86_64", "aarch64"), "darwin": ("arm64",)}[sys.platform]:
        return (
            f"There are no packages for {sys.platform} on {machine}: Linux x86-64 or arm64, or macOS arm64 is needed."
        )
    if sys.platform == "linux" and platform.libc_ver()[0] != "glibc":
        return "A Linux with glibc is needed (Alpine's musl has no package of the embedded PostgreSQL)."
    return None


def lock_for(command: str) -> Path:
    """The lock file that holds what `command` needs."""
    return ROOT / ("requirements-dev.lock" if command in NEEDS_DEV else "requirements.lock")


def stamp_text(lock: Path) -> str:
    """Changes when another lock, another pyproject, another Python or another place of the code is installed."""
    digest = hashlib.sha256(lock.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    return f"{digest} {_place()}"


def installed(lock: Path) -> bool:
    """True when the virtual environment has this lock already (the dev lock holds everything of the other one)."""
    dev = lock_for("test")
    return any(
        (VENV / f"{candidate.name}.stamp").is_file()
        and (VENV / f"{candidate.name}.stamp").read_text() == stamp_text(candidate)
        for candidate in {lock, dev}
    )


def run(*command: str | Path) -> None:
    """Run to the end; SystemExit with its code when it fails."""
    code = subprocess.call([str(part) for part in command], cwd=ROOT)  # noqa: S603 - fixed commands
    if code:
        raise SystemExit(code)


def install(lock: Path) -> None:
    """Make `.venv` when it is missing or of another Python, then install the lock and the desk itself into it."""
    started = time.monotonic()
    python = VENV / "bin" / "python"
    if not python.exists() or not _ours():
        say(f"1/3 making .venv with Python {platform.python_version()}")
        _make_venv()
    for old in VENV.glob("*.stamp"):
        old.unlink()
    say(f"2/3 installing the locked packages of {lock.name} (a minute or two the first time)")
    pip = (python, "-m", "pip", "--disable-pip-version-check", "install", "-qq")
    run(*pip, "--require-hashes", "--only-binary", ":all:", "-r", lock)
    say("3/3 installing the desk itself")
    run(*pip, "--no-deps", "--no-index", "--no-build-isolation", "-e", ROOT)
    (VENV / f"{lock.name}.stamp").write_text(stamp_text(lock))
    say(f"installed in {time.monotonic() - started:.0f} s")


def _place() -> str:
    # The scripts in a virtual environment name its folder, so a moved clone needs a new one.
    return f"{platform.python_version()} {VENV}"


def _ours() -> bool:
    place = VENV / "place"
    return place.is_file() and place.read_text() == _place()


def _make_venv() -> None:
    try:
        import ensurepip  # noqa: F401 - Debian and Ubuntu ship it apart
        import venv
    except ImportError:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SystemExit(f"This Python has no venv module: apt install python{version}-venv, then run again.") from None
    venv.EnvBuilder(with_pip=True, clear=True, symlinks=True).create(VENV)
    (VENV / "place").write_text(_place())


def hand_over(command: str, arguments: list[str]) -> None:
    """Replace this process by the command (so that Ctrl-C and signals reach it directly)."""
    *first, last = COMMANDS[command]
    binaries = VENV / "bin"
    environment = {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"}
    environment["VIRTUAL_ENV"] = str(VENV)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # else each of a test's many processes compiles all of the code
    os.chdir(ROOT)
    for step in first:
        run(binaries / step[0], *step[1:])
    program = binaries / last[0]
    os.execve(program, [str(program), *last[1:], *arguments], environment)  # noqa: S606 - our own command


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in COMMANDS:
        say(f"usage: python3 -m app.bootstrap {'|'.join(COMMANDS)} [arguments]")
        return 2
    reason = problem()
    if reason:
        say(reason)
        return 1
    import fcntl  # not on Windows, which has been refused above

    lock = lock_for(arguments[0])
    with lock.open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)  # `make test` and `make lint` at once: one installs, the other waits
        if not installed(lock):
            install(lock)
    hand_over(arguments[0], arguments[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
