"""Verbs on the consent ledger: no from receipt on, yes again only for what is named (SOP 000 section 2)."""

from __future__ import annotations

from app.cases import Case
from app.steps.base import Base
from app.wish import Wish


class ConsentSteps(Base):
    def stop_offers(self, case: Case, wish: Wish) -> None:
        """Ban the customer from all offers: the ledger answers no from now on, before any approval."""

    def restore_offers(self, case: Case) -> None:
        """The customer withdraws: the channels named (all, when none is) may be used again."""
