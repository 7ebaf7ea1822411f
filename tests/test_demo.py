"""`desk demo` as a newcomer meets it: it comes up, answers, and leaves nothing behind; a part that dies is named."""

from __future__ import annotations

import fcntl
import http.client
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app import demo, processes
from app.settings import load
from sandbox.config import Config

ROOT = Path(__file__).resolve().parent.parent
PARTS = 3  # web, worker, stand-ins
RUN = "import sys; from app.demo import run; sys.exit(run({'VAR_DIR': sys.argv[1]}))"


@contextmanager
def launched(var: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", RUN, str(var)]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:  # a failed test: its children must not outlive it
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=40)


def get(url: str) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=5)
    try:
        connection.request("GET", parts.path or "/")
        return connection.getresponse().status
    finally:
        connection.close()


def parts_of(var: Path) -> list[str]:
    """The processes of the demo in this folder. Its ports say nothing: another test may have them a moment later."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"VAR_DIR={var}\0".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def first_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if match := re.search(r"is ready: (\S+)", line):
            return match[1]
    raise AssertionError(f"the demo ended before it was ready:\n{said}")


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
def test_demo_comes_up_and_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    with launched(tmp_path) as process:
        page = first_url(process)
        assert get(page) == 200
        assert get(f"{page}authenticator") == 200
        assert (tmp_path / "postgres" / "postmaster.pid").exists()
        assert len(parts_of(tmp_path)) >= PARTS
        process.send_signal(number)
        rest, _ = process.communicate(timeout=40)
    assert process.returncode == 0, rest
    assert rest.splitlines()[-1] == "stopped"
    assert parts_of(tmp_path) == []
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()


def test_a_second_demo_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with launched(tmp_path) as done:
            out, _ = done.communicate(timeout=20)
    assert (done.returncode, "already" in out) == (1, True)


def test_environment_of_a_demo_touches_no_real_account(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ZENDESK_URL", "https://real.zendesk.com")
    monkeypatch.setenv("DATABASE_URL", "postgresql://real.example.com/desk")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-real")
    values = demo.demo_environment({"VAR_DIR": str(tmp_path)})
    settings = load(**{name.lower(): value for name, value in values.items()})
    vendors = (settings.zendesk_url, settings.slack_url, settings.jira_url)
    assert {urlsplit(url).hostname for url in vendors} == {"127.0.0.1"}
    assert settings.database_url == ""
    assert settings.slack_bot_token.get_secret_value() == "xoxb-stand-in"


def test_a_demo_with_mattermost_knows_the_stand_ins_own_channel_and_people(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CHAT", "mattermost")
    monkeypatch.setenv("MATTERMOST_URL", "https://real.example.com")
    monkeypatch.setenv("MATTERMOST_TOKEN", "real")
    values = demo.demo_environment({"VAR_DIR": str(tmp_path)})
    settings = load(**{name.lower(): value for name, value in values.items()})
    config = Config.from_env(values)
    assert (settings.chat, config.chat) == ("mattermost", "mattermost")
    assert settings.mattermost_url == settings.zendesk_url
    assert settings.mattermost_token.get_secret_value() == config.mattermost_token == Config().mattermost_token
    assert settings.mattermost_channel == config.mattermost_channel == Config().mattermost_channel
    assert settings.approvers == config.approvers == Config(chat="mattermost").approvers


def test_taken_ports_are_avoided(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket() as taken, socket.socket() as other:
        for each in (taken, other):
            each.bind(("127.0.0.1", 0))
            each.listen()
        port, desk = str(other.getsockname()[1]), str(taken.getsockname()[1])
        monkeypatch.setenv("PORT", desk)
        paths = {"ZENDESK_URL": "", "SLACK_URL": "/api/", "JIRA_URL": ""}
        example = {"HOST": "127.0.0.1", **{name: f"http://127.0.0.1:{port}{path}" for name, path in paths.items()}}
        monkeypatch.setattr(demo, "dotenv_values", lambda *_, **__: example)
        values = demo.demo_environment({"VAR_DIR": str(tmp_path)})
    ports = {urlsplit(values[name]).port for name in paths}
    assert len(ports) == 1
    assert not ports & {int(port), int(values["PORT"])}
    assert values["PORT"] != desk
    assert values["PUBLIC_URL"] == f"http://127.0.0.1:{values['PORT']}"
    assert values["SLACK_URL"].endswith("/api/")


def test_two_parts_never_get_one_port() -> None:
    free = demo.free_port("127.0.0.1", 0)
    assert demo.free_port("127.0.0.1", free) == free
    assert demo.free_port("127.0.0.1", free, besides=free) != free


@pytest.fixture
def restored_signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def child(tmp_path: Path, code: str) -> processes.Child:
    return processes.start("part", (sys.executable, "-c", code), folder=tmp_path, logs=tmp_path, environment={"X": "1"})


def wait_for(log: Path, word: str) -> None:
    until = time.monotonic() + 10
    while word not in log.read_text():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_dead_child_is_named_with_its_last_lines(tmp_path: Path) -> None:
    part = child(tmp_path, "import sys; print('first'); print('why it died'); sys.exit(3)")
    part.process.wait()
    with pytest.raises(processes.DemoError, match=r"part ended with 3") as caught:
        processes.check([part])
    assert "    why it died" in str(caught.value)


@pytest.mark.usefixtures("restored_signals")
def test_a_deaf_child_is_killed_with_its_own_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = (
        "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); pid = os.fork()\n"
        "if pid: print(pid, 'started', flush=True)\n"
        "time.sleep(60)"
    )
    monkeypatch.setattr(processes, "STOP_WITHIN", 0.3)
    part, said = child(tmp_path, deaf), list[str]()
    wait_for(part.log, "started")
    processes.check([part])
    processes.stop([part], said.append)
    assert part.process.returncode == -signal.SIGKILL
    assert said == ["part did not stop in time, killing it"]
    grandchild = int(part.log.read_text().split()[0])
    until = time.monotonic() + 5
    while Path(f"/proc/{grandchild}").exists() and "\nState:\tZ" not in Path(f"/proc/{grandchild}/status").read_text():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.usefixtures("restored_signals")
def test_a_child_that_hears_is_left_to_end_by_itself(tmp_path: Path) -> None:
    code = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "print('up', flush=True); time.sleep(60)"
    )
    part, said = child(tmp_path, code), list[str]()
    wait_for(part.log, "up")
    processes.stop([part], said.append)
    assert (part.process.returncode, said) == (0, [])
