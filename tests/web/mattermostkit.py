"""A Mattermost for the doors: what its server posts to us, and what it says when the door asks it about a post."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import responses
from doorkit import AISYAH, CANARY, button
from flask import Flask

from app.settings import Settings
from app.tokens import Press

ACTION, DIALOG = "mattermost/action", "mattermost/dialog"
URL = "http://127.0.0.1:8065"
CHANNEL, ELSEWHERE, POST, BOT = (name.ljust(26, "0") for name in ("supervisors", "elsewhere", "thecard", "ourbot"))
MATTERMOST = {"chat": "mattermost", "mattermost_url": URL, "mattermost_token": "t", "mattermost_channel": CHANNEL}


def meant(action: str = "approve", **changes: Any) -> Press:
    press = {"case_id": 7, "generation": 1, "card": "data_deletion", "channel": CHANNEL, "seen": "5een", **changes}
    return Press(action=action, **press)


def token(settings: Settings, action: str = "approve", **changes: Any) -> str:
    return button(settings.secret_key.get_secret_value(), press=meant(action, **changes))


def pressed(value: object, **changes: Any) -> dict[str, Any]:
    """A PostActionIntegrationRequest; a change to `...` removes the field."""
    body = {
        "user_id": AISYAH,
        "user_name": CANARY,
        "channel_id": CHANNEL,
        "channel_name": "supervisors",
        "team_id": "team".ljust(26, "0"),
        "team_domain": "desk",
        "post_id": POST,
        "trigger_id": "Y2xpZW50OnVzZXI6MTc5NTI2NDAwMDAwMDpzaWduYXR1cmU=",
        "type": "button",
        "data_source": "",
        "context": {"token": value},
    }
    return {name: item for name, item in {**body, **changes}.items() if item is not ...}


def submitted(state: object, **changes: Any) -> dict[str, Any]:
    """A dialog submission; a change to `...` removes the field."""
    body = {
        "type": "dialog_submission",
        "callback_id": "decline",
        "state": state,
        "user_id": AISYAH,
        "channel_id": CHANNEL,
        "team_id": "team".ljust(26, "0"),
        "submission": {"reason": "wrong_details", "note": f"Ask again {CANARY}", "wording": None},
        "file_ids": [],
        "cancelled": False,
    }
    return {name: item for name, item in {**body, **changes}.items() if item is not ...}


def card(*actions: str, **changes: Any) -> dict[str, Any]:
    """The post as the server shows it to its author: the actions without their integration."""
    shown = [{"id": action, "name": action, "type": "button"} for action in actions or ("approve", "decline", "ask")]
    props = {"attachments": [{"text": CANARY, "actions": shown}], "desk_op": "op", "desk_case": "case-7-1"}
    post = {"id": POST, "channel_id": CHANNEL, "user_id": BOT, "message": "", "delete_at": 0, "root_id": ""}
    return {**post, "create_at": 1, "update_at": 1, "props": props, **changes}


class Server:
    """The server's REST interface, as far as the doors call it."""

    def __init__(self, mock: responses.RequestsMock) -> None:
        self.mock = mock
        mock.get(f"{URL}/api/v4/users/me", json={"id": BOT, "username": "desk", "is_bot": True})
        self.shows(card())
        mock.post(f"{URL}/api/v4/actions/dialogs/open", json={"status": "OK"})
        mock.post(f"{URL}/api/v4/channels/direct", json={"id": "direct".ljust(26, "0")})
        self._posts = 0

    def shows(self, post: Mapping[str, Any] | None, status: int = 200) -> None:
        """The post, when it is asked for; None: as `status` says."""
        error = {"id": "app.post.get.app_error", "message": CANARY, "status_code": status, "request_id": "r"}
        self.mock.upsert("GET", f"{URL}/api/v4/posts/{POST}", json=post or error, status=status)

    def calls(self, path: str) -> list[dict[str, Any]]:
        found = [call.request for call in self.mock.calls if str(call.request.url).partition("?")[0].endswith(path)]
        return [json.loads(request.body or b"{}") for request in found]


def metric(app: Flask, line: str) -> bool:
    return line in app.test_client().get("/metrics").text
