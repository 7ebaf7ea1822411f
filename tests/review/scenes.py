"""What the reviewers' scenes need beside tests/kit.py: faults by name, a walk that ends where a kill would end it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from app import audit, inbox, replay
from app.ledger import perform
from app.ledger.perform import WalkLostError
from sandbox.faults import Fault
from tests.house import House
from tests.kit import sent

WITHDRAWN = "data_deletion_withdrawn"
REQUESTED = "data_deletion_request"
THREAT = "regulatory_threat"
BOTH = "the request tag and the withdrawal tag at once"
SELF = "you worked on the ticket yourself"


def fault(house: House, vendor: str, method: str, name: str, *, times: int | None = None, **options: Any) -> Fault:
    """Order this fault, until it is taken back unless `times` says how often."""
    return house.sandbox.world.faults.add(vendor, method, name, times=times, **options)


def mend(house: House, *orders: Fault) -> None:
    """Take these faults back; all of them when none is named."""
    for order in orders:
        house.sandbox.world.faults.remove(order)
    if not orders:
        house.sandbox.world.faults.clear()


def event_of(house: House, ticket: int, kind: str = "ticket_tagged", tag: str = "") -> dict[str, Any]:
    """The newest event of this kind (and with this tag) about the ticket."""
    rows = house.rows("SELECT * FROM events WHERE ticket_id = %s AND kind = %s ORDER BY id", ticket, kind)
    return [row for row in rows if not tag or tag in row["detail"]["tags"]][-1]


def effects(house: House, verb: str) -> list[dict[str, Any]]:
    return house.rows("SELECT * FROM effects WHERE verb = %s ORDER BY id", verb)


def waits(house: House, ticket: int, kind: str = "ticket_tagged", tag: str = "") -> None:
    """Until that event has met a vendor that is down, and waits."""
    query = "SELECT detail FROM events WHERE ticket_id = %s AND kind = %s AND state = 'waiting'"

    def met() -> bool:
        return any(not tag or tag in row["detail"]["tags"] for row in house.rows(query, ticket, kind))

    house.wait(met, what=f"the {kind} {tag} waits")


@contextlib.contextmanager
def killed_at(patch: pytest.MonkeyPatch, place: str, verb: str) -> Iterator[list[str]]:
    """The first walk that passes this point ends there, as if its worker had been killed; its event stays `running`.

    Yields a list that is no longer empty once it has happened.
    """
    hit: list[str] = []

    def point(name: str, of: str = "") -> None:
        if not hit and (name, of) == (place, verb):
            hit.append(name)
            raise WalkLostError

    with patch.context() as within:
        within.setattr(perform, "point", point)
        yield hit
    assert hit, f"{place}/{verb} was never passed"


def taken_over(house: House, event_id: int) -> None:
    """Another worker gets the dead one's event."""
    with house.desk.db.tx() as conn:
        stored = inbox.requeue(conn, event_id, of=inbox.UNFINISHED)
        assert stored is not None
        house.desk.engine.run_event(conn, stored.id, stored.ticket_id, 0)
    house.desk.engine.call(house.desk.db)


def replay_failed(house: House) -> None:
    """What `desk events replay --failed` does."""
    plans = replay.plan(house.desk, [], failed=True, from_start=False)
    assert plans
    assert [plan for plan in plans if not replay.carry_out(house.desk, plan, audit.shell())] == []
    house.settle()


def dead(house: House) -> list[str]:
    """Reasons of the events that are dead."""
    return [row["reason"] for row in house.rows("SELECT reason FROM events WHERE state = 'dead' ORDER BY id")]


def approved_unheard(house: House, *tags: str) -> int:
    """A ticket that is approved: its issue is there, but nobody can tell us, until the faults are cleared."""
    faults, config = house.sandbox.world.faults, house.sandbox.world.config
    ticket = house.to_awaiting(*tags)
    faults.add("jira", "create", "reset_after")
    for method in ("search", "issue"):
        faults.add("jira", method, "readback_fails", times=None)
    config.drop_webhooks = 1.0  # nor does a webhook of JIRA's
    house.press("approve")
    house.wait(lambda: house.case(ticket)["state"] == "approved" and sent(house, ticket).issues == 1)
    config.drop_webhooks = 0.0
    return ticket
