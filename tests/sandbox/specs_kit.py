"""The vendors' own documents beside the repository (`../shared/specs`): on some machines only, and not ours to ship."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from sandbox.listener import Listener
from sandbox.server import Config, Sandbox

SPECS = Path(__file__).resolve().parents[3] / "shared" / "specs"
NEEDED = pytest.mark.skipif(not SPECS.is_dir(), reason="needs ../shared/specs, the vendors' documents")
http = urllib3.PoolManager(retries=False)


@pytest.fixture
def box(listener: Listener) -> Iterator[Sandbox]:
    listener.requests.clear()
    with Sandbox(Config(desk=listener.url, seed=False, limits=False, jira_index_lag=(0.0, 0.0))) as sandbox:
        yield sandbox


def read(path: Path) -> Any:
    return json.loads(path.read_text())
