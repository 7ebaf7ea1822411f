"""The real clients over TLS against the stand-ins; one server for all tests, a fresh world for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.clients import Clients, make
from app.settings import Settings, load
from sandbox.server import Config, Sandbox
from sandbox.zendesk import tickets

EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"


@pytest.fixture(scope="session")
def server() -> Iterator[Sandbox]:
    """Without the limits of a vendor's plan, and with webhooks going nowhere: these tests are about neither."""
    quiet = Config(seed=False, limits=False, drop_webhooks=1.0, trigger_webhooks=False, jira_index_lag=(0.0, 0.0))
    with Sandbox(quiet, tls=True) as box:
        yield box


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    """The stand-ins, empty."""
    server.world.reset()
    return server


@pytest.fixture
def settings_with(sandbox: Sandbox) -> Callable[..., Settings]:
    """`.env.example` with all vendors behind TLS at the stand-in, and its own CA."""
    url = sandbox.tls_url
    base = {"zendesk_url": url, "jira_url": url, "slack_url": f"{url}/api", "ca_bundle": sandbox.ca_file}

    def build(**given: Any) -> Settings:
        return load(_env_file=EXAMPLE, **{**base, "read_timeout": 5.0, **given})

    return build


@pytest.fixture
def clients_with(settings_with: Callable[..., Settings]) -> Iterator[Callable[..., Clients]]:
    """Clients with other settings; closed at the end."""
    made: list[Clients] = []

    def build(**given: Any) -> Clients:
        made.append(make(settings_with(**given)))
        return made[-1]

    yield build
    for each in made:
        each.close()


@pytest.fixture
def clients(clients_with: Callable[..., Clients]) -> Clients:
    """All three clients."""
    return clients_with()


@pytest.fixture
def new_ticket(sandbox: Sandbox) -> Callable[..., int]:
    """Make a ticket of a new customer at the stand-in, not through the clients under test; answers its id."""

    def build(**given: Any) -> int:
        state = sandbox.world.zendesk
        with sandbox.world.lock:
            customer = state.add_user("Mei Tan", email="mei@example.com", phone="+60123456789")
            return tickets.create(state, {"subject": "Please delete my data", **given}, customer, customer).id

    return build
