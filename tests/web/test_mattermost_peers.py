"""Who is let in: MATTERMOST_PEERS, or the addresses of Mattermost's own host (M002, M006)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mattermostkit import MATTERMOST

from app.settings import load
from app.web.peers import Peers, resolve

ROOT = Path(__file__).parents[2]


class Name:
    """A resolver; `answer`: what it says, or raises. `time` is the clock."""

    def __init__(self, *answer: str) -> None:
        self.answer: tuple[str, ...] | Exception = answer
        self.asked: list[str] = []
        self.time = 0.0

    def __call__(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def peers(name: Callable[[str], tuple[str, ...]] | None = None, **changes: str) -> Peers:
    settings = load(_env_file=ROOT / ".env.example", **{**MATTERMOST, **changes})
    return Peers(settings, resolve=name or resolve, clock=lambda: getattr(name, "time", 0.0))


def test_addresses_and_networks() -> None:
    ours = peers(mattermost_peers="10.1.2.3, 10.2.0.0/16, 2001:db8::/32")
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "10.2.255.1", "2001:db8::1"):
        assert ours.allowed(address)
    for other in ("10.1.2.4", "127.0.0.1", "::1", "2001:db9::1", "", None, "10.1.2.3,127.0.0.1", "localhost"):
        assert not ours.allowed(other)


def test_any() -> None:
    ours = peers(mattermost_peers="any")
    assert ours.allowed("203.0.113.9")
    assert ours.allowed("")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_a_stand_in_on_this_machine(host: str) -> None:
    ours = peers(mattermost_url=f"http://{host}:8065")
    assert ours.allowed("127.0.0.1" if host != "[::1]" else "::1")
    for other in ("127.0.0.2", "10.0.0.1", "203.0.113.9"):
        assert not ours.allowed(other)


def test_the_host_of_mattermost_url() -> None:
    name = Name("198.51.100.7", "2001:db8::7")
    ours = peers(name, mattermost_url="https://chat.example.com/sub")
    assert ours.allowed("198.51.100.7")
    assert ours.allowed("2001:db8::7")
    assert not ours.allowed("198.51.100.8")
    assert name.asked == ["chat.example.com"], "kept for a minute"
    name.answer, name.time = ("198.51.100.8",), 61.0
    assert ours.allowed("198.51.100.8")
    assert not ours.allowed("198.51.100.7")
    name.answer, name.time = OSError("no resolver"), 130.0
    assert ours.allowed("198.51.100.8"), "the last that was known"
    assert len(name.asked) == 3


def test_a_name_that_was_never_resolved_lets_nobody_in() -> None:
    name = Name()
    name.answer = OSError("no resolver")
    ours = peers(name, mattermost_url="https://chat.example.com")
    assert not ours.allowed("198.51.100.7")
    assert not ours.allowed("127.0.0.1")
    name.answer, name.time = ("198.51.100.7",), 5.0
    assert ours.allowed("198.51.100.7"), "asked again soon while nothing is known"
