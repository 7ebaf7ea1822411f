"""What people do with a desk under test (agents, supervisors, the support team), and what they and customers see of it.

All of it happens at the stand-ins, through their controls; nothing here looks into the desk.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sandbox.server import Sandbox
from tests.rooms import Message, Room

DETAILS = {
    "name": "Siti Nurhaliza",
    "contact": "+60 12-345 6789",
    "backoffice": "https://backoffice.example.com/customers/42",
}
FORMS = {
    "decline": {"reason": "other"},
    "ask": {"question": "Which number is right?"},
}  # filled in unless told otherwise
USUAL: dict[str, str] = {}  # `form=USUAL`: the values above


class People:
    """`room`: the chat, as its people see it. `customers`: numbers, each of them another person's."""

    sandbox: Sandbox
    room: Room
    customers: Iterator[int]

    def call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """One of the sandbox's own endpoints: what a person does with the mouse."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.sandbox.url + path, data=data, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=15) as answer:
            return json.load(answer)

    def ticket(self, **given: Any) -> int:
        """A new ticket with complete details; `fields={...}` and other parts of the sandbox's form override.

        Each is another customer's: tickets of one person would join one case.
        """
        number = next(self.customers)
        local = f"{3456789 + number:07d}"
        contact = f"+60 12-{local[:3]} {local[3:]}"
        fields = {**DETAILS, "contact": contact, **given.pop("fields", {})}
        body = {
            "subject": "Please stop",
            "name": DETAILS["name"],
            "email": f"siti{number or ''}@example.com",
            "phone": f"012{local}",
            "comment": "Please stop all offers.",
            "fields": fields,
            **given,
        }
        return int(self.call("/sandbox/tickets", body)["id"])

    def tag(self, ticket: int, *tags: str, agent: int | None = None) -> None:
        self.call(f"/sandbox/tickets/{ticket}/tags", {"add": list(tags), "agent": agent})

    def untag(self, ticket: int, *tags: str) -> None:
        self.call(f"/sandbox/tickets/{ticket}/tags", {"remove": list(tags)})

    def user(self, name: str) -> str:
        """The chat's id of somebody by their neutral name; an id stays itself."""
        return self.room.people.get(name, name)

    def change(self, user: str, **changes: Any) -> None:
        """Something about a person in the chat is different from now on (`deleted`, `guest`, `in_channel`, …)."""
        with self.sandbox.world.lock:
            people: dict[str, Any] = getattr(self.sandbox.world, self.room.name).people
            people[self.user(user)] = replace(people[self.user(user)], **changes)

    def messages(self) -> list[Message]:
        """Everything in the chat, oldest first, what only one person sees too."""
        return self.room.messages(self)

    def card(self) -> Message:
        """The newest message with buttons in the supervisor's channel."""
        found = self.cards()
        assert found, "no card with buttons is in the channel"
        return found[-1]

    def cards(self) -> list[Message]:
        return [message for message in self.messages() if self.room.buttons(message)]

    def delete(self, card: Message) -> None:
        """Somebody deletes the message."""
        self.room.delete(self, card)

    def press(self, action: str, user: str = "aisyah", card: Message | None = None, **more: Any) -> int | None:
        """The status that the chat got; as `pressed`."""
        status = self.pressed(action, user, card, **more)["status"]
        return None if status is None else int(status)

    def pressed(
        self,
        action: str,
        user: str = "aisyah",
        card: Message | None = None,
        *,
        form: dict[str, str] | None = USUAL,
        **more: Any,
    ) -> dict[str, Any]:
        """Press, and when a form opens, fill it in with `form` and send it (None: leave it open).

        The press's own answer; what came back to the form is in its `form`.
        """
        who, card = self.user(user), card or self.card()
        before = set(self.room.forms(self, who))
        answer = self.room.press(self, action, who, card, **more)
        opened = [one for one in self.room.forms(self, who) if one not in before]
        if not opened or form is None:
            return answer
        return {**answer, "form": self.room.submit(self, who, opened[-1], {**FORMS[action], **form})}

    def move_issue(self, key: str, to: str) -> None:
        self.call(f"/sandbox/jira/{key}/transition", {"to": to})

    # ---- what the outside sees

    def shown(self, vendor: str) -> Any:
        """What the page shows of this vendor: as `/sandbox/state`, without the other vendors and the way over HTTP."""
        with self.sandbox.world.lock:
            said = json.dumps(getattr(self.sandbox.world, vendor).public())
        return json.loads(said)

    def issues(self) -> list[dict[str, Any]]:
        return list(self.shown("jira")["issues"])

    def notes(self, ticket: int) -> list[str]:
        """The desk's internal notes on the ticket, oldest first."""
        return [c["body"] for c in self.state_of(ticket)["comments"] if c["role"] == "desk" and not c["public"]]

    def replies(self, ticket: int) -> list[str]:
        """The desk's public comments on the ticket."""
        return [c["body"] for c in self.state_of(ticket)["comments"] if c["role"] == "desk" and c["public"]]

    def state_of(self, ticket: int) -> dict[str, Any]:
        return next(t for t in self.shown("zendesk")["tickets"] if t["id"] == ticket)

    def answers(self, user: str) -> list[str]:
        """What this person alone was told."""
        return self.room.answers(self, self.user(user))

    def applied(self, kind: str, vendor: str | None = None) -> list[dict[str, Any]]:
        """Effects that really happened at the stand-ins, made by the desk or mailed because of it."""
        return [e for e in self.sandbox.world.effects(vendor, kind) if e.get("by", "desk") == "desk"]
