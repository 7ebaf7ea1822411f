"""Slack refuses a message whose blocks break a documented rule: this module knows the rules and names the place.

Source: docs.slack.dev/reference/block-kit and slack_sdk/models/blocks (limits as of 2026-08). Messages take 50 blocks,
views 100. Problems read like Slack's `response_metadata.messages`: a sentence and a JSON pointer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100

Check = Callable[[Any, str, list[str]], None]


def problems(blocks: object, *, limit: int = MESSAGE_BLOCKS, view: bool = False) -> list[str]:
    """Every broken rule as `[ERROR] sentence [json-pointer:/blocks/…]`; an empty list means Slack would accept."""
    found: list[str] = []
    if not isinstance(blocks, list):
        return ["[ERROR] must be an array [json-pointer:/blocks]"]
    if len(blocks) > limit:
        _say(found, f"no more than {limit} items allowed", "/blocks")
    table = VIEW_TABLE if view else MESSAGE_TABLE
    for number, block in enumerate(blocks):
        _by_type(table)(block, f"/blocks/{number}", found)
    _unique(blocks, "block_id", "/blocks", found)
    return found


def view_problems(view: Mapping[str, Any]) -> list[str]:
    """The same for a modal of views.open, with its title, buttons and private metadata."""
    found: list[str] = []
    _VIEW(dict(view), "", found)
    return found + problems(view.get("blocks"), limit=VIEW_BLOCKS, view=True)


def _say(found: list[str], sentence: str, where: str) -> None:
    found.append(f"[ERROR] {sentence} [json-pointer:{where}]")


def _string(limit: int, least: int = 1) -> Check:
    def check(value: Any, where: str, found: list[str]) -> None:
        if not isinstance(value, str):
            _say(found, "must be a string", where)
        elif len(value) > limit:
            _say(found, f"must be less than {limit + 1} characters", where)
        elif len(value) < least:
            _say(found, f"must be more than {least - 1} characters", where)

    return check


def _flag(value: Any, where: str, found: list[str]) -> None:
    if not isinstance(value, bool):
        _say(found, "must be a boolean", where)


def _anything(_value: Any, _where: str, _found: list[str]) -> None:
    return None


def _choice(*allowed: str) -> Check:
    def check(value: Any, where: str, found: list[str]) -> None:
        if value not in allowed:
            _say(found, f"must be one of {', '.join(allowed)}", where)

    return check


def _listing(item: Check, most: int, least: int = 1) -> Check:
    def check(value: Any, where: str, found: list[str]) -> None:
        if not isinstance(value, list):
            _say(found, "must be an array", where)
            return
        if len(value) > most:
            _say(found, f"no more than {most} items allowed", where)
        if len(value) < least:
            _say(found, f"must have at least {least} item", where)
        for number, entry in enumerate(value):
            item(entry, f"{where}/{number}", found)

    return check


def _shape(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    known = {**required, **(optional or {})}

    def check(value: Any, where: str, found: list[str]) -> None:
        if not isinstance(value, dict):
            _say(found, "must be an object", where)
            return
        for name in required:
            if name not in value:
                _say(found, f"missing required field: {name}", where)
        for name, entry in value.items():
            if name not in known:
                _say(found, f"invalid additional property: {name}", where)
            else:
                known[name](entry, f"{where}/{name}", found)

    return check


def _by_type(table: Mapping[str, Check]) -> Check:
    def check(value: Any, where: str, found: list[str]) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in table:
            _say(found, f"unsupported type: {kind}", f"{where}/type")
        else:
            table[kind](value, where, found)

    return check


def _text(limit: int, *kinds: str) -> Check:
    kinds = kinds or ("plain_text", "mrkdwn")
    table = {
        "plain_text": _shape({"type": _anything, "text": _string(limit)}, {"emoji": _flag}),
        "mrkdwn": _shape({"type": _anything, "text": _string(limit)}, {"verbatim": _flag}),
    }
    return _by_type({kind: table[kind] for kind in kinds})


def _unique(items: Any, name: str, where: str, found: list[str]) -> None:
    seen: set[str] = set()
    for item in items if isinstance(items, list) else []:
        value = item.get(name) if isinstance(item, dict) else None
        if isinstance(value, str) and value in seen:
            _say(found, f"`{name}` must be unique: {value}", where)
        elif isinstance(value, str):
            seen.add(value)


def _also(check: Check, more: Check) -> Check:
    def both(value: Any, where: str, found: list[str]) -> None:
        check(value, where, found)
        if isinstance(value, dict):
            more(value, where, found)

    return both


def _text_or_fields(value: Any, where: str, found: list[str]) -> None:
    if "text" not in value and "fields" not in value:
        _say(found, "missing required field: text", where)


def _known_initial(value: Any, where: str, found: list[str]) -> None:
    options = list(value.get("options") or [])
    for group in value.get("option_groups") or []:
        options += group.get("options") or [] if isinstance(group, dict) else []
    if "initial_option" in value and value["initial_option"] not in options:
        _say(found, "must match exactly one of the options", f"{where}/initial_option")
    if ("options" in value) == ("option_groups" in value):
        _say(found, "must have exactly one of options and option_groups", where)


def _unique_actions(value: Any, where: str, found: list[str]) -> None:
    _unique(value.get("elements"), "action_id", f"{where}/elements", found)


_ID = {"block_id": _string(255)}
_CONFIRM = _shape(
    {"title": _text(100, "plain_text"), "text": _text(300)},
    {"confirm": _text(30, "plain_text"), "deny": _text(30, "plain_text"), "style": _choice("primary", "danger")},
)
_OPTION = _shape(
    {"text": _text(75), "value": _string(150)}, {"description": _text(75, "plain_text"), "url": _string(3000)}
)
_GROUP = _shape({"label": _text(75, "plain_text"), "options": _listing(_OPTION, 100)})
_BUTTON = _shape(
    {"type": _anything, "text": _text(75, "plain_text")},
    {
        "action_id": _string(255),
        "url": _string(3000),
        "value": _string(2000),
        "style": _choice("primary", "danger"),
        "confirm": _CONFIRM,
        "accessibility_label": _string(75),
    },
)
_SELECT = _also(
    _shape(
        {"type": _anything},
        {
            "action_id": _string(255),
            "placeholder": _text(150, "plain_text"),
            "options": _listing(_OPTION, 100),
            "option_groups": _listing(_GROUP, 100),
            "initial_option": _OPTION,
            "confirm": _CONFIRM,
            "focus_on_load": _flag,
        },
    ),
    _known_initial,
)
_PLAIN_INPUT = _shape(
    {"type": _anything},
    {
        "action_id": _string(255),
        "placeholder": _text(150, "plain_text"),
        "initial_value": _string(3000, 0),
        "multiline": _flag,
        "min_length": _anything,
        "max_length": _anything,
        "focus_on_load": _flag,
    },
)
_IMAGE_PART = {"type": _anything, "image_url": _string(3000), "alt_text": _string(2000)}
_ELEMENTS: dict[str, Check] = {"button": _BUTTON, "static_select": _SELECT}
_CONTEXT: dict[str, Check] = {
    "plain_text": _text(3000, "plain_text"),
    "mrkdwn": _text(3000, "mrkdwn"),
    "image": _shape(_IMAGE_PART),
}

MESSAGE_TABLE: dict[str, Check] = {
    "section": _also(
        _shape(
            {"type": _anything},
            {
                **_ID,
                "text": _text(3000),
                "fields": _listing(_text(2000), 10),
                "accessory": _by_type({**_ELEMENTS, "image": _shape(_IMAGE_PART)}),
                "expand": _flag,
            },
        ),
        _text_or_fields,
    ),
    "actions": _also(_shape({"type": _anything, "elements": _listing(_by_type(_ELEMENTS), 25)}, _ID), _unique_actions),
    "context": _shape({"type": _anything, "elements": _listing(_by_type(_CONTEXT), 10)}, _ID),
    "header": _shape({"type": _anything, "text": _text(150, "plain_text")}, _ID),
    "divider": _shape({"type": _anything}, _ID),
    "image": _shape(_IMAGE_PART, {**_ID, "title": _text(2000, "plain_text")}),
}
VIEW_TABLE: dict[str, Check] = {
    **MESSAGE_TABLE,
    "input": _shape(
        {
            "type": _anything,
            "label": _text(2000, "plain_text"),
            "element": _by_type({"plain_text_input": _PLAIN_INPUT, "static_select": _SELECT}),
        },
        {**_ID, "hint": _text(2000, "plain_text"), "optional": _flag, "dispatch_action": _flag},
    ),
}
_VIEW = _shape(
    {"type": _choice("modal"), "title": _text(24, "plain_text"), "blocks": _anything},
    {
        "submit": _text(24, "plain_text"),
        "close": _text(24, "plain_text"),
        "private_metadata": _string(3000, 0),
        "callback_id": _string(255, 0),
        "external_id": _string(255, 0),
        "clear_on_close": _flag,
        "notify_on_close": _flag,
        "submit_disabled": _flag,
    },
)
