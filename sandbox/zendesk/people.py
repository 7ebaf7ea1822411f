"""What agents and customers do in the sandbox: create a ticket, tag it, fill fields, write, change the status."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, request

from sandbox.core import the_world
from sandbox.zendesk import tickets
from sandbox.zendesk.answers import account, answer
from sandbox.zendesk.model import RefusedError, User

bp = Blueprint("people", __name__, url_prefix="/sandbox")


def action(path: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A control action: runs under the lock, JSON in and out."""

    def wrap(view: Callable[..., Any]) -> Callable[..., Any]:
        @bp.post(path)
        @wraps(view)
        def served(**kwargs: Any) -> Response:
            body = request.get_json(silent=True)
            world = the_world()
            try:
                with world.lock:
                    return answer(view(body if isinstance(body, dict) else {}, **kwargs))
            except RefusedError as refused:
                details = refused.body.get("details", {})
                said = [d["description"] for errors in details.values() for d in errors]
                text = "; ".join(said) or refused.body.get("description") or refused.body.get("error")
                return answer({**refused.body, "error": text}, refused.status)
            except (ValueError, TypeError, KeyError) as error:
                return answer({"error": f"not understood: {error}"}, 400)

        return view

    return wrap


@action("/tickets")
def create(body: dict[str, Any]) -> dict[str, Any]:
    """A customer's new ticket. `requester` may name an existing {"id"} or details; `status` may be given for tests."""
    state = account()
    given = dict(body.get("requester") or {})
    if "id" in given:
        requester = state.user(given["id"])
    else:
        details = {k: given[k] for k in User.__dataclass_fields__ if k in given and k not in {"id", "name", "role"}}
        details.setdefault("email", body.get("email") or None)
        details.setdefault("phone", body.get("phone") or None)
        name = given.get("name") or body.get("name") or details["phone"] or "Unknown caller"
        requester = _known(details["email"]) or state.add_user(str(name), **details)
    made = {
        "subject": body.get("subject"),
        "comment": {"body": body.get("comment") or body.get("subject")},
        "tags": body.get("tags"),
        "fields": _fields(body.get("fields") or {}),
        "cc_ids": [
            (_known(mail) or state.add_user(mail.split("@")[0], email=mail)).id for mail in body.get("cc") or []
        ],
    }
    ticket = tickets.create(state, made, requester, requester, str(body.get("channel") or "web"))
    if body.get("status"):
        ticket.status = body["status"]
    the_world().act("zendesk", "ticket", ticket.id)
    return {"id": ticket.id, "requester_id": requester.id}


@action("/tickets/<int:ticket_id>/tags")
def tags(body: dict[str, Any], ticket_id: int) -> dict[str, Any]:
    """An agent adds and removes tags, in one save."""
    state, ticket, agent = account(), account().ticket(ticket_id), _agent(body)
    add, remove = tickets.tag_list(body.get("add")), tickets.tag_list(body.get("remove"))
    kept = [t for t in ticket.tags if t not in remove]
    tickets.edit_tags(state, ticket, agent, [*kept, *add], "set", "web")
    the_world().act("zendesk", "tags", ticket_id, added=add, removed=remove, who=agent.name)
    return {"tags": sorted(ticket.tags)}


@action("/tickets/<int:ticket_id>/fields")
def fields(body: dict[str, Any], ticket_id: int) -> dict[str, Any]:
    """An agent fills the custom fields, by the desk's names for them."""
    ticket, agent = account().ticket(ticket_id), _agent(body)
    given = [{"id": n, "value": v} for n, v in _fields({k: v for k, v in body.items() if k != "agent"}).items()]
    tickets.update(account(), ticket, agent, {"custom_fields": given}, "web")
    the_world().act("zendesk", "fields", ticket_id, who=agent.name)
    return {"fields": {name: ticket.fields.get(n) for name, n in the_world().config.fields.items()}}


@action("/tickets/<int:ticket_id>/comment")
def comment(body: dict[str, Any], ticket_id: int) -> dict[str, Any]:
    """A comment by the customer (which reopens a pending or solved ticket) or by an agent."""
    state, ticket = account(), account().ticket(ticket_id)
    by_customer = body.get("author") == "customer"
    author = state.users[ticket.requester_id] if by_customer else _agent({"agent": body.get("author")})
    given: dict[str, Any] = {"comment": {"body": body.get("body"), "public": by_customer or bool(body.get("public"))}}
    if by_customer and ticket.status in {"pending", "hold", "solved"}:
        given["status"] = "open"
    tickets.update(state, ticket, author, given, "email" if by_customer else "web")
    the_world().act("zendesk", "comment", ticket_id, who=author.name)
    return {"id": ticket.comments[-1]["id"]}


@action("/tickets/<int:ticket_id>/status")
def status(body: dict[str, Any], ticket_id: int) -> dict[str, Any]:
    """An agent (or the nightly automation, for closed) changes the status; deleted soft-deletes."""
    ticket, wanted = account().ticket(ticket_id), str(body.get("status"))
    if wanted == "deleted":
        ticket.deleted = True
        the_world().changed()
    else:
        tickets.update(account(), ticket, _agent(body), {"status": wanted}, "web")
    the_world().act("zendesk", "status", ticket_id, status=wanted)
    return {"status": wanted}


def _agent(body: dict[str, Any]) -> User:
    """The agent who acts; without one, the first of the account."""
    state = account()
    if body.get("agent"):
        user = state.user(body["agent"])
        if not user.is_agent:
            raise ValueError("not an agent")
        return user
    return next(u for u in state.users.values() if u.is_agent and u.id != state.desk_user_id)


def _known(email: str | None) -> User | None:
    return next((u for u in account().users.values() if email and u.email == email), None)


def _copied(email: str) -> User:
    return _known(email) or account().add_user(email.split("@", maxsplit=1)[0], email=email)


def _fields(given: dict[str, Any]) -> dict[int, Any]:
    known = the_world().config.fields
    return {known[name]: value for name, value in given.items()}
