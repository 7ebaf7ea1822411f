"""The same desk as `House`, with the web and the worker as real processes: gunicorn and `desk work`.

They are started again when they die, as a supervisor would.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any, ClassVar

from tests.house import ROOT, House


class Processes(House):
    """The same, with gunicorn and `desk work` as processes of their own, started again whenever they die."""

    def __init__(
        self, uri: str, *, sandbox: dict[str, Any] | None = None, chat: str = "slack", **settings: str
    ) -> None:
        super().__init__(uri, sandbox=sandbox, chat=chat, **settings)
        self.log = Path(os.environ.get("PYTEST_TMP_LOG", "/dev/null"))
        self.extra: dict[str, dict[str, str]] = {"web": {}, "worker": {}}
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.deaths: dict[str, list[int]] = {"web": [], "worker": []}
        self._closing = threading.Event()

    COMMANDS: ClassVar = {
        "web": [sys.executable, "-m", "gunicorn", "app:create_app()"],
        "worker": [sys.executable, "-m", "app.cli", "work"],
    }

    def start(self) -> None:
        for name in self.COMMANDS:
            self.launch(name)
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()
        self.wait(self._ready, 20, "web is ready")

    def launch(self, name: str) -> None:
        """Start this process; `extra` settings are for its first life only (a crash point, say)."""
        environment = {**os.environ, **self.environment, **self.extra.pop(name, {})}
        with self.log.open("ab") as output:
            self.running[name] = subprocess.Popen(
                self.COMMANDS[name], cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
            )

    def _keep(self) -> None:
        while not self._closing.wait(0.05):
            for name, process in list(self.running.items()):
                code = process.poll()
                if code is not None and not self._closing.is_set():
                    self.deaths[name].append(code)
                    self.launch(name)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """A signal to the process and its group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.running[name].pid, number)

    def stop(self) -> None:
        self._closing.set()
        if hasattr(self, "_keeper"):
            self._keeper.join()
        for name in self.running:
            self.kill(name, signal.SIGTERM)
        for name, process in self.running.items():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill(name)
                process.wait()
        self.leave()
