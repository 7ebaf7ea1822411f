"""The real clients over TLS against the stand-ins; one server for all tests, a fresh world for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.clients import Clients, make
from app.clients.mattermost import MattermostClient
from app.settings import Settings, load
from sandbox.server import Config, Sandbox
from sandbox.zendesk import tickets

EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"
MATTERMOST = {"mattermost_token": "stand-in-mattermost", "mattermost_channel": "supervisorsxxxxxxxxxxxxxxx"}


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
    base |= {"mattermost_url": url, **MATTERMOST}

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
def clients(request: pytest.FixtureRequest, clients_with: Callable[..., Clients]) -> Clients:
    """All three clients; the chat is Mattermost where a parameter of the test begins with its name."""
    given = getattr(request.node, "callspec", None)
    named = [str(value) for value in given.params.values()] if given is not None else []
    return clients_with(chat="mattermost" if any(name.startswith("mattermost") for name in named) else "slack")


@pytest.fixture
def mattermost(clients_with: Callable[..., Clients]) -> MattermostClient:
    """The other chat."""
    chat = clients_with(chat="mattermost").chat
    assert isinstance(chat, MattermostClient)
    return chat


@pytest.fixture
def new_ticket(sandbox: Sandbox) -> Callable[..., int]:
    """Make a ticket of a new customer at the stand-in, not through the clients under test; answers its id."""

    def build(**given: Any) -> int:
        state = sandbox.world.zendesk
        with sandbox.world.lock:
            customer = state.add_user("Mei Tan", email="mei@example.com", phone="+60123456789")
            return tickets.create(state, {"subject": "Please delete my data", **given}, customer, customer).id

    return build
