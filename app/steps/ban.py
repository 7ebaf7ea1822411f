"""Verbs on the ban: what JIRA claims, what its source says, and again later (SOP 000, Key Reminder)."""

from __future__ import annotations

from app.cases import Case
from app.steps.issue import IssueSteps


class BanSteps(IssueSteps):
    def claim_ban(self, case: Case) -> None:
        """JIRA says the ban is done: a claim, checked at its source where one is configured."""
        self.complete(case)

    def recheck_ban(self, case: Case) -> None:
        """Day 1, 7 and 30 after completion: the ban is looked at again."""

    def confirm_to_customer(self, case: Case) -> None:
        """The second message, once every wish is confirmed (3.3); its macro is a setting."""

    def reopen(self, case: Case) -> None:
        """The JIRA issue is no longer done, or gone: the case comes back to life."""
