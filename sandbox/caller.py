"""A caller that knows only Zendesk's documented interface and the sandbox's control actions; for tests and scripts."""

from __future__ import annotations

from typing import Any

import requests


class Account:
    """Plain HTTP against the Zendesk stand-in, as the desk's user; no retries."""

    def __init__(self, url: str, verify: str | bool = True) -> None:
        self.url = url
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = verify

    def login(self, **given: Any) -> requests.Response:
        """Fetch a bearer and use it from now on."""
        body = {
            "grant_type": "client_credentials",
            "client_id": "deletion_desk",
            "client_secret": "stand-in-zendesk-client",
            "scope": "read write",
            **given,
        }
        answer = self.http.post(f"{self.url}/oauth/tokens", json=body, timeout=5)
        if answer.ok:
            self.http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer

    def call(self, verb: str, path: str, timeout: float = 5, **more: Any) -> requests.Response:
        """One call below /api/v2."""
        return self.http.request(verb, f"{self.url}/api/v2/{path}", timeout=timeout, allow_redirects=False, **more)

    def ticket(self, number: int) -> dict[str, Any]:
        """The ticket as it is."""
        found = self.call("GET", f"tickets/{number}.json").json()["ticket"]
        assert isinstance(found, dict)
        return found

    def update(self, number: int, timeout: float = 5, **ticket: Any) -> requests.Response:
        """One PUT."""
        return self.call("PUT", f"tickets/{number}.json", timeout, json={"ticket": ticket})

    def control(self, path: str, body: dict[str, Any] | None = None) -> requests.Response:
        """A control action of the sandbox."""
        return self.http.post(f"{self.url}/sandbox/{path}", json=body or {}, timeout=5)
