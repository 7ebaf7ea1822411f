"""Verb on what must be kept in spite of a deletion, why and until when (SOP 000, Key Reminder)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from app import kept
from app.cases import Case
from app.steps.base import Base


class KeptSteps(Base):
    def list_what_is_kept(self, case: Case) -> None:
        """What law makes the lender keep of this customer, fixed for this case as the table stands today.

        Written down once; again only when the agent has corrected the preference before the card was posted.
        """
        settings = self.tools.settings
        found = kept.snapshot(
            kept.table(),
            profile=settings.clock_profile,
            preference=self.case.preference,
            today=datetime.now(ZoneInfo(settings.desk_time_zone)).date(),
        )
        if self.case.kept.get("kind") != found["kind"]:
            self.move(self.case.state, of={self.case.state}, kept=found)
