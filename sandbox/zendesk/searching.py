"""Zendesk's search words, as far as a sweep needs them: type, tags, status, created, updated, requester, text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.zendesk.model import RefusedError, Ticket

if TYPE_CHECKING:
    from sandbox.zendesk.state import State

WORD = re.compile(r"(?P<minus>-)?(?P<name>[a-z_]+)(?P<op>:|<=|>=|<|>)(?P<value>.+)", re.IGNORECASE)
ORDER = ["new", "open", "pending", "hold", "solved", "closed"]
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ":": lambda a, b: bool(a == b),
    "<": lambda a, b: bool(a < b),
    ">": lambda a, b: bool(a > b),
    "<=": lambda a, b: bool(a <= b),
    ">=": lambda a, b: bool(a >= b),
}


def find(state: State, query: str, indexed: datetime, base: str) -> list[dict[str, Any]]:
    """What matches, oldest first; tickets changed after `indexed` are not in the index yet."""
    try:
        words = shlex.split(query)
    except ValueError as error:
        raise RefusedError(422, {"error": "invalid", "description": "Invalid search: unbalanced quotes"}) from error
    if any(w.lower() == "type:user" for w in words):
        rest = [w.lower() for w in words if ":" not in w]
        users = [u for u in state.users.values() if all(w in f"{u.name} {u.email}".lower() for w in rest)]
        return [{**u.rest(base), "result_type": "user"} for u in users]
    seen = [t for t in state.tickets.values() if not t.deleted and t.updated <= indexed]
    tags_wanted = [m["value"] for w in words if (m := WORD.fullmatch(w)) and m["name"] == "tags" and not m["minus"]]
    found = [t for t in seen if all(_match(state, t, w) for w in words) and _tagged(t, tags_wanted)]
    return [{**t.rest(base), "result_type": "ticket"} for t in sorted(found, key=lambda t: t.created)]


def _tagged(ticket: Ticket, wanted: list[str]) -> bool:
    """Several `tags:` words are an OR, as for every repeated property."""
    return not wanted or any(set(value.split(",")) & set(ticket.tags) for value in wanted)


def _match(state: State, ticket: Ticket, word: str) -> bool:
    found = WORD.fullmatch(word)
    if found is None:
        return word.lower() in f"{ticket.subject} {ticket.description}".lower()
    name, op, value = found["name"].lower(), found["op"], found["value"]
    if name == "tags":
        return value not in ticket.tags if found["minus"] else True
    if name in {"created", "updated"}:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        met: bool = COMPARE[op](getattr(ticket, name).replace(microsecond=0), moment)
    elif name == "status":
        met = COMPARE[op](ORDER.index(ticket.status), ORDER.index(value.lower()))
    elif name == "requester":
        user = state.users[ticket.requester_id]
        met = value.lower() in {(user.email or "").lower(), str(user.id), user.name.lower()}
    else:
        met = True  # words that only order, or that the desk does not use
    return met != bool(found["minus"])
