"""From a verified body to a frozen event: the last place that sees a sender's words. Pure; never raises on any body."""

from app.parse.jira import parse_jira
from app.parse.slack import Challenge, parse_slack
from app.parse.zendesk import Envelope, near_misses, parse_zendesk

__all__ = ["Challenge", "Envelope", "near_misses", "parse_jira", "parse_slack", "parse_zendesk"]
