"""Verbs on one person's several tickets: one case, one issue (features 4.2, 0.21)."""

from __future__ import annotations

from app.cases import Case
from app.steps.chat import ChatSteps


class JoinSteps(ChatSteps):
    def joins_another_ticket(self, case: Case) -> bool:
        """Whether another ticket of the same person already carries this wish: then this case follows that one."""
        return False

    def follow(self, case: Case) -> None:
        """The case that this one has joined has moved on: show it here too."""
