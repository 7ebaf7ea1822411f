"""Zendesk's search words, as far as a sweep needs them: type, tags, status, created, updated, requester, text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
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


MOST = 1000  # results of one search, whatever its pages; the export has no such end
SORTED = {"created_at": "created", "updated_at": "updated"}


def find(state: State, query: str, indexed: datetime, base: str) -> list[dict[str, Any]]:
    """What matches, oldest first; tickets changed after `indexed` are not in the index yet."""
    try:
        words = shlex.split(query)
    except ValueError as error:
        raise _invalid("unbalanced quotes") from error
    if any(w.lower() == "type:user" for w in words):
        rest = [w.lower() for w in words if ":" not in w]
        users = [u for u in state.users.values() if all(w in f"{u.name} {u.email}".lower() for w in rest)]
        return [{**u.rest(base), "result_type": "user"} for u in users]
    seen = [t for t in state.tickets.values() if not t.deleted and t.updated <= indexed]
    tags_wanted = [m["value"] for w in words if (m := WORD.fullmatch(w)) and m["name"] == "tags" and not m["minus"]]
    found = [t for t in seen if all(_match(state, t, w) for w in words) and _tagged(t, tags_wanted)]
    return [{**t.rest(base), "result_type": "ticket"} for t in sorted(found, key=lambda t: t.created)]


def listed(state: State, found: list[dict[str, Any]], args: Mapping[str, str]) -> list[dict[str, Any]]:
    """In the order asked for, newest first unless told otherwise ("relevance" here is the same); refuses a page that
    lies beyond the first 1,000 results, as Zendesk does."""
    page, per = int(args.get("page", 1)), min(int(args.get("per_page", 100)), 100)
    if page * per > MOST:
        raise RefusedError(
            422,
            {
                "error": "invalid",
                "description": "Invalid search: Requested response size was greater than Search Response Limits",
            },
        )
    by = SORTED.get(args.get("sort_by", ""), "created")
    moments = {ticket.id: getattr(ticket, by) for ticket in state.tickets.values()}
    if found and found[0]["result_type"] == "ticket":
        found = sorted(found, key=lambda raw: (moments[raw["id"]], raw["id"]))
    return found if args.get("sort_order") == "asc" else found[::-1]


def exported(state: State, args: Mapping[str, str], indexed: datetime, base: str) -> list[dict[str, Any]]:
    """The export: one type, named apart from the query; by creation, without an end."""
    query = args.get("query", "")
    if args.get("filter[type]") not in {"ticket", "user"} or re.search(r"(?i)(^|\s)type:", query):
        raise _invalid("filter[type] is needed, and no type in the query")
    return find(state, f"type:{args['filter[type]']} {query}", indexed, base)


def _invalid(why: str) -> RefusedError:
    return RefusedError(422, {"error": "invalid", "description": f"Invalid search: {why}"})


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
        try:
            moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        except ValueError as error:
            raise _invalid(f"the time of {name}") from error
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        met: bool = COMPARE[op](getattr(ticket, name).replace(microsecond=0), moment)
    elif name == "status":
        if value.lower() not in ORDER:
            raise _invalid("the status")
        met = COMPARE[op](ORDER.index(ticket.status), ORDER.index(value.lower()))
    elif name == "requester":
        user = state.users[ticket.requester_id]
        met = value.lower() in {(user.email or "").lower(), str(user.id), user.name.lower()}
    else:
        met = True  # words that only order, or that the desk does not use
    return met != bool(found["minus"])
