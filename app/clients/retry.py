"""The short waits: three tries within ten seconds, only for what surely did nothing; the engine owns the long ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_before_delay
from tenacity.wait import wait_random_exponential

from app.errors import AuthError, ConflictError, NotAppliedError, UnknownOutcomeError

TRIES = 3
WITHIN = 9.0  # seconds in all, waits only begin if they end before this
_jitter = wait_random_exponential(multiplier=0.5, max=3)

T = TypeVar("T")


def short(call: Callable[[], T], *, sleep: Callable[[float], None] = time.sleep) -> T:
    """Call; wait and call again only when it surely was not applied. Raises the last error itself.

    A Retry-After that does not fit into ten seconds ends it at once, as do conflicts and refused credentials: neither
    gets better by waiting a moment.
    """
    return _retrying(_surely_nothing, sleep)(call)


def read(call: Callable[[], T], *, sleep: Callable[[float], None] = time.sleep) -> T:
    """As `short`, for calls that only read: an unknown outcome harms nothing there, so it is tried again too."""
    return _retrying(_harmless, sleep)(call)


def _surely_nothing(error: BaseException) -> bool:
    return isinstance(error, NotAppliedError) and not isinstance(error, ConflictError | AuthError)


def _harmless(error: BaseException) -> bool:
    return _surely_nothing(error) or isinstance(error, UnknownOutcomeError)


def _wait(state: RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome is not None else None
    asked = error.retry_after if isinstance(error, NotAppliedError) else None
    return max(_jitter(state), asked or 0.0)


def _retrying(again: Callable[[BaseException], bool], sleep: Callable[[float], None]) -> Retrying:
    # one object a call: tenacity's statistics are shared between threads otherwise (facts T8)
    return Retrying(
        stop=stop_after_attempt(TRIES) | stop_before_delay(WITHIN),
        wait=_wait,
        retry=retry_if_exception(again),
        sleep=sleep,
        reraise=True,
    )
