"""The Zendesk stand-in: OAuth, users, tickets, tags, audits, macros, search, and triggers that fire signed webhooks."""

from __future__ import annotations

from flask import Blueprint

from sandbox.zendesk import api, people
from sandbox.zendesk.state import State

__all__ = ["State", "blueprint"]


def blueprint() -> Blueprint:
    """The vendor's own paths and the control actions of the page's agent."""
    both = Blueprint("zendesk", __name__)
    both.register_blueprint(api.bp)
    both.register_blueprint(people.bp)
    return both
