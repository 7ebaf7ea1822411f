"""The door's own word to a presser: when nothing can be recorded, nobody else can tell them. Best effort, in a moment.

Slack waits three seconds for the door's answer. Source: bad-inputs S027.
"""

from __future__ import annotations

import logging
import threading

from app.clients.types import Chat
from app.errors import DeskError
from app.settings import Settings
from app.texts import Texts

log = logging.getLogger(__name__)

CONNECT, WITHIN = 0.8, 1.5  # seconds


class Teller:
    """Says "try again" to one person in the supervisors' channel. Nothing is made or sent before the first call."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._chat: Chat | None = None
        self._text = ""

    def __call__(self, user: str) -> bool:
        """True: Slack has taken the message."""
        try:
            self._ready().answer(user, self._text, channel=self._settings.channel_of("data_deletion"))
        except DeskError as failed:
            log.warning("door.not_told", extra={"reason": failed.reason})
            return False
        return True

    def _ready(self) -> Chat:
        with self._lock:
            if self._chat is None:
                from app.clients import make_chat

                self._text = Texts.load(self._settings.desk_language).get("answers.try_again")
                quick = self._settings.model_copy(update={"connect_timeout": CONNECT, "read_timeout": WITHIN})
                self._chat = make_chat(quick, deadline=WITHIN)
            return self._chat
