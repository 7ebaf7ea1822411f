"""How long the buttons of a card can be pressed (APPROVAL_LIFE), and when they are made anew: before that is over.

A token carries the second of its making, which is never before its effect was claimed: buttons are as old as the
newest claim (`sent_at`) that ended with the card in the channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from app import card_numbers, timers
from app.cases import Case
from app.db import Connection
from app.ledger.store import Effect

TIMER, LOOK = "refresh", "look"
RENEW_AFTER = 0.8  # of the buttons' life
LOOK_AGAIN = 0.1  # of it: how often a ticket that cannot be read, or waits for a withdrawal, is looked at again
FIRST_LOOK = timedelta(hours=1)  # after posting: whether the message is still there
NEXT_LOOK = timedelta(days=1)
SURE = f"{LOOK}:sure"  # a closed card is closed once more
MAKE_SURE = timedelta(seconds=10)  # after that


def made_at(effects: Sequence[Effect]) -> datetime | None:
    """When the buttons now on the case's card were made (UTC); None while no card is out."""
    made = [effect.sent_at or effect.done_at for effect in effects if _makes_buttons(effect)]
    return max((at for at in made if at), default=None)


def expired(effects: Sequence[Effect], life: int) -> bool:
    """Whether the card's buttons are too old to be pressed. `life`: seconds, APPROVAL_LIFE."""
    made = made_at(effects)
    return made is not None and datetime.now(UTC) > made + timedelta(seconds=life)


def set_timers(conn: Connection, case: Case, effects: Sequence[Effect], life: int) -> None:
    """The next renewal of the newest card, at 80 % of `life` seconds, and the first look for its message. None for a
    message that somebody has deleted. Safe to repeat."""
    number = max(card_numbers.Wanted.of(case).number, 1)
    posted = card_numbers.asked(effects, number)
    made = made_at(effects)
    if made is None or posted is None or posted.state != "done" or card_numbers.gone(effects, number, sure=True):
        return
    done = [e for e in effects if e.verb == "renew_card" and e.state == "done" and card_numbers.number_of(e) == number]
    what = f"{TIMER}:{card_numbers.arg(number, str(len(done) + 1))}"
    timers.start(
        conn, timers.of_case(case.id, what), what, made + RENEW_AFTER * timedelta(seconds=life), case_id=case.id
    )
    look = f"{LOOK}:{number}"
    if timers.due(conn, timers.of_case(case.id, look)) is None:  # else it would be taken back from tomorrow
        at = (posted.sent_at or posted.planned_at) + FIRST_LOOK
        timers.start(conn, timers.of_case(case.id, look), look, at, case_id=case.id)


def look_tomorrow(conn: Connection, case: Case, number: int) -> None:
    """The message is there: it is looked for again in a day."""
    what = f"{LOOK}:{number}"
    timers.again(conn, timers.of_case(case.id, what), what, datetime.now(UTC) + NEXT_LOOK, case_id=case.id)


def make_sure(conn: Connection, case: Case, arg: str) -> None:
    """What this effect has shown is shown once more, once. Safe to repeat."""
    name = timers.of_case(case.id, f"{SURE}:{arg}")
    if timers.due(conn, name) is None:
        timers.start(conn, name, SURE, datetime.now(UTC) + MAKE_SURE, case_id=case.id)


def look_again(conn: Connection, case: Case, what: str, life: int) -> None:
    """The same renewal once more, a little later."""
    at = datetime.now(UTC) + LOOK_AGAIN * timedelta(seconds=life)
    timers.again(conn, timers.of_case(case.id, what), what, at, case_id=case.id)


def _makes_buttons(effect: Effect) -> bool:
    shows = effect.verb in ("ask_supervisor", "renew_card", "show_words")  # the last on a threat's card
    return effect.state == "done" and shows and not effect.evidence.get("gone")
