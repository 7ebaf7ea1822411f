"""What a person wrote into the form of a press: sealed in the event's body, read by what shows it, and nowhere else."""

from __future__ import annotations

import json
import logging

from app import inbox
from app.db import Connection
from app.errors import DeskError
from app.vault import Vault

log = logging.getLogger(__name__)


def read(conn: Connection, event_id: int, vault: Vault) -> dict[str, str]:
    """By field; {} when there is nothing, or nothing that this DATA_KEY opens: the press counts all the same."""
    stored, sealed = inbox.load(conn, event_id), inbox.body(conn, event_id)
    if stored is None or sealed is None:
        return {}
    try:
        written = json.loads(vault.open(sealed, stored.fact))
    except DeskError as error:
        log.warning("written.unreadable", extra={"key": event_id, "reason": error.reason})
        return {}
    return {str(name): str(text) for name, text in written.items()}
