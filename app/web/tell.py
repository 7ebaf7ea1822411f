"""The door's own words to the chat: an answer that nobody else can give, and a form while a press is fresh.

Slack waits three seconds for the door's answer, so everything here is done, or given up, in a moment. Best effort.
Source: facts S11, S16, M17; bad-inputs S027, M019.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property, partial

from app import forms, trace
from app.clients.chat import Chat
from app.errors import DeskError
from app.logs import report
from app.settings import Settings
from app.texts import Texts

log = logging.getLogger(__name__)

CONNECT, WITHIN = 0.8, 1.5  # seconds
BACKLOG = 200  # of what is said later; more is not said
ASK_AGAIN = 60.0  # seconds until the workspace is asked for again after a failure


class Teller:
    """The supervisors' chat, asked quickly. Nothing is made or sent before the first call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._waiting = threading.BoundedSemaphore(BACKLOG)
        self._team, self._asked = "", float("-inf")

    def __call__(self, user: str, key: str, *, procedure: str = "", about: str = "") -> bool:
        """Tell one person, and nobody else, `answers.<key>` of the press `about`. True: the chat has taken it."""
        channel = self._settings.channel_of(procedure)
        try:
            self.chat.answer(user, self.text(f"answers.{key}"), channel=channel, about=about)
        except DeskError as failed:
            log.warning("door.not_told", extra={"reason": failed.reason})
            return False
        return True

    def later(self, user: str, key: str, *, procedure: str = "", about: str = "") -> None:
        """The same, off the request's thread."""
        self.soon(partial(self, user, key, procedure=procedure, about=about))

    def soon(self, work: Callable[[], object]) -> None:
        """Off the request's thread, as soon as one is free."""
        if not self._waiting.acquire(blocking=False):
            log.warning("door.not_told", extra={"reason": "backlog"})
            return
        with suppress(RuntimeError):  # the process is ending
            self._threads.submit(trace.carried(self._run), work)

    def open_form(self, trigger: str, name: str, token: str) -> str:
        """Show the form of this name to whoever has just pressed; '' when it is open, else why not."""
        try:
            self.chat.open_form(trigger, forms.form(self._texts, name, token))
        except DeskError as failed:
            log.warning("door.no_form", extra={"reason": failed.reason})
            return failed.reason
        return ""

    def text(self, key: str, **values: str) -> str:
        return self._texts.get(key, **values)

    def team(self) -> str:
        """Our workspace's id, asked for once; '' in a chat that has none, and while it cannot be read."""
        with self._lock:
            if not self._team and time.monotonic() - self._asked > ASK_AGAIN:
                self._asked = time.monotonic()
                with suppress(DeskError):
                    self._team = self.chat.me()[0]
            return self._team

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as bug:  # noqa: BLE001 - nobody waits for it: it must be seen all the same
            report(log, "door.tell_failed", bug)
        finally:
            self._waiting.release()

    @cached_property
    def chat(self) -> Chat:
        """A client that gives up soon."""
        from app.clients import make_chat

        quick = self._settings.model_copy(update={"connect_timeout": CONNECT, "read_timeout": WITHIN})
        return make_chat(quick, deadline=WITHIN)

    @cached_property
    def _texts(self) -> Texts:
        return Texts.load(self._settings.desk_language)

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(2, thread_name_prefix="tell")
