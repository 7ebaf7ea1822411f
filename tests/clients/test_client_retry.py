"""The short waits: how often, how long, and for which answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from app.clients.outcome import not_applied, permanent, unknown
from app.clients.retry import read, short
from app.errors import AuthError, ConflictError, DeskError, NotAppliedError, VendorError

BUSY = not_applied("jira", "rate_limited", 429)


def run(wrap: Callable[..., Any], *answers: object) -> tuple[list[float], int, object]:
    """What was slept, how many calls were made, and what came out."""
    slept: list[float] = []
    left = list(answers)

    def call() -> object:
        found = left.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    try:
        out: object = wrap(call, sleep=slept.append)
    except DeskError as error:
        out = error
    return slept, len(answers) - len(left), out


def test_surely_not_applied_is_tried_three_times() -> None:
    slept, calls, out = run(short, BUSY, BUSY, BUSY, "never")
    assert (calls, out) == (3, BUSY)
    assert len(slept) == 2
    assert sum(slept) < 10


def test_the_second_try_may_succeed() -> None:
    assert run(short, BUSY, "done")[1:] == (2, "done")


def test_waits_are_jittered() -> None:
    assert len({run(short, BUSY, "done")[0][0] for _ in range(20)}) > 10


def test_a_short_wait_asked_for_is_honoured() -> None:
    slept, calls, out = run(short, not_applied("zendesk", "rate_limited", 429, 4.0), "done")
    assert (calls, out) == (2, "done")
    assert slept[0] >= 4.0


@pytest.mark.parametrize("wait", [9.0, 60.0, 900.0])
def test_a_long_wait_is_left_to_the_engine(wait: float) -> None:
    asked = not_applied("zendesk", "rate_limited", 429, wait)
    assert run(short, asked, "never") == ([], 1, asked)


@pytest.mark.parametrize(
    "error",
    [
        unknown("slack", "timeout"),
        permanent("jira", "gone", 404),
        ConflictError("changed", "conflict", vendor="zendesk"),
        AuthError("refused", "auth", vendor="zendesk"),
    ],
)
def test_all_else_is_never_repeated(error: VendorError) -> None:
    assert run(short, error, "never") == ([], 1, error)


def test_a_bug_of_ours_is_not_repeated() -> None:
    calls = []

    def call() -> None:
        calls.append(1)
        raise TypeError("ours")

    with pytest.raises(TypeError):
        short(call)
    assert calls == [1]


def test_reads_are_repeated_after_an_unknown_outcome_too() -> None:
    assert run(read, unknown("jira", "server"), BUSY, "done")[1:] == (3, "done")
    assert run(read, permanent("jira", "gone"), "never")[1] == 1
    assert isinstance(run(read, AuthError("refused", "auth", vendor="jira"), "never")[2], NotAppliedError)
