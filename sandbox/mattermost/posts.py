"""Creating, patching, deleting and reading posts.

Source: OpenAPI v4, server/channels/api4/post.go. A patch's props replace all props; a deleted post stays in `since`.
"""

from __future__ import annotations

import copy
import json
import time
from typing import Any

from flask import g, request

from sandbox.mattermost.model import Post
from sandbox.mattermost.people import BOT_USER, Person
from sandbox.mattermost.rules import MESSAGE_RUNES, PROPS_RUNES, attachment_problems
from sandbox.mattermost.state import State
from sandbox.mattermost.web import ApiError, body_of, forbidden, invalid, number, route

SINCE_MOST = 1000
PAGE, PAGE_MOST = 60, 200


@route("POST", "/posts", "posts.create")
def create(state: State, caller: Person, **_: str) -> Any:
    """A new post, or the one that this pending_post_id has made within 30 s."""
    body = body_of()
    pending = str(body.get("pending_post_id") or "")
    if pending and not g.first:
        return _again(state, caller, pending), 201
    channel = str(body.get("channel_id") or "")
    if not state.belongs(caller.id, channel):
        raise forbidden()
    message, props = _content(body, str(body.get("message") or ""), body.get("props"))
    root = str(body.get("root_id") or "")
    parent = state.post(root) if root else None
    if root and (parent is None or parent.root_id):
        raise ApiError(400, "api.post.create_post.root_id.app_error", "Invalid RootId parameter.")
    if parent is not None and parent.channel_id != channel:
        raise ApiError(400, "api.post.create_post.channel_root_id.app_error", "Invalid ChannelId for RootId parameter.")
    now = state.now()
    post = Post(state.new_id(), channel, caller.id, message, props, now, now, root_id=root, pending_post_id=pending)
    if caller.id == BOT_USER:
        post.props["from_bot"] = "true"
    state.posts[post.id] = post
    if pending and state.world.config.mattermost_dedupe:
        state.pending[pending] = (time.monotonic(), post.id)
    kind = "direct" if state.channels[channel].type == "D" else "post"
    if caller.id == BOT_USER:
        state.world.record("mattermost", kind, post.id, post.op, channel=channel)
    return post.public(), 201


def _again(state: State, caller: Person, pending: str) -> dict[str, Any]:
    post_id = state.pending.get(pending, (0.0, ""))[1]
    known = state.post(post_id) if post_id else None
    if not post_id:
        words = "Rejected post since another client is making the same request."
        raise ApiError(500, "api.post.deduplicate_create_post.pending", words)
    if known is None or known.user_id != caller.id:
        raise ApiError(500, "api.post.deduplicate_create_post.failed_to_get", "Failed to fetch original post.")
    return known.public()


@route("PUT", "/posts/<post_id>/patch", "posts.patch")
def patch(state: State, caller: Person, post_id: str) -> dict[str, Any]:
    """Change the given fields of one's own post. What is not there is answered as a missing permission."""
    body = body_of()
    post = state.post(post_id)
    if post is None or post.user_id != caller.id or not state.belongs(caller.id, post.channel_id):
        raise forbidden()
    message = post.message if body.get("message") is None else str(body["message"])
    props = post.props if body.get("props") is None else body["props"]
    redraw(state, post, *_content(body, message, props))
    state.world.record("mattermost", "update", post.id, post.op, channel=post.channel_id)
    return post.public()


def redraw(state: State, post: Post, message: str, props: dict[str, Any]) -> None:
    """Give a post another text and other props."""
    post.past.append(post.props)
    post.message, post.props = message, props
    post.edit_at = post.update_at = state.now()


@route("DELETE", "/posts/<post_id>", "posts.delete")
def delete(state: State, caller: Person, post_id: str) -> dict[str, Any]:
    """Delete one's own post, and with it the thread below."""
    post = state.post(post_id)
    if post is None or post.user_id != caller.id:
        raise forbidden()
    remove(state, post, caller.id)
    state.world.record("mattermost", "delete", post.id, post.op, channel=post.channel_id)
    return {"status": "OK"}


