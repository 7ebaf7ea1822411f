"""The account's business rules: triggers that run on every create and update, their mails, their signed webhooks.

A trigger has no "tag was added" condition (Z1.22): a tag condition is true again on every later update, so a loop is
possible, and `trigger_guard: false` shows it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.zendesk import text
from sandbox.zendesk.delivery import deliver, tags_changed
from sandbox.zendesk.model import VIA_SYSTEM
from sandbox.zendesk.placeholders import look_up

if TYPE_CHECKING:
    from sandbox.zendesk.change import Change
    from sandbox.zendesk.state import State

TEMPLATE = (
    '{"type":"desk.tag","ticket_id":"{{ticket.id}}","tags":"{{ticket.tags}}",'
    '"updated_at":"{{ticket.updated_at_with_timestamp}}","actor_id":"{{current_user.id}}"}'
)
GUARDS = {("current_tags", "not_includes"), ("current_user", "is_not")}


def seeded(desk_user: int, webhook_id: str) -> list[dict[str, Any]]:
    """The triggers an admin sets up: three for the desk, and Zendesk's own standard one that mails comments."""

    def desk(title: str, tag: str, without: str) -> dict[str, Any]:
        return {
            "title": title,
            "active": True,
            "conditions": {
                "all": [
                    {"field": "current_tags", "operator": "includes", "value": tag},
                    {"field": "current_tags", "operator": "not_includes", "value": without},
                    {"field": "current_user", "operator": "is_not", "value": str(desk_user)},
                ],
                "any": [],
            },
            "actions": [{"field": "notification_webhook", "value": [webhook_id, TEMPLATE]}],
        }

    marks = "desk_approved"
    return [
        {
            "title": "Notify requester and CCs of comment update",
            "active": True,
            "conditions": {
                "all": [
                    {"field": "update_type", "operator": "is", "value": "Change"},
                    {"field": "comment_is_public", "operator": "is", "value": "true"},
                ],
                "any": [],
            },
            "actions": [
                {
                    "field": "notification_user",
                    "value": [
                        "requester_and_ccs",
                        "[Request received] Re: {{ticket.title}}",
                        "{{ticket.latest_public_comment}}",
                    ],
                }
            ],
        },
        desk("Deletion Desk: request", "data_deletion_request", marks),
        desk("Deletion Desk: withdrawal", "data_deletion_withdrawn", "desk_withdrawn"),
        desk("Deletion Desk: threat", "regulatory_threat", "desk_threat"),
    ]


def run(state: State, change: Change, audit: dict[str, Any], added: list[str], removed: list[str]) -> None:
    """Run every active trigger once for one save, first to last; then the event subscription."""
    for trigger in state.triggers:
        if trigger["active"] and matches(state, change, trigger["conditions"]):
            for action in trigger["actions"]:
                _act(state, change, audit, action, trigger["title"])
    if state.world.config.event_subscription and (added or removed):
        body = tags_changed(state, change, added, removed)
        deliver(state, body, "ticket.tags_changed")


def matches(state: State, change: Change, conditions: dict[str, Any]) -> bool:
    """Zendesk's ALL and ANY. Without the guard the conditions that stop loops are left out."""
    guard = state.world.config.trigger_guard

    def met(condition: dict[str, Any]) -> bool:
        if not guard and (condition["field"], condition["operator"]) in GUARDS:
            return True
        return _met(change, condition["field"], condition["operator"], str(condition["value"]))

    some = conditions.get("any") or []
    return all(met(c) for c in conditions.get("all") or []) and (not some or any(met(c) for c in some))


def _met(change: Change, field: str, operator: str, value: str) -> bool:
    ticket = change.ticket
    if field == "current_tags":
        has = bool(set(value.split()) & set(ticket.tags))
        return has if operator == "includes" else not has
    actual = {
        "update_type": "Create" if change.is_create else "Change",
        "status": ticket.status,
        "current_user": str(change.actor.id),
        "comment_is_public": str(bool(change.comment and change.comment["public"])).lower(),
        "role": "agent" if change.actor.is_agent else "end_user",
    }[field]
    return (actual == value) == (operator == "is")


def _act(state: State, change: Change, audit: dict[str, Any], action: dict[str, Any], title: str) -> None:
    if action["field"] == "notification_webhook":
        if state.world.config.trigger_webhooks:
            look = look_up(state, change.ticket, change.actor)
            body = text.render(action["value"][1], look)
            deliver(state, json.loads(body), title)
    elif action["field"] == "notification_user":
        _mail(state, change, audit, action["value"])


def _mail(state: State, change: Change, audit: dict[str, Any], value: list[str]) -> None:
    """Mail the requester and the CCs, never the author; nobody when the requester can't be reached (Z3.14, Z3.16)."""
    ticket, comment = change.ticket, change.comment
    requester = state.users[ticket.requester_id]
    if comment is None or not requester.reachable:
        return
    people = [requester, *(state.users[i] for i in ticket.cc_ids)]
    people = [p for p in people if p.reachable and p.id != comment["author_id"]]
    if not people:
        return
    look = look_up(state, ticket, change.actor, comment)
    subject, body = text.render(value[1], look), text.render(value[2], look)
    for person in people:
        state.add_mail(person, subject, body, ticket, op=change.op, comment_id=comment["id"], actor_id=change.actor.id)
        comment["mailed_to"].append(person.email)
    audit["events"].append(
        {
            "id": state.next_id("event"),
            "type": "Notification",
            "via": VIA_SYSTEM,
            "subject": subject,
            "body": body,
            "recipients": [p.id for p in people],
        }
    )
