"""`desk check` of this machine: no debugger, and no file of secrets that others can read (bad-inputs C019, A038)."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from app.findings import Finding, judged
from app.settings import Settings

OTHERS = stat.S_IROTH | stat.S_IWOTH
OFF = frozenset({"", "0", "false", "no"})  # what Flask takes for "no debugger"


def machine() -> Iterator[Finding]:
    debugging = os.environ.get("FLASK_DEBUG", "").lower() not in OFF
    yield judged("debugger", "FLASK_DEBUG is set: the web process does not start with it" if debugging else "")
    file = Path(str(Settings.model_config.get("env_file")))
    if file.is_file():
        open_to_all = stat.S_IMODE(file.stat().st_mode) & OTHERS
        wrong = f"everybody on this machine may read or change it: chmod 600 {file.name}"
        yield judged(f"secrets in {file.name}", wrong if open_to_all else "")
