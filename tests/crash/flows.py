"""Scenes of one person's two tickets, of a threat, and by the clock; and the list of all scenes."""

from __future__ import annotations

from typing import Any

from app.settings import CHANNELS
from tests.cli_kit import Cli
from tests.crash.crashkit import Crashing
from tests.crash.flowkit import (
    MOVES,
    REQUESTED,
    RESTORE,
    THREAT,
    TIMERS,
    WAIT,
    WALK,
    WITHDRAWN,
    Act,
    Scene,
    all_sent,
    awaiting,
    due_now,
    each,
    may,
    move_issue,
    open_cards,
    press,
)
from tests.crash.flows_ban import AFTER, BEFORE, COMPLETED
from tests.crash.flows_cards import CARDS
from tests.kit import Sent, cards_of, customer_says, sent

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
    lambda house: awaiting(house, 8),  # half of them are false alarms, whose marks are to pass every place as well
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


# ---- a threat that two persons decide


def threatened(house: Crashing) -> list[int]:
    tickets = awaiting(house)
    raised(house, tickets)
    return tickets


def voted(house: Crashing, tickets: list[int]) -> None:
    for number, user in enumerate(("aisyah", "bala"), start=1):
        for ticket in tickets:
            press(house, ticket, "acknowledge", user, urgent=True)
        house.wait(lambda n=number: len(house.rows("SELECT 1 FROM votes")) == n * len(tickets), WAIT, "votes")
        house.settle(WAIT)
        decided = house.rows("SELECT 1 FROM cases WHERE procedure = %s AND state = 'done'", THREAT)
        assert len(decided) == (number - 1) * len(tickets)  # by the second one, never by one person alone
    each(house, tickets, "done", lambda ticket: None, procedure=THREAT)
    assert len(house.rows("SELECT 1 FROM votes")) == 2 * len(tickets)
    assert not [ticket for ticket in tickets if open_cards(house, ticket, urgent=True)]
    all_sent(house, tickets, Sent(mails=1, cards=2))


VOTED = Scene(
    threatened,
    (
        Act(
            ("vote.before_write", "vote.after_write", "answer", "show_words"),
            ("update_card", "note", *WALK),
            voted,
        ),
    ),
    (("threat_two_persons", "true"),),
)


# ---- by the clock: reminder, fresh buttons, digest


def replies(house: Crashing, ticket: int) -> list[dict[str, Any]]:
    return [card for card in cards_of(house, ticket) if card["thread_ts"] not in (None, card["ts"])]


def digests(house: Crashing) -> list[dict[str, Any]]:
    messages = house.shown("slack")["messages"]
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


def told_of_a_burst(house: Crashing, tickets: list[int]) -> None:
    """More cards than people can take in are waiting, twice: as rows alone, which nobody walks."""
    house.rows(
        "INSERT INTO cases (ticket_id, procedure, generation, state) SELECT 900000 + n, 'data_deletion', 1, 'awaiting'"
        " FROM generate_series(1, 21) n RETURNING id"
    )
    house.rows(
        "INSERT INTO effects (case_id, verb, arg, vendor, op_id, state, reason)"
        " SELECT id, 'ask_supervisor', 'x', 'slack', 'burst' || id, 'planned', 'in_line' FROM cases"
        " WHERE ticket_id > 900000 RETURNING id"
    )
    for number in (1, 2):
        house.rows(
            "INSERT INTO timers (name, what, due_at) VALUES (%s, 'burst:C0SUPERVISE', now()) RETURNING name",
            f"burst {number}",
        )
        effects_done(house, "burst", number)
        messages = house.shown("slack")["messages"]
        assert len([m for m in messages if m["text"].startswith("21 requests wait for their card")]) == number
    house.rows("DELETE FROM effects WHERE op_id LIKE 'burst%%' AND reason = 'in_line' RETURNING id")
    house.rows("DELETE FROM cases WHERE ticket_id > 900000 RETURNING id")


BY_THE_CLOCK = Scene(
    awaiting,
    (
        Act(("remind", *TIMERS), WALK, reminded),
        Act(("renew_card",), (*TIMERS, *WALK), renewed),
        Act(("digest",), (*TIMERS, *WALK), told_of_the_day),
        Act(("burst",), (*TIMERS, *WALK), told_of_a_burst),
    ),
    (("digest_at", "09:00"),),
)

# ---- what is told to the admins


def told_of_failures(house: Crashing, tickets: list[int]) -> None:
    """A body that nobody can use has come in, twice: as a row alone, gone again before all must be well."""
    done = "SELECT 1 FROM effects WHERE verb = 'alert' AND state = 'done'"
    for number in (1, 2):
        house.rows(
            "INSERT INTO events (fact, sender, kind, detail, state, reason)"
            " VALUES ('zd:unusable', 'zendesk', 'dead', '{}', 'dead', 'json') RETURNING id"
        )
        house.rows(
            "INSERT INTO timers (name, what, due_at) VALUES (%s, 'alert:unusable', now()) RETURNING name",
            f"alert {number}",
        )
        house.wait(lambda number=number: len(house.rows(done)) == number, WAIT, f"{number} x alert")
        house.rows("DELETE FROM events WHERE fact = 'zd:unusable' RETURNING id")
        house.settle(WAIT)


def told_the_head(house: Crashing, tickets: list[int]) -> None:
    cli = Cli(house)
    for number in (1, 2):
        cli("pause", "jira", "--reason", "a row of the audit trail")
        cli("resume", "jira")
        house.rows("UPDATE timers SET due_at = now() WHERE name = 'desk:audit_head' RETURNING name")
        effects_done(house, "audit_head", number)
        house.wait(lambda: house.rows("SELECT 1 FROM timers WHERE name = 'desk:audit_head' AND fired_at IS NULL"), WAIT)


TO_THE_ADMINS = Scene(
    awaiting,
    (
        Act(("alert",), (*TIMERS, *WALK), told_of_failures),
        Act(("audit_head",), (*TIMERS, *WALK), told_the_head),
    ),
    (("admin_channel", "D00BALA"),),
)

SCENES = {
    "completion": COMPLETED,
    "part_before": BEFORE,
    "part_after": AFTER,
    "join": JOINED,
    "threat": THREATENED,
    "votes": VOTED,
    "clock": BY_THE_CLOCK,
    "cards": CARDS,
    "admins": TO_THE_ADMINS,
}
