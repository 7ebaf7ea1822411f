"""Scenes of the whole procedure in acts: each act arms places, does what people do, and waits until all is through.

An act knows the verbs that are its own (killed at every place in the default suite) and all that it passes (killed
in `make test-crash`). Several tickets go through each: what a look-up finds is not sent, so one effect alone can not
pass all places; and while one ticket's walk is taken over the others go on.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.consent.look import deciding, standing
from app.consent.person import of_key
from app.points import EFFECT_POINTS
from app.settings import CHANNELS
from tests.crash.crashkit import Crashing, give_macro_a_tag
from tests.kit import Sent, buttons, cards_of, customer_says, issue_of, sent

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
    return [card for card in cards_of(house, ticket) if buttons(card) and (URGENT in card["text"]) == urgent]


def press(house: Crashing, ticket: int, action: str, *, urgent: bool = False) -> None:
    """On the card that has its buttons; one that is being repaired has them in a moment."""
    [card] = house.wait(lambda: open_cards(house, ticket, urgent=urgent), WAIT, "a card with buttons")
    house.press_until_taken(card, action)


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


# ---- completion: the ban's source contradicts JIRA, then agrees, then JIRA takes its word back


def contradicted(house: Crashing, tickets: list[int]) -> None:
    each(house, tickets, "verifying", move_issue(house, "Done"))
    all_sent(house, tickets, Sent(mails=1, cards=1, issues=1, comments=1, links=1))
    wished(house, tickets, "contradicted")


def agreed(house: Crashing, tickets: list[int]) -> None:
    for number in range(len(tickets)):
        ban(house, number, holds=True)
    due_now(house, "recheck:look-1")
    each(house, tickets, "done", lambda ticket: None)
    all_sent(house, tickets, Sent(mails=2, cards=1, issues=1, comments=1, links=1))
    wished(house, tickets, "confirmed")
    looks = house.rows("SELECT what FROM timers WHERE fired_at IS NULL AND starts_with(what, 'recheck')")
    assert Counter(row["what"] for row in looks) == dict.fromkeys(
        ("recheck:1", "recheck:7", "recheck:30"), len(tickets)
    )


def taken_back(house: Crashing, tickets: list[int]) -> None:
    each(house, tickets, "banning", move_issue(house, "In Progress"))
    wished(house, tickets, "asked")


def done_again(house: Crashing, tickets: list[int]) -> None:
    each(house, tickets, "done", move_issue(house, "Done"))
    all_sent(house, tickets, Sent(mails=2, cards=1, issues=1, comments=1, links=1))  # nobody is told twice
    wished(house, tickets, "confirmed")
    assert {may(house, ticket) for ticket in tickets} == {""}


COMPLETED = Scene(
    banning,
    (
        Act(("comment_jira", *wish("claim", "confirm", "judge")), ("update_card", "note", *MOVES, *WALK), contradicted),
        Act(("apply_macro", "macro_tags", *MOVES), ("update_card", "mark", "note", *TIMERS, *WALK), agreed),
        Act(("wish.before_write/unclaim",), ("update_card", "mark", "note", *MOVES, *WALK), taken_back),
        Act((), ("update_card", "mark", "note", *wish("claim", "confirm", "judge"), *MOVES, *WALK), done_again),
    ),
    (("completion_macro", COMPLETION), ("ban_check_token", "stand-in-bans")),
)


# ---- calls are taken back, before and after the approval; then all of it


def part_before(house: Crashing, tickets: list[int]) -> None:
    for ticket in tickets:
        house.tag(ticket, WITHDRAWN, "resume_calls")
    for ticket in tickets:
        house.wait(lambda ticket=ticket: house.case(ticket)["generation"] == 2, WAIT, "the second round")
        house.wait_state(ticket, "awaiting", WAIT)
        house.wait(lambda ticket=ticket: open_cards(house, ticket), WAIT, "its card")
    house.settle(WAIT)
    all_sent(house, tickets, Sent(mails=2, cards=2))
    for ticket in tickets:
        assert len(open_cards(house, ticket)) == 1
        assert house.case(ticket)["preference"] == ["stop_sms", "stop_email", "stop_push"]
        assert may(house, ticket) == "calls"


def part_approved(house: Crashing, tickets: list[int]) -> None:
    each(house, tickets, "banning", lambda ticket: press(house, ticket, "approve"))
    assert [{*wishes(house, ticket)} for ticket in tickets] == [{"sms", "email", "push"}] * len(tickets)
    all_sent(house, tickets, Sent(mails=2, cards=2, issues=1, links=1))


def part_after(house: Crashing, tickets: list[int]) -> None:
    each(house, tickets, "banning", lambda ticket: house.tag(ticket, WITHDRAWN, "resume_calls"))
    house.wait(lambda: all(sent(house, ticket).comments for ticket in tickets), WAIT, "JIRA is told")
    house.settle(WAIT)
    all_sent(house, tickets, Sent(mails=2, cards=1, issues=1, comments=1, links=1))
    for ticket in tickets:
        assert {name for name, state in wishes(house, ticket).items() if state == "withdrawn"} == {"offers", "calls"}
        assert may(house, ticket) == "calls"


def part_done(house: Crashing, tickets: list[int]) -> None:
    each(house, tickets, "done", move_issue(house, "Done"))
    wished(house, tickets, "withdrawn", "confirmed")


def all_after(house: Crashing, tickets: list[int]) -> None:
    for ticket in tickets:
        house.untag(ticket, "resume_calls", WITHDRAWN)
    house.settle(WAIT)
    each(house, tickets, "withdrawn", lambda ticket: house.tag(ticket, WITHDRAWN))
    all_sent(house, tickets, Sent(mails=2, cards=1, issues=1, comments=2, links=1))
    wished(house, tickets, "withdrawn")
    assert {may(house, ticket) for ticket in tickets} == {" ".join(CHANNELS)}


BEFORE = Scene(
    awaiting,
    (
        Act(
            ("apply_macro", "ask_supervisor", *ROUND, *RESTORE, "consent.after_write/stop"),
            ("update_card", "mark", "note", *TIMERS, *WALK),
            part_before,
        ),
        Act(wish("ask"), ("answer", "open_jira", "link_jira", "update_card", "mark", "note", *WALK), part_approved),
    ),
)
AFTER = Scene(
    banning,
    (
        Act(
            ("comment_jira", "wish.before_write/withdraw"), ("apply_macro", "note", *RESTORE, *MOVES, *WALK), part_after
        ),
        Act((), ("update_card", "mark", "note", *wish("claim", "confirm"), *WALK), part_done),
        Act(
            (),
            ("comment_jira", "update_card", "mark", "note", "wish.before_write/withdraw", *RESTORE, *WALK),
            all_after,
        ),
    ),
)


# ---- one person, two tickets: the second one joins, the main one ends, and is withdrawn on the second


def pairs(house: Crashing) -> list[int]:
    """Customers with two tickets each: main, second, main, second, …"""
    tickets = []
    for number in range(801, 805):
        phone = f"+60 17-{number} 5555"
        who = {"phone": phone, "email": f"pair{number}@example.com"}
        tickets += [house.ticket(fields={"contact": phone}, **who) for _ in range(2)]
    each(house, tickets[::2], "awaiting", lambda ticket: house.tag(ticket, REQUESTED, "pref_stop_all"))
    return tickets


def joined(house: Crashing, tickets: list[int]) -> None:
    each(house, tickets[1::2], "joined", lambda ticket: house.tag(ticket, REQUESTED, "pref_stop_calls"))
    house.settle(WAIT)
    all_sent(house, tickets[::2], Sent(mails=1, cards=1))
    all_sent(house, tickets[1::2], Sent())
    for main, second in zip(tickets[::2], tickets[1::2], strict=True):
        assert house.case(second)["joined_to"] == house.case(main)["id"]
        assert f"#{second}" in house.notes(main)[-1]


def main_approved(house: Crashing, tickets: list[int]) -> None:
    each(house, tickets[::2], "banning", lambda ticket: press(house, ticket, "approve"))


def main_done(house: Crashing, tickets: list[int]) -> None:
    each(house, tickets[::2], "done", move_issue(house, "Done"))
    each(house, tickets[1::2], "done", lambda ticket: None)
    all_sent(house, tickets[::2], Sent(mails=1, cards=1, issues=1, links=1))
    all_sent(house, tickets[1::2], Sent())


def second_withdrawn(house: Crashing, tickets: list[int]) -> None:
    each(house, tickets[1::2], "withdrawn", lambda ticket: house.tag(ticket, WITHDRAWN))
    each(house, tickets[::2], "withdrawn", lambda ticket: None)
    house.wait(lambda: all(sent(house, ticket).comments for ticket in tickets[::2]), WAIT, "JIRA is told")
    house.settle(WAIT)
    all_sent(house, tickets[::2], Sent(mails=1, cards=1, issues=1, comments=1, links=1))
    all_sent(house, tickets[1::2], Sent(mails=1))  # consent to calls, on the ticket where the customer said so
    assert {may(house, ticket) for ticket in tickets} == {" ".join(CHANNELS)}


JOINED = Scene(
    pairs,
    (
        Act(("note", *MOVES), ("mark", "consent.after_write/stop", *TIMERS, *WALK), joined),
        Act((), ("answer", "open_jira", "link_jira", "update_card", "mark", "note", *WALK), main_approved),
        Act(("mark",), ("update_card", "note", *TIMERS, *MOVES, *WALK), main_done),
        Act(
            ("comment_jira", *TIMERS),
            ("apply_macro", "update_card", "mark", "note", *RESTORE, *MOVES, *WALK),
            second_withdrawn,
        ),
    ),
)


# ---- a threat: raised, said again in other words, decided


def raised(house: Crashing, tickets: list[int]) -> None:
    for ticket in tickets:
        customer_says(house, ticket, "I will go to Bank Negara.")
    each(house, tickets, "awaiting", lambda ticket: None, procedure=THREAT)
    house.wait(lambda: all(open_cards(house, ticket, urgent=True) for ticket in tickets), WAIT, "the urgent cards")
    house.settle(WAIT)
    all_sent(house, tickets, Sent(mails=1, cards=2))
    for ticket in tickets:
        assert len(open_cards(house, ticket, urgent=True)) == len(open_cards(house, ticket)) == 1
        assert "desk_threat" in house.state_of(ticket)["tags"]


def more_words(house: Crashing, tickets: list[int]) -> None:
    for ticket in tickets:
        customer_says(house, ticket, "Now I make a police report as well.")
    for ticket in tickets:
        shown = lambda ticket=ticket: "police report" in open_cards(house, ticket, urgent=True)[0]["text"]  # noqa: E731
        house.wait(shown, WAIT, "the card shows the new words")
    house.settle(WAIT)
    all_sent(house, tickets, Sent(mails=1, cards=2))
    assert len(house.rows("SELECT 1 FROM cases WHERE procedure = %s", THREAT)) == len(tickets)


def decided(house: Crashing, tickets: list[int]) -> None:
    true, false = tickets[::2], tickets[1::2]
    each(house, true, "done", lambda ticket: press(house, ticket, "acknowledge", urgent=True), procedure=THREAT)
    each(house, false, "declined", lambda ticket: press(house, ticket, "false_alarm", urgent=True), procedure=THREAT)
    assert [t for t in tickets if "desk_threat" in house.state_of(t)["tags"]] == true
    for ticket in tickets:
        assert open_cards(house, ticket, urgent=True) == []
        assert len(open_cards(house, ticket)) == 1  # the request waits as it did
        assert house.case(ticket)["state"] == "awaiting"
        assert may(house, ticket) == ""
    all_sent(house, tickets, Sent(mails=1, cards=2))
    assert len(house.answers("U0AISYAH")) >= len(tickets)  # seen by one person, so told again rather than not at all


THREATENED = Scene(
    awaiting,
    (
        Act(
            (
                "ask_supervisor",
                "mark",
                "case.before_open",
                "case.after_open",
                "door.before_commit",
                "door.after_commit",
            ),
            ("note", *MOVES, *WALK),
            raised,
        ),
        Act(("show_words",), ("note", *MOVES, *WALK), more_words),
        Act(("answer", "note"), ("update_card", "mark", *MOVES, *WALK), decided),
    ),
)


# ---- by the clock: reminder, fresh buttons, digest


def replies(house: Crashing, ticket: int) -> list[dict[str, Any]]:
    return [card for card in cards_of(house, ticket) if card["thread_ts"] not in (None, card["ts"])]


def digests(house: Crashing) -> list[dict[str, Any]]:
    messages = house.call("/sandbox/state")["slack"]["messages"]
    return [message for message in messages if message["text"].startswith("Wishes not confirmed yet")]


def effects_done(house: Crashing, verb: str, number: int) -> None:
    query = "SELECT 1 FROM effects WHERE verb = %s AND state = 'done'"
    house.wait(lambda: len(house.rows(query, verb)) >= number, WAIT, f"{number} x {verb}")
    house.settle(WAIT)


def reminded(house: Crashing, tickets: list[int]) -> None:
    due_now(house, "reminder:50")
    effects_done(house, "remind", len(tickets))
    assert [len(replies(house, ticket)) for ticket in tickets] == [1] * len(tickets)


def renewed(house: Crashing, tickets: list[int]) -> None:
    due_now(house, "refresh:1")
    effects_done(house, "renew_card", len(tickets))
    assert len(house.rows("SELECT 1 FROM effects WHERE verb = 'renew_card'")) == len(tickets)
    assert len(house.rows("SELECT 1 FROM timers WHERE what = 'refresh:2' AND fired_at IS NULL")) == len(tickets)


def told_of_the_day(house: Crashing, tickets: list[int]) -> None:
    """One digest a day; the second of this act is another day's, because the first is said to be of long ago."""
    for number in (1, 2):
        house.rows("UPDATE timers SET due_at = now() WHERE name = 'desk:digest' RETURNING name")
        effects_done(house, "digest", number)
        house.rows(
            "UPDATE effects SET arg = %s WHERE verb = 'digest' AND arg >= '2021' RETURNING id", f"2020-01-0{number}"
        )
        assert len(digests(house)) == number


BY_THE_CLOCK = Scene(
    awaiting,
    (
        Act(("remind", *TIMERS), WALK, reminded),
        Act(("renew_card",), (*TIMERS, *WALK), renewed),
        Act(("digest",), (*TIMERS, *WALK), told_of_the_day),
    ),
    (("digest_at", "09:00"),),
)

SCENES = {
    "completion": COMPLETED,
    "part_before": BEFORE,
    "part_after": AFTER,
    "join": JOINED,
    "threat": THREATENED,
    "clock": BY_THE_CLOCK,
}
