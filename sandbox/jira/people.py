"""The two accounts of the stand-in's JIRA site: the desk's own, and the support team that works at the board."""

from __future__ import annotations

DESK = "5c0000000000000000000001"
SUPPORT = "5c0000000000000000000002"
NAMES = {DESK: "Deletion Desk", SUPPORT: "Support Team"}
