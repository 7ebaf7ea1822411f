"""Verbs of a withdrawal: undo what can be undone, at whatever point the case is (SOP 000 section 2)."""

from __future__ import annotations

from app.cases import CLOSED_STATES, OPEN_STATES, Case
from app.steps.issue import IssueSteps


class WithdrawSteps(IssueSteps):
    def withdraw(self, case: Case) -> None:
        """The customer's newer wish wins, at whatever point the case is."""
        self.move("withdrawn", of=(OPEN_STATES | CLOSED_STATES) - {"withdrawn"})

    def concerns_calls(self, case: Case) -> bool:
        """Whether consent to calls is given or kept by this withdrawal; the note says why when it is not."""
        if "both_tags" in self.case.problems:
            return False  # nobody knows yet what the customer wants: the agent asks
        return not self.case.preference or bool({"delete_all", "stop_all", "stop_calls"} & set(self.case.preference))
