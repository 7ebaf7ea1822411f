"""Calls of the chats made by hand, as bytes over HTTP: what a vendor would never send can be sent too."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.house import House
from tests.kit import Sent, card_of, sent

WAITING = Sent(mails=1, cards=1)
SECRET = "stand-in-slack-signing"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


def post(house: House, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    request = urllib.request.Request(house.url + path, data=body, headers=dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            return Answer(answer.status, answer.read())
    except urllib.error.HTTPError as refused:
        return Answer(refused.code, refused.read())


def slack(house: House, body: bytes, *, at: str | None = None, mac: str | None = None, secret: str = SECRET) -> Answer:
    """One request as Slack signs it; `mac` and `at` replace the headers' values."""
    when = str(int(time.time())) if at is None else at
    own = "v0=" + hmac.new(secret.encode(), b"v0:" + when.encode() + b":" + body, hashlib.sha256).hexdigest()
    headers = {"X-Slack-Signature": own if mac is None else mac, "X-Slack-Request-Timestamp": when}
    return post(house, "/webhooks/slack", body, headers)


def form(payload: object) -> bytes:
    return urlencode({"payload": payload if isinstance(payload, str) else json.dumps(payload)}).encode()


_stamps = iter(range(1, 1_000_000))


def slack_press(house: House, ticket: int, action: str = "approve", user: str = "aisyah", **changes: Any) -> bytes:
    """The body of a press of that ticket's card; `value` replaces the button's."""
    card = card_of(house, ticket)
    elements = [e for b in card["blocks"] if b["type"] == "actions" for e in b["elements"]]
    value = changes.pop("value", None)
    if value is None:
        value = next(e["value"] for e in elements if e["action_id"] == action)
    payload = {
        "type": "block_actions",
        "team": {"id": "T0DESK"},
        "user": {"id": house.user(user), "team_id": "T0DESK"},
        "channel": {"id": card["channel"]},
        "container": {"type": "message", "message_ts": card["ts"], "channel_id": card["channel"]},
        "actions": [{"type": "button", "action_id": action, "value": value, "action_ts": f"{next(_stamps)}.1"}],
        **changes,
    }
    return form(payload)


def waits_still(house: House, ticket: int) -> None:
    """Nothing was decided and nothing was sent."""
    house.settle()
    case = house.case(ticket)
    assert (case["state"], case["decision"], case["decided_by"]) == ("awaiting", None, None)
    assert sent(house, ticket) == WAITING


def rows(house: House) -> int:
    """What came in, without the desk's own schedule, which goes on meanwhile."""
    return len(house.rows("SELECT 1 FROM events WHERE sender <> 'desk'"))


def metrics(house: House) -> str:
    with urllib.request.urlopen(f"{house.url}/metrics", timeout=10) as answer:
        return str(answer.read().decode())
