"""A desk without a worker, for what is only looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.admin.pageskit import Web
from tests.cli_kit import Cli
from tests.house import ROOT


@pytest.fixture
def web(database: str) -> Iterator[Web]:
    with Web(database) as built:
        yield built


@pytest.fixture
def desk(web: Web, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """`desk …` on a database that nobody else works on."""
    monkeypatch.chdir(ROOT / "tests")  # no .env of a developer here
    return Cli(web)
