"""The stand-in for Mattermost: REST v4 under `/api/v4/`, presses and dialogs sent to the desk as the server does.

Left out: refusing to call private addresses (AllowedUntrustedInternalConnections, facts M24), mm_blocks, WebSocket
events, files, channel mentions by name, and editing time limits.
"""

from __future__ import annotations

from flask import Blueprint

from sandbox.mattermost import posts, reads  # noqa: F401 - importing them registers their routes
from sandbox.mattermost.control import add_controls
from sandbox.mattermost.state import State
from sandbox.mattermost.web import ROUTES, register_all

__all__ = ["ROUTES", "State", "blueprint"]


def blueprint() -> Blueprint:
    """Mattermost's routes and the controls of people in the channel."""
    made = Blueprint("mattermost", __name__)
    register_all(made)
    add_controls(made)
    return made
