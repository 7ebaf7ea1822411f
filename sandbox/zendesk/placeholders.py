"""The placeholders Zendesk renders in agents' comments, trigger bodies and mails (Z1.23)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.zendesk.model import Ticket, User, seconds

if TYPE_CHECKING:
    from sandbox.zendesk.state import State


def look_up(
    state: State, ticket: Ticket, actor: User, comment: dict[str, Any] | None = None
) -> Callable[[str], str | None]:
    """The placeholders Zendesk knows (Z1.23), case-sensitive; None for unknown ones."""

    def person(user: User | None, name: str) -> str | None:
        if user is None:
            return ""
        first, _, last = user.name.partition(" ")
        known = {
            "id": str(user.id),
            "name": user.name,
            "first_name": first,
            "last_name": last,
            "email": user.email or "",
            "phone": user.phone or "",
            "language": user.locale,
            "locale": user.locale,
            "external_id": user.external_id or "",
        }
        return known.get(name)

    def value(name: str) -> str | None:
        for prefix, user in (
            ("ticket.requester.", state.users.get(ticket.requester_id)),
            ("ticket.assignee.", state.users.get(ticket.assignee_id or 0)),
            ("current_user.", actor),
        ):
            if name.startswith(prefix):
                return person(user, name[len(prefix) :])
        if name.startswith("ticket.ticket_field_"):
            return _field(ticket, name.removeprefix("ticket.ticket_field_"))
        return plain.get(name)

    last = comment or next((c for c in reversed(ticket.comments) if c["public"]), None)
    plain = {
        "ticket.id": str(ticket.id),
        "ticket.title": ticket.subject,
        "ticket.status": ticket.status.capitalize(),
        "ticket.tags": " ".join(sorted(ticket.tags)),
        "ticket.via": ticket.channel.capitalize(),
        "ticket.url": f"{state.world.url}/agent/tickets/{ticket.id}",
        "ticket.link": f"{state.world.url}/agent/tickets/{ticket.id}",
        "ticket.updated_at_with_timestamp": seconds(ticket.updated),
        "ticket.latest_public_comment": last["plain_body"] if last else "",
        "ticket.latest_comment": ticket.comments[-1]["plain_body"] if ticket.comments else "",
        "ticket.brand.name": "Support",
        "ticket.account": "Stand-in",
    }
    return value


def _field(ticket: Ticket, name: str) -> str:
    from sandbox.zendesk.change import PREFERENCES

    option = name.startswith("option_title_")
    number = name.removeprefix("option_title_")
    value = str(ticket.fields.get(int(number)) or "") if number.isdigit() else ""
    return PREFERENCES.get(value, value) if option else value
