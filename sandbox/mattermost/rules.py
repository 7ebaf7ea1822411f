"""What the server wants of attachments and dialogs, as far as we use them; problems are sentences.

Source: server/public/model/integration_action.go (PostAction.IsValid, Dialog.IsValid; 2026-08). The real server only
logs most of these and then shows a broken button or form; a stand-in that refuses finds the mistake sooner.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

MESSAGE_RUNES = 16_383
PROPS_RUNES = 800_000
TITLE = DISPLAY_NAME = 24
HELP_TEXT = PLACEHOLDER = 150
TEXTAREA = 3000
STYLES = {"", "default", "primary", "success", "good", "warning", "danger"}
COLOUR = re.compile(r"#[0-9a-fA-F]{3}([0-9a-fA-F]{3})?")
ACTION_ID = re.compile(r"[A-Za-z0-9]+")  # the action's route takes no other (facts M3)
ATTACHMENT = {
    *("fallback", "color", "pretext", "author_name", "author_link", "author_icon", "title", "title_link", "text"),
    *("fields", "image_url", "thumb_url", "footer", "footer_icon", "actions", "ts", "id"),
}
ELEMENTS = {"text", "textarea", "select", "radio", "bool", "date", "datetime"}


def attachment_problems(attachments: object) -> list[str]:
    """Every broken rule of `props.attachments`."""
    if not isinstance(attachments, list) or not all(isinstance(one, dict) for one in attachments):
        return ["attachments must be a list of objects"]
    found: list[str] = []
    ids: list[str] = []
    for one in attachments:
        found += [f"unknown part of an attachment: {name}" for name in one if name not in ATTACHMENT]
        if one.get("color") and not COLOUR.fullmatch(one["color"]) and one["color"] not in STYLES:
            found.append(f"invalid color {one['color']!r}")
        for action in one.get("actions") or []:
            found += action_problems(action)
            ids.append(str(action.get("id")))
    found += [f"two actions share the id {name}" for name in sorted({name for name in ids if ids.count(name) > 1})]
    return found


def action_problems(action: Any) -> list[str]:
    """Every broken rule of one button or menu."""
    if not isinstance(action, dict):
        return ["an action must be an object"]
    found = []
    if not ACTION_ID.fullmatch(str(action.get("id") or "")):
        found.append("an action's id must be letters and digits")
    if not action.get("name"):
        found.append("action must have a name")
    if action.get("style", "") not in STYLES and not COLOUR.fullmatch(str(action["style"])):
        found.append(f"invalid style {action['style']!r}")
    if action.get("type") == "button" and (action.get("options") or action.get("data_source")):
        found.append("button action must have neither options nor a data source")
    if action.get("type") == "select" and not (action.get("options") or action.get("data_source")):
        found.append("select action must have either options or a data source")
    if action.get("type") not in ("button", "select"):
        found.append("invalid action type")
    integration = action.get("integration")
    if not isinstance(integration, dict) or not _is_http(integration.get("url")):
        found.append("action must have a valid integration URL")
    elif not isinstance(integration.get("context", {}), dict):
        found.append("an integration's context must be an object")
    return found


def dialog_problems(dialog: object) -> list[str]:
    """Every broken rule of a dialog."""
    if not isinstance(dialog, dict):
        return ["dialog must be an object"]
    found = []
    if not 0 < len(str(dialog.get("title") or "")) <= TITLE:
        found.append("invalid dialog title")
    elements = dialog.get("elements") or []
    names = [str(element.get("name")) for element in elements]
    found += [f"duplicate dialog element {name}" for name in sorted({n for n in names if names.count(n) > 1})]
    for element in elements:
        found += _element_problems(element)
    return found


def _element_problems(element: dict[str, Any]) -> list[str]:
    name, kind = str(element.get("name") or ""), element.get("type")
    found = []
    if not name or not 0 < len(str(element.get("display_name") or "")) <= DISPLAY_NAME:
        found.append(f"{name}: name, and a display name of at most {DISPLAY_NAME} characters")
    if len(str(element.get("help_text") or "")) > HELP_TEXT:
        found.append(f"{name}: help text of more than {HELP_TEXT} characters")
    if len(str(element.get("placeholder") or "")) > (PLACEHOLDER if kind == "text" else TEXTAREA):
        found.append(f"{name}: placeholder too long")
    if int(element.get("min_length") or 0) > int(element.get("max_length") or 0):
        found.append(f"{name}: min length should be less than max length")
    if int(element.get("max_length") or 0) > (PLACEHOLDER if kind == "text" else TEXTAREA):
        found.append(f"{name}: max length too large")
    if kind not in ELEMENTS:
        found.append(f"{name}: invalid element type")
    options = element.get("options") or []
    if kind in ("select", "radio") and not element.get("data_source") and not options:
        found.append(f"{name}: no options")
    if any(not option.get("text") or not option.get("value") for option in options):
        found.append(f"{name}: an option needs text and value")
    return found


def _is_http(url: object) -> bool:
    return isinstance(url, str) and urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).hostname)
