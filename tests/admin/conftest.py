"""A desk without a worker, for what is only looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.admin.pageskit import Web


@pytest.fixture
def web(database: str) -> Iterator[Web]:
    with Web(database) as built:
        yield built
