"""How long the buttons of a card can be pressed (APPROVAL_LIFE), and when they are made anew: before that is over.

A token carries the second of its making, which is never before its effect was claimed: buttons are as old as the
newest claim (`sent_at`) that ended with the card in the channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from app import timers
from app.cases import Case
from app.db import Connection
from app.ledger.store import Effect

TIMER = "refresh"
RENEW_AFTER = 0.8  # of the buttons' life
LOOK_AGAIN = 0.1  # of it: how often a ticket that does not fit the card is looked at again


def made_at(effects: Sequence[Effect]) -> datetime | None:
    """When the buttons now on the case's card were made (UTC); None while no card is out."""
    made = [effect.sent_at or effect.done_at for effect in effects if _makes_buttons(effect)]
    return max((at for at in made if at), default=None)


def expired(effects: Sequence[Effect], life: int) -> bool:
    """Whether the card's buttons are too old to be pressed. `life`: seconds, APPROVAL_LIFE."""
    made = made_at(effects)
    return made is not None and datetime.now(UTC) > made + timedelta(seconds=life)


def set_timer(conn: Connection, case: Case, effects: Sequence[Effect], life: int) -> None:
    """The next renewal, at 80 % of `life` seconds. None for a card that somebody has deleted. Safe to repeat."""
    renewals = [e for e in effects if e.verb == "renew_card" and e.state == "done"]
    made = made_at(effects)
    if made and not any(effect.evidence.get("gone") for effect in renewals):
        what = f"{TIMER}:{len(renewals) + 1}"
        at = made + RENEW_AFTER * timedelta(seconds=life)
        timers.start(conn, timers.of_case(case.id, what), what, at, case_id=case.id)


def look_again(conn: Connection, case: Case, what: str, life: int) -> None:
    """The same renewal once more, a little later: the ticket may be mended by then."""
    at = datetime.now(UTC) + LOOK_AGAIN * timedelta(seconds=life)
    timers.again(conn, timers.of_case(case.id, what), what, at, case_id=case.id)


def _makes_buttons(effect: Effect) -> bool:
    shows = effect.verb in ("ask_supervisor", "renew_card", "show_words")  # the last on a threat's card
    return effect.state == "done" and shows and not effect.evidence.get("gone")
