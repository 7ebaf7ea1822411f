"""Verbs on the case's clock: due date, reminders, the next supervisor (SOP 000 Notes; features 3.1)."""

from __future__ import annotations

from app.cases import Case
from app.steps.chat import ChatSteps


class ClockSteps(ChatSteps):
    def start_clock(self, case: Case) -> None:
        """Due date and reminders, from the wish's receipt, by the profile. Once a case."""

    def remind_supervisor(self, case: Case) -> None:
        """A reminder in the card's thread, to one supervisor after another; never an approval."""
