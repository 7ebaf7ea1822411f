"""Passwords are kept as argon2id, and worked on one after the other in a thread of their own: a flood of logins takes
neither the memory nor the threads nor the second core that the webhooks need.

m = 19 MiB, t = 2, p = 1: OWASP, Password Storage Cheat Sheet. Source: bad-inputs A002, A004, A046.
"""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from app.errors import DeskError

SHORTEST, LONGEST = 12, 1024  # characters, after NFC
AT_ONCE = 1  # each takes 19 MiB, which its thread keeps: on the web process's own sixteen it would be 300 MiB
IN_LINE = 6  # logins at a time, each in one of the web process's sixteen threads: others need some
PATIENCE = 3.0  # seconds that one waits for its turn

Made = TypeVar("Made")
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_line = threading.BoundedSemaphore(IN_LINE)
_workers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="argon2")  # its threads start with the first login


class BusyError(DeskError):
    """Too many log in at this moment: try again in a second. Nothing was looked at."""

    def __init__(self) -> None:
        super().__init__("too many people log in at this moment", "login_busy")


def made(password: str) -> str:
    """What is kept of a password. Raises DeskError, reason `password`, when it is too short, too long or no text."""
    text = _normal(password)
    if not SHORTEST <= len(text) <= LONGEST:
        raise DeskError(f"a password has {SHORTEST} to {LONGEST} characters", "password")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DeskError("a password must be text in UTF-8", "password") from None
    return _hasher.hash(text)


def matches(kept: str, password: str) -> bool:
    """Whether it is that password. With '' for `kept` (nobody of that name) the same work is done, for False.

    Raises BusyError when its turn does not come within PATIENCE seconds.
    """
    text = _normal(password)
    fits = len(text) <= LONGEST
    right = _in_turn(lambda: _right(kept or _nobody(), text if fits else ""))
    return right and fits and kept != ""


def renewed(kept: str, password: str) -> str:
    """The same (right) password in today's parameters; '' when `kept` has them already. Raises BusyError."""
    if not _hasher.check_needs_rehash(kept):
        return ""
    return _in_turn(lambda: _hasher.hash(_normal(password)))


@contextmanager
def in_line() -> Iterator[None]:
    """For a whole login: a place before anything is looked up or counted. Raises BusyError when all are taken."""
    if not _line.acquire(blocking=False):
        raise BusyError
    try:
        yield
    finally:
        _line.release()


def _normal(password: str) -> str:
    return unicodedata.normalize("NFC", password)


def _right(kept: str, text: str) -> bool:
    try:
        return _hasher.verify(kept, text)
    except (Argon2Error, InvalidHashError, UnicodeEncodeError):
        return False


@cache
def _nobody() -> str:
    return _hasher.hash(secrets.token_hex(32))


def _in_turn(work: Callable[[], Made]) -> Made:
    turn = _workers.submit(work)
    try:
        return turn.result(PATIENCE)
    except TimeoutError:
        turn.cancel()
        raise BusyError from None
