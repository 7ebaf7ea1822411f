"""From a verified body to a frozen event: the last place that sees a sender's words. Pure; never raises on any body
that is signed (Mattermost signs nothing: what is no press of its there is BadPayloadError)."""

from app.parse.jira import parse_jira
from app.parse.mattermost import parse_action, parse_form
from app.parse.press import Pressed, Sent
from app.parse.slack import Challenge, parse_payload, parse_slack
from app.parse.zendesk import Envelope, near_misses, parse_zendesk

__all__ = [
    "Challenge",
    "Envelope",
    "Pressed",
    "Sent",
    "near_misses",
    "parse_action",
    "parse_form",
    "parse_jira",
    "parse_payload",
    "parse_slack",
    "parse_zendesk",
]
