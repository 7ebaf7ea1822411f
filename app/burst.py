"""More cards wait for a channel than people can take in: it is told so now and then, and the cards follow one by one.

One message a second is what Slack takes in a channel (S19), so hundreds of requests at once are minutes of cards. The
message is an effect of the desk's own books, like the daily list. Source: features part 3, alert fatigue.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from app import digest, timers
from app.clients.chat import Posted
from app.clocks import messages
from app.db import Connection
from app.events import TimeCame
from app.inbox import Stored
from app.ledger import store, vendors
from app.ledger.perform import Call, Evidence, Owner, Plan
from app.ledger.store import Effect
from app.settings import Settings

if TYPE_CHECKING:
    from app.steps.base import Tools
    from app.walk import Verdict, Walker

CARDS = 20  # more than these waiting are a burst
PAUSE = timedelta(minutes=10)  # between two such messages in one channel
VERB, PROCEDURES = "burst", ("data_deletion", "regulatory_threat")


@dataclass(frozen=True)
class Waiting:
    """Cards that have a place in line for a channel, and since when the oldest wish is with us."""

    number: int
    since: datetime | None


def waiting(conn: Connection, settings: Settings, channel: str) -> Waiting:
    """The cards that wait for their turn in this channel."""
    here = [procedure for procedure in PROCEDURES if settings.channel_of(procedure) == channel]
    row = conn.execute(
        "SELECT count(*) AS number, min(c.received_at) AS since FROM effects e JOIN cases c ON c.id = e.case_id"
        " WHERE e.state = 'planned' AND e.reason = %s AND e.verb = 'ask_supervisor' AND c.procedure = ANY(%s)",
        (vendors.RATE, here),
    ).fetchone()
    assert row is not None
    return Waiting(row["number"], row["since"])


def notice(conn: Connection, settings: Settings, channel: str) -> None:
    """A card has just been given its place in line: many of them are worth a message, now or when the pause is over."""
    if waiting(conn, settings, channel).number > CARDS:
        timers.now_and_then(conn, f"desk:{VERB}:{channel}", f"{VERB}:{channel}", PAUSE)


def walk(walker: Walker, stored: Stored) -> Verdict:
    """Tell the channel; nothing when the line is short again by now."""
    from app.walk import Verdict, _verdict

    tools, event = walker.tools, stored.event()
    assert isinstance(event, TimeCame)
    channel, arg = event.what.partition(":")[2], str(stored.id)
    with tools.db.tx() as conn:
        found = waiting(conn, tools.settings, channel)
        own = digest.books(conn)
        begun = any((e.verb, e.arg) == (VERB, arg) for e in store.of_case(conn, own.id))
    many = found.number > CARDS
    if not many and not begun:
        return Verdict("done", "nothing_to_tell")
    # What was begun is brought to its end, which is none when there is nothing left to tell.
    states = frozenset({own.state} if many else ())
    owner = Owner(stored.id, stored.walk, stored.replayed_at)
    return _verdict([tools.ledger.perform(owner, own.id, _plan(tools, channel, arg, states, found))], own.id)


def _plan(tools: Tools, channel: str, arg: str, states: frozenset[str], found: Waiting) -> Plan:
    def send(effect: Effect) -> Evidence:
        assert found.since is not None  # there are cards that wait
        there = requests_url(tools.settings)
        card = messages.burst(tools.texts, number=found.number, since=found.since, list_url=there)
        return _where(tools.chat.post(card, op_id=effect.op_id, case_key=f"{VERB}-{arg}", channel=channel))

    def find(effect: Effect) -> Evidence | None:
        posted = tools.chat.find(effect.op_id, since=effect.planned_at, channel=channel)
        return _where(posted) if posted else None

    return Plan(
        verb="burst",
        arg=arg,
        vendor=tools.chat.vendor,
        states=states,
        prepare=lambda effect: Call(lambda: send(effect)),
        find=find,
        bucket=f"posts:{channel}",
        urgent=True,
    )


def requests_url(settings: Settings) -> str:
    """Zendesk's own list of the requests that are not solved."""
    query = quote(f"tags:{settings.tags['data_deletion_request']} status<solved", safe="")
    return f"{settings.zendesk_url}/agent/search/1?type=ticket&q={query}"


def _where(posted: Posted) -> Evidence:
    return {"channel": posted.channel, "ts": posted.ts}
