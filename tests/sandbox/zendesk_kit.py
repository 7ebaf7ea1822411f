"""What tests of the stand-in for Zendesk say often."""

from __future__ import annotations

from sandbox.caller import Account
from sandbox.listener import Listener, Request
from sandbox.server import Sandbox

SECRET = "stand-in-zendesk-webhook"
TAG = "data_deletion_request"


def macro_id(zendesk: Account, title: str = "Data Deletion Request") -> int:
    macros = zendesk.call("GET", "macros.json?active=true").json()["macros"]
    return next(int(m["id"]) for m in macros if m["title"] == title)


def delivered(box: Sandbox, desk: Listener, count: int) -> list[Request]:
    box.world.wait_until(lambda: len(desk.requests) >= count)
    assert box.world.hooks.quiet()
    assert len(desk.requests) == count
    return desk.requests


def agent_tags(zendesk: Account, ticket: int, *tags: str, remove: tuple[str, ...] = ()) -> None:
    answer = zendesk.control(f"tickets/{ticket}/tags", {"add": list(tags), "remove": list(remove)})
    assert answer.status_code == 200
