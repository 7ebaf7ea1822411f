"""The account as a newcomer finds it: agents, macros, and five customers who wrote or called. All of them invented."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.zendesk import tickets

if TYPE_CHECKING:
    from sandbox.core import World

MACROS = Path(__file__).resolve().parent.parent / "macros"
AGENTS = ("Farah Idris", "Ken Lim", "Priya Nair")
DELETION, CONSENT = "Data Deletion Request", "Acknowledgement Consent on Promotional Calls"
STOPPED = "Opt-Out Confirmation"
TEXTS = {
    DELETION: (
        "Dear {{ticket.requester.first_name}},\n\nThank you for contacting us. We have received your request about "
        "your personal data (reference {{ticket.id}}). Your data will be restricted from promotional use. Please note "
        "that some information may need to be retained due to regulatory and compliance requirements.\n\n"
        "Customer Service"
    ),
    CONSENT: (
        "Dear {{ticket.requester.first_name}},\n\nThank you for letting us know that you wish to go on receiving our "
        "offers. No further action is needed (reference {{ticket.id}}).\n\nCustomer Service"
    ),
    STOPPED: (
        "Dear {{ticket.requester.first_name}},\n\nYour request to opt out of our promotional messages has been "
        "processed (reference {{ticket.id}}).\n\nCustomer Service"
    ),
}
CONFIRMED = ("identity", "confirmed_by", "confirmed_via")  # where the account has these fields
BACKOFFICE = "https://backoffice.example.com/customers/"
CUSTOMERS: tuple[dict[str, Any], ...] = (
    {
        "name": "Nurul Aisyah binti Rahman",
        "email": "nurul.rahman@example.com",
        "phone": "+60123450101",
        "subject": "Please delete my data",
        "comment": "Hello, I no longer use your services. Please delete all my personal data and stop contacting me.",
        "fields": {"name": "Nurul Aisyah binti Rahman", "contact": "+60123450101", "backoffice": BACKOFFICE + "100231"},
        "confirmed": ("OTP", "customer", "email"),
    },
    {
        "name": "Tan Wei Ming",
        "email": "weiming.tan@example.com",
        "phone": "+60163450202",
        "subject": "太多推销电话",
        "comment": "每天都有推销电话打来，请停止给我打电话和发短信。其他的可以保留。",
        "fields": {"name": "Tan Wei Ming", "contact": "+60163450202", "backoffice": BACKOFFICE + "100547"},
        "confirmed": ("questions", "customer", "chat"),
    },
    {
        "name": "Kavitha Subramaniam",
        "email": "kavitha.s@example.com",
        "phone": None,
        "subject": "Stop all offers",
        "comment": "I keep getting promotional e-mails and push notifications. Please stop all offers to me.",
        "fields": {"name": "Kavitha Subramaniam", "backoffice": BACKOFFICE + "100892"},
        "confirmed": ("MyKad", "customer", "email"),
    },
    {
        "name": "James Whitfield",
        "email": "james.whitfield@example.com",
        "phone": "+60193450404",
        "subject": "Final notice: remove my details",
        "comment": "I have asked twice. If my details are not removed I will report you to Bank Negara Malaysia.",
        "fields": {"name": "James Whitfield", "contact": "+60193450404", "backoffice": BACKOFFICE + "101115"},
        "confirmed": ("callback", "customer", "phone"),
    },
    {
        "name": "Ahmad Faizal bin Osman",
        "email": None,
        "phone": "+60133450505",
        "channel": "phone",
        "subject": "Phone call from +60133450505",
        "comment": "Pelanggan menelefon: minta berhenti hantar SMS promosi. Tiada alamat e-mel.",
        "fields": {"name": "Ahmad Faizal bin Osman", "contact": "+60133450505", "backoffice": BACKOFFICE + "101338"},
        "confirmed": ("questions", "customer", "phone"),
    },
)


def seed(world: World) -> None:
    """Fill an empty account."""
    state = world.zendesk
    for name in AGENTS:
        state.add_user(name, "agent", email=f"{name.split()[0].lower()}@example.com")
    for mail in world.config.approvers.values():
        if not any(u.email == mail for u in state.users.values()):
            state.add_user(mail.split("@")[0].capitalize(), "agent", email=mail)
    for title in (DELETION, CONSENT, STOPPED):
        state.add_macro(title, _actions(title))
    for customer in CUSTOMERS:
        details = {k: customer[k] for k in ("email", "phone")}
        person = state.add_user(customer["name"], **details)
        known = {**customer["fields"], **dict(zip(CONFIRMED, customer["confirmed"], strict=True))}
        fields = {world.config.fields[k]: v for k, v in known.items() if k in world.config.fields}
        given = {"subject": customer["subject"], "comment": {"body": customer["comment"]}, "fields": fields}
        tickets.create(state, given, person, person, customer.get("channel", "web"))


@cache
def _texts() -> tuple[dict[str, Any], ...]:
    """The desk's texts, read once a process: tests start many accounts."""
    return tuple(tomllib.loads(path.read_text("utf-8")) for path in sorted(MACROS.glob("*.toml")))


def _actions(title: str) -> list[dict[str, Any]]:
    """The macro's text from macros/*.toml (`title`, `[body].en`, `[actions]`) when it is there, else our own."""
    body, more = TEXTS[title], {"status": "pending"} if title == DELETION else {}
    for data in _texts():
        bodies = data.get("body")
        if data.get("title") == title and isinstance(bodies, dict) and "en" in bodies:
            body, more = bodies["en"].strip(), {**more, **data.get("actions", {})}
    return [
        {"field": "comment_value", "value": body},
        {"field": "comment_mode_is_public", "value": "true"},
        *({"field": name, "value": value} for name, value in more.items()),
    ]
