"""What the desk does by the clock for no single case: the sweep for lost webhooks, the daily digest, a
burst of cards, forgetting what is no longer needed, erasures, replays of many.

Each is a timer that comes round; the event it becomes is walked, retried and seen like every other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app import alerts, bulk, burst, digest, erase, forget, sweep, threat_rounds, trail
from app.db import Connection
from app.inbox import Stored

if TYPE_CHECKING:
    from app.desk import Desk
    from app.walk import Verdict, Walker

Duty = Callable[["Walker", Stored], "Verdict"]
DUTIES: dict[str, Duty] = {
    "sweep": sweep.sweep,
    "digest": digest.walk,
    "threats": threat_rounds.look_again,
    "burst": burst.walk,
    "forget": forget.walk,
    erase.WHAT: erase.walk,
    bulk.WHAT: bulk.walk,
    alerts.WHAT: alerts.walk,
    trail.WHAT: trail.walk,
}


def set_up(conn: Connection, walker: Walker) -> None:
    """The first timer of each duty; those that are set already stay."""
    keep_up(conn, walker.desk)


def keep_up(conn: Connection, desk: Desk) -> None:
    """Once a minute: a duty whose event has ended dead comes round again all the same."""
    sweep.set_up(conn, desk.settings.sweep_interval)
    digest.set_up(conn, desk.settings)
    forget.set_up(conn)
    erase.set_up(conn, desk.settings.forget_case_days)
    bulk.recovered(desk, conn)
    bulk.set_up(conn)
    trail.set_up(conn)


def walk(walker: Walker, stored: Stored, what: str) -> Verdict:
    """Do a duty that is due."""
    from app.walk import Verdict

    duty = DUTIES.get(what.partition(":")[0])
    return duty(walker, stored) if duty else Verdict("void", "no_such_duty")
