"""The ways to change a ticket: an update as the API has it, tags alone, a new one. Checks come before any change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.zendesk.change import PREFERENCES, Change
from sandbox.zendesk.model import RefusedError, Ticket, User, invalid, via

if TYPE_CHECKING:
    from sandbox.zendesk.state import State

STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
SIMPLE = ("subject", "priority", "type", "group_id", "external_id")
WRITABLE = {
    *SIMPLE, "status", "assignee_id", "comment", "tags", "custom_fields", "fields", "metadata", "macro_id",
    "safe_update", "updated_stamp", "email_ccs", "assignee_email", "requester_id", "brand_id", "custom_status_id",
}  # fmt: skip


def check_stamp(ticket: Ticket, given: dict[str, Any]) -> None:
    """The safe update: any `safe_update` key switches it on, false too (Z3.1); stamps have whole seconds (Z3.3)."""
    from sandbox.zendesk.state import parse_stamp

    if "safe_update" not in given:
        return
    stamp = parse_stamp(given.get("updated_stamp"))
    if stamp is None:
        raise invalid("updated_stamp", "Updated stamp: is required for a safe update")
    if ticket.updated.replace(microsecond=0) > stamp:
        text_ = "Safe Update prevented the update due to outdated ticket data."
        raise RefusedError(409, {"error": "UpdateConflict", "description": text_})


def check_open(ticket: Ticket) -> None:
    """Closed tickets take no update (Z3.9)."""
    if ticket.status == "closed":
        raise invalid("status", "Status: closed prevents ticket update")


def update(state: State, ticket: Ticket, actor: User, given: dict[str, Any], channel: str) -> dict[str, Any] | None:
    """One save from the JSON of `PUT /tickets/{id}`; answers the audit, None when nothing changed."""
    check_stamp(ticket, given)
    check_open(ticket)
    _check_values(given, state.world.config.fields.get("preference", 0))
    change = Change(state, ticket, actor, channel)
    change.metadata = dict(given.get("metadata") or {})
    if given.get("macro_id"):
        change.events.append(_macro_event(state, int(given["macro_id"])))
    if given.get("comment"):
        change.say(given["comment"])
    for name in SIMPLE:
        if name in given:
            change.set(name, given[name])
    if "assignee_id" in given:
        change.set("assignee_id", given["assignee_id"])
    if "status" in given:
        if given["status"] == "solved" and ticket.assignee_id is None:
            change.set("assignee_id", actor.id)  # the account assigns automatically (Z3.13)
        change.set("status", given["status"])
    for field in [*(given.get("custom_fields") or []), *(given.get("fields") or [])]:
        change.set_field(int(field["id"]), field.get("value"))
    if "tags" in given:
        change.set_tags(tag_list(given["tags"]))
    if given.get("email_ccs"):
        _change_ccs(state, change, given["email_ccs"])
    return change.commit()


def edit_tags(
    state: State, ticket: Ticket, actor: User, tags: list[str], how: str, channel: str, metadata: Any = None
) -> dict[str, Any] | None:
    """`how`: add, remove or set."""
    check_open(ticket)
    change = Change(state, ticket, actor, channel)
    change.metadata = dict(metadata or {})
    now = {
        "add": [*ticket.tags, *tags],
        "remove": [t for t in ticket.tags if t not in tags],
        "set": tags,
    }[how]
    change.set_tags(now)
    return change.commit()


def create(state: State, given: dict[str, Any], requester: User, submitter: User, channel: str = "web") -> Ticket:
    """A new ticket: subject, comment {"body", "public"}, tags, fields {id: value}, cc_ids."""
    now = state.world.now()
    comment = {"public": True, **(given.get("comment") or {}), "author_id": requester.id}
    number = state.next_id("ticket")
    body = str(comment.get("body") or given.get("subject") or "…")
    subject = str(given.get("subject") or body[:60])
    ticket = Ticket(number, subject, body, requester.id, submitter.id, now, now, channel=channel)
    ticket.is_public = bool(comment["public"])
    ticket.cc_ids = list(given.get("cc_ids") or [])
    _check_values({"custom_fields": _as_list(given.get("fields"))}, state.world.config.fields.get("preference", 0))
    change = Change(state, ticket, submitter, channel, create=True)
    change.events += [
        {"id": state.next_id("event"), "type": "Create", "field_name": n, "value": v}
        for n, v in (("subject", subject), ("status", "new"), ("requester_id", str(requester.id)))
    ]
    change.say({**comment, "body": body})
    for field, value in (given.get("fields") or {}).items():
        change.set_field(int(field), value)
    if given.get("tags"):
        change.set_tags([*ticket.tags, *tag_list(given["tags"])])
    state.tickets[number] = ticket
    change.commit()
    return ticket


def _as_list(fields: dict[int, Any] | None) -> list[dict[str, Any]]:
    return [{"id": number, "value": value} for number, value in (fields or {}).items()]


def tag_list(tags: Any) -> list[str]:
    """Tags come as a list or as one space-separated string; Zendesk keeps them lower-case, each once."""
    parts = tags.split() if isinstance(tags, str) else [str(t) for t in tags or []]
    return list(dict.fromkeys(p.strip().lower().replace(" ", "_") for p in parts if p.strip()))


def _check_values(given: dict[str, Any], preference: int) -> None:
    """Refuse before anything is touched: a save happens whole or not at all."""
    if "status" in given and given["status"] not in STATUSES:
        raise invalid("status", f"Status: {given['status']} is not a valid status")
    if given.get("status") == "new":
        raise invalid("status", "Status: cannot be set to new")
    if "comment" in given and not isinstance(given["comment"], dict):
        raise invalid("comment", "Comment: is invalid")
    for field in [*(given.get("custom_fields") or []), *(given.get("fields") or [])]:
        value = field.get("value")
        if int(field["id"]) == preference and value and value not in PREFERENCES:
            raise invalid("custom_fields", f"Custom field {preference}: '{value}' is not a valid value")


def _macro_event(state: State, macro_id: int) -> dict[str, Any]:
    macro = state.macros.get(macro_id)
    return {
        "id": state.next_id("event"),
        "type": "AgentMacroReference",
        "macro_id": str(macro_id),
        "macro_title": macro["title"] if macro else None,
        "macro_deleted": macro is None,
        "via": via("web"),
    }


def _change_ccs(state: State, change: Change, orders: list[dict[str, Any]]) -> None:
    now = list(change.ticket.cc_ids)
    for order in orders:
        number = int(order.get("user_id") or 0)
        if order.get("action") == "delete":
            now = [i for i in now if i != number]
        elif number in state.users and number not in now:
            now.append(number)
    change.set("cc_ids", now)
