"""What the server sends to an integration when a person presses or submits a dialog, and what it makes of the reply.

Shapes: PostActionIntegrationRequest and SubmitDialogRequest (server/public/model/integration_action.go). Nothing is
signed; the context travels from server to integration only (facts M6 to M8, M13 to M17).
"""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

from sandbox.mattermost.model import Post, actions_of
from sandbox.mattermost.people import BOT_USER, TEAM_ID, TEAM_NAME, Person
from sandbox.mattermost.posts import redraw
from sandbox.mattermost.state import State

if TYPE_CHECKING:
    from sandbox.core import World
    from sandbox.hooks import Attempt

HEADERS = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "Mattermost-Bot/1.1"}
KEPT_PROPS = ("from_webhook", "override_username", "override_icon_url")  # an update neither adds nor removes these
BROKEN = "Action integration error."
SLACK_LINK = re.compile(r"<(https?://[^|>\s]+)\|([^>]+)>")


def action_in(post: Post, action_id: str, *, stale: bool) -> dict[str, Any] | None:
    """The action with its integration; `stale`: also one that an update has taken away."""
    shown = [post.props, *(reversed(post.past) if stale else ())]
    return next((a for props in shown for a in actions_of(props) if a.get("id") == action_id), None)


def pressed(state: State, post: Post, action: dict[str, Any], person: Person, option: str | None) -> dict[str, Any]:
    """The body of one press."""
    channel = state.channels[post.channel_id]
    context = copy.deepcopy(action["integration"].get("context") or {})
    if action["type"] == "select" and option:
        context["selected_option"] = option
    direct = channel.type == "D"
    payload = {
        "user_id": person.id,
        "user_name": person.handle,
        "channel_id": post.channel_id,
        "channel_name": channel.name,
        "team_id": "" if direct else TEAM_ID,
        "team_domain": "" if direct else TEAM_NAME,
        "post_id": post.id,
        "trigger_id": state.new_trigger(person.id, post.channel_id),
        "type": action["type"],
        "data_source": action.get("data_source", "") if action["type"] == "select" else "",
    }
    return {**payload, "context": context} if context else payload


def submitted(dialog: dict[str, Any], person: Person, values: dict[str, Any], *, cancelled: bool) -> dict[str, Any]:
    """The body of a submitted (or cancelled) dialog."""
    return {
        "type": "dialog_submission",
        "callback_id": dialog.get("callback_id", ""),
        "state": dialog.get("state", ""),
        "user_id": person.id,
        "channel_id": dialog["channel_id"],
        "team_id": TEAM_ID,
        "submission": values,
        "cancelled": cancelled,
    }


def send(world: World, url: str, payload: dict[str, Any], event: str) -> Attempt:
    """One unsigned POST, outside the world's lock: the desk calls back before it answers."""
    body = json.dumps(payload, ensure_ascii=False).encode()
    return world.hooks.post(
        "mattermost", url, dict(HEADERS), body, event, timeout=world.config.mattermost_integration_timeout
    )


def reply_to_press(world: World, attempt: Attempt, post_id: str, props: dict[str, Any], user: str) -> dict[str, Any]:
    """Carry out the integration's reply; answers what the person at the client sees: {status, …, problem}.

    `props`: the post's as they were before the call, which is what the server puts back when an update brings none.
    """
    reply = _parsed(attempt)
    if reply is None:
        return _seen(attempt, BROKEN)
    with world.lock:
        state = world.mattermost
        post = state.posts[post_id]
        if isinstance(reply.get("update"), dict):
            _update(state, post, props, reply["update"])
        if text := str(reply.get("ephemeral_text") or ""):
            _whisper(state, post, user, text if reply.get("skip_slack_parsing") else SLACK_LINK.sub(r"[\2](\1)", text))
    world.changed()
    return _seen(attempt, _words(reply))


def reply_to_dialog(world: World, attempt: Attempt, dialog_id: str) -> dict[str, Any]:
    """Close the dialog unless the reply names errors; those go to the fields."""
    reply = _parsed(attempt) if attempt.status == 200 and attempt.body else {}
    reply = reply or {}  # what is no JSON counts as empty here
    if attempt.status != 200:
        return _seen(attempt, BROKEN)
    errors = {str(name): str(text) for name, text in (reply.get("errors") or {}).items()}
    seen = {**_seen(attempt, str(reply.get("error") or "")), "errors": errors}
    if not errors and not seen["problem"]:
        with world.lock:
            world.mattermost.dialogs.pop(dialog_id, None)
        world.changed()
    return seen


def _update(state: State, post: Post, before: dict[str, Any], update: dict[str, Any]) -> None:
    """A missing message is an empty one; missing props are those of before the call, {} clears them all (facts M14)."""
    props = before if update.get("props") is None else dict(update["props"])
    if props is not before:
        kept = {name: before[name] for name in KEPT_PROPS if name in before}
        props = {**{name: value for name, value in props.items() if name not in KEPT_PROPS}, **kept}
    if post.delete_at:
        return
    redraw(state, post, str(update.get("message") or ""), copy.deepcopy(props))
    state.world.record("mattermost", "press_update", post.id, post.op, channel=post.channel_id)


def _whisper(state: State, post: Post, user: str, text: str) -> None:
    """An ephemeral post: shown to one person, kept nowhere."""
    now = state.now()
    said = Post(state.new_id(), post.channel_id, BOT_USER, text, {}, now, now, root_id=post.root_id or post.id)
    said.ephemeral_to = user
    state.posts[said.id] = said
    state.world.record("mattermost", "ephemeral", said.id, channel=post.channel_id, user=user)


def _parsed(attempt: Attempt) -> dict[str, Any] | None:
    """The reply as JSON; {} for an empty one, None for what the client must show as a failure (facts M13)."""
    if attempt.status != 200:
        return None
    try:
        reply = json.loads(attempt.body or b"{}")
    except ValueError:
        return None
    return reply if isinstance(reply, dict) else None


def _words(reply: dict[str, Any]) -> str:
    error = reply.get("error")
    return str(error.get("message") or "") if isinstance(error, dict) else ""


def _seen(attempt: Attempt, error: str) -> dict[str, Any]:
    return {
        "status": attempt.status,
        "ms": round(attempt.seconds * 1000),
        "warning": bool(error),
        "timed_out": attempt.timed_out,
        "body": attempt.body.decode("utf-8", "replace"),
        "problem": error,
    }
