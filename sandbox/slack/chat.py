"""chat.postMessage, chat.update, chat.delete and chat.postEphemeral, with the limits and refusals Slack documents.

Source: docs.slack.dev/reference/methods/chat.* (2026-08). A text without blocks takes the blocks away on update;
metadata stays when not given and goes when given empty.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from sandbox.slack.blocks import problems
from sandbox.slack.people import BOT_USER
from sandbox.slack.state import Message, State
from sandbox.slack.web import Args, SlackError, flag, method, structure

TEXT_KEPT = 40_000  # longer texts are cut, with a warning
TEXT_UPDATE = 4_000
METADATA_LIMIT = 8_000  # Slack documents the refusal, not the number
BLOCKS_LIMIT = 100_000  # the same


@method("chat.postMessage", "channel")
def post(state: State, args: Args) -> dict[str, Any]:
    """Post a message to a channel, or to a person's direct messages when `channel` is a user id."""
    channel = _postable(state, str(args["channel"]))
    message = Message("", channel, BOT_USER, *_content(state, args), metadata=_metadata(args))
    if args.get("thread_ts"):
        parent = state.find(channel, str(args["thread_ts"]))
        if parent is None or parent.ephemeral_to:
            raise SlackError("cannot_reply_to_message")
        message.thread_ts = parent.thread_ts or parent.ts
        message.broadcast = flag(args, "reply_broadcast")
    answer: dict[str, Any] = {}
    if len(message.text) > TEXT_KEPT:
        message.text = message.text[:TEXT_KEPT]
        answer = {"warning": "message_truncated", "response_metadata": {"warnings": ["message_truncated"]}}
    message.ts = state.stamp()
    state.messages.append(message)
    state.world.record("slack", "post", message.ts, message.op, channel=channel)
    return {"channel": channel, "ts": message.ts, "message": message.public(all_metadata=True), **answer}


@method("chat.update", "channel", "ts")
def update(state: State, args: Args) -> dict[str, Any]:
    """Change one of our own messages."""
    channel = _known(state, str(args["channel"]))
    if len(str(args.get("text") or "")) > TEXT_UPDATE:
        raise SlackError("msg_too_long")
    message = _ours(state, channel, str(args["ts"]), "cant_update_message")
    text, blocks = _content(state, args)
    metadata = _metadata(args)
    message.past.append(message.blocks)
    message.blocks = blocks
    message.text = text
    if "metadata" in args:
        message.metadata = metadata
    message.edited = state.stamp()
    state.world.record("slack", "update", message.ts, message.op, channel=channel)
    return {"channel": channel, "ts": message.ts, "text": message.text, "message": message.public(all_metadata=True)}


@method("chat.delete", "channel", "ts")
def delete(state: State, args: Args) -> dict[str, Any]:
    """Delete one of our own messages."""
    channel = _known(state, str(args["channel"]))
    message = _ours(state, channel, str(args["ts"]), "cant_delete_message")
    state.messages.remove(message)
    state.world.record("slack", "delete", message.ts, message.op, channel=channel)
    return {"channel": channel, "ts": message.ts}


@method("chat.postEphemeral", "channel", "user")
def post_ephemeral(state: State, args: Args) -> dict[str, Any]:
    """Show a message to one member of the channel only; it is in no history and can't be changed."""
    channel = _postable(state, str(args["channel"]))
    person = state.people.get(str(args["user"]))
    if person is None or not person.in_channel or person.deleted:
        raise SlackError("user_not_in_channel")
    if len(str(args.get("text") or "")) > TEXT_KEPT:
        raise SlackError("msg_too_long")
    text, blocks = _content(state, args)
    message = Message(state.stamp(), channel, BOT_USER, text, blocks, ephemeral_to=person.id)
    state.messages.append(message)
    state.world.record("slack", "ephemeral", message.ts, channel=channel, user=person.id)
    return {"message_ts": message.ts}


def _known(state: State, channel: str) -> str:
    """The channel's id; a user id stands for the direct messages with that person."""
    person = state.people.get(channel)
    if person is not None and not person.deleted:
        return "D0" + channel[1:]
    direct = channel.startswith("D0") and f"U{channel[2:]}" in state.people
    if direct or channel in {state.channel, *state.archived, *state.foreign}:
        return channel
    raise SlackError("channel_not_found")


def _postable(state: State, channel: str) -> str:
    channel = _known(state, channel)
    if channel in state.archived:
        raise SlackError("is_archived")
    if channel in state.foreign:
        raise SlackError("not_in_channel")
    return channel


def _ours(state: State, channel: str, ts: str, error: str) -> Message:
    message = state.find(channel, ts)
    if message is None or message.ephemeral_to:
        raise SlackError("message_not_found")
    if message.user != BOT_USER:
        raise SlackError(error)
    return message


def _content(state: State, args: Args) -> tuple[str, list[dict[str, Any]]]:
    """Text and blocks, checked; blocks and elements without an id get one, new each time."""
    blocks = structure(args, "blocks", "invalid_blocks_format") or []
    text = str(args.get("text") or "")
    if args.get("markdown_text"):
        if text or blocks:
            raise SlackError("markdown_text_conflict")
        text = str(args["markdown_text"])
    if not text and not blocks and not args.get("attachments"):
        raise SlackError("no_text")
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    if broken := problems(blocks):
        raise SlackError("invalid_blocks", broken, errors=[line.removeprefix("[ERROR] ") for line in broken])
    if len(json.dumps(blocks)) > BLOCKS_LIMIT:
        raise SlackError("msg_blocks_too_long")
    return text, _with_ids(state, copy.deepcopy(blocks))


def _with_ids(state: State, blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for block in blocks:
        block.setdefault("block_id", f"b{state.number():04x}")
        elements = list(block.get("elements", [])) if block["type"] == "actions" else []
        elements += [block["accessory"]] if "accessory" in block else []
        for element in elements:
            if element["type"] != "image":
                element.setdefault("action_id", f"a{state.number():04x}")
    return blocks


def _metadata(args: Args) -> dict[str, Any] | None:
    """The metadata given; None when none was given or it was given empty."""
    metadata = structure(args, "metadata", "invalid_metadata_format")
    if metadata in (None, {}):
        return None
    if not isinstance(metadata, dict):
        raise SlackError("invalid_metadata_format")
    kind, payload = metadata.get("event_type"), metadata.get("event_payload")
    if not isinstance(kind, str) or not kind or not isinstance(payload, dict):
        raise SlackError("invalid_metadata_schema")
    if len(json.dumps(metadata)) > METADATA_LIMIT:
        raise SlackError("metadata_too_large")
    return {"event_type": kind, "event_payload": copy.deepcopy(payload)}
