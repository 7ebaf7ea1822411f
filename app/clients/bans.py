"""The ban's own source, over HTTP: is this customer banned on this channel? A read; nothing is ever changed there.

`BAN_CHECK_URL` holds {customer} and, where each channel is asked alone, {channel}. An answer is
`{"banned": true}`, `{"allowed": false}`, or `{"channels": {"calls": true, …}}` with either form inside. Whatever else
comes back confirms nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import quote

import requests

from app.clients.http import OverWire, Wire, prepare, retries
from app.clients.outcome import unknown
from app.errors import BadPayloadError, PermanentError
from app.settings import Settings
from app.strictjson import loads_object

NOBODY = "desk-check"  # `desk check` asks about this customer; that it is not known is an answer


class Bans(Protocol):
    def banned(self, customer: str, channels: Sequence[str]) -> Mapping[str, bool] | None:
        """Channel -> whether the customer is banned there. None: the source does not know this customer."""
        ...

    def look(self) -> None:
        """Raises when the source cannot be asked."""
        ...


class BanClient(OverWire):
    """`Bans`, for many threads. Making one sends nothing; every method raises only the VendorError family."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.ban_check_url
        self._token = settings.ban_check_token.get_secret_value()
        super().__init__(Wire("bans", settings))

    @property
    def library_retries(self) -> int:
        """How often the library would send a request again by itself; 0 is what we made it."""
        return retries(self._session)

    def banned(self, customer: str, channels: Sequence[str]) -> Mapping[str, bool] | None:
        """One question a channel, or one for all when the address names no channel."""
        found: dict[str, bool] = {}
        each = "{channel}" in self._url
        answer: Mapping[str, object] | None = None
        for channel in channels:
            if each or answer is None:
                answer = self._ask(customer, channel)
                if answer is None:
                    return None
            found[channel] = _read(answer, channel)
        return found

    def look(self) -> None:
        """One question about nobody: whether there is an answer that can be read, or `unknown`."""
        self.banned(NOBODY, ("calls",))

    def _ask(self, customer: str, channel: str) -> Mapping[str, object] | None:
        url = self._url.replace("{customer}", quote(customer, safe="")).replace("{channel}", quote(channel, safe=""))
        try:
            body = self._session.get(url, allow_redirects=False).content
        except PermanentError as error:
            if error.reason == "gone":
                return None
            raise
        try:
            return loads_object(body, max_keys=1000)
        except BadPayloadError:
            pass  # raised below, outside: what came back may hold anything
        raise unknown("bans", "unreadable")

    @property
    def _session(self) -> requests.Session:
        """This thread's session."""
        found = getattr(self._here, "session", None)
        if found is None:
            found = requests.Session()
            prepare(found, self._wire)
            found.headers["Accept"] = "application/json"
            if self._token:
                found.headers["Authorization"] = f"Bearer {self._token}"
            self._here.session = found
        return found


def _read(answer: Mapping[str, object], channel: str) -> bool:
    """Whether this answer says banned. Only a plain yes or no counts; a missing or twofold word is unreadable."""
    said: object = answer
    if "channels" in answer:
        channels = answer["channels"]
        said = channels.get(channel) if isinstance(channels, dict) else None
    if isinstance(said, bool):
        return said
    if isinstance(said, dict):
        words = {said["banned"]} if isinstance(said.get("banned"), bool) else set()
        words |= {not said["allowed"]} if isinstance(said.get("allowed"), bool) else set()
        odd = [name for name in ("banned", "allowed") if name in said and not isinstance(said[name], bool)]
        if len(words) == 1 and not odd:
            return bool(words.pop())
    raise unknown("bans", "unreadable")