def remove(state: State, post: Post, by: str) -> None:
    """Mark the post and its replies as deleted: nothing but `since` shows them from now on."""
    now = state.now()
    for one in state.posts.values():
        if post.id in (one.id, one.root_id) and not one.delete_at:
            one.delete_at = one.update_at = now
            one.props = {**one.props, "deleteBy": by}


@route("GET", "/posts/<post_id>", "posts.get")
def get(state: State, caller: Person, post_id: str) -> dict[str, Any]:
    """One post."""
    return readable(state, caller, post_id).public()


@route("GET", "/posts/<post_id>/thread", "posts.thread")
def thread(state: State, caller: Person, post_id: str) -> dict[str, Any]:
    """A post's whole thread, newest first in `order`; pages by fromPost, fromCreateAt and direction=down."""
    post = readable(state, caller, post_id)
    root = post.root_id or post.id
    found = [p for p in state.posts.values() if root in (p.id, p.root_id) and not p.delete_at and not p.ephemeral_to]
    found.sort(key=lambda p: p.create_at)
    after, size = number("fromCreateAt", 0), number("perPage", 0)
    if after:
        found = [p for p in found if p.create_at > after or p.id == root]
    more = bool(size) and len(found) > size
    return _listed(found[:size] if size else found, has_next=more)


@route("GET", "/channels/<channel_id>/posts", "channels.posts")
def of_channel(state: State, caller: Person, channel_id: str) -> dict[str, Any]:
    """The channel's posts, newest first; with `since` those that changed after it, deleted ones too."""
    if not state.belongs(caller.id, channel_id):
        raise forbidden()
    posts = [p for p in state.posts.values() if p.channel_id == channel_id and not p.ephemeral_to]
    posts.sort(key=lambda p: p.create_at, reverse=True)
    if since := number("since", 0):
        found = [p for p in posts if p.update_at > since][:SINCE_MOST]
        roots = [p for p in posts if p.id in {one.root_id for one in found}]
        return _listed(found, roots)
    posts = [p for p in posts if not p.delete_at]
    if edge := state.posts.get(request.args.get("before", "")):
        posts = [p for p in posts if p.create_at < edge.create_at]
    size = number("per_page", PAGE, PAGE_MOST) or PAGE
    start = number("page", 0) * size
    listed = _listed(posts[start : start + size])
    if start + size < len(posts):
        listed["prev_post_id"] = posts[start + size].id
    if start:
        listed["next_post_id"] = posts[start - 1].id
    return listed


def readable(state: State, caller: Person, post_id: str) -> Post:
    """The post, for somebody who belongs to its channel."""
    post = state.post(post_id)
    if post is None:
        raise ApiError(404, "app.post.get.app_error", "Unable to get the post.")
    if not state.belongs(caller.id, post.channel_id):
        raise forbidden()
    return post


def _listed(posts: list[Post], more: list[Post] | None = None, **answer: Any) -> dict[str, Any]:
    """PostList: the order by id, newest first, and each post."""
    ordered = sorted(posts, key=lambda p: p.create_at, reverse=True)
    everything = {p.id: p.public() for p in [*ordered, *(more or [])]}
    listed = {"order": [p.id for p in ordered], "posts": everything, "next_post_id": "", "prev_post_id": ""}
    return {**listed, "has_next": False, "first_inaccessible_post_time": 0, **answer}


def _content(body: dict[str, Any], message: str, props: Any) -> tuple[str, dict[str, Any]]:
    """Text and props, checked."""
    props = props or {}
    if not isinstance(props, dict):
        raise invalid("props")
    if len(message) > MESSAGE_RUNES:
        raise ApiError(400, "model.post.is_valid.message_length.app_error", "Post Message property is longer than …")
    if len(json.dumps(props, ensure_ascii=False)) > PROPS_RUNES:
        raise ApiError(400, "model.post.is_valid.props.app_error", "Invalid props.")
    if broken := attachment_problems(props.get("attachments") or []):
        raise ApiError(400, "model.post.is_valid.props.app_error", "; ".join(broken))
    return message, copy.deepcopy(props)
