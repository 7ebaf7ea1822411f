"""Zendesk's OAuth client credentials: one token for all threads, renewed before it ends and once when it is refused.

API tokens end on 2027-04-30; there is no refresh token, one asks anew (developer.zendesk.com, OAuth migration).
"""

from __future__ import annotations

import threading
import time
from typing import Any

import requests

from app.clients.http import Wire, prepare
from app.clients.outcome import not_applied, read_object, say
from app.clients.shape import number, text
from app.errors import AuthError, NotAppliedError, PermanentError, UnknownOutcomeError, VendorError
from app.settings import Settings

LIFE = 7200  # seconds asked for; 300 to 172,800 are allowed
MARGIN = 60.0  # seconds before its end at which a token is renewed (a tenth of its life, when that is shorter)
SCOPE = "read write"  # audits need the global read scope (facts Z3.6)


class Tokens:
    """The bearer token. Usable from many threads; one of them asks, the others wait for its result."""

    def __init__(self, settings: Settings, wire: Wire) -> None:
        self._url = f"{settings.zendesk_url}/oauth/tokens"
        self._client = {
            "grant_type": "client_credentials",
            "client_id": settings.zendesk_client_id,
            "client_secret": settings.zendesk_client_secret.get_secret_value(),
            "scope": SCOPE,
            "expires_in": LIFE,
        }
        self._session = requests.Session()
        prepare(self._session, wire)
        self._lock = threading.Lock()
        self._token = ""
        self._good_until = 0.0
        self._failed: tuple[float, NotAppliedError] | None = None

    def current(self) -> str:
        """A token that is good for the next call. Raises AuthError, or NotAppliedError: the call itself never left."""
        return self._renewed(lambda: self._token != "" and time.monotonic() < self._good_until)

    def renew(self, refused: str) -> str:
        """Another token than the refused one; only the first of many threads asks for it. Raises as `current`."""
        return self._renewed(lambda: self._token not in ("", refused))

    def _renewed(self, good: Any) -> str:
        came = time.monotonic()
        with self._lock:
            if good():
                return self._token
            if self._failed is not None and self._failed[0] >= came:
                raise self._failed[1]  # asked and failed while we waited: nobody queues up for the same failure
            failure = self._fetch()
            if failure is not None:
                self._failed = (time.monotonic(), failure)
                raise failure
            return self._token

    def _fetch(self) -> NotAppliedError | None:
        asked = time.monotonic()
        error: VendorError
        try:
            answer = read_object(self._session.post(self._url, json=self._client).content) or {}
        except (UnknownOutcomeError, PermanentError, NotAppliedError) as found:
            error = found
        else:
            life = number(answer.get("expires_in")) or LIFE
            self._token = text(answer.get("access_token"))
            self._good_until = asked + life - min(MARGIN, life / 10)
            return None if self._token else not_applied("zendesk", "token")
        if isinstance(error, NotAppliedError):
            return error
        if isinstance(error, UnknownOutcomeError):
            # a token more or less does no harm, and the call it was for has not been sent
            return not_applied("zendesk", "token", error.status)
        return AuthError(say("zendesk", "auth"), "auth", vendor="zendesk", status=error.status)


class BearerSession(requests.Session):
    """Sends with the current token. After a 401 (surely not applied) it is renewed and the call sent once more."""

    def __init__(self, tokens: Tokens, wire: Wire) -> None:
        super().__init__()
        prepare(self, wire)
        self._tokens = tokens

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        token = self._tokens.current()
        request.headers["Authorization"] = f"Bearer {token}"
        try:
            return super().send(request, **options)
        except AuthError:
            pass  # handled below, so that a second failure does not carry this one as its context
        request.headers["Authorization"] = f"Bearer {self._tokens.renew(token)}"
        return super().send(request, **options)
