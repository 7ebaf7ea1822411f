"""What the JIRA support team is asked for: the ticket's number and the BackOffice link, no name, no number.

Source: SOP 000 section 3; features 0.22, 0.31 and 1.3; facts chat-and-jira J6 (wiki text), J30 (one line, 255).
"""

from __future__ import annotations

from collections.abc import Sequence

from app.cards import channel_names, wish_lines
from app.sinks import jira_link, shown
from app.texts import Texts

SUMMARY_LIMIT = 255
LINK_LIMIT = 2100


def jira_request(texts: Texts, *, wish: Sequence[str], ticket_id: int, backoffice_url: str) -> tuple[str, str]:
    """(summary, description in wiki text) of the issue that asks for the ban. ValueError as wish_lines."""
    wish_lines(texts, wish)
    backoffice = jira_link(backoffice_url, LINK_LIMIT)
    channels = channel_names(texts, wish)
    for everything in ("delete_all", "stop_all"):
        if everything in wish:
            summary = texts.get("jira.summary.all", ticket_id=ticket_id)
            description = texts.get(f"jira.description.{everything}", ticket_id=ticket_id, backoffice=backoffice)
            break
    else:
        summary = texts.get("jira.summary.some", ticket_id=ticket_id, channels=channels)
        values = {"ticket_id": str(ticket_id), "backoffice": backoffice, "channels": channels}
        description = texts.get("jira.description.some", **values)
    return shown(summary, SUMMARY_LIMIT), description
