"""What a macro would do to a ticket (Z2.1-Z2.6), and the ticket fields' description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.zendesk import text
from sandbox.zendesk.change import PREFERENCES
from sandbox.zendesk.model import Ticket, User
from sandbox.zendesk.placeholders import look_up

if TYPE_CHECKING:
    from sandbox.zendesk.state import State

SIMPLE = {"status", "priority", "type", "group_id", "subject", "custom_status_id", "brand_id", "ticket_form_id"}

TITLES = {
    "name": "Customer name",
    "contact": "Contact number",
    "backoffice": "BackOffice link",
    "preference": "Preference",
}


def changes(macro: dict[str, Any], actor: User) -> dict[str, Any]:
    """The changed parts only, as `GET /macros/{id}/apply` shows them."""
    changed: dict[str, Any] = {}
    for action in macro["actions"]:
        name, value = action["field"], action["value"]
        if name in SIMPLE:
            changed[name] = int(value) if name.endswith("_id") else value
        elif name == "assignee_id":
            changed[name] = actor.id if value == "current_user" else int(value)
        elif name in {"set_tags", "current_tags", "remove_tags"}:
            changed[name] = value
        elif name.startswith("custom_fields_"):
            changed["fields"] = {"id": int(name.removeprefix("custom_fields_")), "value": value}
    comment = comment_of(macro)
    return {**changed, **({"comment": comment} if comment else {})}


def comment_of(macro: dict[str, Any]) -> dict[str, Any] | None:
    """The comment a macro writes: body, html_body only for rich text, public only when the macro says so."""
    actions = {a["field"]: a["value"] for a in macro["actions"]}
    value, rich = actions.get("comment_value"), actions.get("comment_value_html")
    if value is None and rich is None:
        return None
    said = value if value is not None else text.plain(str(rich))
    channel, body = said if isinstance(said, list) else ("channel:all", said)
    comment = {"body": body, "scoped_body": [[channel, body]]}
    if rich is not None:
        comment["html_body"] = rich
    if "comment_mode_is_public" in actions:
        comment["public"] = str(actions["comment_mode_is_public"]).lower() == "true"
    return comment


def preview(state: State, ticket: Ticket, macro: dict[str, Any], actor: User, base: str) -> dict[str, Any]:
    """The whole ticket as it would be after the macro. Nothing is changed."""
    shown = ticket.rest(base)
    changed = changes(macro, actor)
    tags = set(str(changed.pop("set_tags")).split()) if "set_tags" in changed else set(shown["tags"])
    tags |= set(str(changed.pop("current_tags", "")).split())
    tags -= set(str(changed.pop("remove_tags", "")).split())
    field = changed.pop("fields", None)
    for name in ("fields", "custom_fields"):
        if field:
            shown[name] = [f for f in shown[name] if f["id"] != field["id"]] + [dict(field)]
    comment = changed.pop("comment", None)
    if comment and state.world.config.macro_preview_renders:
        look = look_up(state, ticket, actor)
        comment["body"] = text.render(comment["body"], look)
        comment["scoped_body"] = [[comment["scoped_body"][0][0], comment["body"]]]
        if "html_body" in comment:
            comment["html_body"] = text.render_html(comment["html_body"], look)
    return {**shown, **changed, "tags": sorted(tags), **({"comment": comment} if comment else {})}


def ticket_fields(fields: dict[str, int], base: str) -> list[dict[str, Any]]:
    """The desk's custom fields as `GET /ticket_fields` shows them."""
    shown = []
    for position, (name, number) in enumerate(fields.items(), start=1):
        title = TITLES.get(name, name)
        entry: dict[str, Any] = {
            "id": number,
            "url": f"{base}/api/v2/ticket_fields/{number}.json",
            "type": "tagger" if name == "preference" else "text",
            "title": title,
            "raw_title": title,
            "description": "",
            "raw_description": "",
            "position": position,
            "active": True,
            "required": False,
            "collapsed_for_agents": False,
            "regexp_for_validation": None,
            "title_in_portal": title,
            "raw_title_in_portal": title,
            "visible_in_portal": False,
            "editable_in_portal": False,
            "required_in_portal": False,
            "tag": None,
            "removable": True,
            "created_at": "2026-01-05T02:00:00Z",
            "updated_at": "2026-01-05T02:00:00Z",
        }
        if name == "preference":
            entry["custom_field_options"] = [
                {"id": number * 100 + n, "name": label, "raw_name": label, "value": tag, "default": False}
                for n, (tag, label) in enumerate(PREFERENCES.items())
            ]
        shown.append(entry)
    return shown
