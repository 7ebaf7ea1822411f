"""Messages of the desk that belong to no customer's case: the daily list, a burst of cards, failures, the trail's head.

Each is an effect like every other, posted once whoever crashes: of one case of ticket 0, the desk's books.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app import cases
from app.cases import Case
from app.clients.chat import Card, Posted
from app.db import Connection
from app.inbox import Stored
from app.ledger import store
from app.ledger.perform import Call, Evidence, Owner, Plan
from app.ledger.store import Effect

if TYPE_CHECKING:
    from app.steps.base import Tools
    from app.walk import Verdict, Walker


def books(conn: Connection) -> Case:
    """The one case that is no customer's, made on first use."""
    conn.execute(
        "INSERT INTO cases (ticket_id, procedure, generation, state, closed_at) VALUES (0, 'digest', 1, 'done', now())"
        " ON CONFLICT DO NOTHING"
    )
    found = cases.latest(conn, 0, "digest")
    assert found is not None
    return found


def post(  # noqa: PLR0917 - what, where, which
    walker: Walker,
    stored: Stored,
    verb: str,
    arg: str,
    channel: str,
    card: Callable[[], Card] | None,
    *,
    urgent: bool = False,
) -> Verdict:
    """Post it once. `card`: None when there is nothing to tell (any more): what was begun is then brought to its end
    without posting."""
    from app.walk import Verdict, _verdict

    tools = walker.tools
    with tools.db.tx() as conn:
        own = books(conn)
        begun = any((e.verb, e.arg) == (verb, arg) for e in store.of_case(conn, own.id))
    if card is None and not begun:
        return Verdict("done", "nothing_to_tell")
    owner = Owner(stored.id, stored.walk, stored.replayed_at)
    plan = _plan(tools, verb, arg, channel, card, frozenset({own.state} if card else ()), urgent)
    return _verdict([tools.ledger.perform(owner, own.id, plan)], own.id)


def _plan(  # noqa: PLR0917
    tools: Tools,
    verb: str,
    arg: str,
    channel: str,
    card: Callable[[], Card] | None,
    states: frozenset[str],
    urgent: bool,
) -> Plan:
    def send(effect: Effect) -> Evidence:
        assert card is not None  # without one there is no state in which it may be sent
        return _where(tools.chat.post(card(), op_id=effect.op_id, case_key=f"{verb}-{arg}", channel=channel))

    def find(effect: Effect) -> Evidence | None:
        posted = tools.chat.find(effect.op_id, since=effect.planned_at, channel=channel)
        return _where(posted) if posted else None

    return Plan(
        verb=verb,
        arg=arg,
        vendor=tools.chat.vendor,
        states=states,
        prepare=lambda effect: Call(lambda: send(effect)),
        find=find,
        bucket=f"posts:{channel}",
        urgent=urgent,
    )


def _where(posted: Posted) -> Evidence:
    return {"channel": posted.channel, "ts": posted.ts}
