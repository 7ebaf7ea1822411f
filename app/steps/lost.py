"""What was on its way when something else came first: a press before the card's own walk had its answer, a withdrawal
before the acknowledgement's. No section has a reason to send it any more: it is found out here, and never sent again.
"""

from __future__ import annotations

from collections.abc import Callable

from app.ledger import store
from app.ledger.perform import Evidence, Plan
from app.ledger.store import Effect
from app.notes import CONSENT_MACRO
from app.steps.base import never
from app.steps.clock import ClockSteps

ENDED = frozenset({"withdrawn", "declined", "void"})
ASKING = frozenset({"open", "incomplete", "awaiting"})
OPEN = ("sending", "unknown")


class LostSteps(ClockSteps):
    def find_lost(self) -> None:
        """Effects whose answer was lost, in a case that no longer wants them: no row stays open for ever (F20)."""
        with self.tools.db.each() as conn:
            effects = store.of_case(conn, self.case.id)
        for effect in effects:
            find = self._finder(effect)
            if find and effect.state in OPEN:
                self.perform(Plan(effect.verb, effect.arg, effect.vendor, frozenset(), never, find))
            if effect.verb == "apply_macro" and effect.state == "done" and self.case.state == "withdrawn":
                self._macro_tags(effect.arg, effect.evidence)

    def _finder(self, effect: Effect) -> Callable[[Effect], Evidence | None] | None:
        """How to look an effect up; None while the case may still want it."""
        if effect.verb == "ask_supervisor" and self.case.state not in ASKING:
            return self._find_card
        if effect.verb == "remind" and self.case.state not in ASKING:
            return self._find_reminder
        if effect.verb == "apply_macro" and effect.arg != CONSENT_MACRO and self.case.state in ENDED:
            return self.find_audit
        return None
