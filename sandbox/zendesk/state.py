"""The Zendesk account: people, tickets, macros, tokens, and the one function through which every ticket changes."""

from __future__ import annotations

import secrets
import time
from copy import deepcopy
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import Response

from sandbox.core import stamp
from sandbox.zendesk import delivery, rules
from sandbox.zendesk.change import PREFERENCES
from sandbox.zendesk.limits import Limits
from sandbox.zendesk.model import RefusedError, Ticket, User, not_found, seconds

if TYPE_CHECKING:
    from sandbox.core import World

FIRST_USER = 8_447_388_000_001
FIRST_TICKET = 5101
FIRST_EVENT = 206_091_000_001
RESOURCES = ("tickets", "users", "macros", "organizations", "webhooks", "triggers")
SCOPES = {
    "read",
    "write",
    "impersonate",
    *(f"{r}:{w}" for r in RESOURCES for w in ("read", "write")),
}


class State:
    """Everything of the account. Read and changed under the world's lock."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.users: dict[int, User] = {}
        self.tickets: dict[int, Ticket] = {}
        self.macros: dict[int, dict[str, Any]] = {}
        self.triggers: list[dict[str, Any]] = []
        self.mails: list[dict[str, Any]] = []
        self.tokens: dict[str, tuple[float, frozenset[str]]] = {}  # bearer -> (monotonic end, scopes)
        self.limits = Limits(world)
        self.webhook_id = delivery.ulid(world)
        self.desk_user_id = 0
        self._ids = {"user": FIRST_USER, "ticket": FIRST_TICKET, "event": FIRST_EVENT, "macro": 360_700_000_001}
        self.desk_user_id = self.add_user("Deletion Desk", "agent", email="deletion-desk@example.com").id
        self.triggers = rules.seeded(self.desk_user_id, self.webhook_id)

    def __deepcopy__(self, memo: dict[int, Any]) -> State:
        """A stale copy shares tokens and limits: those are not read from a lagging replica."""
        copied = object.__new__(type(self))
        shared = {"world", "tokens", "limits"}
        for name, value in self.__dict__.items():
            setattr(copied, name, value if name in shared else deepcopy(value, memo))
        return copied

    # -- people, macros, ids -------------------------------------------------------------------------------------

    def next_id(self, kind: str) -> int:
        """A fresh id: users and events are larger than 32 bits, as Zendesk's are."""
        number = self._ids[kind]
        self._ids[kind] = number + 1
        return number

    def add_user(self, name: str, role: str = "end-user", **details: Any) -> User:
        """Create a person (role end-user, agent or admin)."""
        user = User(self.next_id("user"), name, role, **details)
        self.users[user.id] = user
        return user

    def user(self, user_id: Any) -> User:
        """The person, or the 404."""
        found = self.users.get(int(user_id)) if str(user_id).isdigit() else None
        if found is None:
            raise not_found()
        return found

    def ticket(self, ticket_id: int) -> Ticket:
        """The ticket, or the 404 (soft-deleted ones too, Z3.12)."""
        found = self.tickets.get(ticket_id)
        if found is None or found.deleted:
            raise not_found()
        return found

    def add_macro(self, title: str, actions: list[dict[str, Any]], active: bool = True) -> dict[str, Any]:
        """Create a shared macro."""
        number = self.next_id("macro")
        now = seconds(self.world.now())
        self.macros[number] = {
            "id": number,
            "title": title,
            "raw_title": title,
            "active": active,
            "description": None,
            "position": len(self.macros) + 1,
            "default": False,
            "restriction": None,
            "actions": actions,
            "created_at": now,
            "updated_at": now,
        }
        return self.macros[number]

    def add_mail(self, user: User, subject: str, body: str, ticket: Ticket, **ids: Any) -> None:
        """An e-mail really goes out to a person."""
        self.mails.append(
            {
                "at": stamp(self.world.now()),
                "to": user.email,
                "user_id": user.id,
                "subject": subject,
                "body": body,
                "ticket_id": ticket.id,
            }
        )
        self.world.record("zendesk", "mail", ticket.id, to=user.email, **ids)

    # -- tokens ----------------------------------------------------------------------------------------------------

    def issue_token(self, scope: str, life: int) -> str:
        """A new bearer; an unknown scope is refused (Z4.6)."""
        wanted = frozenset(scope.split()) or frozenset({"read", "write"})
        if not wanted <= SCOPES:
            raise RefusedError(400, {"error": "invalid_scope", "error_description": "The requested scope is invalid."})
        token = secrets.token_hex(32)
        self.tokens[token] = (time.monotonic() + life, wanted)
        return token

    def check_token(self, header: str, scope: str) -> None:
        """Raise the documented 401 or 403 unless the bearer is alive and has the scope (`resource:read|write`)."""
        kind, _, token = header.partition(" ")
        if not token:
            raise RefusedError(401, {"error": "Couldn't authenticate you"})
        known = self.tokens.get(token) if kind.lower() == "bearer" else None
        if known is None or known[0] <= time.monotonic():
            text = "The access token provided is expired, revoked, malformed or invalid for other reasons."
            raise RefusedError(401, {"error": "invalid_token", "error_description": text})
        if scope not in known[1] and scope.rpartition(":")[2] not in known[1]:
            text = f"Missing following required scopes: {scope}"
            raise RefusedError(403, {"error": "Forbidden", "description": text})

    def expire_tokens(self) -> None:
        """All bearers end now; for tests."""
        self.tokens.clear()

    # -- hooks of core.endpoint --------------------------------------------------------------------------------------

    def throttle(self, method: str) -> Response | None:
        """The account's rate limits."""
        return self.limits.check(method, self.desk_user_id)

    def dress(self, response: Response) -> Response:
        """The rate limit headers that every answer carries (Z4.3)."""
        return self.limits.headers(response)

    # -- the page's view -----------------------------------------------------------------------------------------------

    def public(self) -> dict[str, Any]:
        """The Zendesk part of `/sandbox/state`."""
        config = self.world.config
        return {
            "tickets": [self._shown(t) for t in self.tickets.values() if not t.deleted],
            "agents": [
                {"id": u.id, "name": u.name, "email": u.email}
                for u in self.users.values()
                if u.is_agent and u.id != self.desk_user_id
            ],
            "desk_user_id": self.desk_user_id,
            "fields": dict(config.fields),
            "preference_options": [{"tag": tag, "label": label} for tag, label in PREFERENCES.items()],
            "mails": list(self.mails),
        }

    def _shown(self, ticket: Ticket) -> dict[str, Any]:
        requester = self.users[ticket.requester_id]
        comments = []
        for comment in ticket.comments:
            author = self.users[comment["author_id"]]
            role = "desk" if author.id == self.desk_user_id else "agent" if author.is_agent else "customer"
            shown = {
                "id": comment["id"],
                "at": comment["created_at"],
                "author": author.name,
                "role": role,
                "public": comment["public"],
                "body": comment["plain_body"],
                "mailed_to": comment["mailed_to"],
            }
            comments.append(shown)
        return {
            "id": ticket.id,
            "subject": ticket.subject,
            "status": ticket.status,
            "tags": sorted(ticket.tags),
            "requester": {
                "id": requester.id,
                "name": requester.name,
                "email": requester.email,
                "phone": requester.phone,
            },
            "assignee_id": ticket.assignee_id,
            "cc": [self.users[i].email for i in ticket.cc_ids],
            "fields": {name: ticket.fields.get(number) for name, number in self.world.config.fields.items()},
            "comments": comments,
            "events": [_line(a, self.users) for a in ticket.audits][-50:],
        }


def _line(audit: dict[str, Any], users: dict[int, User]) -> dict[str, Any]:
    changes = [
        {"field": e["field_name"], "value": e["value"], "previous": e.get("previous_value")}
        for e in audit["events"]
        if e["type"] in {"Change", "Create"}
    ]
    author = users[audit["author_id"]].name if audit["author_id"] in users else "system"
    return {"at": audit["created_at"], "author": author, "changes": changes}


def parse_stamp(text: Any) -> datetime | None:
    """Read an `updated_stamp`; None when it is not a time."""
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
