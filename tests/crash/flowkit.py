"""Scenes of the whole procedure in acts: each arms places, does what people do, and waits until all is through.

An act knows the verbs that are its own (killed at every place in the default suite) and all that it passes (killed
in `make test-crash`). Several tickets go through each: what a look-up finds is not sent, so one effect alone can not
pass all places; and while one ticket's walk is taken over the others go on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.consent.look import deciding, standing
from app.consent.person import of_key
from app.points import EFFECT_POINTS
from app.settings import CHANNELS
from tests.crash.crashkit import Crashing, give_macro_a_tag
from tests.kit import Sent, buttons, cards_of, issue_of, sent, text_of

REQUESTED, WITHDRAWN, THREAT = "data_deletion_request", "data_deletion_withdrawn", "regulatory_threat"
COMPLETION = "Opt-Out Confirmation"
WAIT = 90.0
URGENT = "Regulatory Complaint Threat"
WALK = ("walk.after_begin", "walk.before_finish", "walk.after_finish")
MOVES = ("case.before_move", "case.after_move")
TIMERS = ("timer.before_fire", "timer.after_fire")
ROUND = ("case.before_open", *MOVES)
RESTORE = ("consent.before_write", "consent.after_write/restore")


def wish(*names: str) -> tuple[str, ...]:
    """Both sides of these writes of single wishes."""
    return tuple(f"wish.{side}_write/{name}" for name in names for side in ("before", "after"))


@dataclass(frozen=True)
class Act:
    """`own`: verbs and places that this act is there for; `more`: what else it passes on its way."""

    own: tuple[str, ...]
    more: tuple[str, ...]
    play: Callable[[Crashing, list[int]], None]

    def points(self, *, whole: bool) -> tuple[str, ...]:
        names = dict.fromkeys((*self.own, *self.more) if whole else self.own)
        return tuple(full for name in names for full in ([name] if "." in name else places(name)))


def places(verb: str) -> list[str]:
    return [f"{place}/{verb}" for place in EFFECT_POINTS]


@dataclass(frozen=True)
class Scene:
    """`begin` makes the tickets, with nothing armed; `settings` are the desk's."""

    begin: Callable[[Crashing], list[int]]
    acts: tuple[Act, ...]
    settings: tuple[tuple[str, str], ...] = ()

    @contextlib.contextmanager
    def house(self, uri: str, folder: Path, **given: Any) -> Iterator[Crashing]:
        house = Crashing(uri, folder, sandbox={"bans_follow_jira": False}, **dict(self.settings), **given)
        if "ban_check_token" in dict(self.settings):
            house.environment["BAN_CHECK_URL"] = f"{house.sandbox.url}/backoffice/bans/{{customer}}?channel={{channel}}"
        with house:
            give_macro_a_tag(house, COMPLETION)
            yield house


# ---- what people do, and what is looked at


def awaiting(house: Crashing, number: int = 5) -> list[int]:
    """Tickets that wait for a supervisor, each of a customer of the ban's source."""
    tickets = [
        house.ticket(fields={"backoffice": f"https://backoffice.example.com/customers/k-{n}"}) for n in range(number)
    ]
    for ticket in tickets:
        house.tag(ticket, REQUESTED, "pref_stop_all")
    for ticket in tickets:
        house.wait_state(ticket, "awaiting", WAIT)
    return tickets


def open_cards(house: Crashing, ticket: int, *, urgent: bool = False) -> list[dict[str, Any]]:
    return [card for card in cards_of(house, ticket) if buttons(card) and (URGENT in text_of(card)) == urgent]


def press(house: Crashing, ticket: int, action: str, user: str = "aisyah", *, urgent: bool = False) -> None:
    """On the card that has its buttons; one that is being repaired has them in a moment."""
    [card] = house.wait(lambda: open_cards(house, ticket, urgent=urgent), WAIT, "a card with buttons")
    house.press_until_taken(card, action, user)


def banning(house: Crashing) -> list[int]:
    tickets = awaiting(house)
    for ticket in tickets:
        press(house, ticket, "approve")
        house.wait_state(ticket, "banning", WAIT)
    return tickets


def due_now(house: Crashing, what: str) -> None:
    """The time of these timers has come."""
    house.rows("UPDATE timers SET due_at = now() WHERE what = %s AND fired_at IS NULL RETURNING name", what)


def each(house: Crashing, tickets: list[int], state: str, act: Callable[[int], object], **more: str) -> None:
    """Do it for every ticket, then wait for every ticket."""
    for ticket in tickets:
        act(ticket)
    for ticket in tickets:
        house.wait_state(ticket, state, WAIT, **more)


def ban(house: Crashing, number: int, *, holds: bool) -> None:
    house.call(f"/sandbox/bans/k-{number}", dict.fromkeys(CHANNELS, holds))


def wishes(house: Crashing, ticket: int) -> dict[str, str]:
    """Each single wish of the newest round."""
    rows = house.rows("SELECT wish, state FROM wishes WHERE case_id = %s", house.case(ticket)["id"])
    return {row["wish"]: row["state"] for row in rows}


def may(house: Crashing, ticket: int) -> str:
    """What the consent ledger answers for the ticket's customer: the channels that may be used."""
    persons = [of_key(key).digest for key in house.case(ticket)["persons"]]
    assert persons
    with house.sql() as conn:
        found = {channel: deciding(standing(conn, persons, "offers", channel).values()) for channel in CHANNELS}
    return " ".join(channel for channel, entry in found.items() if entry is None or entry.allowed)


def move_issue(house: Crashing, to: str) -> Callable[[int], None]:
    return lambda ticket: house.move_issue(issue_of(house, ticket)["key"], to)


def wished(house: Crashing, tickets: list[int], *states: str) -> None:
    """Exactly these states are those of every ticket's wishes."""
    assert [{*wishes(house, ticket).values()} for ticket in tickets] == [{*states}] * len(tickets)


def all_sent(house: Crashing, tickets: list[int], expected: Sent) -> None:
    assert [sent(house, ticket) for ticket in tickets] == [expected] * len(tickets)
