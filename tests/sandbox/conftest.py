"""A sandbox with its seed, a listener in the desk's place, and a caller that knows only what Zendesk documents."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.caller import Account
from sandbox.listener import Listener
from sandbox.server import Config, Sandbox


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    """In the desk's place, for all tests of a module."""
    with Listener() as desk:
        yield desk


@pytest.fixture
def desk() -> Iterator[Listener]:
    with Listener() as listener:
        yield listener


@pytest.fixture
def sandbox(desk: Listener) -> Iterator[Sandbox]:
    with Sandbox(Config(desk=desk.url, limits=False, webhook_retry_seconds=0.05)) as box:
        yield box


@pytest.fixture
def zendesk(sandbox: Sandbox) -> Account:
    account = Account(sandbox.url)
    account.login()
    return account


@pytest.fixture
def ticket(sandbox: Sandbox) -> int:
    """The first customer's ticket: reachable by e-mail, no tags."""
    return next(iter(sandbox.world.zendesk.tickets))
