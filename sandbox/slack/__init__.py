"""The stand-in for Slack: web API under `/api/<method>`, presses and dialogs sent to the desk as Slack sends them."""

from __future__ import annotations

from flask import Blueprint

from sandbox.slack import chat, reads  # noqa: F401 - importing them registers their methods
from sandbox.slack.control import add_controls
from sandbox.slack.state import State
from sandbox.slack.web import register_all

__all__ = ["State", "blueprint"]


def blueprint() -> Blueprint:
    """Slack's methods and the controls of people in the channel."""
    made = Blueprint("slack", __name__)
    register_all(made)
    add_controls(made)
    return made
