"""One save of one ticket: the change, its audit, the effects on the record, then the account's business rules."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox.zendesk import rules, text
from sandbox.zendesk.model import SYSTEM, Ticket, User, invalid, seconds, via
from sandbox.zendesk.placeholders import look_up

if TYPE_CHECKING:
    from sandbox.zendesk.state import State

PREFERENCES = {
    "pref_delete_all": "Delete personal data completely",
    "pref_stop_all": "Stop all types of communication",
    "pref_stop_calls": "Stop calls",
    "pref_stop_sms": "Stop SMS",
    "pref_stop_email": "Stop e-mail",
    "pref_stop_push": "Stop push notifications",
}


class Change:
    """One save of one ticket: collects the audit's events, then `commit` makes them true and known."""

    def __init__(self, state: State, ticket: Ticket, actor: User, channel: str, create: bool = False) -> None:
        self.state, self.ticket, self.actor, self.channel, self.is_create = state, ticket, actor, channel, create
        self.at: datetime = state.world.now()
        self.events: list[dict[str, Any]] = []
        self.tags_before = list(ticket.tags)
        self.comment: dict[str, Any] | None = None
        self.metadata: dict[str, Any] = {}
        self.audit_id = state.next_id("event")

    def set(self, name: str, value: Any) -> None:
        """One ticket field; no event when nothing changes."""
        before = getattr(self.ticket, name)
        if value != before:
            setattr(self.ticket, name, value)
            self._event(name, value, before)

    def set_field(self, number: int, value: Any) -> None:
        """One custom field; a dropdown's option is a tag (Z6.2)."""
        before = self.ticket.fields.get(number)
        value = value or None
        if value == before:
            return
        if number == self._preference:
            kept = [t for t in self.ticket.tags if t != before]
            self.ticket.tags = kept + ([value] if value and value not in kept else [])
        self.ticket.fields[number] = value
        self._event(str(number), value, before)

    def set_tags(self, tags: list[str]) -> None:
        """Replace the tags; the dropdown follows them."""
        before = self.ticket.fields.get(self._preference)
        self.ticket.tags = list(dict.fromkeys(tags))
        options = [t for t in self.ticket.tags if t in PREFERENCES]
        now = before if before in options else next((t for t in options if t not in self.tags_before), None)
        if now != before:
            self.ticket.fields[self._preference] = now
            self._event(str(self._preference), now, before)

    def say(self, given: dict[str, Any]) -> None:
        """Add a comment as the API describes it: body or html_body, public, author_id."""
        author = self.state.users.get(int(given.get("author_id") or self.actor.id), self.actor)
        public = bool(given.get("public", self.ticket.is_public))
        if author.only_private_comments:
            public = False
        known = look_up(self.state, self.ticket, self.actor)
        if given.get("html_body"):
            html_body = given["html_body"]
            html_body = text.render_html(html_body, known) if author.is_agent else html_body
            body = text.plain(html_body)
        else:
            body = str(given.get("body") or "")
            body = text.body_text(text.render(body, known) if author.is_agent else body)
            html_body = text.to_html(body)
        if not body.strip():
            raise invalid("comment", "Comment: cannot be blank")
        self.comment = {
            "id": self.state.next_id("event"),
            "type": "Comment",
            "author_id": author.id,
            "body": body,
            "html_body": html_body,
            "plain_body": body,
            "public": public,
            "attachments": [],
            "audit_id": self.audit_id,
            "via": via(self.channel),
            "created_at": seconds(self.at),
            "metadata": {"system": SYSTEM, "custom": self.metadata},
            "mailed_to": [],
        }
        shown = {k: v for k, v in self.comment.items() if k not in {"via", "created_at", "metadata", "mailed_to"}}
        self.events.append(shown)

    def commit(self) -> dict[str, Any] | None:
        """Write the audit, record the effects, run the triggers. None when nothing changed (updated_at stays)."""
        added = [t for t in self.ticket.tags if t not in self.tags_before]
        removed = [t for t in self.tags_before if t not in self.ticket.tags]
        if added or removed or (self.is_create and self.ticket.tags):
            self._event("tags", sorted(self.ticket.tags), sorted(self.tags_before))
        if not self.events:
            return None
        audit = {
            "id": self.audit_id,
            "ticket_id": self.ticket.id,
            "created_at": seconds(self.at),
            "author_id": self.actor.id,
            "metadata": {"system": SYSTEM, "custom": self.metadata},
            "events": self.events,
            "via": via(self.channel),
        }
        self.ticket.audits.append(audit)
        self.ticket.updated = self.at
        if self.comment:
            self.ticket.comments.append(self.comment)
        if self.channel == "api":
            self._record(added, removed)
        rules.run(self.state, self, audit, added, removed)
        self.state.world.changed()
        return audit

    @property
    def op(self) -> str | None:
        """The caller's own mark of this update: the value of its `desk_op` (else its first) metadata entry."""
        value = self.metadata.get("desk_op", next(iter(self.metadata.values()), None))
        return None if value is None else str(value)

    @property
    def _preference(self) -> int:
        return self.state.world.config.fields.get("preference", 0)

    def _record(self, added: list[str], removed: list[str]) -> None:
        ids = {"audit_id": self.audit_id, "actor_id": self.actor.id}
        record = self.state.world.record
        if self.comment:
            more = {"comment_id": self.comment["id"], "public": self.comment["public"]}
            record("zendesk", "comment", self.ticket.id, self.op, **more, **ids)
        if added:
            record("zendesk", "tags_added", self.ticket.id, self.op, tags=added, **ids)
        if removed:
            record("zendesk", "tags_removed", self.ticket.id, self.op, tags=removed, **ids)

    def _event(self, name: str, value: Any, before: Any) -> None:
        event: dict[str, Any] = {
            "id": self.state.next_id("event"),
            "type": "Change",
            "field_name": name,
            "value": value,
        }
        if self.is_create:
            event["type"] = "Create"
        else:
            event["previous_value"] = before
        self.events.append(event)
