"""Verb on what must be kept in spite of a deletion, why and until when (SOP 000, Key Reminder)."""

from __future__ import annotations

from app.cases import Case
from app.steps.base import Base


class KeptSteps(Base):
    def list_what_is_kept(self, case: Case) -> None:
        """What law makes the lender keep of this customer, fixed for this case as the table stands today."""
