"""The one way out: bounds on time and size, no redirects, no leaks, and connections that may be shared."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from app.clients import Clients
from app.clients import http as wire
from app.errors import AuthError, NotAppliedError, PermanentError, UnknownOutcomeError
from sandbox.server import Sandbox
from tests.kit import card

CARD = card("Please decide")
READS: dict[str, tuple[str, str, Callable[[Clients, int], object]]] = {
    "zendesk": ("zendesk", "tickets.show", lambda c, ticket: c.zendesk.ticket(ticket)),
    "slack": ("slack", "users.info", lambda c, ticket: c.chat.person("U0BALA")),
    "mattermost": ("mattermost", "users.get", lambda c, ticket: c.chat.person("balaxxxxxxxxxxxxxxxxxxxxxx")),
    "jira": ("jira", "myself", lambda c, ticket: c.jira.me()),
}
CHATS = {"slack": "chat.postMessage", "mattermost": "posts.create"}


def test_no_library_may_retry_by_itself(clients: Clients) -> None:
    for client in (clients.zendesk, clients.chat, clients.jira):
        retries = client._wire.max_retries  # type: ignore[attr-defined]
        assert (retries.total, retries.connect, retries.read, retries.status) == (0, 0, 0, 0)
    assert clients.chat._web.retry_handlers == []  # type: ignore[attr-defined]
    assert clients.jira._client._session.max_retries == 0  # type: ignore[attr-defined]


def test_making_clients_sends_nothing(sandbox: Sandbox, clients: Clients) -> None:
    assert sandbox.world.arrivals == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("vendor", READS)
def test_redirects_are_not_followed(
    sandbox: Sandbox, clients: Clients, new_ticket: Callable[..., int], vendor: str, status: int
) -> None:
    name, method, call = READS[vendor]
    ticket = new_ticket()
    with elsewhere() as (url, connections):
        sandbox.world.faults.add(name, method, "redirect", to=url, status=status)
        with pytest.raises(PermanentError) as caught:
            call(clients, ticket)
        assert caught.value.reason == "redirect"
        time.sleep(0.05)
        assert connections == [], "the credentials went elsewhere"


@pytest.mark.parametrize("vendor", READS)
def test_a_huge_answer_is_left_after_a_megabyte(
    sandbox: Sandbox, clients: Clients, new_ticket: Callable[..., int], vendor: str
) -> None:
    name, method, call = READS[vendor]
    ticket = new_ticket()
    sandbox.world.faults.add(name, method, "huge_body", size=100_000_000)
    began = time.monotonic()
    with pytest.raises(UnknownOutcomeError) as caught:
        call(clients, ticket)
    assert caught.value.reason == "oversized"
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("vendor", READS)
def test_a_slow_drip_ends_at_the_deadline(
    sandbox: Sandbox, clients: Clients, new_ticket: Callable[..., int], vendor: str
) -> None:
    name, method, call = READS[vendor]
    ticket = new_ticket()
    call(clients, ticket)  # connected, and with a token
    for client in (clients.zendesk, clients.chat, clients.jira):
        client._wire.deadline = 0.6  # type: ignore[attr-defined]
    sandbox.world.faults.add(name, method, "slow_drip", seconds=4)
    began = time.monotonic()
    with pytest.raises(UnknownOutcomeError) as caught:
        call(clients, ticket)
    assert caught.value.reason == "timeout"
    assert 0.5 < time.monotonic() - began < 3


def test_dripping_headers_end_at_the_deadline_too(clients_with: Callable[..., Clients]) -> None:
    with dripping_headers() as url:
        chat = clients_with(slack_url=url).chat
        chat._wire.deadline = 0.6  # type: ignore[attr-defined]
        began = time.monotonic()
        with pytest.raises(UnknownOutcomeError):
            chat.post(CARD, op_id="op1", case_key="c")
        assert time.monotonic() - began < 3


@pytest.mark.parametrize("chat", CHATS)
def test_nobody_listening_is_surely_not_applied(clients_with: Callable[..., Clients], chat: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        made = clients_with(chat=chat, zendesk_url=url, jira_url=url, slack_url=url, mattermost_url=url)
        for call in (
            lambda: made.zendesk.ticket(5),
            lambda: made.chat.post(CARD, op_id="op1", case_key="c"),
            lambda: made.jira.create(label="ban-1", summary="Ban", description="x"),
        ):
            with pytest.raises(NotAppliedError) as caught:
                call()
            assert caught.value.reason == "connect"


@pytest.mark.parametrize("chat", CHATS)
def test_an_untrusted_certificate_is_refused_before_anything_is_sent(
    sandbox: Sandbox, clients_with: Callable[..., Clients], chat: str
) -> None:
    made = clients_with(ca_bundle="", chat=chat)
    for call in (lambda: made.zendesk.ticket(5), made.chat.me, made.jira.me):
        with pytest.raises(NotAppliedError) as caught:
            call()
        assert caught.value.reason == "tls"
    assert sandbox.world.arrivals == []


def test_a_proxy_or_netrc_of_the_machine_is_ignored(
    sandbox: Sandbox, clients: Clients, monkeypatch: pytest.MonkeyPatch, tmp_path: pytest.TempPathFactory
) -> None:
    netrc = tmp_path / "netrc"  # type: ignore[operator]
    netrc.write_text("machine 127.0.0.1 login jane password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert clients.zendesk.me()
    assert clients.chat.me()
    assert clients.jira.me()
    assert {a["auth"] for a in sandbox.world.arrived("zendesk") if a["method"] != "oauth.token"} == {"Bearer"}


@pytest.mark.parametrize("vendor", READS)
def test_refused_credentials(sandbox: Sandbox, clients: Clients, new_ticket: Callable[..., int], vendor: str) -> None:
    name, method, call = READS[vendor]
    ticket = new_ticket()
    sandbox.world.faults.add(name, method, "401", times=2)
    with pytest.raises(AuthError):
        call(clients, ticket)


def test_threads_share_the_clients(sandbox: Sandbox, clients: Clients, new_ticket: Callable[..., int]) -> None:
    tickets = [new_ticket() for _ in range(6)]

    def work(n: int) -> tuple[int, str, str]:
        ticket = clients.zendesk.ticket(tickets[n % 6])
        clients.zendesk.update(ticket, op_id=f"op{n}", body=f"note {n}", public=False)
        posted = clients.chat.post(card(f"card {n}"), op_id=f"op{n}", case_key="c")
        return ticket.id, posted.ts, clients.jira.create(label=f"ban-{n}", summary="Ban", description="x").key

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(work, range(6)))
    assert sorted(ticket for ticket, _, _ in done) == tickets
    assert len({ts for _, ts, _ in done}) == len({key for _, _, key in done}) == 6
    assert len(sandbox.world.arrived("zendesk", "oauth.token")) == 1
    comments = sandbox.world.effects("zendesk", "comment")
    assert {(int(e["target"]), e["op"]) for e in comments} == {(tickets[n], f"op{n}") for n in range(6)}


def test_an_idle_connection_is_not_used_again(
    sandbox: Sandbox, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[float] = []
    connect = wire._Secure.connect
    monkeypatch.setattr(wire._Secure, "connect", lambda self: (made.append(0.0), connect(self))[1])
    clients.jira.me()
    clients.jira.me()
    assert len(made) == 1
    monkeypatch.setattr(wire, "IDLE", 0.0)
    clients.jira.me()
    assert len(made) == 2


@pytest.mark.parametrize("chat", CHATS)
def test_nothing_personal_is_logged_even_at_debug(
    sandbox: Sandbox, clients: Clients, new_ticket: Callable[..., int], caplog: pytest.LogCaptureFixture, chat: str
) -> None:
    caplog.set_level(logging.DEBUG)
    text = "".join(("SECRET", "-", "BODY"))  # not as such in this file: a traceback shows source lines
    ticket = clients.zendesk.ticket(new_ticket())
    clients.zendesk.update(ticket, op_id="op1", body=text, public=True)
    clients.zendesk.person(ticket.requester_id or 0)
    clients.chat.post(card(text), op_id="op0", case_key="c")
    clients.jira.create(label="ban-1", summary=text, description=text)
    for vendor, method in (("zendesk", "tickets.update"), (chat, CHATS[chat]), ("jira", "create")):
        for fault in ("garbage_after", "500", "403"):
            sandbox.world.faults.add(vendor, method, fault)
    for _ in range(3):
        for call in (
            lambda: clients.zendesk.update(ticket, op_id="op1", body=text, public=True),
            lambda: clients.chat.post(card(text), op_id="op1", case_key="c"),
            lambda: clients.jira.create(label="ban-1", summary=text, description=text),
        ):
            with pytest.raises((UnknownOutcomeError, PermanentError)) as caught:
                call()
            assert text not in repr(caught.value)
            logging.getLogger("desk").warning("failed", exc_info=caught.value)
    for personal in (text, "mei@" + "example.com", "Mei Tan", "+60123456789", "Just a moment"):
        assert personal not in caplog.text


@contextmanager
def elsewhere() -> Iterator[tuple[str, list[bytes]]]:
    """A listener that notes what anybody sends it."""
    got: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                got.append(connection.recv(4096))

    with listening(serve) as url:
        yield url, got


@contextmanager
def dripping_headers() -> Iterator[str]:
    """A server that answers with one more header byte every 50 ms, for ever."""
    closing = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not closing.wait(0.05):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    with listening(serve) as url:
        try:
            yield url
        finally:
            closing.set()


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve, args=(listener,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(2)
